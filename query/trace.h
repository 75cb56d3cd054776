/*
 * trace.h - what is known of the events under one id: rows of ClickHouse and the positions of the stages
 * become the steps that each event has passed. Pure.
 *
 *     {"id":"e1","events":[{
 *       "external_customer_id":"acme",
 *       "status":"forwarded",              how far it is: stored, forwarded, dead_letter, or, when only
 * copies of an event are known that has left the table, duplicate or conflict
 *       "event_name":"api.call","timestamp":"2026-11-24T15:00:00Z",                  the three: once stored
 *       "steps":[
 *         {"step":"received","done":true,"at":"..."},
 *         {"step":"in_kafka","done":true,"topic":"events","epoch":1,"partition":3,"offset":17},
 *         {"step":"stored","done":true,"at":"..."},
 *         {"step":"forwarded","done":false,"topic":"events_post_processing","reason":"..."}],
 *       "outcomes":[                       of its records that are no rows, the earliest first
 *         {"outcome":"duplicate","reason":"...","stage":"consumer-primary","at":"...",
 *          "topic":"events","epoch":1,"partition":3,"offset":21,
 *          "first":{"epoch":1,"partition":3,"offset":17}}]}]}
 *
 * One element for each customer that has the id. `done` is null where nobody knows, with the reason; `at` is
 * left out where it is not known; "first" is left out of dead letters. "has_more":true behind events: more
 * rows have the id than are shown.
 */
#ifndef MILLRACE_TRACE_H
#define MILLRACE_TRACE_H

#include "query/parameters.h"
#include "query/question.h"

enum { TRACE_ROWS_MAX = 100 }; /* of each kind */

struct trace_request {
    struct slice id;
    struct slice external_customer_id; /* empty: any */
};

bool trace_request_read(struct slice query, struct arena *arena, struct trace_request *out_request,
                        struct parameter_problem *out_problem);

/* The two questions. question: nothing but its arena. */
void trace_ask_events(const struct question_scope *scope, const struct trace_request *request,
                      struct question *question);
void trace_ask_outcomes(const struct question_scope *scope, const struct trace_request *request,
                        struct question *question);

struct trace_place {
    uint32_t epoch, partition;
    uint64_t offset;
};

/* A row of `events`. Texts borrow from the answer. */
struct trace_event {
    struct slice external_customer_id, event_name;
    int64_t timestamp_us, ingested_us, stored_us; /* stored_us 0: not known */
    struct trace_place place;
};

/* A row of `event_outcomes`. */
struct trace_outcome {
    struct slice external_customer_id, stage, outcome, reason, topic;
    int64_t decided_us;
    struct trace_place place, first;
};

struct trace {
    struct trace_event *events;
    struct trace_outcome *outcomes;
    size_t event_count, outcome_count;
    bool has_more;
};

/* The answers, sorted by customer. False when the bytes are not such rows. */
bool trace_read_events(struct slice rows, struct arena *arena, struct trace *trace);
bool trace_read_outcomes(struct slice rows, struct arena *arena, struct trace *trace);

/* Whether a stored record was forwarded. */
enum trace_forwarded { TRACE_NOT_FORWARDED, TRACE_FORWARDED, TRACE_UNKNOWN };

struct trace_topics {
    const char *events, *post_processing; /* keeps */
    /* Asked for each stored event; out_reason (lasts as long as the owner) unless it was forwarded. */
    enum trace_forwarded (*was_forwarded)(void *owner, const struct trace_place *place,
                                          const char **out_reason);
    void *owner;
};

/* trace: not empty. */
void trace_write(struct buf *out, const struct trace_request *request, const struct trace *trace,
                 const struct trace_topics *topics);

#endif
