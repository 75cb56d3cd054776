/*
 * event_members.h - the members of one event object, picked out of a stream of JSON tokens: the object
 * may be the whole document or an element of an array in it. Values are not judged here. Pure.
 */
#ifndef MILLRACE_EVENT_MEMBERS_H
#define MILLRACE_EVENT_MEMBERS_H

#include "common/base/arena.h"
#include "common/codec/json_read.h"
#include "common/event/event_exact.h"

/* In the order in which records are written. */
enum event_member {
    EVENT_MEMBER_VERSION,
    EVENT_MEMBER_ID,
    EVENT_MEMBER_TENANT_ID,
    EVENT_MEMBER_ENVIRONMENT_ID,
    EVENT_MEMBER_EVENT_NAME,
    EVENT_MEMBER_EXTERNAL_CUSTOMER_ID,
    EVENT_MEMBER_CUSTOMER_ID,
    EVENT_MEMBER_SOURCE,
    EVENT_MEMBER_TIMESTAMP,
    EVENT_MEMBER_INGESTED_AT,
    EVENT_MEMBER_CONTENT_HASH,
    EVENT_MEMBER_MADE,
    EVENT_MEMBER_BRAND_ID,
    EVENT_MEMBER_DATA_TYPE,
    EVENT_MEMBER_DATA_BASE64,
    EVENT_MEMBER_METADATA,
    EVENT_MEMBER_PROPERTIES,
    EVENT_MEMBER_COUNT, /* as a member: one that is not known */
};

struct event_value {
    bool is_present;
    enum json_kind kind; /* when present; *_BEGIN for containers */
    struct slice text;   /* of a scalar, see json_read.h; of an object or array its bytes in the document.
                            Borrows from document and arena */
};

struct event_members {
    const struct slice *names; /* by enum event_member; empty where there is no such member. Keeps */
    struct slice document;
    struct arena *arena; /* keeps */
    uint32_t depth;      /* of the object's BEGIN */
    bool wants_exact;    /* fill in `exact` too */
    bool is_object;      /* false: something else stands where the object should */
    enum event_member current;
    size_t current_begin;
    struct event_value values[EVENT_MEMBER_COUNT];
    struct event_exact_list exact;
};

/* Makes it ready for an object at `depth` of the document. */
void event_members_init(struct event_members *members, const struct slice *names, struct slice document,
                        struct arena *arena, uint32_t depth);

/* The next token of the object, its own BEGIN and END included. */
void event_members_take(struct event_members *members, const struct json_token *token);

#endif
