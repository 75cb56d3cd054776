/*
 * http_client.h - HTTP requests to servers we depend on (libcurl multi on the loop): ClickHouse, the
 * query stage. Connections are kept and reused. Over https a server must show a certificate for the name in
 * the URL, of an authority that is trusted. Loop thread only; nothing blocks.
 */
#ifndef MILLRACE_HTTP_CLIENT_H
#define MILLRACE_HTTP_CLIENT_H

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/slice.h"

#include <stdint.h>

struct loop;
struct http_client;
struct http_call; /* one under way */

struct http_client_settings {
    uint32_t connect_timeout_ms;
    uint32_t connections; /* per host; further calls wait in line */
    const char *ca_file;  /* PEM: who may have signed a server's certificate, for https; NULL or "": those
                             that the system trusts. Keeps */
};

struct http_answer {
    bool has_answer; /* false: none came, or not all of it; see err */
    int status;      /* HTTP status when has_answer */
    struct slice body;
    struct slice exception_code; /* value of X-ClickHouse-Exception-Code, or empty */
    struct slice content_type;   /* the two: of these headers, or empty */
    struct slice retry_after;
    struct err err; /* when !has_answer: ERR_RETRY, naming host and reason */
    uint32_t duration_ms;
};

typedef void http_on_answer(void *owner, const struct http_answer *answer); /* borrows the answer */

/* The next bytes of the body of a 200; may not cancel the call. */
typedef void http_on_piece(void *owner, struct slice piece);

struct http_call_settings {
    const char *method;         /* "GET" or "POST" */
    const char *url;            /* copied */
    const char *const *headers; /* "Name: value", NULL-terminated; copied. May be NULL */
    struct slice body;          /* keeps until on_answer or http_call_cancel */
    const char *user;           /* HTTP basic authentication, copied; NULL: none */
    const char *password;       /* copied; NULL: none */
    uint32_t timeout_ms;        /* for the whole call, waiting in line included */
    uint32_t answer_max_bytes;  /* a longer answer counts as none */
    http_on_piece *on_piece;    /* the body of a 200 as it comes, however long, and none with on_answer, which
                                   alone says whether it was whole; NULL: whole, with on_answer */
    http_on_answer *on_answer;  /* called exactly once, never from within http_client_call */
    void *owner;                /* keeps */
};

struct http_client *http_client_new(struct loop *loop, const struct http_client_settings *settings);

/* Cancels what is under way without calling back; not from within on_answer. */
void http_client_free(struct http_client **client);

/* Gives a handle that is valid until on_answer. */
struct http_call *http_client_call(struct http_client *client, const struct http_call_settings *settings);

/* Drops the call: on_answer will not be called. The server may still have done what was asked. */
void http_call_cancel(struct http_call *call);

#endif
