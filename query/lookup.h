/*
 * lookup.h - GET /v1/events/lookup?id=: where is this event? trace.h says what is answered. An optional
 * external_customer_id makes it fast; without, all events of the tenant are looked through. 404 when nothing
 * is known of the id.
 */
#ifndef MILLRACE_LOOKUP_H
#define MILLRACE_LOOKUP_H

struct http_request;
struct lags;
struct reads;

/* lags: keeps. */
void lookup_answer(struct reads *reads, struct lags *lags, struct http_request *request);

#endif
