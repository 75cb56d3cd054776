# shellcheck shell=bash
# What is not in Debian: Kafka (Maven), ClickHouse's library (npm) and llhttp's source (pip). Each is fetched into
# build/deps under another name, checked against the hashes in dev/, and renamed when it is whole. A part is
# fetched again when its hashes change. The clients' caches stay beside it and go with it.

DEPS=$ROOT/build/deps
KAFKA_PINS=$ROOT/dev/kafka/jars.sha256
CLICKHOUSE_PINS=$ROOT/dev/clickhouse/package.sha512
LLHTTP_PINS=$ROOT/dev/llhttp/requirements.txt
TEST_PINS=$ROOT/tests/requirements.txt

# is_fetched NAME PINS: PINS is the file of hashes by which build/deps/NAME was checked.
is_fetched() { cmp -s "$DEPS/$1/pins" "$2"; }

# fetch NAME PINS LABEL MEGABYTES: unless it is there, has fetch_NAME fill a folder, and takes it over.
fetch() {
    local name=$1 pins=$2 label=$3 megabytes=$4
    local unfinished=$DEPS/unfinished-$name
    is_fetched "$name" "$pins" && return
    rm -rf "$unfinished"
    mkdir -p "$unfinished/result"
    with_progress "$label" "$megabytes" "$unfinished" "fetch_$name" "$unfinished"
    cp "$pins" "$unfinished/result/pins"
    rm -rf "${DEPS:?}/$name"
    mv "$unfinished/result" "$DEPS/$name"
    rm -rf "$unfinished"
}

fetch_kafka() {
    local unfinished=$1
    mvn --batch-mode --strict-checksums --quiet --file "$ROOT/dev/kafka/pom.xml" \
        -Dmaven.repo.local="$unfinished/cache" -DincludeScope=runtime \
        -DoutputDirectory="$unfinished/result" \
        org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies &&
        cd "$unfinished/result" &&
        diff <(printf '%s\n' *.jar) <(awk '{ print $2 }' "$KAFKA_PINS") &&
        sha256sum --check --strict --quiet "$KAFKA_PINS"
}

fetch_clickhouse() {
    local unfinished=$1 archive
    archive=$(awk '{ print $2 }' "$CLICKHOUSE_PINS")
    npm pack '@chdb/lib-linux-x64-gnu@26.7.3-stable.1' --silent \
        --cache "$unfinished/cache" --pack-destination "$unfinished" &&
        cd "$unfinished" &&
        sha512sum --check --strict --quiet "$CLICKHOUSE_PINS" &&
        tar -xzf "$archive" -C result --strip-components=1 package/libchdb.so
}

# pip reads a source package's name from its build backend, so that backend is installed first, by its hash too.
fetch_llhttp() {
    local unfinished=$1 pip=$1/venv/bin/pip
    local checked=(--quiet --no-cache-dir --no-deps --require-hashes --disable-pip-version-check)
    python3 -m venv "$unfinished/venv" &&
        "$pip" install "${checked[@]}" -r "$ROOT/dev/llhttp/pip-needs.txt" &&
        "$pip" download "${checked[@]}" --no-binary :all: --no-build-isolation \
            --dest "$unfinished" -r "$LLHTTP_PINS" &&
        tar -xzf "$unfinished"/httptools-*.tar.gz -C "$unfinished" --strip-components=1 &&
        build_llhttp "$unfinished/vendor/llhttp" "$unfinished/result"
}

build_llhttp() {
    local source=$1 result=$2 file
    for file in api http llhttp; do
        "${CC:-gcc}" -O2 -g -fPIC -fstack-protector-strong -I"$source/include" \
            -c "$source/src/$file.c" -o "$result/$file.o" || return
    done
    ar rcs "$result/libllhttp.a" "$result"/{api,http,llhttp}.o &&
        mkdir "$result/include" &&
        mv "$source/include/llhttp.h" "$result/include/" &&
        cp "$source"/LICENSE* "$result/" &&
        rm "$result"/*.o
}

clickhouse_runs_here() {
    [[ $(uname -sm) == "Linux x86_64" ]] ||
        die "the local ClickHouse is for x86-64 Linux only, not $(uname -sm): use a ClickHouse server of your own"
}

build_clickhouse_launcher() {
    local source=$ROOT/dev/clickhouse-launcher.c program=$DEPS/clickhouse/clickhouse-launcher
    [[ $program -nt $source ]] && return
    # shellcheck disable=SC2016 # $ORIGIN is the linker's: the library lies beside the program.
    "${CC:-gcc}" -O2 -Wall -Wextra -Werror -o "$program.new" "$source" \
        -L"$DEPS/clickhouse" -lchdb -Wl,-rpath,'$ORIGIN' ||
        die "dev/clickhouse-launcher.c does not compile (see above)"
    mv "$program.new" "$program"
}

# The tests' Python packages, in build/venv; made anew when tests/requirements.txt has changed.
install_test_venv() {
    local venv=$ROOT/build/venv
    [[ -f $TEST_PINS ]] || return 0
    cmp -s "$venv/pins" "$TEST_PINS" && return
    rm -rf "$venv"
    with_progress "installing the tests' Python packages" 0 "$venv" fill_test_venv "$venv"
    cp "$TEST_PINS" "$venv/pins"
}

fill_test_venv() {
    python3 -m venv "$1" &&
        "$1/bin/pip" install --quiet --no-cache-dir --disable-pip-version-check --require-hashes -r "$TEST_PINS"
}

# install_deps [--test] [--lint]
install_deps() {
    local option sets=(build) deps_lock
    for option; do
        case $option in
        --test | --lint) sets+=("${option#--}") ;;
        *) die "deps: unknown option '$option'; it takes --test and --lint" ;;
        esac
    done
    mkdir -p "$DEPS"
    exec {deps_lock}>"$DEPS/lock"
    flock "$deps_lock"
    clickhouse_runs_here
    install_packages "${sets[@]}"
    fetch kafka "$KAFKA_PINS" "fetching Kafka 4.1.0" 132
    fetch clickhouse "$CLICKHOUSE_PINS" "fetching ClickHouse 26.7.3" 880
    build_clickhouse_launcher
    has_pkg_config libllhttp 9.2.1 || fetch llhttp "$LLHTTP_PINS" "fetching llhttp 9.4.3" 35
    [[ " ${sets[*]} " != *" test "* ]] || install_test_venv
    exec {deps_lock}>&-
}
