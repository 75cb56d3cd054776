/*
 * event_json.h - events from and to JSON: what clients send, and the value of a record in Kafka.
 * Pure; the clock is passed in.
 */
#ifndef MILLRACE_EVENT_JSON_H
#define MILLRACE_EVENT_JSON_H

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/event/event.h"

enum { EVENT_PROBLEM_FIELD_BYTES = 64, EVENT_PROBLEM_TEXT_BYTES = 256 };

/* Why a request is refused, for the client: the field ("" when it is the document as a whole) and a text
 * that says the rule, such as "must be RFC 3339 with a zone, like 2026-11-21T00:00:00Z". */
struct event_problem {
    char field[EVENT_PROBLEM_FIELD_BYTES];
    char text[EVENT_PROBLEM_TEXT_BYTES];
};

/* Whose request, when, and which times are allowed. */
struct event_origin {
    struct slice tenant_id;
    struct slice environment_id;
    int64_t now_us;
    struct event_time_bounds bounds;
};

/* One event as POST /v1/events takes it. Missing event_id: "event_" and a ULID; missing timestamp: now. A
 * null or "" optional field is absent; unknown fields are ignored, but a tenant_id or environment_id that
 * differs from the origin's is refused with HTTP 403 in mind: out_is_forbidden.
 * Slices of out_event borrow from `body` and `arena`. False fills out_problem. */
bool event_request_read(struct slice body, const struct event_origin *origin, struct arena *arena,
                        struct event *out_event, struct event_problem *out_problem, bool *out_is_forbidden);

/* Appends the record's value: {"v":1,"id":...,"properties":{...}}. Properties go in byte for byte. */
void event_record_write(struct buf *out, const struct event *event);

/* The value of a record back as an event, `exact` included; slices borrow from `value` and `arena`.
 * ERR_REJECT when it is not what event_record_write writes or breaks a bound of event.h: then it belongs
 * to the dead letters. Unknown members are ignored, a format version above 1 is refused. */
bool event_record_read(struct slice value, struct arena *arena, struct event *out_event, struct err *err);

#endif
