/*
 * submit.h - POST /v1/events: a request becomes a record, the record's fate the answer. Loop thread only.
 */
#ifndef MILLRACE_SUBMIT_H
#define MILLRACE_SUBMIT_H

#include "common/base/err.h"
#include "common/event/event.h"

#include <stdint.h>

struct api;
struct http_request;
struct metrics;
struct publish;
struct submit;

struct submit_settings {
    struct api *api; /* the three: keeps */
    struct publish *publish;
    struct metrics *metrics;
    struct event_time_bounds bounds;
    uint64_t in_flight_max_bytes; /* of bodies and records that wait for Kafka; above it 503 */
};

struct submit *submit_new(const struct submit_settings *settings);

/* After publish_stop: everything is answered then. */
void submit_free(struct submit **submit);

/* Answers the request, now or when the event's fate is known. */
void submit_event(struct submit *submit, struct http_request *request);

uint64_t submit_in_flight_bytes(const struct submit *submit);

#endif
