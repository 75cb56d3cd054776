#include "common/service/config.h"

#include "common/base/alloc.h"
#include "common/base/bug.h"
#include "common/base/log.h"
#include "common/event/event.h"
#include "common/event/topics.h"
#include "common/service/config_check.h"

#include <stdlib.h>
#include <unistd.h>

#define DEFAULT_PATH "/etc/millrace/config.yaml"

#define MS UINT64_C(1)
#define SECOND (1000 * MS)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

/* In the order of enum log_level, from LOG_LEVEL_CRITICAL on. */
static const char *const log_levels[] = {"critical", "error", "warning", "notice", "info", "debug", NULL};

/* In the order of enum tls_version. */
static const char *const tls_versions[] = {"1.2", "1.3", NULL};

static bool parse_auth_key(void *target, const struct settings_item *item, struct err *err);

#define AT(member) .offset = offsetof(struct config, member)

/* clang-format off */
static const struct setting table[] = {
    {"state_dir", SETTING_TEXT, AT(state_dir), .default_text = "/var/lib/millrace", .lowest = 1,
     .help = "Directory that belongs to Millrace: what must outlive a restart without Kafka or PostgreSQL, such as "
             "the keys read last. Must exist, and be writable for the user that runs the program."},
    {"drain_timeout", SETTING_DURATION, AT(drain_timeout_ms), .default_text = "10s",
     .lowest = 100 * MS, .highest = 10 * MINUTE,
     .help = "How long a program that was asked to stop finishes what is under way. It may be killed at any "
             "moment without loss; this only saves repeated work."},

    {"admin.listen", SETTING_TEXT, AT(admin.listen), .check = config_check_optional_listen, .default_text = "127.0.0.1:9100",
     .help = "Address for /metrics and /health of a program: address:port, [address]:port or unix:/path; \"\" "
             "for none. Each program of a machine needs its own: set MILLRACE_ADMIN_LISTEN in its unit."},

    {"log.level", SETTING_CHOICE, AT(log.level), .default_text = "info", .choices = log_levels,
     .help = "The least important lines that are logged."},

    {"kafka.brokers", SETTING_TEXT, AT(kafka.brokers), .check = config_check_brokers, .lowest = 1, .example = "127.0.0.1:9092",
     .help = "Brokers to ask first: host:port, separated by commas. Required."},
    {"kafka.common", SETTING_PROPERTIES, AT(kafka.common),
     .example = "security.protocol: ssl\nssl.ca.location: /etc/ssl/certs/ca-certificates.crt",
     .help = "Properties of librdkafka for producers and consumers, under librdkafka's own names. A secret such "
             "as sasl.password stands in a file: sasl.password_file names it."},
    {"kafka.producer", SETTING_PROPERTIES, AT(kafka.producer), .example = "linger.ms: 5\ncompression.codec: lz4",
     .help = "Properties of librdkafka for producers alone."},
    {"kafka.consumer", SETTING_PROPERTIES, AT(kafka.consumer), .example = "queued.max.messages.kbytes: 16384",
     .help = "Properties of librdkafka for consumers alone."},
    {"kafka.replication", SETTING_NUMBER, AT(kafka.replication), .default_text = "0", .highest = 15,
     .help = "Copies of each partition of the topics that `millrace topics init` makes; 0 means three, or as "
             "many as there are brokers. With three, min.insync.replicas is 2."},
    {"kafka.partitions", SETTING_NUMBER, AT(kafka.partitions), .default_text = "6", .lowest = 1, .highest = 10000,
     .help = "Partitions of the topics that `millrace topics init` makes: at most so many workers of a stage "
             "share the load."},
    {"kafka.retention", SETTING_DURATION, AT(kafka.retention_ms), .default_text = "7d",
     .lowest = HOUR, .highest = 3650 * DAY,
     .help = "How long Kafka keeps records. What no stage has read by then is lost, so keep it well above the "
             "longest outage."},
    {"kafka.dead_letter_retention", SETTING_DURATION, AT(kafka.dead_letter_retention_ms),
     .default_text = "30d", .lowest = HOUR, .highest = 3650 * DAY,
     .help = "The same for the dead-letter topics."},
    {"kafka.event_topics", SETTING_LIST, AT(event_topics), .parse_item = event_topics_parse,
     .example = "- topic: casino.player.registered.v1\n"
                "  tenants: tenant_1, tenant_2",
     .help = "Declared event types: topics that ingest takes events for, by POST /v1/topics/TOPIC/events. tenants: "
             "whose keys may write it; without it all."},

    {"event_processing.topic", SETTING_TEXT, AT(topics.events), .check = config_check_topic, .default_text = TOPIC_EVENTS, .lowest = 1,
     .help = "Topic of accepted events."},
    {"event_post_processing.topic", SETTING_TEXT, AT(topics.post_processing), .check = config_check_topic,
     .default_text = TOPIC_POST_PROCESSING, .lowest = 1, .help = "Topic of stored events, to be priced."},
    {"event_post_processing.topic_backfill", SETTING_TEXT, AT(topics.post_processing_backfill), .check = config_check_topic,
     .default_text = TOPIC_POST_PROCESSING_BACKFILL, .lowest = 1,
     .help = "Topic of stored events that are replayed."},
    {"feature_usage_tracking.topic_backfill", SETTING_TEXT, AT(topics.feature_backfill), .check = config_check_topic,
     .default_text = TOPIC_FEATURE_BACKFILL, .lowest = 1,
     .help = "Topic of events that are replayed for feature usage."},
    {"webhook.topic", SETTING_TEXT, AT(topics.system_events), .check = config_check_topic, .default_text = TOPIC_SYSTEM_EVENTS, .lowest = 1,
     .help = "Topic of alerts and changes for webhooks."},

    {"clickhouse.url", SETTING_TEXT, AT(clickhouse.url), .check = config_check_url, .default_text = "http://127.0.0.1:8123", .lowest = 1,
     .help = "ClickHouse's HTTP interface: http:// or https://, host and port. Over https its certificate must "
             "be good for this host."},
    {"clickhouse.ca_file", SETTING_TEXT, AT(clickhouse.ca_file), .default_text = "",
     .example = "/etc/millrace/tls/authority.crt",
     .help = "Certificates in PEM of those who may have signed ClickHouse's; \"\": those that the system trusts."},
    {"clickhouse.user", SETTING_TEXT, AT(clickhouse.user), .default_text = "default", .lowest = 1,
     .help = "Who Millrace is there."},
    {"clickhouse.password_file", SETTING_SECRET_FILE, AT(clickhouse.password), .default_text = "",
     .example = "/etc/millrace/credentials/clickhouse-password",
     .help = "File whose first line is the password; a name without '/' is a systemd credential."},
    {"clickhouse.database", SETTING_TEXT, AT(clickhouse.database), .default_text = "millrace", .lowest = 1,
     .highest = 128, .help = "Database that holds the tables."},
    {"clickhouse.connect_timeout", SETTING_DURATION, AT(clickhouse.connect_timeout_ms), .default_text = "3s",
     .lowest = 100 * MS, .highest = MINUTE, .help = "How long connecting may take."},
    {"clickhouse.query_timeout", SETTING_DURATION, AT(clickhouse.query_timeout_ms), .default_text = "30s",
     .lowest = SECOND, .highest = HOUR, .help = "How long reading may take."},
    {"clickhouse.insert_timeout", SETTING_DURATION, AT(clickhouse.insert_timeout_ms), .default_text = "30s",
     .lowest = SECOND, .highest = HOUR,
     .help = "How long an insert may take before it is tried again; a repeat stores nothing twice."},

    {"postgres.dsn", SETTING_TEXT, AT(postgres.dsn), .check = config_check_dsn, .default_text = "",
     .example = "host=127.0.0.1 port=5432 dbname=millrace user=millrace",
     .help = "PostgreSQL, as libpq's connection string or URI, without a password. Without it API keys come "
             "from auth.keys alone."},
    {"postgres.password_file", SETTING_SECRET_FILE, AT(postgres.password), .default_text = "",
     .example = "/etc/millrace/credentials/postgres-password",
     .help = "File whose first line is the password; a name without '/' is a systemd credential."},
    {"postgres.connect_timeout", SETTING_DURATION, AT(postgres.connect_timeout_ms), .default_text = "3s",
     .lowest = 100 * MS, .highest = MINUTE, .help = "How long connecting may take."},
    {"postgres.statement_timeout", SETTING_DURATION, AT(postgres.statement_timeout_ms), .default_text = "2s",
     .lowest = 50 * MS, .highest = 10 * MINUTE, .help = "How long a statement may take."},

    {"auth.keys", SETTING_LIST, AT(auth), .parse_item = parse_auth_key,
     .example = "- hash: PUT-THE-64-HEX-DIGITS-HERE\n"
                "  tenant_id: tenant_1\n"
                "  environment_id: production\n"
                "  name: first key",
     .help = "API keys beside those in PostgreSQL, such as the first one. The key itself stands nowhere: hash is "
             "its SHA-256, as `printf %s \"$KEY\" | sha256sum` prints it."},
    {"auth.keys_max", SETTING_NUMBER, AT(auth.keys_max), .default_text = "10000", .lowest = 1, .highest = 200000,
     .help = "Keys of PostgreSQL that are let in, the oldest first; each costs about 1 KiB of memory."},
    {"auth.cache_max_age", SETTING_DURATION, AT(auth.cache_max_age_ms), .default_text = "24h",
     .lowest = SECOND, .highest = 30 * DAY,
     .help = "How long the keys of PostgreSQL go on working while it is away; after that the answer is 503. A key "
             "that is revoked in that time works until PostgreSQL is back."},

    {"events.future", SETTING_DURATION, AT(events.future_ms), .default_text = "1h", .highest = DAY,
     .help = "How far ahead of the clock an event's timestamp may be."},
    {"events.past", SETTING_DURATION, AT(events.past_ms), .default_text = "400d",
     .lowest = HOUR, .highest = 3650 * DAY,
     .help = "How old an event's timestamp may be."},

    {"ingest.listen", SETTING_TEXT, AT(ingest.listen), .check = config_check_listen, .default_text = "127.0.0.1:8080", .lowest = 1,
     .help = "Address of the API: address:port, [address]:port or unix:/path. Sockets that systemd passes "
             "(a socket unit) are used instead."},
    {"ingest.reuse_port", SETTING_BOOL, AT(ingest.reuse_port), .default_text = "false",
     .help = "Whether several ingest processes, each with this setting, share one port: the kernel deals the "
             "clients out among them. Without it a second process is told that the port is taken."},
    {"ingest.tls_certificate_file", SETTING_TEXT, AT(ingest.tls_certificate_file), .default_text = "",
     .example = "/etc/millrace/tls/ingest.crt",
     .help = "Certificate in PEM, with those between it and the root behind it: the API then speaks https, and "
             "nothing else. Read again at SIGHUP; a bad one is refused and the old one stays."},
    {"ingest.tls_key_file", SETTING_TEXT, AT(ingest.tls_key_file), .default_text = "",
     .example = "/etc/millrace/credentials/ingest.key",
     .help = "Its key in PEM, without a passphrase; a name without '/' is a systemd credential, which changes "
             "only with a restart."},
    {"ingest.tls_minimum_version", SETTING_CHOICE, AT(ingest.tls_minimum_version), .default_text = "1.2",
     .choices = tls_versions, .help = "The oldest TLS that is spoken."},
    {"ingest.allow_plaintext", SETTING_BOOL, AT(ingest.allow_plaintext), .default_text = "false",
     .help = "Whether an address other than a loopback one or a Unix socket may be served without TLS: whoever "
             "sees the network then reads keys and events."},
    {"ingest.query_url", SETTING_TEXT, AT(ingest.query_url), .check = config_check_url, .default_text = "http://127.0.0.1:8081", .lowest = 1,
     .help = "Where millrace-query listens: reads that reach the API are handed on to it."},
    {"ingest.body_max", SETTING_SIZE, AT(ingest.body_max_bytes), .default_text = "5MiB",
     .lowest = 64 * KIB, .highest = 256 * MIB, .help = "Largest body of a request, decoded if it is gzip; above it the answer is 413."},
    {"ingest.in_flight_max", SETTING_SIZE, AT(ingest.in_flight_max_bytes), .default_text = "24MiB",
     .lowest = MIB, .highest = 16 * GIB,
     .help = "Bytes of events taken and not yet acknowledged by Kafka; above it the answer is 503."},
    {"ingest.key_events_per_second", SETTING_NUMBER, AT(ingest.key_events_per_s), .default_text = "200000",
     .lowest = 1, .highest = UINT64_C(1000000000),
     .help = "Events that each API key may send in the long run, to each process; above it the answer is 429."},
    {"ingest.key_bytes_per_second", SETTING_SIZE, AT(ingest.key_bytes_per_s), .default_text = "256MiB",
     .lowest = KIB, .highest = 1024 * GIB, .help = "The same in bytes of bodies."},
    {"ingest.key_burst", SETTING_DURATION, AT(ingest.key_burst_ms), .default_text = "10s",
     .lowest = 0, .highest = HOUR,
     .help = "What a key that was silent for so long may send at once: so many seconds' worth. A single request "
             "may always be larger, and is paid for afterwards."},
    {"ingest.connections_max", SETTING_NUMBER, AT(ingest.connections_max), .default_text = "10000",
     .lowest = 1, .highest = 1000000, .help = "Connections open at a time; the limit of open files must allow it."},
    {"ingest.connections_per_address_max", SETTING_NUMBER, AT(ingest.connections_per_address_max),
     .default_text = "2000", .lowest = 1, .highest = 1000000,
     .help = "The same from one address; above it the answer is 429."},
    {"ingest.message_timeout", SETTING_DURATION, AT(ingest.message_timeout_ms), .default_text = "1500ms",
     .lowest = 100 * MS, .highest = 6 * SECOND,
     .help = "How long Kafka may take to acknowledge an event before the request is given up."},

    {"query.listen", SETTING_TEXT, AT(query.listen), .check = config_check_listen, .default_text = "127.0.0.1:8081", .lowest = 1,
     .help = "Address of the read side: address:port, [address]:port or unix:/path."},
    {"query.allow_plaintext", SETTING_BOOL, AT(query.allow_plaintext), .default_text = "false",
     .help = "Whether it may be another than a loopback one or a Unix socket, though the read side has no TLS: "
             "whoever sees the network then reads keys and events."},
    {"query.rows_read_max", SETTING_NUMBER, AT(query.rows_read_max), .default_text = "100000000",
     .lowest = 1000, .highest = UINT64_C(1000000000000),
     .help = "Rows that ClickHouse may read for one request."},
    {"query.memory_max", SETTING_SIZE, AT(query.memory_max_bytes), .default_text = "1GiB",
     .lowest = 16 * MIB, .highest = 1024 * GIB, .help = "Memory that ClickHouse may use for one request."},

    {"consumer_primary.flush_interval", SETTING_DURATION, AT(consumer_primary.flush_interval_ms),
     .default_text = "50ms", .lowest = MS, .highest = MINUTE,
     .help = "How often, at most, a busy worker inserts. Longer makes larger inserts, which cost ClickHouse "
             "less, and events are visible later."},
    {"consumer_primary.batch_max_records", SETTING_NUMBER, AT(consumer_primary.batch_max_records),
     .default_text = "50000", .lowest = 1, .highest = 1000000, .help = "Records in one insert."},
    {"consumer_primary.batch_max_bytes", SETTING_SIZE, AT(consumer_primary.batch_max_bytes),
     .default_text = "16MiB", .lowest = MIB, .highest = GIB, 
     .help = "Memory of the records of one insert: their bytes, and about 768 more for each."},
    {"consumer_primary.held_max", SETTING_SIZE, AT(consumer_primary.held_max_bytes), .default_text = "64MiB",
     .lowest = MIB, .highest = 64 * GIB,
     .help = "Memory of the records that a worker holds; above it, it stops reading. One half is for records "
             "between Kafka and ClickHouse, the other for those that are being forwarded. At least twice "
             "consumer_primary.batch_max_bytes."},
    {.key = NULL},
};
/* clang-format on */

