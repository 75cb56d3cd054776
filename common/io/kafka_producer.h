/*
 * kafka_producer.h - records to Kafka, each with exactly one report. A record counts as written only when
 * its report says so; sending says nothing. Loop thread only; nothing blocks.
 */
#ifndef MILLRACE_KAFKA_PRODUCER_H
#define MILLRACE_KAFKA_PRODUCER_H

#include "common/base/err.h"
#include "common/base/slice.h"

#include <librdkafka/rdkafka.h>
#include <stdint.h>

struct loop;
struct kafka_producer;
struct kafka_delivery;

enum { KAFKA_PARTITION_BY_KEY = -1, KAFKA_HEADERS_MAX = 4 };

struct kafka_report {
    bool is_written;          /* acknowledged by all in-sync replicas */
    bool may_be_written;      /* it is, or nobody knows */
    rd_kafka_resp_err_t code; /* when not written */
    int32_t partition;
    int64_t offset;         /* when written; -1 when the broker did not say */
    uint32_t round_trip_us; /* from sending to the report, our own queue included */
};

/* Embedded in what waits for the report; it and the record's value must stay until on_report. */
struct kafka_delivery {
    void (*on_report)(struct kafka_delivery *delivery, const struct kafka_report *report);
};

struct kafka_header {
    const char *name;
    struct slice value;
};

struct kafka_record {
    const char *topic;
    int32_t partition;                  /* or KAFKA_PARTITION_BY_KEY */
    struct slice key;                   /* copied; data NULL: no key */
    struct slice value;                 /* keeps until the report */
    const struct kafka_header *headers; /* copied */
    size_t header_count;
    rd_kafka_headers_t *all_headers; /* instead of `headers`; takes when KAFKA_SENT; NULL: none */
};

/* conf: takes; delivery reports are set here. ERR_FATAL when librdkafka refuses the configuration. */
bool kafka_producer_start(struct loop *loop, rd_kafka_conf_t *conf, struct kafka_producer **out_producer,
                          struct err *err);

enum kafka_sending {
    KAFKA_SENT,       /* on its way: the report will come */
    KAFKA_QUEUE_FULL, /* no report will come: wait for reports of others, then try again */
    KAFKA_REFUSED,    /* no report will come; see err */
};

enum kafka_sending kafka_producer_send(struct kafka_producer *producer, const struct kafka_record *record,
                                       struct kafka_delivery *delivery, struct err *err);

/* Records sent and not reported. */
uint32_t kafka_producer_outstanding(const struct kafka_producer *producer);

/* Called after each round of reports: room may be there again. */
void kafka_producer_on_room(struct kafka_producer *producer, void (*on_room)(void *owner), void *owner);

/* Non-zero once idempotence is lost for good: every report that is still out will come, then the process
 * must end. */
rd_kafka_resp_err_t kafka_producer_fatal(const struct kafka_producer *producer);

/* Why a broker was last not spoken to, when TLS or the login was the reason: "SSL handshake failed: ..."; ""
 * when it was another, or a record has been written since. */
const char *kafka_producer_refusal(const struct kafka_producer *producer);

/* The handle, for requests that go beside producing (topic watch). */
rd_kafka_t *kafka_producer_handle(struct kafka_producer *producer);

/* Gives up what is not reported: calls on_report for each, as maybe written or not, and ends. Waits for
 * librdkafka's threads, a second at most. */
void kafka_producer_stop(struct kafka_producer **producer);

#endif
