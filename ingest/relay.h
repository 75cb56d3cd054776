/*
 * relay.h - reads handed on to the program that serves them, so that one base URL does. Path, query string,
 * body, key and request id go there; status, content type, body and Retry-After come back. Loop thread only.
 */
#ifndef MILLRACE_RELAY_H
#define MILLRACE_RELAY_H

#include "common/base/buf.h"

#include <stdint.h>

struct api;
struct http_request;
struct loop;
struct relay;

struct relay_settings {
    struct loop *loop; /* the three: keeps */
    struct api *api;
    const char *query_url; /* "http://host:port" */
    uint32_t timeout_ms;   /* for the whole answer */
};

struct relay *relay_new(const struct relay_settings *settings);

/* Refuses what is still open. Before api_stop. */
void relay_free(struct relay **relay);

/* For the head of a read: declines it when its key may not read. */
void relay_admit(struct relay *relay, struct http_request *request);

/* Answers the GET, HEAD or POST request (with JSON) with what comes back; 503 naming millrace-query when
 * nothing does. */
void relay_read(struct relay *relay, struct http_request *request);

/* Appends base, path, and, unless it is empty, '?' and query with '#' and bytes outside ASCII escaped. */
void relay_write_url(struct buf *out, const char *base, struct slice path, struct slice query);

#endif
