/*
 * submit.h - requests with events: each becomes records, their fate the answer. A single event and a
 * thousand go the same way. Loop thread only.
 */
#ifndef MILLRACE_SUBMIT_H
#define MILLRACE_SUBMIT_H

#include "common/event/event_request.h"
#include "ingest/quota.h"

#include <stdint.h>

struct api;
struct destination;
struct http_request;
struct key_identity;
struct loop;
struct metrics;
struct submit;

struct submit_settings {
    struct loop *loop; /* the three: keeps */
    struct api *api;
    struct metrics *metrics;
    struct event_time_bounds bounds;
    struct quota_limits limits; /* in flight are bodies, records and what waits for their fate */
};

struct submit *submit_new(const struct submit_settings *settings);

/* After publish_stop: everything is answered then. */
void submit_free(struct submit **submit);

/* What kind of request it is. */
struct submit_kind {
    enum event_form form;
    const struct destination *destination; /* keeps; NULL: the topic that it names is no event type, 404 */
};

/* For the head of a request with events: declines it when its key may not send any, or not now. */
void submit_admit(struct submit *submit, struct http_request *request);

/* Bytes of the key that were decoded for nothing count for it like others. */
void submit_charge_wasted(struct submit *submit, const struct key_identity *identity, uint64_t bytes);

/* Answers the request, now or when the fate of its events is known: 202 when all of them are durable. Nothing
 * is sent to Kafka while one of them is bad, unless the client prefers handling=lenient. */
void submit_request(struct submit *submit, struct http_request *request, const struct submit_kind *kind);

uint64_t submit_in_flight_bytes(const struct submit *submit);

#endif