const struct settings_schema config_schema = {table, sizeof(struct config)};

/* ---- auth.keys ---- */

static bool is_hash(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (!((text.data[i] >= '0' && text.data[i] <= '9') || (text.data[i] >= 'a' && text.data[i] <= 'f')))
            return false;
    }
    return text.length == 64;
}

static bool check_auth_key(const struct auth_config *auth, const struct auth_key_config *key, struct err *err)
{
    if (!is_hash(slice_from(key->hash))) {
        /* The value is not shown: people put the key itself there. */
        err_set(err, ERR_FATAL, "hash must be 64 lower-case hex digits, the SHA-256 of the key");
        return false;
    }
    if (!event_is_tenant_id(slice_from(key->tenant_id)) ||
        !event_is_tenant_id(slice_from(key->environment_id))) {
        err_set(err, ERR_FATAL, "%s must be given: 1 to 128 bytes without ':', spaces and control characters",
                event_is_tenant_id(slice_from(key->tenant_id)) ? "environment_id" : "tenant_id");
        return false;
    }
    for (size_t i = 0; i < auth->key_count; i++) {
        if (strcmp(auth->keys[i].hash, key->hash) == 0) {
            err_set(err, ERR_FATAL, "hash is that of the key with number %zu already; remove one of them",
                    i + 1);
            return false;
        }
    }
    return true;
}

