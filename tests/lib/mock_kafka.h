/*
 * mock_kafka.h - librdkafka's mock cluster: real clients over real sockets, with brokers that fail on
 * request. Its limits (2.0.2): a topic that is asked for comes about by itself, with 4 partitions; a log
 * keeps its last 5 MiB, which is how records get lost here; retention and sequence numbers are not checked.
 *
 * Everything here blocks, up to 10 s, and fails the test when it has not worked by then.
 */
#ifndef MILLRACE_TESTS_MOCK_KAFKA_H
#define MILLRACE_TESTS_MOCK_KAFKA_H

#include "common/service/kafka_setup.h"

#include <librdkafka/rdkafka_mock.h>

/* The numbers of Kafka's protocol, for rd_kafka_mock_push_request_errors. */
enum mock_kafka_api {
    MOCK_KAFKA_PRODUCE = 0,
    MOCK_KAFKA_FETCH = 1,
    MOCK_KAFKA_LIST_OFFSETS = 2,
    MOCK_KAFKA_OFFSET_COMMIT = 8,
    MOCK_KAFKA_OFFSET_FETCH = 9,
    MOCK_KAFKA_HEARTBEAT = 12,
};

struct mock_kafka {
    rd_kafka_t *rk; /* the cluster's owner, and a producer for what tests need to be there */
    rd_kafka_mock_cluster_t *cluster;
    struct kafka_config config; /* for kafka_setup.h; a test may set the properties: keeps */
};

/* One broker, no topics. */
void mock_kafka_start(struct mock_kafka *mock);
void mock_kafka_stop(struct mock_kafka *mock);

/* For kafka_setup.h. Borrows the mock. */
struct kafka_client mock_kafka_client(const struct mock_kafka *mock, const char *instance);

/* A producer as the stages have it. */
rd_kafka_conf_t *mock_kafka_producer_conf(const struct mock_kafka *mock);

void mock_kafka_topic(struct mock_kafka *mock, const char *topic, int partition_count);

/* Whether the topic is there, as far as those who ask for it are told. */
void mock_kafka_set_missing(struct mock_kafka *mock, const char *topic, bool is_missing);

/* The next `count` requests of the kind fail. Metadata requests can't. */
void mock_kafka_fail(struct mock_kafka *mock, enum mock_kafka_api api, rd_kafka_resp_err_t code, int count);

/* The next request of the kind is done at once and answered late. */
void mock_kafka_delay_next(struct mock_kafka *mock, enum mock_kafka_api api, int delay_ms);

/* How long requests of all kinds take; 0 again: at once. */
void mock_kafka_delay(struct mock_kafka *mock, int delay_ms);

/* Appends a record, as it is. headers: takes; NULL: none. */
void mock_kafka_write(struct mock_kafka *mock, const char *topic, int32_t partition, struct slice key,
                      struct slice value, rd_kafka_headers_t *headers);

/* Appends `count` records with key "k" and the values "<partition>:<offset>", first offset `first`. */
void mock_kafka_fill(struct mock_kafka *mock, const char *topic, int32_t partition, int64_t first, int count);

/* Writes until the first records are gone; gives the first offset that is left, 3 or more. */
int64_t mock_kafka_lose_old(struct mock_kafka *mock, const char *topic, int32_t partition);

/* The end of the partition's log. */
int64_t mock_kafka_end(struct mock_kafka *mock, const char *topic, int32_t partition);

/* All records of a partition, as an outsider sees them. */
struct mock_records {
    rd_kafka_message_t **messages; /* owned; a test that takes one writes NULL in its place */
    size_t count;
    rd_kafka_t *rk; /* owned: whom they belong to, so taken ones must be gone before mock_records_done */
};

#define AUTO_RECORDS __attribute__((cleanup(mock_records_done))) struct mock_records

struct mock_records mock_kafka_read(struct mock_kafka *mock, const char *topic, int32_t partition);
void mock_records_done(struct mock_records *records);

/* The record's value and header as slices; data NULL: none. Borrow. */
struct slice mock_record_value(const rd_kafka_message_t *message);
struct slice mock_record_header(const rd_kafka_message_t *message, const char *name);

#endif
