/*
 * event_json.h - an event as the value of a record in Kafka. Pure.
 */
#ifndef MILLRACE_EVENT_JSON_H
#define MILLRACE_EVENT_JSON_H

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/codec/json_read.h"
#include "common/event/event.h"

/* What events are read with. The caller fills it in and may use one for any number of events. */
struct event_reader {
    struct json_reader *json; /* keeps */
    struct arena *arena;      /* keeps: takes what can't be borrowed from the input */
};

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