static bool parse_auth_key(void *target, const struct settings_item *item, struct err *err)
{
    struct auth_config *auth = target;
    struct auth_key_config key = {0};
    const struct settings_member members[] = {{"hash", &key.hash},
                                              {"tenant_id", &key.tenant_id},
                                              {"environment_id", &key.environment_id},
                                              {"name", &key.name},
                                              {NULL, NULL}};

    if (!settings_item_read(item, members, err) || !check_auth_key(auth, &key, err))
        return false;
    auth->keys = xrealloc(auth->keys, (auth->key_count + 1) * sizeof(*auth->keys));
    auth->keys[auth->key_count++] = (struct auth_key_config){
        .hash = xstrdup(key.hash),
        .tenant_id = xstrdup(key.tenant_id),
        .environment_id = xstrdup(key.environment_id),
        .name = xstrdup(key.name != NULL ? key.name : ""),
    };
    return true;
}

static void clear_auth(struct auth_config *auth)
{
    for (size_t i = 0; i < auth->key_count; i++) {
        free(auth->keys[i].hash);
        free(auth->keys[i].tenant_id);
        free(auth->keys[i].environment_id);
        free(auth->keys[i].name);
    }
    free(auth->keys);
    auth->keys = NULL;
    auth->key_count = 0;
}

