/*
 * answers.h - what a client that posted an event is told. Pure.
 */
#ifndef MILLRACE_ANSWERS_H
#define MILLRACE_ANSWERS_H

#include "common/event/event_json.h"
#include "common/io/http_error.h"
#include "ingest/publish.h"

/* An error and the text that it borrows. */
struct answer_refusal {
    struct http_error error;
    char message[640];
};

/* Appends {"message":"Event accepted for processing","event_id":...}. */
void answer_write_accepted(struct buf *out, struct slice event_id);

/* A request that is no event: 400, or 403 where it names another tenant. Borrows problem. */
void answer_problem(const struct event_problem *problem, struct answer_refusal *out_refusal);

/* A record of record_bytes, more than EVENT_RECORD_MAX_BYTES: 413. */
void answer_too_large(size_t record_bytes, struct answer_refusal *out_refusal);

/* in_flight_max_bytes are waiting for Kafka: 503. */
void answer_full(uint64_t in_flight_max_bytes, struct answer_refusal *out_refusal);

/* An event that is not durable: 413 or 400 when it is at fault itself, else 503. event_id, to send it again
 * under: borrows. */
void answer_not_durable(const struct publish_result *result, const char *event_id,
                        struct answer_refusal *out_refusal);

#endif
