# shellcheck shell=bash
# What dev/stack tells: results on standard output; one line about a failure, and progress, on standard error.

say() { printf '%s\n' "$*"; }

# The exit code of a failure that has been told: the shells around the failing one end without another word.
TOLD=2

die() {
    printf 'dev/stack: %s\n' "$*" >&2
    exit "$TOLD"
}

# No command fails without a word: this is for those that nobody looked at.
on_error() {
    local code=$1 where=$2
    ((code == TOLD)) || printf 'dev/stack: %s failed with exit code %s\n' "$where" "$code" >&2
    exit "$TOLD"
}
set -E
trap 'on_error $? "${BASH_SOURCE[0]#"$ROOT/"}:$LINENO: $BASH_COMMAND"' ERR

# at_exit COMMAND: run when dev/stack (or the subshell that says so) ends, however it ends.
at_exit() {
    # shellcheck disable=SC2064 # The command is complete now; its variables are gone later.
    trap "$1" EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
}

# In microseconds; bash writes the point as the locale has it.
now_us() { printf '%s' "${EPOCHREALTIME//[.,]/}"; }

# seconds_since START_US: with one digit behind the point.
seconds_since() {
    local tenths=$((($(now_us) - $1) / 100000))
    printf '%d.%d' $((tenths / 10)) $((tenths % 10))
}

# show_progress TEXT: one line that the next call writes over; only on a terminal. No TEXT takes it away.
show_progress() {
    if [[ -t 2 ]]; then
        printf '\r\033[K%s' "${1-}" >&2
    fi
}

# Files come and go while du counts them.
folder_megabytes() { { du -sm "$1" 2>/dev/null || true; } | cut -f1; }

# progress_so_far MEGABYTES FOLDER
progress_so_far() {
    if (($1 > 0)); then
        printf '%s of %s MB' "$(folder_megabytes "$2")" "$1"
    else
        printf '%s s' $((SECONDS - started))
    fi
}

# with_progress LABEL MEGABYTES FOLDER COMMAND...: runs COMMAND with its output kept aside, and shows meanwhile how
# large FOLDER is, or, with MEGABYTES 0, the time. On failure shows the output's end and ends dev/stack.
with_progress() {
    local label=$1 megabytes=$2 folder=$3 output started=$SECONDS child
    shift 3
    output=$(mktemp)
    set -m # A process group of its own, so that an interrupt ends all that COMMAND started.
    "$@" >"$output" 2>&1 </dev/null &
    child=$!
    set +m
    at_exit "kill -- -$child 2>/dev/null || true; rm -f '$output'"
    while [[ -t 2 ]] && kill -0 "$child" 2>/dev/null; do
        show_progress "$label: $(progress_so_far "$megabytes" "$folder")"
        sleep 0.3
    done
    show_progress
    if ! wait "$child"; then
        tail -n 15 "$output" >&2
        die "$label: failed (see above); run it again when that is mended"
    fi
    rm -f "$output"
    trap - EXIT INT TERM
}
