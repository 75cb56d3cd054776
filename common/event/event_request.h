/*
 * event_request.h - what clients send: one event or a list of them, in any of the forms that the API takes.
 * A document is read in one pass; each event is judged and handed on as soon as it has been read. Pure but
 * for the random bits of made ids; the clock is passed in.
 */
#ifndef MILLRACE_EVENT_REQUEST_H
#define MILLRACE_EVENT_REQUEST_H

#include "common/event/event_json.h"
#include "common/event/event_problem.h"

enum event_form {
    EVENT_FORM_ONE,        /* {"event_name":...} */
    EVENT_FORM_BULK,       /* {"events":[1 to EVENT_BULK_MAX of them]} */
    EVENT_FORM_CLOUD,      /* one CloudEvent */
    EVENT_FORM_CLOUD_BULK, /* [1 to EVENT_BULK_MAX CloudEvents] */
    EVENT_FORM_DECLARED,   /* the envelope of a declared event type */
};

/* Whether the form is a list of events. */
bool event_form_is_bulk(enum event_form form);

/* What the id of an event is called, such as "event_id". */
const char *event_form_id_name(enum event_form form);

enum { EVENT_ID_STEM_BYTES = 40 }; /* with NUL */

/* Whose request, when, and what is filled in. */
struct event_origin {
    struct slice tenant_id;
    struct slice environment_id;
    int64_t now_us;
    struct event_time_bounds bounds;
    struct slice id_stem;    /* of event_id_stem: ids that are missing are it and the event's index; empty:
                                "event_" and a ULID */
    struct slice event_name; /* where none is sent and none is required: the topic of a declared type */
};

/* Writes the stem of the ids of a request with an Idempotency-Key: the same for the same three texts. Those
 * ids do not count as made here (event.id_was_made): the same request may come again. */
void event_id_stem(struct slice tenant_id, struct slice environment_id, struct slice idempotency_key,
                   char out[EVENT_ID_STEM_BYTES]);

/* Where the events of a request go, in order, each with its index in the request. */
struct event_sink {
    /* Slices of the event borrow from body, origin and the reader's arena, which the next event resets. */
    void (*on_event)(void *owner, uint32_t index, const struct event *event);
    void (*on_problem)(void *owner, uint32_t index, const struct event_problem *problem);
    void *owner;
};

/* Reads the body. What is missing is filled in: id, timestamp (now), properties ({}). A null or "" optional
 * member is absent; unknown ones are ignored, but a tenant_id or environment_id that differs from the
 * origin's is a problem of that event.
 * False when the document as a whole can't be taken: what the sink was given before is void then. The
 * reader's arena is used and reset. */
bool event_request_read(const struct event_reader *reader, struct slice body, enum event_form form,
                        const struct event_origin *origin, const struct event_sink *sink,
                        struct event_problem *out_problem);

#endif
