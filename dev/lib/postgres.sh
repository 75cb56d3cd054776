# shellcheck shell=bash
# PostgreSQL: a cluster of our own, on the loopback address and a socket in its folder, with passwords everywhere.
# The schema belongs to the role `millrace`; each program logs in as a role of its own, whose rights the schema gives.

POSTGRES_PROGRAM_ROLES=(millrace_ingest millrace_query)
POSTGRES_SUPERUSER=postgres

# The server refuses to run as root: then it runs as Debian's user postgres, which must own its folder.
postgres_user() {
    if ((EUID == 0)); then
        id -u postgres >/dev/null 2>&1 ||
            die "PostgreSQL doesn't run as root, and there is no user postgres: useradd --system postgres"
        printf postgres
    else
        id -un
    fi
}

# Not `test -x`: that system call leaves the extra right out.
can_enter() { "${AS_POSTGRES[@]}" stat "$1/." >/dev/null 2>&1; }

# as_postgres FOLDER: sets AS_POSTGRES, the words to put before a command that works in FOLDER.
#
# A clone in /root lies behind a folder that the user postgres may not enter. It then gets the right to pass: the
# smaller of the two that give it, or, in a container whose root lacks that one, the other.
as_postgres() {
    local folder=$1 become=(setpriv --reuid=postgres --regid=postgres --init-groups) right
    AS_POSTGRES=()
    ((EUID == 0)) || return 0
    AS_POSTGRES=("${become[@]}")
    can_enter "$folder" && return
    for right in dac_read_search dac_override; do
        AS_POSTGRES=("${become[@]}" "--inh-caps=+$right" "--ambient-caps=+$right")
        ! can_enter "$folder" || return 0
    done
    die "the user postgres can't enter $folder: name a folder that everybody may enter in MILLRACE_DEV_DIR"
}

# A cluster is run by the version that made it.
postgres_find() {
    local version=''
    [[ ! -f $DEV_DIR/postgres/version ]] || version=$(<"$DEV_DIR/postgres/version")
    POSTGRES_BIN=$(postgres_programs "$version") ||
        die "PostgreSQL ${version:-server} is not installed: run dev/stack deps"
}

# Made under another name: a cluster that an interrupt left half made is not taken for one.
postgres_init() {
    local folder=$DEV_DIR/postgres password=$DEV_DIR/postgres/password
    [[ ! -d $folder/data ]] || return 0
    rm -rf "$folder/data.new"
    install -m 600 -o "$(postgres_user)" "$(secret_file postgres-$POSTGRES_SUPERUSER)" "$password"
    (cd / && "${AS_POSTGRES[@]}" "$POSTGRES_BIN/initdb" --pgdata="$folder/data.new" --username=$POSTGRES_SUPERUSER \
        --pwfile="$password" --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 --no-sync --no-instructions) \
        >>"$(log_file postgres)" 2>&1 || die "PostgreSQL's cluster could not be made: $(log_file postgres) says why"
    rm "$password"
    cut -d. -f1 "$folder/data.new/PG_VERSION" >"$folder/version"
    mv "$folder/data.new" "$folder/data"
}

# The path of a Unix socket holds 107 bytes; in a deeper folder there is none.
postgres_socket_folder() {
    local folder=$DEV_DIR/postgres
    ((${#folder} > 85)) || printf '%s' "$folder"
}

# A killed server leaves its lock files, and the next one refuses to start as long as there is any process of that pid:
# a new one of another program, or the old one, ended, which nobody has waited for (a container without an init).
postgres_drop_stale_locks() {
    local data=$DEV_DIR/postgres/data pid=0
    [[ ! -f $data/postmaster.pid ]] || read -r pid <"$data/postmaster.pid"
    [[ $(readlink "/proc/$pid/cwd") == "$data" ]] || rm -f "$data/postmaster.pid" "$DEV_DIR"/postgres/.s.PGSQL.*
}

postgres_start() {
    postgres_find
    mkdir -p "$DEV_DIR/postgres"
    if ((EUID == 0)); then
        chown "$(postgres_user)" "$DEV_DIR/postgres"
        chmod 755 "$DEV_DIR" "$DEV_DIR/postgres"
    fi
    as_postgres "$DEV_DIR/postgres"
    postgres_init
    postgres_drop_stale_locks
    spawn postgres "${AS_POSTGRES[@]}" "$POSTGRES_BIN/postgres" -D "$DEV_DIR/postgres/data" \
        -c listen_addresses=127.0.0.1 -p "${PORTS[postgres]}" \
        -c unix_socket_directories="$(postgres_socket_folder)" -c cluster_name=millrace
}

# postgres_query ROLE DATABASE [psql option...]: SQL from standard input.
postgres_query() {
    local role=$1 database=$2
    shift 2
    PGPASSWORD=$(secret "postgres-$role") PGCONNECT_TIMEOUT=5 "$POSTGRES_BIN/psql" --no-psqlrc --quiet --tuples-only \
        --no-align --set=ON_ERROR_STOP=1 "$@" \
        "host=127.0.0.1 port=${PORTS[postgres]} user=$role dbname=$database"
}

postgres_answers() {
    postgres_find
    postgres_query $POSTGRES_SUPERUSER postgres >/dev/null 2>&1 <<<"SELECT 1" && postgres_prepare
}

postgres_create_role() {
    cat <<END
SELECT 'CREATE ROLE $1 LOGIN PASSWORD ''$(secret "postgres-$1")'''
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '$1') \gexec
END
}

# The roles and the empty database; each start makes what is missing.
postgres_prepare() {
    local role
    {
        for role in millrace "${POSTGRES_PROGRAM_ROLES[@]}"; do
            postgres_create_role "$role"
        done
        cat <<'END'
SELECT 'CREATE DATABASE millrace OWNER millrace'
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'millrace') \gexec
REVOKE ALL ON DATABASE millrace FROM PUBLIC;
END
        for role in "${POSTGRES_PROGRAM_ROLES[@]}"; do
            say "GRANT CONNECT ON DATABASE millrace TO $role;"
        done
    } | postgres_query $POSTGRES_SUPERUSER postgres >>"$(log_file postgres)" 2>&1
}
