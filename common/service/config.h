/*
 * config.h - what config.yaml holds. One file serves all programs; each part is handed only its own
 * section. The table that fills it, with keys, ranges, defaults and help, is in config.c.
 */
#ifndef MILLRACE_CONFIG_H
#define MILLRACE_CONFIG_H

#include "common/service/event_topics.h"
#include "common/service/settings.h"

/* The names of the topics; topics.h has the defaults and who reads and writes them. All differ. */
struct topics_config {
    char *events;
    char *post_processing;
    char *post_processing_backfill;
    char *feature_backfill;
    char *system_events;
};

struct kafka_config {
    char *brokers;                                         /* "host:port,host:port" */
    struct settings_properties common, producer, consumer; /* passed through to librdkafka */
    uint64_t replication;                                  /* 0: min(3, brokers) */
    uint64_t partitions;                                   /* of topics that `millrace topics init` makes */
    uint64_t retention_ms;
    uint64_t dead_letter_retention_ms;
};

struct clickhouse_config {
    char *url;
    char *ca_file; /* "": what the system trusts */
    char *user;
    struct settings_secret password;
    char *database;
    uint64_t connect_timeout_ms;
    uint64_t query_timeout_ms; /* reads */
    uint64_t insert_timeout_ms;
};

struct postgres_config {
    char *dsn; /* without password; "": no PostgreSQL */
    struct settings_secret password;
    uint64_t connect_timeout_ms;
    uint64_t statement_timeout_ms;
};

/* A key from the configuration: the first one, before PostgreSQL has any. */
struct auth_key_config {
    char *hash; /* 64 lower-case hex digits: SHA-256 of the key */
    char *tenant_id;
    char *environment_id;
    char *name;
};

struct auth_config {
    struct auth_key_config *keys;
    size_t key_count;
    uint64_t keys_max;         /* of PostgreSQL */
    uint64_t cache_max_age_ms; /* so long keys are used while PostgreSQL is away */
};

/* The rules that an event has to keep, the same in ingest and in every stage. */
struct events_config {
    uint64_t future_ms; /* a timestamp may be this far ahead of the clock (1 h) */
    uint64_t past_ms;   /* and this old (400 d) */
};

struct ingest_config {
    char *listen;
    bool reuse_port;
    bool allow_plaintext;
    char *tls_certificate_file; /* "": plain HTTP, and the next is "" too */
    char *tls_key_file;
    int tls_minimum_version; /* enum tls_version */
    char *query_url;         /* "http://host:port", without a slash at the end */
    uint64_t body_max_bytes;
    uint64_t in_flight_max_bytes;
    uint64_t key_events_per_s; /* of each API key and process */
    uint64_t key_bytes_per_s;
    uint64_t key_burst_ms;
    uint64_t connections_max;
    uint64_t connections_per_address_max;
    uint64_t message_timeout_ms;
};

struct query_config {
    char *listen;
    bool allow_plaintext;
    uint64_t rows_read_max;
    uint64_t memory_max_bytes;
};

/* The batch stage (consumer-primary now; the later stages have sections of the same shape). */
struct batch_config {
    uint64_t flush_interval_ms;
    uint64_t batch_max_records;
    uint64_t batch_max_bytes;
    uint64_t held_max_bytes; /* records in memory between Kafka and the last acknowledgement, whole worker */
};

struct admin_config {
    char *listen; /* "": none */
};

struct log_config {
    int level; /* enum log_level */
};

struct config {
    char *instance; /* "1" unless --instance says otherwise */
    char *state_dir;
    uint64_t drain_timeout_ms;
    struct admin_config admin;
    struct log_config log;
    struct kafka_config kafka;
    struct topics_config topics;
    struct event_topics_config event_topics;
    struct clickhouse_config clickhouse;
    struct postgres_config postgres;
    struct auth_config auth;
    struct events_config events;
    struct ingest_config ingest;
    struct query_config query;
    struct batch_config consumer_primary;
};

extern const struct settings_schema config_schema;

/* Where the file is: `option` (of --config) unless NULL, else MILLRACE_CONFIG of the environment, else
 * /etc/millrace/config.yaml when there is one, else NULL. Borrows. */
const char *config_find_path(const char *option, char *const *environment);

/* Reads the file (NULL: none) and the environment, and checks what several keys share. False with ERR_FATAL
 * and the first problem. */
bool config_load(const char *path, char *const *environment, struct config *out_config, struct err *err);

/* The same, appending every problem found to `problems`, a line each. True: none, and out_config is filled
 * as by config_load. */
bool config_load_all(const char *path, char *const *environment, struct config *out_config,
                     struct buf *problems);

void config_done(struct config *config);

/* The configured name of a topic of topics.h, found by its default name (BUG for another). Borrows from the
 * configuration. */
const char *config_topic(const struct topics_config *names, const char *default_name);

#endif
