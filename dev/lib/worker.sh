# shellcheck shell=bash
# The workers: build/bin/millrace-<stage>, each instance with a state folder and an admin listener of its own.

# program NAME: its path; one that MILLRACE_DEV_BIN doesn't hold is taken from build/bin.
program() {
    local folder
    for folder in "${MILLRACE_DEV_BIN:-$ROOT/build/bin}" "$ROOT/build/bin"; do
        if [[ -x $folder/$1 ]]; then
            realpath -- "$folder/$1"
            return
        fi
    done
    die "$1 is not built yet: run make"
}

# worker_overrides NAME: what differs from config.yaml, one VARIABLE=value a line.
worker_overrides() {
    local name=$1 stage=${1%@*}
    say "MILLRACE_ADMIN_LISTEN=$(address "admin-$name")"
    say "MILLRACE_STATE_DIR=$DEV_DIR/state/$name"
    case $stage in
    query)
        say "MILLRACE_QUERY_LISTEN=$(address "$name")"
        say "MILLRACE_POSTGRES_DSN=$(postgres_dsn millrace_query)"
        say "MILLRACE_POSTGRES_PASSWORD_FILE=$(secret_file postgres-millrace_query)"
        ;;
    esac
}

worker_start() {
    local name=$1 program overrides instance=()
    program=$(program "millrace-${name%@*}")
    [[ $name != *@* ]] || instance=("--instance=${name#*@}")
    mapfile -t overrides < <(worker_overrides "$name")
    mkdir -p "$DEV_DIR/state/$name"
    spawn "$name" env "${overrides[@]}" "$program" --config "$DEV_DIR/config.yaml" "${instance[@]}"
}

# worker_health NAME live|ready
worker_health() {
    curl --silent --fail --max-time 5 --output /dev/null "http://$(address "admin-$1")/health/$2"
}
