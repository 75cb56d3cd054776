# shellcheck shell=bash
# The stack's folder: ports, secrets/, config.yaml, env, run/ (pid files), log/, and the data of each part.

DEFAULT_DIR=$ROOT/build/dev
DEV_DIR=$(realpath -m -- "${MILLRACE_DEV_DIR:-$DEFAULT_DIR}")

is_default_stack() { [[ $DEV_DIR == "$DEFAULT_DIR" ]]; }

folder_exists() { [[ -f $DEV_DIR/ports ]]; }

folder_is_usable() {
    [[ $DEV_DIR =~ ^[A-Za-z0-9/._@+=-]+$ ]] ||
        die "Kafka's settings can't hold the path '$DEV_DIR': name a folder of letters, digits and ./_-@+=" \
            "in MILLRACE_DEV_DIR"
    [[ -d $DEV_DIR/secrets || -z $(find "$DEV_DIR" -mindepth 1 ! -name lock -print -quit 2>/dev/null) ]] ||
        die "$DEV_DIR is neither empty nor a stack's folder: name another in MILLRACE_DEV_DIR"
}

# prepare_folder LISTENER...: makes or completes the folder, one dev/stack at a time; what is there stays as it is.
# The listeners of further instances get their ports.
prepare_folder() {
    local folder_lock
    folder_is_usable
    mkdir -p "$DEV_DIR"/{run,log,state,secrets}
    chmod 700 "$DEV_DIR/secrets"
    exec {folder_lock}>"$DEV_DIR/lock"
    flock "$folder_lock"
    settle_ports
    add_listeners "$@"
    make_secrets
    write_config
    write_env
    exec {folder_lock}>&-
}
