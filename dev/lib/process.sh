# shellcheck shell=bash
# One process per part, known by run/NAME.pid: its pid and when it was started. A pid alone may belong to another
# program by now; nothing is ever signalled, or shown as running, when the two don't agree.

TICKS_PER_SECOND=$(getconf CLK_TCK)

pid_file() { printf '%s' "$DEV_DIR/run/$1.pid"; }
log_file() { printf '%s' "$DEV_DIR/log/$1.log"; }

# log_files NAME: what it prints, and what it writes itself (ClickHouse: clickhouse-server.log).
log_files() { find "$DEV_DIR/log" -name "$1.log" -o -name "$1-server.log" 2>/dev/null | sort; }

# start_ticks PID: when it was started, in clock ticks after boot. Fails when there is no such process, or it has ended
# and only waits for its parent to notice.
start_ticks() {
    local stat fields
    { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
    read -ra fields <<<"${stat##*) }"
    [[ ${fields[0]} != [ZX] ]] && printf '%s' "${fields[19]}"
}

# running_pid NAME: its pid; fails when it doesn't run.
running_pid() {
    local pid ticks
    { read -r pid ticks <"$(pid_file "$1")"; } 2>/dev/null || return 1
    [[ $(start_ticks "$pid") == "$ticks" ]] && printf '%s' "$pid"
}

is_running() { running_pid "$1" >/dev/null; }

# Was started, not stopped by us, and is gone.
is_dead() { [[ -f $(pid_file "$1") ]] && ! is_running "$1"; }

uptime_seconds() {
    local pid ticks up
    read -r pid ticks <"$(pid_file "$1")"
    read -r up _ </proc/uptime
    printf '%s' $((${up%.*} - ticks / TICKS_PER_SECOND))
}

keep_log_short() {
    local log
    log=$(log_file "$1")
    [[ ! -f $log ]] || (($(stat -c %s "$log") < 50000000)) || mv "$log" "$log.1"
}

# A child must not keep open what this shell was given: a lock, a pipe that somebody reads to its end.
close_inherited() {
    local open fd
    for open in /proc/self/fd/*; do
        fd=${open##*/}
        ((fd <= 2 || fd == 255)) || eval "exec $fd>&-"
    done
}

# What only dev/stack reads; the workers refuse a MILLRACE_ variable that they don't know.
OWN_VARIABLES=(MILLRACE_DEV_DIR MILLRACE_DEV_PORTS MILLRACE_DEV_BIN)

# spawn NAME COMMAND...: COMMAND in a session of its own that outlives us, its output appended to its log.
spawn() {
    local name=$1 log pid ticks
    shift
    log=$(log_file "$name")
    keep_log_short "$name"
    printf '=== %s started at %(%F %T)T\n' "$name" -1 >>"$log"
    (
        close_inherited
        cd /
        exec env --default-signal=INT,QUIT "${OWN_VARIABLES[@]/#/--unset=}" setsid "$@" </dev/null >>"$log" 2>&1
    ) &
    pid=$!
    disown "$pid" # Or the shell tells when it is killed.
    ticks=$(start_ticks "$pid") || ticks=0
    printf '%s %s\n' "$pid" "$ticks" >"$(pid_file "$name")"
}

# signal_and_wait NAME SIGNAL SECONDS: fails when it still runs after that time.
signal_and_wait() {
    local name=$1 signal=$2 deadline=$((SECONDS + $3)) pid
    pid=$(running_pid "$name") || return 0
    kill "-$signal" "$pid" 2>/dev/null || true
    while is_running "$name"; do
        ((SECONDS < deadline)) || return 1
        sleep 0.05
    done
}

children_of() {
    local file stat fields
    for file in /proc/[0-9]*/stat; do
        { stat=$(<"$file"); } 2>/dev/null || continue
        read -ra fields <<<"${stat##*) }"
        [[ ${fields[1]} != "$1" ]] || say "${stat%% *}"
    done
}

# Its own children too: a PostgreSQL of which only the first process was killed is still there for a while.
kill_now() {
    local name=$1 pid children
    pid=$(running_pid "$name") || return 0
    mapfile -t children < <(children_of "$pid")
    kill -KILL "$pid" "${children[@]}" 2>/dev/null || true
    signal_and_wait "$name" KILL 10
    for pid in "${children[@]}"; do
        await_gone "$pid" 10
    done
}

await_gone() {
    local deadline=$((SECONDS + $2))
    while start_ticks "$1" >/dev/null; do
        ((SECONDS < deadline)) || return 1
        sleep 0.02
    done
}
