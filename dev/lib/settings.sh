# shellcheck shell=bash
# What the programs and the people need to reach the stack: secrets, config.yaml, and the lines of `dev/stack env`.

# The key in the README's and the demo's requests. Any other stack gets a key of its own.
DEMO_KEY=sk_01K5ZPDJXFH4CCZXF2QEQBY2AK

SECRETS=(clickhouse-millrace clickhouse-millrace_admin
    postgres-postgres postgres-millrace postgres-millrace_ingest postgres-millrace_query)

secret_file() { printf '%s' "$DEV_DIR/secrets/$1"; }
secret() { cat "$(secret_file "$1")"; }

# random_text LENGTH CHARACTERS (as for tr)
random_text() {
    # head ends tr by closing the pipe.
    LC_ALL=C tr -dc "$2" </dev/urandom 2>/dev/null | head -c "$1" || true
}

# 26 characters of Crockford's base 32; the first can't be above 7 in an identifier of 128 bits.
random_key() { printf 'sk_%s%s' "$(random_text 1 0-7)" "$(random_text 25 0-9A-HJKMNP-TV-Z)"; }

keep_secret() {
    local file
    file=$(secret_file "$1")
    (umask 077 && printf '%s' "$2" >"$file.new" && mv "$file.new" "$file")
}

make_secrets() {
    local name
    for name in "${SECRETS[@]}"; do
        [[ -s $(secret_file "$name") ]] || keep_secret "$name" "$(random_text 32 A-Za-z0-9)"
    done
    if is_default_stack; then
        keep_secret demo-key "$DEMO_KEY"
    elif [[ ! -s $(secret_file demo-key) ]]; then
        keep_secret demo-key "$(random_key)"
    fi
}

address() { printf '127.0.0.1:%s' "${PORTS[$1]}"; }

# postgres_dsn ROLE: without the password, which is in the role's secret file.
postgres_dsn() { printf 'host=127.0.0.1 port=%s dbname=millrace user=%s' "${PORTS[postgres]}" "$1"; }

postgres_url() { printf 'postgresql://%s:%s@%s/millrace' "$1" "$(secret "postgres-$1")" "$(address postgres)"; }

clickhouse_url() { printf 'http://%s:%s@%s' "$1" "$(secret "clickhouse-$1")" "$(address clickhouse)"; }

config_text() {
    local key_hash
    key_hash=$(secret demo-key | sha256sum | cut -d' ' -f1)
    cat <<END
# Written by dev/stack at each start. To change a setting for a run: MILLRACE_ and the key, dots as _.
kafka:
  brokers: $(address kafka)
  event_topics:
    - topic: casino.player.registered.v1
    - topic: casino.bet.placed.v1
      tenants: tenant_1
clickhouse:
  url: http://$(address clickhouse)
  database: millrace
  user: millrace
  password_file: $(secret_file clickhouse-millrace)
postgres:
  dsn: $(postgres_dsn millrace_ingest)
  password_file: $(secret_file postgres-millrace_ingest)
ingest:
  listen: $(address ingest)
  reuse_port: true
  query_url: http://$(address query)
query:
  listen: $(address query)
admin:
  listen: $(address admin-ingest)
state_dir: $DEV_DIR/state
auth:
  keys:
    - name: demo
      hash: $key_hash
      tenant_id: 00000000-0000-0000-0000-000000000000
      environment_id: 00000000-0000-0000-0000-000000000000
END
}

# variable_name TEXT: consumer-primary@2 as CONSUMER_PRIMARY_2
variable_name() {
    local name=${1^^}
    printf '%s' "${name//[-@]/_}"
}

env_text() {
    local listener
    cat <<END
export INGEST_URL=http://$(address ingest)
export API_KEY=$(secret demo-key)
export KAFKA_BROKERS=$(address kafka)
export CLICKHOUSE_URL=$(clickhouse_url millrace)
export CLICKHOUSE_ADMIN_URL=$(clickhouse_url millrace_admin)
export POSTGRES_DSN=$(postgres_url millrace)
export QUERY_URL=http://$(address query)
END
    for listener in "${!PORTS[@]}"; do
        case $listener in
        admin-*) say "export ADMIN_URL_$(variable_name "${listener#admin-}")=http://$(address "$listener")" ;;
        *@*) say "export $(variable_name "${listener%@*}")_URL_${listener##*@}=http://$(address "$listener")" ;;
        esac
    done | sort
}

# write_secretly FILE: standard input, as a file that only we read, in place at once.
write_secretly() {
    (umask 077 && cat >"$1.new" && mv "$1.new" "$1")
}

write_config() { config_text | write_secretly "$DEV_DIR/config.yaml"; }
write_env() { env_text | write_secretly "$DEV_DIR/env"; }
