/*
 * http_limits.h - what an HTTP server lets a client make it hold, and for how long it waits.
 */
#ifndef MILLRACE_HTTP_LIMITS_H
#define MILLRACE_HTTP_LIMITS_H

#include <stdint.h>

struct http_limits {
    uint32_t header_timeout_ms;    /* first byte of a request to the end of its headers (5,000) */
    uint32_t idle_timeout_ms;      /* kept-alive connection without a request (60,000) */
    uint32_t body_min_bytes_per_s; /* slower than this over rate_window_ms: 408 (1,024). A client that takes
                                      its answer slower is closed */
    uint32_t rate_window_ms;       /* (10,000) */
    uint32_t request_line_bytes;   /* 414 (8,192) */
    uint32_t header_bytes;         /* whole block; 431 (16,384) */
    uint32_t header_one_bytes;     /* one header; 431 (8,192) */
    uint32_t header_count;         /* 431 (64) */
    uint32_t body_bytes;           /* 413 (5 MiB) */
    uint32_t held_bytes;         /* requests of all connections; above, 503 for the largest that is not whole
                                    yet, or the one that came last (64 MiB) */
    uint32_t unsent_bytes;       /* answers of all connections that their clients have not taken; above, the
                                    client that holds up most of them is closed (64 MiB) */
    uint32_t pipelined_requests; /* unanswered ones of a connection before reading pauses (32) */
    uint32_t connections;        /* in all; accepting pauses above (10,000) */
    uint32_t connections_per_address; /* 429 and close above (2,000); an IPv6 /64 is one, Unix has none */
};

/* The values in parentheses above. */
extern const struct http_limits http_limits_default;

#endif
