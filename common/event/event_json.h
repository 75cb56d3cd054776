/*
 * event_json.h - events from and to JSON: what clients send, and the value of a record in Kafka.
 * Pure but for the random bits of made ids; the clock is passed in.
 */
#ifndef MILLRACE_EVENT_JSON_H
#define MILLRACE_EVENT_JSON_H

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/codec/json_read.h"
#include "common/event/event.h"

enum { EVENT_PROBLEM_FIELD_BYTES = 64, EVENT_PROBLEM_TEXT_BYTES = 256 };

/* What events are read with. The caller fills it in and may use one for any number of events. */
struct event_reader {
    struct json_reader *json; /* keeps */
    struct arena *arena;      /* keeps: takes what can't be borrowed from the input */
};

/* Why a request is refused, for the client: the field ("" when it is the document as a whole) and a text
 * that says the rule and goes on from the field's name, such as "is longer than 256 bytes". */
struct event_problem {
    char field[EVENT_PROBLEM_FIELD_BYTES];
    char text[EVENT_PROBLEM_TEXT_BYTES];
    bool is_forbidden; /* another tenant or environment is named: HTTP 403 instead of 400 */
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
 * differs from the origin's is refused.
 * Slices of out_event borrow from `body`, the origin and the reader's arena. False fills out_problem. */
bool event_request_read(const struct event_reader *reader, struct slice body,
                        const struct event_origin *origin, struct event *out_event,
                        struct event_problem *out_problem);

/* Appends the record's value: {"v":1,"id":...,"properties":{...}}. Properties go in byte for byte, as the
 * last member. */
void event_record_write(struct buf *out, const struct event *event);

/* The value of a record back as an event, `exact` included; slices borrow from `value` and the reader's
 * arena. ERR_REJECT when it is not what event_record_write writes or breaks a bound of event.h: then it
 * belongs to the dead letters. Members may stand in any order, unknown ones are ignored, a format version
 * above 1 is refused. */
bool event_record_read(const struct event_reader *reader, struct slice value, struct event *out_event,
                       struct err *err);

#endif
