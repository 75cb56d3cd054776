/* config: the one table of Millrace, its defaults, and what several keys share. */
#include "common/service/config.h"
#include "common/service/config_check.h"

#include "common/base/alloc.h"
#include "common/base/log.h"
#include "common/event/topics.h"
#include "common/service/settings_file.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <ctype.h>
#include <stdlib.h>
#include <unistd.h>

#define HASH_A "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
#define HASH_B "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"

static void remove_file(char (*path)[64])
{
    (void)unlink(*path);
}

#define AUTO_PATH __attribute__((cleanup(remove_file))) char

static void write_file(char path[64], const char *yaml)
{
    (void)snprintf(path, 64, "/tmp/millrace-config-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, yaml, strlen(yaml)), strlen(yaml));
    assert_int_equal(close(fd), 0);
}

static void load_good(const char *yaml, struct config *out_config)
{
    AUTO_PATH path[64];
    struct err err = {.text = ""};

    write_file(path, yaml);
    if (!config_load(path, NULL, out_config, &err))
        fail_msg("%s", err.text);
}

/* The text behind the file's name. */
static void assert_refused(const char *yaml, const char *expected)
{
    AUTO_PATH path[64];
    struct config config;
    struct err err = {.text = ""};

    write_file(path, yaml);
    assert_false(config_load(path, NULL, &config, &err));
    assert_int_equal(err.kind, ERR_FATAL);
    assert_true(strncmp(err.text, path, strlen(path)) == 0);
    assert_string_equal(err.text + strlen(path), expected);
}

static void only_the_brokers_are_required(void **state)
{
    struct config config;

    (void)state;
    load_good("kafka: {brokers: 'k:9092'}\n", &config);
    assert_string_equal(config.instance, "1");
    assert_string_equal(config.kafka.brokers, "k:9092");
    assert_int_equal(config.log.level, LOG_LEVEL_INFO);
    assert_int_equal(config.drain_timeout_ms, 10000);
    assert_int_equal(config.kafka.replication, 0);
    assert_int_equal(config.kafka.partitions, 6);
    assert_int_equal(config.kafka.retention_ms, UINT64_C(7) * 86400000);
    assert_int_equal(config.events.past_ms, UINT64_C(400) * 86400000);
    assert_int_equal(config.ingest.message_timeout_ms, 1500);
    assert_int_equal(config.ingest.in_flight_max_bytes, 24 << 20);
    assert_int_equal(config.postgres.statement_timeout_ms, 2000);
    assert_string_equal(config.postgres.dsn, "");
    assert_int_equal(config.consumer_primary.flush_interval_ms, 50);
    assert_int_equal(config.consumer_primary.held_max_bytes, 64 << 20);
    assert_int_equal(config.auth.key_count, 0);
    config_done(&config);
}

static void log_levels_are_those_of_the_log(void **state)
{
    static const struct {
        const char *name;
        enum log_level level;
    } rows[] = {{"critical", LOG_LEVEL_CRITICAL}, {"error", LOG_LEVEL_ERROR}, {"warning", LOG_LEVEL_WARNING},
                {"notice", LOG_LEVEL_NOTICE},     {"info", LOG_LEVEL_INFO},   {"debug", LOG_LEVEL_DEBUG}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct config config;
        AUTO_STRING yaml = xasprintf("kafka: {brokers: 'k:1'}\nlog: {level: %s}\n", rows[i].name);
        load_good(yaml, &config);
        assert_int_equal(config.log.level, rows[i].level);
        config_done(&config);
    }
}

static void keys_of_the_configuration_are_read(void **state)
{
    struct config config;

    (void)state;
    load_good("kafka: {brokers: 'k:1'}\n"
              "auth:\n"
              "  keys:\n"
              "    - hash: " HASH_A "\n"
              "      tenant_id: t1\n"
              "      environment_id: e1\n"
              "      name: first key\n"
              "    - {environment_id: e2, tenant_id: t2, hash: " HASH_B "}\n",
              &config);
    assert_int_equal(config.auth.key_count, 2);
    assert_string_equal(config.auth.keys[0].hash, HASH_A);
    assert_string_equal(config.auth.keys[0].tenant_id, "t1");
    assert_string_equal(config.auth.keys[0].environment_id, "e1");
    assert_string_equal(config.auth.keys[0].name, "first key");
    assert_string_equal(config.auth.keys[1].tenant_id, "t2");
    assert_string_equal(config.auth.keys[1].name, "");
    config_done(&config);
}

static void a_bad_key_is_refused_without_being_shown(void **state)
{
    static const struct {
        const char *members;
        const char *problem;
    } rows[] = {
        {"hash: sk_01K5ZPDJXFH4CCZXF2QEQBY2AK, tenant_id: t, environment_id: e",
         ":2: auth.keys[0]: hash must be 64 lower-case hex digits, the SHA-256 of the key"},
        {"tenant_id: t, environment_id: e",
         ":2: auth.keys[0]: hash must be 64 lower-case hex digits, the SHA-256 of the key"},
        {"hash: 9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08, tenant_id: t, "
         "environment_id: e",
         ":2: auth.keys[0]: hash must be 64 lower-case hex digits, the SHA-256 of the key"},
        {"hash: " HASH_A ", environment_id: e",
         ":2: auth.keys[0]: tenant_id must be given: 1 to 128 bytes without ':', spaces and control "
         "characters"},
        {"hash: " HASH_A ", tenant_id: t, environment_id: 'a:b'",
         ":2: auth.keys[0]: environment_id must be given: 1 to 128 bytes without ':', spaces and control "
         "characters"},
        {"hash: " HASH_A ", tenant: t",
         ":2: auth.keys[0]: unknown key tenant: known are hash, tenant_id, environment_id and name"},
        {"hash: " HASH_A ", tenant_id: t, environment_id: e}, {hash: " HASH_A
         ", tenant_id: t, environment_id: e",
         ":2: auth.keys[1]: hash is that of the key with number 1 already; remove one of them"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        AUTO_STRING yaml = xasprintf("kafka: {brokers: 'k:1'}\nauth: {keys: [{%s}]}\n", rows[i].members);
        assert_refused(yaml, rows[i].problem);
    }
}

static void a_password_in_the_dsn_is_refused_and_sent_to_its_file(void **state)
{
    static const struct {
        const char *dsn;
        bool is_good;
    } rows[] = {
        {"host=h dbname=d user=u", true},
        {"postgresql://u@h:5432/d", true},
        {"postgresql://h/d?application_name=a", true},
        {"host=h passfile=/x", true},
        {"host=h password=hunter2", false},
        {"host=h password = 'hunter2'", false},
        {"host=h sslpassword=hunter2", false},
        {"postgresql://u:hunter2@h/d", false},
        {"postgres://u:hunter2@h", false},
        {"postgresql://h/d?user=u&password=hunter2", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        AUTO_STRING yaml = xasprintf("kafka: {brokers: 'k:1'}\npostgres: {dsn: \"%s\"}\n", rows[i].dsn);
        struct config config;
        if (rows[i].is_good) {
            load_good(yaml, &config);
            assert_string_equal(config.postgres.dsn, rows[i].dsn);
            config_done(&config);
        } else {
            assert_refused(yaml,
                           ":2: postgres.dsn: must not hold a password: put it into a file and name that "
                           "in postgres.password_file");
        }
    }
}

static void a_declared_event_type_has_a_topic_of_its_own(void **state)
{
    static const struct {
        const char *members;
        const char *problem; /* NULL: it is good */
    } rows[] = {
        {"topic: a.v1", NULL},
        {"topic: a.v1, tenants: 't1, t2'", NULL},
        {"name: a.v1", ":2: kafka.event_topics[0]: unknown key name: known are topic and tenants"},
        {"topic: events",
         ": kafka.event_topics: \"events\" is the topic of event_processing.topic: name another"},
        {"tenants: t1", ":2: kafka.event_topics[0]: topic: no name for a topic: use letters, digits, '.', "
                        "'_' and '-', at most 245 of them"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        AUTO_STRING yaml = xasprintf("kafka:\n  event_topics: [{%s}]\n  brokers: 'k:1'\n", rows[i].members);
        struct config config;
        if (rows[i].problem != NULL) {
            assert_refused(yaml, rows[i].problem);
            continue;
        }
        load_good(yaml, &config);
        assert_int_equal(config.event_topics.count, 1);
        assert_string_equal(config.event_topics.items[0].topic, "a.v1");
        config_done(&config);
    }
}

static void addresses_urls_and_topics_are_looked_at(void **state)
{
    static const struct {
        const char *key;
        const char *value;
        bool is_good;
    } rows[] = {
        {"ingest.listen", "127.0.0.1:8080", true},
        {"ingest.listen", "127.0.0.1:0", true},
        {"ingest.listen", "[::1]:8080", true},
        {"admin.listen", "0.0.0.0:65535", true},
        {"ingest.listen", "unix:/run/x.sock", true},
        {"ingest.listen", "127.0.0.1", false},
        {"ingest.listen", "127.0.0.1:65536", false},
        {"ingest.listen", "127.0.0.1:", false},
        {"ingest.listen", "::1:8080", false},
        {"ingest.listen", "localhost:8080", false},
        {"ingest.listen", "unix:run/x.sock", false},
        {"ingest.listen", "", false},
        {"admin.listen", "", true},
        {"admin.listen", ":9100", false},
        {"clickhouse.url", "http://127.0.0.1:8123", true},
        {"clickhouse.url", "https://[::1]:8443", true},
        {"clickhouse.url", "127.0.0.1:8123", false},
        {"clickhouse.url", "http://", false},
        {"clickhouse.url", "http://h:8123/", false},
        {"clickhouse.url", "http://u:p@h:8123", false},
        {"clickhouse.url", "http://clickhouse", true},
        {"clickhouse.url", "http://click-house.example.org:65535", true},
        {"clickhouse.url", "http://h:0", false},
        {"clickhouse.url", "http://h:65536", false},
        {"clickhouse.url", "http://h:80a", false},
        {"clickhouse.url", "http://h:", false},
        {"clickhouse.url", "http://:8123", false},
        {"clickhouse.url", "http://h:1:2", false},
        {"clickhouse.url", "http://[::1", false},
        {"clickhouse.url", "http://::1]:8123", false},
        {"clickhouse.url", "http://[::1]8123", false},
        {"clickhouse.url", "http://[h]:8123", false},
        {"clickhouse.url", "http://h h:8123", false},
        {"ingest.query_url", "http://127.0.0.1:808l", false},
        {"webhook.topic", "my.topic_1-x", true},
        {"webhook.topic", "my topic", false},
        {"webhook.topic", "..", false},
        {"webhook.topic", "", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        AUTO_PATH path[64];
        AUTO_STRING yaml = xasprintf("kafka.brokers: k:1\n%s: \"%s\"\n", rows[i].key, rows[i].value);
        AUTO_STRING prefix = NULL;
        struct config config;
        struct err err = {.text = ""};
        write_file(path, yaml);
        prefix = xasprintf("%s:2: %s: ", path, rows[i].key);
        bool is_good = config_load(path, NULL, &config, &err);
        if (is_good)
            config_done(&config);
        else if (strncmp(err.text, prefix, strlen(prefix)) != 0)
            fail_msg("%s", err.text);
        if (is_good != rows[i].is_good)
            fail_msg("%s: \"%s\": %s", rows[i].key, rows[i].value, err.text);
    }
}

static void brokers_are_servers_with_ports(void **state)
{
    static const struct {
        const char *brokers;
        bool is_good;
    } rows[] = {
        {"k:9092", true},
        {"k1:9092,k2.example.org:9093, 10.0.0.1:9094", true},
        {"[::1]:9092", true},
        {"k", false},
        {"k:0", false},
        {"k:90920", false},
        {"k:9092,", false},
        {",k:9092", false},
        {"k:9092,,l:9092", false},
        {"k:9092;l:9092", false},
        {"k:9092 l:9092", false},
        {"http://k:9092", false},
        {"k 1:9092", false},
        {"::1:9092", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct err err = {.text = ""};
        if (config_check_brokers(rows[i].brokers, &err) != rows[i].is_good)
            fail_msg("\"%s\": %s", rows[i].brokers, err.text);
        if (!rows[i].is_good && strstr(err.text, "is not a broker: write host:port") == NULL)
            fail_msg("\"%s\": %s", rows[i].brokers, err.text);
    }
}

static void the_network_is_served_without_tls_only_when_told(void **state)
{
    struct config config;

    (void)state;
    assert_refused("kafka.brokers: k:1\ningest.listen: 0.0.0.0:8080\n",
                   ": ingest.listen: 0.0.0.0:8080 without TLS: whoever sees the network there reads keys and "
                   "events: set ingest.tls_certificate_file, or ingest.allow_plaintext if that is fine");
    assert_refused("kafka.brokers: k:1\ningest.tls_key_file: /k\n",
                   ": ingest.tls_key_file: needs ingest.tls_certificate_file too");
    assert_refused("kafka.brokers: k:1\ningest.tls_certificate_file: /c\n",
                   ": ingest.tls_certificate_file: needs ingest.tls_key_file too");
    load_good("kafka.brokers: k:1\ningest.listen: 0.0.0.0:8080\ningest.tls_certificate_file: /c\n"
              "ingest.tls_key_file: /k\n",
              &config);
    config_done(&config);
    load_good("kafka.brokers: k:1\ningest.listen: 0.0.0.0:8080\ningest.allow_plaintext: true\n", &config);
    config_done(&config);
    assert_refused(
        "kafka.brokers: k:1\nquery.listen: 0.0.0.0:8081\n",
        ": query.listen: 0.0.0.0:8081 without TLS: whoever sees the network there reads keys and "
        "events: it has none, so leave it on this machine, or set query.allow_plaintext if that is fine");
    load_good("kafka.brokers: k:1\nquery.listen: 0.0.0.0:8081\nquery.allow_plaintext: true\n", &config);
    config_done(&config);
}

static void listeners_need_addresses_of_their_own(void **state)
{
    static const struct {
        const char *ingest, *query, *admin;
        const char *problem; /* NULL: it is good */
    } rows[] = {
        {"127.0.0.1:8080", "127.0.0.1:8081", "127.0.0.1:9100", NULL},
        {"127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0", NULL},
        {"127.0.0.1:8080", "127.0.0.2:8080", "", NULL},
        {"unix:/run/a", "unix:/run/b", "", NULL},
        {"127.0.0.1:8080", "127.0.0.1:8080", "",
         ": query.listen: 127.0.0.1:8080 is taken by ingest.listen, 127.0.0.1:8080: give it an address of "
         "its "
         "own"},
        {"127.0.0.1:8080", "127.0.0.1:8081", "127.0.0.1:8080",
         ": admin.listen: 127.0.0.1:8080 is taken by ingest.listen, 127.0.0.1:8080: give it an address of "
         "its "
         "own"},
        {"127.0.0.1:8080", "127.0.0.1:8081", "0.0.0.0:8081",
         ": admin.listen: 0.0.0.0:8081 is taken by query.listen, 127.0.0.1:8081: give it an address of its "
         "own"},
        {"127.0.0.1:8080", "[::]:8080", "",
         ": query.listen: [::]:8080 is taken by ingest.listen, 127.0.0.1:8080: give it an address of its "
         "own"},
        {"unix:/run/a", "unix:/run/a", "",
         ": query.listen: unix:/run/a is taken by ingest.listen, unix:/run/a: give it an address of its own"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        AUTO_STRING yaml = xasprintf("kafka.brokers: k:1\ningest.listen: '%s'\nquery.listen: '%s'\n"
                                     "admin.listen: '%s'\nquery.allow_plaintext: true\n",
                                     rows[i].ingest, rows[i].query, rows[i].admin);
        if (rows[i].problem != NULL) {
            assert_refused(yaml, rows[i].problem);
            continue;
        }
        struct config config;
        load_good(yaml, &config);
        config_done(&config);
    }
}

static void limits_that_contradict_are_refused(void **state)
{
    static const struct {
        const char *yaml;
        const char *problem;
    } rows[] = {
        {"consumer_primary: {batch_max_bytes: 128MiB}\n",
         ": consumer_primary.batch_max_bytes: 134217728 is more than half of consumer_primary.held_max, "
         "33554432: "
         "lower "
         "it, or raise the other"},
        {"ingest: {body_max: 32MiB}\n",
         ": ingest.body_max: 33554432 is more than ingest.in_flight_max, 25165824: lower it, or raise the "
         "other"},
        {"ingest: {connections_max: 1999}\n",
         ": ingest.connections_per_address_max: 2000 is more than ingest.connections_max, 1999: lower it, or "
         "raise the other"},
        {"kafka.producer: {acks: 1}\n",
         ": kafka.producer.acks can't be set: a 202 means that all in-sync replicas have the event"},
        {"kafka.common: {no.such.property: 1}\n",
         ": kafka.common: librdkafka property no.such.property: No such configuration property: "
         "\"no.such.property\""},
        {"postgres: {dsn: 'nonsense=1'}\n",
         ":2: postgres.dsn: connection string of PostgreSQL: invalid connection option \"nonsense\""},
        {"webhook: {topic: events}\n",
         ": webhook.topic: \"events\" is the topic of event_processing.topic too: name another"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        AUTO_STRING yaml = xasprintf("kafka: {brokers: 'k:1'}\n%s", rows[i].yaml);
        assert_refused(yaml, rows[i].problem);
    }
}

static void the_first_of_many_problems_says_that_there_are_more(void **state)
{
    (void)state;
    assert_refused(
        "kafka: {brokers: 'k:1', partitons: 3}\nlog: {level: loud}\n",
        ":1: kafka.partitons: unknown key: is kafka.partitions meant? (and more: see --check-config)");
}

static void topics_keep_their_names_unless_configured(void **state)
{
    struct config config;

    (void)state;
    load_good("kafka.brokers: k:1\nevent_post_processing: {topic: priced}\n", &config);
    for (const struct topic *topic = topics; topic->name != NULL; topic++)
        assert_string_equal(config_topic(&config.topics, topic->name),
                            strcmp(topic->name, TOPIC_POST_PROCESSING) == 0 ? "priced" : topic->name);
    config_done(&config);
}

static void the_option_comes_before_the_environment(void **state)
{
    char *environment[] = {(char *)"MILLRACE_CONFIGURATION=/no", (char *)"MILLRACE_CONFIG=/b.yaml", NULL};

    (void)state;
    assert_string_equal(config_find_path("/a.yaml", environment), "/a.yaml");
    assert_string_equal(config_find_path(NULL, environment), "/b.yaml");
}

/* ---- the table and the committed sample ---- */

static void every_key_has_a_variable_of_its_own(void **state)
{
    (void)state;
    for (const struct setting *a = config_schema.table; a->key != NULL; a++) {
        for (const struct setting *b = a + 1; b->key != NULL; b++) {
            size_t i = 0;
            while (a->key[i] != '\0' &&
                   (a->key[i] == b->key[i] || (strchr("._", a->key[i]) && strchr("._", b->key[i]))))
                i++;
            if (a->key[i] == b->key[i])
                fail_msg("%s and %s", a->key, b->key);
        }
    }
}

static void every_key_is_explained_in_sentences(void **state)
{
    (void)state;
    for (const struct setting *row = config_schema.table; row->key != NULL; row++) {
        if (!isupper((unsigned char)row->help[0]) || row->help[strlen(row->help) - 1] != '.')
            fail_msg("%s: %s", row->key, row->help);
    }
}

static void the_sections_of_the_table_stand_together(void **state)
{
    AUTO_BUF sample = {0};
    struct config config;

    (void)state;
    settings_write_sample(&config_schema, &sample);
    load_good(buf_text(&sample), &config); /* a section twice would be refused */
    assert_string_equal(config.kafka.brokers, "127.0.0.1:9092");
    config_done(&config);
}

static void the_committed_sample_is_what_the_programs_print(void **state)
{
    AUTO_BUF expected = {0};
    AUTO_BUF committed = {0};
    struct err err = {.text = ""};

    (void)state;
    settings_write_sample(&config_schema, &expected);
    if (!settings_file_read("config/config.yaml", 1 << 20, &committed, &err))
        fail_msg("%s (tests run in the top folder)", err.text);
    assert_string_equal(buf_text(&committed), buf_text(&expected));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_brokers_are_required),
        cmocka_unit_test(log_levels_are_those_of_the_log),
        cmocka_unit_test(keys_of_the_configuration_are_read),
        cmocka_unit_test(a_bad_key_is_refused_without_being_shown),
        cmocka_unit_test(a_password_in_the_dsn_is_refused_and_sent_to_its_file),
        cmocka_unit_test(a_declared_event_type_has_a_topic_of_its_own),
        cmocka_unit_test(addresses_urls_and_topics_are_looked_at),
        cmocka_unit_test(brokers_are_servers_with_ports),
        cmocka_unit_test(the_network_is_served_without_tls_only_when_told),
        cmocka_unit_test(listeners_need_addresses_of_their_own),
        cmocka_unit_test(limits_that_contradict_are_refused),
        cmocka_unit_test(the_first_of_many_problems_says_that_there_are_more),
        cmocka_unit_test(topics_keep_their_names_unless_configured),
        cmocka_unit_test(the_option_comes_before_the_environment),
        cmocka_unit_test(every_key_has_a_variable_of_its_own),
        cmocka_unit_test(every_key_is_explained_in_sentences),
        cmocka_unit_test(the_sections_of_the_table_stand_together),
        cmocka_unit_test(the_committed_sample_is_what_the_programs_print),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
