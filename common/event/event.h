/*
 * event.h - a usage event: its parts, and the bounds that every event keeps. The same struct is what a
 * client sent, what Kafka carries and what a row is made of. Pure.
 */
#ifndef MILLRACE_EVENT_H
#define MILLRACE_EVENT_H

#include "common/base/slice.h"
#include "common/codec/digest.h"

#include <stdint.h>

enum {
    EVENT_NAME_MAX_BYTES = 256,
    EVENT_CUSTOMER_MAX_BYTES = 256, /* external_customer_id and customer_id */
    EVENT_ID_MAX_BYTES = 128,
    EVENT_SOURCE_MAX_BYTES = 256,
    EVENT_BRAND_MAX_BYTES = 256,
    EVENT_BULK_MAX = 1000,               /* events of one request */
    EVENT_TENANT_MAX_BYTES = 128,        /* tenant_id and environment_id */
    EVENT_RECORD_MAX_BYTES = 512 * 1024, /* the whole record in Kafka */
    EVENT_KEY_MAX_BYTES = 2 * EVENT_TENANT_MAX_BYTES + EVENT_CUSTOMER_MAX_BYTES + 2,
};

/* The last microsecond that ClickHouse's DateTime64 holds: 2299-12-31T23:59:59.999999Z. */
#define EVENT_TIME_MAX_US INT64_C(10413791999999999)

/* A top-level property whose digits JSON readers would change: kept as sent, for exact sums. */
struct event_exact {
    struct slice name;
    struct slice value;
};

struct event {
    struct slice id; /* printable ASCII, 1 to EVENT_ID_MAX_BYTES */
    struct slice tenant_id;
    struct slice environment_id;
    struct slice event_name;
    struct slice external_customer_id;
    struct slice customer_id; /* may be empty */
    struct slice source;      /* may be empty */
    struct slice properties;  /* a JSON object, the very bytes sent; never empty ("{}") */
    struct slice brand_id;    /* the two: only of a declared type (event_declared.h); may be empty */
    struct slice metadata;    /* a JSON object, the very bytes sent */
    int64_t timestamp_us;     /* wall clock, UTC */
    int64_t ingested_at_us;   /* when ingest took it */
    unsigned char
        content_hash[DIGEST_128_BYTES]; /* of what the client sent: tells a duplicate from a conflict */
    bool id_was_made;                   /* ingest made the id: it needs no check against resends */
    struct event_exact *exact;          /* only from event_record_read; in its arena */
    size_t exact_count;
};

/* Which timestamps are taken, from the configuration. */
struct event_time_bounds {
    uint64_t future_ms;
    uint64_t past_ms;
};

/* Whether the text can be a tenant's or an environment's id: 1 to EVENT_TENANT_MAX_BYTES bytes without ':'
 * (record keys join the ids with it), spaces and control characters. */
bool event_is_tenant_id(struct slice text);

/* The event's identity as one number: of (tenant, environment, external_customer_id, id). Stored in tables,
 * so it never changes; different events can have the same. */
uint64_t event_identity(const struct event *event);

/* Whether both are the same event, whatever their contents. */
bool event_is_same(const struct event *a, const struct event *b);

/* The record key: tenant_id:environment_id:external_customer_id, each within its bound (BUG). Gives its
 * length. */
size_t event_key_write(const struct event *event, char out[EVENT_KEY_MAX_BYTES]);

#endif