/* ---- the whole ---- */

const char *config_find_path(const char *option, char *const *environment)
{
    if (option != NULL)
        return option;
    for (; environment != NULL && *environment != NULL; environment++) {
        struct slice variable = slice_from(*environment);
        if (slice_starts_with(variable, SLICE("MILLRACE_CONFIG=")))
            return *environment + strlen("MILLRACE_CONFIG=");
    }
    return access(DEFAULT_PATH, F_OK) == 0 ? DEFAULT_PATH : NULL;
}

bool config_load_all(const char *path, char *const *environment, struct config *out_config,
                     struct buf *problems)
{
    struct settings_source source = {path, environment};
    struct config config = {0};

    /* Checks between keys say little where single ones are wrong. */
    if (!settings_load(&config_schema, &source, &config, problems) ||
        !config_check(&config, path != NULL ? path : "environment", problems)) {
        config_done(&config);
        return false;
    }
    config.instance = xstrdup("1");
    config.log.level += LOG_LEVEL_CRITICAL;
    *out_config = config;
    return true;
}

bool config_load(const char *path, char *const *environment, struct config *out_config, struct err *err)
{
    AUTO_BUF problems = {0};
    struct slice rest;
    struct slice first;

    if (config_load_all(path, environment, out_config, &problems))
        return true;
    rest = buf_slice(&problems);
    (void)slice_cut(&rest, '\n', &first);
    err_set(err, ERR_FATAL, "%.*s%s", SLICE_ARG(first),
            slice_is_empty(rest) ? "" : " (and more: see --check-config)");
    return false;
}

void config_done(struct config *config)
{
    clear_auth(&config->auth);
    event_topics_clear(&config->event_topics);
    settings_done(&config_schema, config);
    free_string(&config->instance);
}

const char *config_topic(const struct topics_config *names, const char *default_name)
{
    const struct {
        const char *default_name;
        const char *name;
    } rows[] = {{TOPIC_EVENTS, names->events},
                {TOPIC_POST_PROCESSING, names->post_processing},
                {TOPIC_POST_PROCESSING_BACKFILL, names->post_processing_backfill},
                {TOPIC_FEATURE_BACKFILL, names->feature_backfill},
                {TOPIC_SYSTEM_EVENTS, names->system_events}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        if (strcmp(rows[i].default_name, default_name) == 0)
            return rows[i].name;
    }
    BUG("%s is not a topic of topics.h", default_name);
}
