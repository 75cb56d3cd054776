# shellcheck shell=bash
# The system's packages that packages.txt lists: seen by their use, not by name, so that software which came another
# way counts too; installed by apt-get where they are missing.

PACKAGES=$ROOT/dev/packages.txt

is_at_least() { printf '%s\n%s\n' "$2" "$1" | sort -V -C; }

program_version() {
    local option=--version
    [[ $1 == java ]] && option=-version
    "$1" "$option" 2>&1 | grep -oE '[0-9]+(\.[0-9]+)+' | head -n 1
}

has_version() {
    local found
    command -v "$1" >/dev/null || return 1
    found=$(program_version "$1") || return 1
    is_at_least "$found" "$2"
}

has_header() {
    # shellcheck disable=SC2086 # A compiler may be words, such as "ccache gcc".
    printf '#include <%s>\n' "$1" | ${CC:-gcc} -E -x c - >/dev/null 2>&1
}

has_pkg_config() {
    command -v pkg-config >/dev/null && pkg-config --exists "$1 >= $2"
}

# The newest PostgreSQL server's folder of programs; $1: only of this major version.
postgres_programs() {
    local found version=${1:-*}
    # shellcheck disable=SC2086 # A pattern.
    found=$(printf '%s\n' /usr/lib/postgresql/$version/bin/postgres | sort -V | tail -n 1)
    [[ -x $found ]] || found=$(command -v postgres) || return 1
    dirname "$(readlink -f "$found")"
}

has_postgres() {
    local programs
    programs=$(postgres_programs "") && has_version "$programs/postgres" "$1"
}

has_venv() { python3 -c 'import ensurepip' 2>/dev/null; }

has_fuzzer() {
    local program=$DEPS/fuzzer-probe
    printf 'int LLVMFuzzerTestOneInput(void *d, long n) { (void)d; return n < 0; }\n' |
        clang -fsanitize=fuzzer,address,undefined -x c -o "$program" - 2>/dev/null && rm -f "$program"
}

# has_needed PROBE ARGUMENT...: is what packages.txt asks for there?
has_needed() {
    case $1 in
    command) command -v "$2" >/dev/null ;;
    version) has_version "$2" "$3" ;;
    pkg-config) has_pkg_config "$2" "$3" ;;
    header) has_header "$2" ;;
    postgres) has_postgres "$2" ;;
    venv) has_venv ;;
    fuzzer) has_fuzzer ;;
    *) die "$PACKAGES: unknown probe '$1'" ;;
    esac
}

# packages_missing SET...: the packages of these sets whose probe fails.
packages_missing() {
    local set package probe
    while read -r set package probe; do
        [[ " $* " == *" $set "* ]] || continue
        # shellcheck disable=SC2086 # A probe is words.
        has_needed $probe </dev/null || printf '%s ' "$package"
    done <"$PACKAGES"
}

as_root() {
    if ((EUID == 0)); then
        "$@"
    else
        sudo "$@"
    fi
}

may_install() {
    command -v apt-get >/dev/null ||
        die "missing: $* - as Debian calls them; this system has no apt-get: install them, then run it again"
    ((EUID == 0)) || command -v sudo >/dev/null ||
        die "missing: $*; run as root: apt-get install $*"
    ((EUID == 0)) || sudo -v || die "missing: $*; run as root: apt-get install $*"
}

# Debian's PostgreSQL package makes a cluster and starts it on port 5432. The machine shall not get a server that
# nobody asked for, so that is off while we install, and as it was afterwards.
NO_MAIN_CLUSTER=/etc/postgresql-common/createcluster.d/millrace-install.conf

apt_install() {
    local apt=(apt-get -y -q -o DPkg::Lock::Timeout=300)
    as_root "${apt[@]}" update
    as_root install -d "${NO_MAIN_CLUSTER%/*}"
    at_exit "as_root rm -f '$NO_MAIN_CLUSTER'"
    printf 'create_main_cluster = off\n' | as_root tee "$NO_MAIN_CLUSTER" >/dev/null
    as_root env DEBIAN_FRONTEND=noninteractive "${apt[@]}" install --no-install-recommends "$@"
}

# What the last successful look depended on: looking again takes half a second.
packages_fingerprint() {
    printf '%s ' "$@" "$PATH" "${CC:-}"
    cksum <"$PACKAGES"
    stat -c %Y.%s /var/lib/dpkg/status 2>/dev/null || printf 'no dpkg %s' "$EPOCHREALTIME"
}

# install_packages SET...
install_packages() {
    local stamp missing fingerprint
    stamp=$DEPS/packages-$(printf '%s' "$*" | tr ' ' '-')
    fingerprint=$(packages_fingerprint "$@")
    [[ -f $stamp && $(<"$stamp") == "$fingerprint" ]] && return
    missing=$(packages_missing "$@")
    missing=${missing% }
    if [[ -n $missing ]]; then
        may_install "$missing"
        # shellcheck disable=SC2086 # Names, divided by blanks.
        with_progress "installing $(wc -w <<<"$missing") packages" 0 / apt_install $missing
        missing=$(packages_missing "$@")
        [[ -z $missing ]] ||
            die "too old on this system: ${missing% }; dev/packages.txt says what is needed (Debian 12 has it)"
    fi
    packages_fingerprint "$@" >"$stamp"
}
