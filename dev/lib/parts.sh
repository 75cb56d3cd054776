# shellcheck shell=bash
# What can be done with any part: start, stop, kill, status, logs; and with all of them: up and down.

STORES=(kafka clickhouse postgres)
WORKERS=(ingest consumer-primary query)
PART_NAMES="${STORES[*]} ${WORKERS[*]}"

# part_kind NAME: kafka, clickhouse, postgres or worker; ends dev/stack for any other name.
part_kind() {
    case $1 in
    kafka | clickhouse | postgres) printf '%s' "$1" ;;
    ingest | consumer-primary | query) printf worker ;;
    ingest@* | consumer-primary@* | query@*)
        [[ ${1#*@} =~ ^([2-9]|[1-9][0-9]{1,2})$ ]] ||
            die "'$1': further instances of ${1%@*} are numbered from 2: ${1%@*}@2"
        printf worker
        ;;
    *) die "no part is named '$1'; there are: $PART_NAMES" ;;
    esac
}

# The first of them is the one that its users know.
part_listeners() {
    case $1 in
    kafka) printf 'kafka controller-kafka' ;;
    ingest@*) printf 'ingest admin-%s' "$1" ;; # all instances of it share one port
    ingest | query*) printf '%s admin-%s' "$1" "$1" ;;
    consumer-*) printf 'admin-%s' "$1" ;;
    *) printf '%s' "$1" ;;
    esac
}

# Does it answer in its own protocol? A worker is asked whether it lives; what it needs may be away.
part_answers() {
    local name=$1 kind=$2
    if [[ $kind == worker ]]; then
        worker_health "$name" live
    else
        "${kind}_answers"
    fi
}

# instances: the parts of this stack in the order in which they start; further instances while they have a pid file.
instances() {
    local name file
    printf '%s\n' "${STORES[@]}"
    for name in "${WORKERS[@]}"; do
        say "$name"
        for file in "$DEV_DIR/run/$name"@*.pid; do
            [[ ! -f $file ]] || basename "$file" .pid
        done | sort -V
    done
}

running_parts() {
    local name
    for name in $(instances); do
        ! is_running "$name" || say "$name"
    done
}

show_log_end() {
    local log
    for log in $(log_files "$1"); do
        printf '%s\n' "--- the end of $log:" >&2
        tail -n 20 "$log" >&2
    done
    printf -- '---\n' >&2
}

# await NAME SECONDS COMMAND...: until COMMAND succeeds; ends dev/stack when NAME ends or time runs out.
await() {
    local name=$1 deadline=$((SECONDS + $2)) seconds=$2
    shift 2
    until "$@"; do
        if ! is_running "$name"; then
            show_log_end "$name"
            die "$name ended while it was starting: its log above says why"
        fi
        if ((SECONDS >= deadline)); then
            show_log_end "$name"
            die "$name does not answer after $seconds s: its log is above; it still runs: dev/stack stop $name"
        fi
        sleep 0.1
    done
}

# is_shared LISTENER: another instance of ingest has the port already, and shares it.
is_shared() {
    [[ $1 == ingest ]] && running_parts | grep -q '^ingest\(@\|$\)'
}

# Two dev/stack at once: one of them starts the part, the other finds it running.
spawn_once() {
    local name=$1 kind=$2 listener lock
    exec {lock}>"$DEV_DIR/run/$name.lock"
    flock "$lock"
    if ! is_running "$name"; then
        for listener in $(part_listeners "$name"); do
            is_shared "$listener" || listener_is_free "$listener"
        done
        "${kind}_start" "$name"
    fi
    exec {lock}>&-
}

part_start() {
    local name=$1 kind started
    kind=$(part_kind "$name")
    started=$(now_us)
    # shellcheck disable=SC2046 # Names, divided by blanks.
    prepare_folder $(part_listeners "$name")
    if is_running "$name" && part_answers "$name" "$kind"; then
        say "$name runs already"
        return
    fi
    spawn_once "$name" "$kind"
    await "$name" 60 part_answers "$name" "$kind"
    say "$name answers on $(address "$(part_listeners "$name" | cut -d' ' -f1)") after $(seconds_since "$started") s"
}

# PostgreSQL's SIGTERM waits for all clients to leave; its SIGINT ends their sessions in order.
stop_signal() {
    if [[ $1 == postgres ]]; then
        printf INT
    else
        printf TERM
    fi
}

part_stop() {
    local name=$1 started
    part_kind "$name" >/dev/null
    started=$(now_us)
    is_running "$name" || {
        rm -f "$(pid_file "$name")"
        say "$name does not run"
        return
    }
    signal_and_wait "$name" "$(stop_signal "$name")" 30 ||
        die "$name has not stopped after 30 s: dev/stack logs $name tells more, dev/stack kill $name ends it"
    rm -f "$(pid_file "$name")"
    say "$name stopped after $(seconds_since "$started") s"
}

