/*
 * http_pool.h - the connections of one server and what they share: the read buffer, the flush at the end
 * of a turn, the timer that looks at deadlines, the count of bytes held. For the files of the HTTP server
 * only.
 */
#ifndef MILLRACE_HTTP_POOL_H
#define MILLRACE_HTTP_POOL_H

#include "common/base/log.h"
#include "common/io/http_connection.h"

enum { HTTP_READ_BUFFER_BYTES = 65536 };

LIST_HEAD(http_connection_list, http_connection);
STAILQ_HEAD(http_connection_queue, http_connection);

struct http_pool {
    struct loop *loop;                                         /* keeps */
    struct tls_context *tls;                                   /* keeps; NULL: plain */
    const struct http_limits *limits;                          /* keeps */
    void *owner;                                               /* keeps; handed to the four below */
    void (*check)(void *owner, struct http_request *request);  /* head read: may refuse or decline */
    void (*handle)(void *owner, struct http_request *request); /* whole: must lead to an answer */
    void (*on_answered)(void *owner, const struct http_request *request, int status);
    void (*on_closed)(void *owner, struct http_peer *peer);
    struct http_connection_list connections;
    uint32_t connection_count;
    struct http_request_list open; /* with handlers */
    uint32_t open_count;
    struct http_connection_queue dirty; /* to be flushed before the loop waits */
    struct loop_turn flush;
    struct loop_timer sweep; /* looks at all deadlines, while there are connections */
    uint64_t sweep_ms;
    char *read_buffer;
    size_t held_bytes;       /* of all requests */
    size_t unsent_bytes;     /* of all answers */
    bool is_leaving;         /* each answer is the last of its connection */
    bool is_draining;        /* the same, and no further request is served */
    uint32_t handshake_turn; /* of the loop, to which handshake_steps belongs */
    uint32_t handshake_steps;
    struct log_gate handshake_faults;
    uint64_t id_seed, id_count; /* of made request ids */
};

/* The caller sets loop, limits, owner and the four callbacks before. */
void http_pool_start(struct http_pool *pool);
void http_pool_leave(struct http_pool *pool);
void http_pool_drain(struct http_pool *pool);
void http_pool_stop(struct http_pool *pool);

/* The connection with most bytes of a request that is not whole yet; NULL when none has any. */
struct http_connection *http_pool_largest_reader(const struct http_pool *pool);

/* Whether one more step of a TLS handshake fits into this turn of the loop: many at once must not keep those
 * waiting who are beyond it. */
bool http_pool_takes_handshake(struct http_pool *pool);

void http_pool_flush_soon(struct http_pool *pool, struct http_connection *connection);

/* A request goes to a handler. */
void http_pool_on_opened(struct http_pool *pool, struct http_request *request);

/* A request is being answered, by a handler or by the server itself. */
void http_pool_on_answered(struct http_pool *pool, struct http_request *request, int status);

#endif
