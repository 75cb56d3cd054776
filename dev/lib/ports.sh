# shellcheck shell=bash
# Which port each listener of the stack has. Chosen once, kept in the folder's file `ports`, so that a part that is
# started again keeps its port, and a second stack with MILLRACE_DEV_PORTS=auto keeps its own.
#
# Listeners are named after their part; a part's other listener has a prefix: controller-kafka, admin-query.

declare -A DEFAULT_PORTS=(
    [kafka]=19092 [clickhouse]=18123 [postgres]=15432 [ingest]=8080 [query]=8081
    [admin-ingest]=9101 [admin-consumer-primary]=9111 [admin-query]=9121
)
# Nobody needs to know it: any free port will do.
ALWAYS_AUTO=(controller-kafka)

declare -A PORTS=()

read_ports() {
    local name port
    PORTS=()
    while read -r name port; do
        PORTS[$name]=$port
    done <"$DEV_DIR/ports"
}

write_ports() {
    local name
    for name in "${!PORTS[@]}"; do
        say "$name ${PORTS[$name]}"
    done | sort >"$DEV_DIR/ports.new"
    mv "$DEV_DIR/ports.new" "$DEV_DIR/ports"
}

# free_ports COUNT: ports that the kernel lets us have now; all held together, so that no two are the same. Below those
# that it gives to outgoing connections: one of these could take the port of a part that was killed, and a client that
# tries again and again to connect to such a port ends up connected to itself.
free_ports() {
    python3 - "$1" <<'END'
import random, socket, sys
with open("/proc/sys/net/ipv4/ip_local_port_range") as file:
    below = int(file.read().split()[0])
held = []
while len(held) < int(sys.argv[1]):
    try:
        held.append(socket.create_server(("127.0.0.1", random.randrange(10000, max(below, 10100)))))
    except OSError:
        continue
for server in held:
    print(server.getsockname()[1])
END
}

# wanted_mode: auto, default, or nothing when the folder shall stay as it is.
wanted_mode() {
    case ${MILLRACE_DEV_PORTS:-} in
    auto | default | '') printf '%s' "${MILLRACE_DEV_PORTS:-}" ;;
    *) die "MILLRACE_DEV_PORTS=$MILLRACE_DEV_PORTS: it can be auto or default" ;;
    esac
}

# choose_ports auto|default
choose_ports() {
    local name names=("${ALWAYS_AUTO[@]}") port
    PORTS=([mode]=$1)
    if [[ $1 == auto ]]; then
        names+=("${!DEFAULT_PORTS[@]}")
    else
        for name in "${!DEFAULT_PORTS[@]}"; do
            PORTS[$name]=${DEFAULT_PORTS[$name]}
        done
    fi
    for name in "${names[@]}"; do
        read -r port
        PORTS[$name]=$port
    done < <(free_ports ${#names[@]})
    write_ports
}

any_port_is_taken() {
    local name
    for name in "${!PORTS[@]}"; do
        [[ $name == mode ]] || ! port_is_taken "${PORTS[$name]}" || return 0
    done
    return 1
}

# should_choose_anew MODE: a stack of which nothing runs may change its mode, or, with auto, its taken ports.
should_choose_anew() {
    [[ -n $1 && -z $(running_parts) ]] || return 1
    [[ $1 != "${PORTS[mode]}" ]] || { [[ $1 == auto ]] && any_port_is_taken; }
}

settle_ports() {
    local mode
    mode=$(wanted_mode)
    if folder_exists; then
        read_ports
        if ! should_choose_anew "$mode"; then
            move_hidden_ports
            return
        fi
    fi
    choose_ports "${mode:-default}"
}

# A port that nobody needs to know is chosen anew when another program has it.
move_hidden_ports() {
    local name
    for name in "${ALWAYS_AUTO[@]}"; do
        if ! is_running "${name##*-}" && port_is_taken "${PORTS[$name]}"; then
            PORTS[$name]=$(free_ports 1)
            write_ports
        fi
    done
}

# listener_default LISTENER: the port of a further instance's listener, by rule: admin-query@3 is two above admin-query.
listener_default() {
    local first=${1%@*} instance=${1##*@}
    [[ ${PORTS[mode]} == default && -n ${DEFAULT_PORTS[$first]:-} && $first == admin-* ]] && ((instance <= 10)) &&
        printf '%s' $((DEFAULT_PORTS[$first] + instance - 1))
}

# add_listeners LISTENER...: a further instance's listeners get their ports when the instance is first started.
add_listeners() {
    local listener
    for listener; do
        [[ -z ${PORTS[$listener]:-} ]] || continue
        PORTS[$listener]=$(listener_default "$listener") || PORTS[$listener]=$(free_ports 1)
        write_ports
    done
}

# The inode of the socket that listens on 127.0.0.1:$1 or on every address; nothing when the port is free.
listening_socket() {
    local port
    port=$(printf '%04X' "$1")
    awk -v port="$port" '
        $4 == "0A" && $2 ~ "^(0100007F|00000000|0+FFFF00000100007F|00000000000000000000000000000000):" port "$" {
            print $10
            exit
        }' /proc/net/tcp /proc/net/tcp6 2>/dev/null
}

port_is_taken() { [[ -n $(listening_socket "$1") ]]; }

# port_owner PORT: "program (pid N)", as far as we may look.
port_owner() {
    local found pid
    found=$(find /proc/[0-9]*/fd -lname "socket:\[$(listening_socket "$1")\]" -print -quit 2>/dev/null) || true
    if [[ $found =~ ^/proc/([0-9]+)/ ]]; then
        pid=${BASH_REMATCH[1]}
        say "$(<"/proc/$pid/comm") (pid $pid)"
    else
        say "another program"
    fi
}

# listener_is_free LISTENER
listener_is_free() {
    local port=${PORTS[$1]}
    port_is_taken "$port" || return 0
    die "port $port, wanted for $1, is taken by $(port_owner "$port"): stop that program," \
        "or 'dev/stack down' and MILLRACE_DEV_PORTS=auto dev/stack up"
}
