/*
 * envelope.h - the one compact header that a record of ours carries on the hot topics (headers cost
 * librdkafka 0.4 us each). Text, so that any Kafka tool shows it. Pure.
 *
 *   events                    millrace: "1;r=<request id>;t=<traceparent>"     (t only when sent)
 *   events_post_processing    millrace: "1;e=<epoch>;o=<offset>;p=<prev>"
 *
 * The number in front is the format's version.
 */
#ifndef MILLRACE_ENVELOPE_H
#define MILLRACE_ENVELOPE_H

#include "common/base/slice.h"

#include <stdint.h>

#define ENVELOPE_HEADER "millrace"

enum { ENVELOPE_MAX_BYTES = 256 };

/* Behind what a forwarded record stands: a receiver takes it if offset > seen and previous <= seen. */
struct envelope_forward {
    uint32_t epoch;   /* of the source topic */
    int64_t offset;   /* in the source partition, whose number is the forwarded partition's */
    int64_t previous; /* source offset forwarded before it; -1: none in this epoch */
};

/* Give the length. request_id and traceparent: sane header values (http_server checks), cut at 64 bytes. */
size_t envelope_ingest_write(struct slice request_id, struct slice traceparent, char out[ENVELOPE_MAX_BYTES]);
size_t envelope_forward_write(const struct envelope_forward *forward, char out[ENVELOPE_MAX_BYTES]);

/* False when the text is not version 1 or not whole. */
bool envelope_forward_read(struct slice text, struct envelope_forward *out_forward);

#endif