part_kill() {
    local name=$1
    part_kind "$name" >/dev/null
    is_running "$name" || {
        rm -f "$(pid_file "$name")"
        say "$name does not run"
        return
    }
    kill_now "$name" || die "$name is still there 10 s after SIGKILL: it waits for a disk that does not answer"
    rm -f "$(pid_file "$name")"
    say "$name killed"
}

# stack_each start|stop|kill NAME...
stack_each() {
    local action=$1 name
    shift
    for name; do
        "part_$action" "$name"
    done
}

# in_parallel ACTION NAME...: returns after all have ended; FAILED is 1 when one of them failed. (Not its exit code: a
# function whose exit code is looked at runs without `set -e`.)
in_parallel() {
    local action=$1 name children=() child
    shift
    for name; do
        ("part_$action" "$name") &
        children+=("$!")
    done
    at_exit "kill ${children[*]} 2>/dev/null || true"
    for child in "${children[@]}"; do
        wait "$child" || FAILED=1
    done
    trap - EXIT INT TERM
}

worker_is_ready() { worker_health "$1" ready; }

# Within `make up` the number of jobs is that make's.
build_programs() {
    local jobs=()
    [[ -n ${MAKEFLAGS:-} ]] || jobs=(-j "$(nproc)")
    make --silent -C "$ROOT" "${jobs[@]}" build || die "the programs don't compile: see above"
}

stack_up() {
    local name
    install_deps
    [[ -n ${MILLRACE_DEV_BIN:-} ]] || build_programs
    prepare_folder
    FAILED=0
    in_parallel start "${STORES[@]}"
    ((FAILED == 0)) || exit "$TOLD"
    stack_ctl topics init
    stack_ctl schema apply
    in_parallel start "${WORKERS[@]}"
    ((FAILED == 0)) || exit "$TOLD"
    for name in "${WORKERS[@]}"; do
        await "$name" 60 worker_is_ready "$name"
    done
    say "all parts are ready; the lines to source: $DEV_DIR/env"
}

# Nothing new is taken first, what was taken is worked off, and the stores go last.
stack_down() {
    local name stores=()
    FAILED=0
    for name in $(instances); do
        if ! is_running "$name"; then
            rm -f "$(pid_file "$name")"
        elif [[ $(part_kind "$name") == worker ]]; then
            in_parallel stop "$name"
        else
            stores+=("$name")
        fi
    done
    in_parallel stop "${stores[@]}"
    exit "$FAILED"
}

stack_ctl() {
    local program
    program=$(program millrace)
    prepare_folder
    env "${OWN_VARIABLES[@]/#/--unset=}" MILLRACE_CONFIG="$DEV_DIR/config.yaml" \
        MILLRACE_CLICKHOUSE_USER=millrace_admin \
        MILLRACE_CLICKHOUSE_PASSWORD_FILE="$(secret_file clickhouse-millrace_admin)" \
        MILLRACE_POSTGRES_DSN="$(postgres_dsn millrace)" \
        MILLRACE_POSTGRES_PASSWORD_FILE="$(secret_file postgres-millrace)" \
        "$program" "$@"
}

show_duration() {
    local seconds=$1
    if ((seconds < 60)); then
        printf '%s s' "$seconds"
    elif ((seconds < 3600)); then
        printf '%s min' $((seconds / 60))
    else
        printf '%s h %s min' $((seconds / 3600)) $((seconds % 3600 / 60))
    fi
}

# part_status NAME: prints its line; fails unless it runs.
part_status() {
    local name=$1 pid listener ports=''
    if pid=$(running_pid "$name"); then
        for listener in $(part_listeners "$name"); do
            ports+=" $(address "$listener")"
        done
        printf '%-20s up    pid %-8s for %-11s on%s\n' \
            "$name" "$pid" "$(show_duration "$(uptime_seconds "$name")")" "$ports"
    elif is_dead "$name"; then
        printf '%-20s dead  ended by itself: dev/stack logs %s\n' "$name" "$name"
        return 1
    else
        printf '%-20s down\n' "$name"
        return 1
    fi
}

stack_status() {
    local name failed=0
    ! folder_exists || read_ports
    for name in $(instances); do
        part_status "$name" || failed=1
    done
    exit "$failed"
}

stack_env() {
    prepare_folder
    cat "$DEV_DIR/env"
}

stack_logs() {
    local options=(-n 200) name logs
    if [[ ${1:-} == -f ]]; then
        options+=(-F)
        shift
    fi
    (($# == 1)) || die "logs needs the name of one part: $PART_NAMES"
    name=$1
    part_kind "$name" >/dev/null
    mapfile -t logs < <(log_files "$name")
    ((${#logs[@]} > 0)) || die "$name has no log yet: dev/stack start $name"
    exec tail "${options[@]}" "${logs[@]}"
}

# Ports, passwords and the key stay, so that a shell which has sourced the env file can go on.
stack_clean_data() {
    local running
    folder_exists || return 0
    running=$(running_parts)
    [[ -z $running ]] || die "still running: ${running//$'\n'/ }; dev/stack down first"
    rm -rf "$DEV_DIR"/{kafka,clickhouse,postgres,state,log,run}
    say "removed the data, state and logs in $DEV_DIR"
}
