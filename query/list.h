/*
 * list.h - GET /v1/events and POST /v1/events/query: a page of events, and how many there are, asked for side
 * by side.
 */
#ifndef MILLRACE_LIST_H
#define MILLRACE_LIST_H

struct http_request;
struct reads;

/* What the client asks for stands in the query string of a GET, and in the body of a POST. */
void list_events(struct reads *reads, struct http_request *request);

#endif
