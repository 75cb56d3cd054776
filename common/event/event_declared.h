/*
 * event_declared.h - an event of a declared type as the value of a record in its own topic:
 *
 *     {"v":1,"eventId":"...","eventType":"...","eventTimestamp":"...","brandId":"...","userId":"...",
 *      "tenantId":"...","environmentId":"...","ingestedAt":"...","metadata":{...},"payload":{...}}
 *
 * What a client sent, and v, tenantId, environmentId and ingestedAt; what it left out is filled in or empty.
 * Metadata and payload are the very bytes sent. The record's key is userId. Pure.
 */
#ifndef MILLRACE_EVENT_DECLARED_H
#define MILLRACE_EVENT_DECLARED_H

#include "common/base/buf.h"
#include "common/event/event.h"

/* Appends the value. */
void event_declared_write(struct buf *out, const struct event *event);

#endif
