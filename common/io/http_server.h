/*
 * http_server.h - HTTP/1.1 on llhttp, with the strict checks that llhttp leaves to its user.
 *
 * Every attack on framing is refused before a handler sees the request (see the table in
 * tests/unit/http_strict_test.c): exactly one Host, one way to frame the body, only `chunked`, version
 * 1.0 or 1.1, bounds on every size and absolute deadlines on every wait. Handlers answer when they can,
 * in any order and any turn of the loop; pipelined answers leave in the order of their requests.
 *
 * Loop thread only; nothing blocks.
 */
#ifndef MILLRACE_HTTP_SERVER_H
#define MILLRACE_HTTP_SERVER_H

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/slice.h"
#include "common/io/http_error.h"
#include "common/io/http_limits.h"

#include <stdint.h>

struct loop;
struct http_server;
struct http_request;

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_PATCH, HTTP_DELETE, HTTP_OPTIONS };

/* Handles a complete request: must lead to exactly one http_respond*, now or later. The request is valid
 * until then, even when the client has gone. */
typedef void http_handler(void *context, struct http_request *request);

/* Told of every answer, whoever gives it. refusal: why the server refused the request itself, before a
 * handler saw it, in words of ours, never the client's; NULL for a handler's answer. Borrows both. */
typedef void http_on_answered(void *owner, const struct http_request *request, int status,
                              const char *refusal);

/* Asked when the head of a request is sound and its body, which the route takes, has not been read yet:
 * whether http_request_decline spares us that. First the server's is asked, then the route's. */
typedef void http_on_head(void *owner, struct http_request *request);

/* One row of what a server serves; a GET row serves HEAD too. A table ends with a row whose path is NULL.
 *
 * A path is compared byte by byte with the target's, no decoding. One segment of it may be a name in braces,
 * as in "/v1/topics/{topic}/events", which stands for 1 to 249 of [A-Za-z0-9._-], but not for "." and "..".
 * The first row that fits is taken.
 *
 * media_types: what a body may be, such as "application/json", NULL-terminated; each with or without
 * charset=utf-8, plain or with Content-Encoding: gzip. 415 for any other. */
struct http_route {
    enum http_method method;
    const char *path;
    http_handler *handler;
    const char *const *media_types; /* NULL: takes no body; one that is sent is read over */
    http_on_head *on_head;          /* NULL: nobody is asked. Handed the context */
};

enum { HTTP_SERVER_SOCKETS_MAX = 8 };

struct http_server_settings {
    const char *listen; /* "127.0.0.1:8080", "[::1]:8080", or "unix:/path" */
    bool shares_port;   /* other processes may listen there too (SO_REUSEPORT), when they say so as well */
    const char *local_only;   /* NULL: any address is fine. Else only loopback ones and Unix sockets are, and
                                 the error for another ends with this text: what to do about it */
    struct tls_context *tls;  /* TLS with its certificate; NULL: plain HTTP. Keeps */
    const int *inherited_fds; /* listening sockets, instead of `listen`; takes them */
    uint32_t inherited_count; /* at most HTTP_SERVER_SOCKETS_MAX */
    const struct http_route *routes;      /* keeps */
    void *context;                        /* keeps; handed to every handler */
    const struct http_route *more_routes; /* looked at after those, with the next; NULL: none. Keeps both */
    void *more_context;
    struct http_limits limits;
    http_on_head *on_head;         /* NULL: nobody is asked */
    http_on_answered *on_answered; /* NULL: nobody is told */
    void *owner;                   /* keeps; handed to these two */
};

/* Binds and listens; serves from the next turn of the loop. False with ERR_FATAL naming the address when
 * it is taken or malformed (port 0 asks the kernel: see http_server_port), and with ERR_REJECT when
 * local_only forbids it. */
bool http_server_start(struct loop *loop, const struct http_server_settings *settings,
                       struct http_server **out_server, struct err *err);

/* The port bound, of the first socket; 0 for a Unix socket. */
uint16_t http_server_port(const struct http_server *server);

/* From now on: no new connections; the next requests of open ones get 503 with Connection: close;
 * answers under way go out; idle connections close.
 *
 * Where other processes listen too (shared port, inherited sockets) there is a quarter of a second before
 * that, in which all that comes is served, each answer with Connection: close: clients then go on with the
 * others and notice nothing. */
void http_server_drain(struct http_server *server);

/* Whether it is in that quarter of a second. */
bool http_server_is_leaving(const struct http_server *server);

/* Requests handed to handlers and not answered, and connections open. */
uint32_t http_server_open_requests(const struct http_server *server);
uint32_t http_server_open_connections(const struct http_server *server);

/* Closes everything; not from within a handler. Requests still with handlers stay valid until they are
 * answered into the void. */
void http_server_stop(struct http_server **server);

/* ---- the request, for handlers; everything borrows from the request ---- */

enum http_method http_request_method(const struct http_request *request);
struct slice http_request_path(const struct http_request *request);  /* before '?' , undecoded */
struct slice http_request_query(const struct http_request *request); /* after '?', undecoded; empty without */
struct slice http_request_body(const struct http_request *request);  /* whole, chunks joined, decoded */

/* Bytes that we have decoded of a body with Content-Encoding: gzip, also of one that was refused then. */
uint64_t http_request_decoded_bytes(const struct http_request *request);

/* What stands in the path for the route's {name}; empty when it has none. */
struct slice http_request_segment(const struct http_request *request);

/* Which of the route's media_types the body is: the index. 0 when the route takes no body. */
uint32_t http_request_media_type(const struct http_request *request);

/* The value of the header, trimmed; name in lower case. Empty slice with data NULL when absent. When it
 * occurs more than once the first; out_count (may be NULL) tells how often. */
struct slice http_request_header(const struct http_request *request, const char *name, uint32_t *out_count);

/* The client's address as text, such as "127.0.0.1" or "unix". */
const char *http_request_peer(const struct http_request *request);

/* The x-request-id of the answer: the client's own when it is 1 to 64 of [A-Za-z0-9._-], else made here. */
struct slice http_request_id(const struct http_request *request);

/* For the handler's own state of this request. */
void http_request_set_user(struct http_request *request, void *user);
void *http_request_user(const struct http_request *request);

/* From on_head only: the body is read over and no handler sees the request; then it is answered with the
 * error, without its details_json. Keeps the texts of its detail. */
void http_request_decline(struct http_request *request, const struct http_error *error);

/* ---- the answer ---- */

/* One more header of the answer; name and value are copied. Values with control bytes are a BUG. */
void http_answer_header(struct http_request *request, const char *name, const char *value);

/* Ends the request. content_type may be NULL with an empty body; both are copied. HEAD gets no body. */
void http_respond(struct http_request *request, int status, const char *content_type, struct slice body);

/* Ends the request with the error shape of http_error.h. 503 and 429 get `Retry-After: 1` unless the handler
 * has named another. */
void http_respond_error(struct http_request *request, const struct http_error *error);

#endif
