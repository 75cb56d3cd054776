/*
 * http_request.h - what a request is made of, for the files of the HTTP server only. A request belongs to
 * its connection until it is handed to a handler; from then on it lives until it is answered, and, while
 * its connection lives, until the answer has been sent.
 */
#ifndef MILLRACE_HTTP_REQUEST_H
#define MILLRACE_HTTP_REQUEST_H

#include "common/io/http_message.h"
#include "common/io/http_server.h"

#include <netinet/in.h>
#include <sys/queue.h>

struct http_connection;
struct http_pool;

enum { HTTP_REQUEST_ID_BYTES = 65 };

struct http_request {
    struct http_message message;
    enum http_method method;            /* when has_method */
    struct http_pool *pool;             /* NULL: the server is gone */
    struct http_connection *connection; /* NULL: the client is gone */
    STAILQ_ENTRY(http_request) line;    /* of its connection, in the order of arrival */
    LIST_ENTRY(http_request) open;      /* of the pool, while is_open */
    struct buf headers;                 /* of the answer: finished lines */
    struct buf answer;                  /* head and body */
    size_t sent_bytes;                  /* of answer */
    size_t held_bytes;                  /* of the message, counted in the pool */
    size_t unsent_bytes;                /* of the answer, counted in pool and connection */
    void *user;
    http_handler *handler;
    void *context;        /* for it */
    struct slice segment; /* of the path, for the route's {name} */
    uint32_t media_type;  /* index into the route's */
    bool has_method;
    bool is_open; /* handed to a handler and not answered */
    bool is_answered;
    char id[HTTP_REQUEST_ID_BYTES];
    char peer[INET6_ADDRSTRLEN];
};

STAILQ_HEAD(http_request_line, http_request);
LIST_HEAD(http_request_list, http_request);

/* peer: copied. */
struct http_request *http_request_new(struct http_pool *pool, struct http_connection *connection,
                                      const char *peer);
void http_request_free(struct http_request **request);

/* Once the head was read: the method as a number, the id. */
void http_request_settle(struct http_request *request);

/* Tells the pool how much memory the request takes now. */
void http_request_account(struct http_request *request);

/* Answers with message.refusal. */
void http_request_answer_refusal(struct http_request *request);

#endif
