/*
 * event_dialect.h - the ways in which a client may write an event: what the members are called, which must
 * be there, and what else holds.
 *
 *             id        name        customer              source   timestamp       properties
 *   own       event_id  event_name  external_customer_id  source   timestamp       properties
 *   cloud     id        type        subject               source   time            data
 *   declared  eventId   eventType   userId                         eventTimestamp  payload    (brandId,
 * metadata)
 *
 * For the files of common/event only. Pure.
 */
#ifndef MILLRACE_EVENT_DIALECT_H
#define MILLRACE_EVENT_DIALECT_H

#include "common/event/event_fields.h"

struct event_dialect {
    struct slice names[EVENT_MEMBER_COUNT]; /* text constants; empty: no such member */
    unsigned required;                      /* EVENT_MEMBER_BITs */
    /* What the table does not say; may be NULL. Absent members have been forgotten. */
    bool (*check)(const struct event_members *members, struct event_problem *out_problem);
};

/* The API's own, as FlexPrice's. */
extern const struct event_dialect event_dialect_own;

/* CloudEvents 1.0 in its JSON format (https://github.com/cloudevents/spec): data must be an object. Extension
 * attributes are ignored. */
extern const struct event_dialect event_dialect_cloud;

/* The envelope of declared event types (event_declared.h). */
extern const struct event_dialect event_dialect_declared;

#endif
