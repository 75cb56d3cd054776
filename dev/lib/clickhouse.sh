# shellcheck shell=bash
# ClickHouse: the server out of libchdb.so, started by clickhouse-launcher, on the loopback address over HTTP.

clickhouse_config() {
    cat <<END
<clickhouse>
    <logger>
        <log>$DEV_DIR/log/clickhouse-server.log</log>
        <size>20M</size>
        <count>2</count>
    </logger>
    <users_config>$DEV_DIR/clickhouse/users.xml</users_config>
    <max_server_memory_usage>2147483648</max_server_memory_usage>
    <background_schedule_pool_size>16</background_schedule_pool_size>
</clickhouse>
END
}

# clickhouse_user NAME GRANT...
clickhouse_user() {
    local name=$1 grant
    shift
    cat <<END
        <$name>
            <password_sha256_hex>$(secret "clickhouse-$name" | sha256sum | cut -d' ' -f1)</password_sha256_hex>
            <networks><ip>127.0.0.1</ip></networks>
            <profile>default</profile>
            <quota>default</quota>
            <grants>
END
    for grant; do
        say "                <query>GRANT $grant</query>"
    done
    cat <<END
            </grants>
        </$name>
END
}

# The launcher itself logs in as `default`, which can't have a password. The only session that this user may have is
# the launcher's, so nobody else gets in by that name.
clickhouse_users() {
    cat <<END
<clickhouse>
    <profiles>
        <default/>
        <launcher>
            <max_sessions_for_user>1</max_sessions_for_user>
            <constraints><max_sessions_for_user><const/></max_sessions_for_user></constraints>
        </launcher>
    </profiles>
    <quotas><default/></quotas>
    <users>
        <default>
            <password/>
            <networks><ip>127.0.0.1</ip></networks>
            <profile>launcher</profile>
            <quota>default</quota>
            <grants>
                <query>GRANT SYSTEM LISTEN ON *.*</query>
                <query>GRANT SELECT ON system.numbers</query>
            </grants>
        </default>
END
    clickhouse_user millrace "SELECT, INSERT ON millrace.*"
    clickhouse_user millrace_admin "ALL ON millrace.*" "SELECT ON system.*" \
        "TABLE ENGINE ON MergeTree" "TABLE ENGINE ON ReplacingMergeTree" "TABLE ENGINE ON SummingMergeTree" \
        "TABLE ENGINE ON AggregatingMergeTree" "TABLE ENGINE ON Null" "TABLE ENGINE ON Memory"
    cat <<END
    </users>
</clickhouse>
END
}

clickhouse_start() {
    local launcher=$DEPS/clickhouse/clickhouse-launcher
    [[ -x $launcher ]] || die "ClickHouse is not fetched yet: run dev/stack deps"
    mkdir -p "$DEV_DIR/clickhouse/data"
    clickhouse_config >"$DEV_DIR/clickhouse/config.xml"
    clickhouse_users | write_secretly "$DEV_DIR/clickhouse/users.xml"
    spawn clickhouse "$launcher" --config-file="$DEV_DIR/clickhouse/config.xml" --log-level=information \
        --path="$DEV_DIR/clickhouse/data" --listen_host=127.0.0.1 --http_port="${PORTS[clickhouse]}"
}

# clickhouse_query USER SQL: prints the answer; fails when it is an error. The password is not among the arguments.
clickhouse_query() {
    curl --silent --fail --max-time 10 --config - --data-binary "$2" "http://$(address clickhouse)" \
        <<<"user = \"$1:$(secret "clickhouse-$1")\""
}

clickhouse_answers() {
    clickhouse_query millrace_admin "CREATE DATABASE IF NOT EXISTS millrace" >/dev/null 2>&1 &&
        clickhouse_query millrace "SELECT 1" >/dev/null 2>&1
}
