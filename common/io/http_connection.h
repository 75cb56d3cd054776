/*
 * http_connection.h - one client's connection. For the files of the HTTP server only.
 *
 * Bytes are read into one buffer that the pool shares and parsed at once, so an idle connection holds
 * none. Whole requests stand in line, in order; what stands answered at the front leaves with one
 * sendmsg in the next turn of the loop (http_flush.h).
 */
#ifndef MILLRACE_HTTP_CONNECTION_H
#define MILLRACE_HTTP_CONNECTION_H

#include "common/io/http_peers.h"
#include "common/io/http_request.h"
#include "common/io/http_transport.h"
#include "common/io/loop.h"

struct http_parser;

/* What the connection waits for: tells which deadline holds. */
enum http_wait {
    HTTP_WAIT_FIRST,   /* for the first byte: header_timeout_ms, then 408 */
    HTTP_WAIT_IDLE,    /* for the next request: idle_timeout_ms, then closed */
    HTTP_WAIT_HEAD,    /* header_timeout_ms, then 408 */
    HTTP_WAIT_BODY,    /* a least rate, else 408 */
    HTTP_WAIT_HANDLER, /* the handlers' own deadlines */
    HTTP_WAIT_WRITE,   /* for the client to take its answers: a least rate, else closed */
    HTTP_WAIT_LINGER,  /* for the client to close after the last answer; then closed */
};

struct http_connection {
    struct http_pool *pool;
    LIST_ENTRY(http_connection) all;
    STAILQ_ENTRY(http_connection) dirty; /* while is_dirty */
    struct loop_io io;
    struct http_transport transport;
    struct http_parser *parser;
    struct http_peer *peer; /* NULL for a Unix socket */
    char peer_name[HTTP_PEER_NAME_BYTES];
    struct http_request *current;  /* being read */
    struct http_request_line line; /* whole ones, not answered or not sent */
    uint32_t line_count;
    size_t unsent_bytes; /* of answers in line */
    struct buf unparsed; /* while too many requests, or too large answers, are in line */
    enum http_wait wait;
    uint32_t request_number; /* how many were begun */
    uint32_t wait_number;    /* request_number when the wait began */
    uint64_t deadline_ms;    /* UINT64_MAX: none */
    uint64_t window_bytes;   /* moved since the present rate window began */
    uint64_t window_queue;   /* bytes that the kernel had to send when it began */
    bool reads_no_more;      /* what the client may still send is not a request */
    bool is_blocked;         /* the socket takes no more for now */
    bool lingers;            /* all is sent; reading until the client closes */
    bool is_dirty;           /* to be flushed in this turn */
    bool is_at_end;          /* the client has closed its side */
    bool continue_is_due;    /* 100 Continue, when all before it is sent */
};

/* Takes fd. peer: handed back by the pool's on_closed; name: copied. */
struct http_connection *http_connection_open(struct http_pool *pool, int fd, struct http_peer *peer,
                                             const char *peer_name);

/* At once; the requests that handlers have stay valid. */
void http_connection_close(struct http_connection *connection);

/* Answers with the error, after what is in line, and closes. */
void http_connection_refuse(struct http_connection *connection, enum http_error_code code,
                            const char *reason);

/* Closes it if it is idle; see http_server_drain. */
void http_connection_drain(struct http_connection *connection);

/* Goes on with the bytes that waited for room in the line. */
void http_connection_parse_kept(struct http_connection *connection);

/* After anything has happened: sets the deadline and what the loop watches for. */
void http_connection_settle(struct http_connection *connection);

/* Does what is due by now; may close. */
void http_connection_check_deadline(struct http_connection *connection, uint64_t now_ms);

/* Whether the answer to the request, about to be written, is the connection's last. */
bool http_connection_closes_after(struct http_connection *connection, const struct http_request *request);

/* A request in its line has been answered. */
void http_connection_on_answered(struct http_connection *connection);

#endif
