/*
 * http_transport.h - how the bytes of a connection travel: as they are, or over TLS. Reads and writes as recv
 * and sendmsg do, and says what the loop has to wait for. For the files of the HTTP server only.
 */
#ifndef MILLRACE_HTTP_TRANSPORT_H
#define MILLRACE_HTTP_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

struct ssl_st;
struct tls_context;

enum {
    /* A TLS record fits, so none is left half read inside of OpenSSL, of which the loop would know nothing.
     */
    HTTP_TRANSPORT_READ_MIN_BYTES = 16384,
};

struct http_transport {
    int fd;
    struct ssl_st *tls;          /* NULL: plain */
    int read_wants, write_wants; /* LOOP_READABLE or LOOP_WRITABLE: what to wait for before trying again */
    bool is_broken;              /* TLS has failed: nothing can be said over it any more */
};

/* tls: whose certificate to show; NULL: plain. Takes fd. */
void http_transport_open(struct http_transport *transport, int fd, struct tls_context *tls);
void http_transport_close(struct http_transport *transport);

/* Whether requests can come: false during the handshake, which reads and writes bring forward. */
bool http_transport_is_ready(const struct http_transport *transport);

/* size: HTTP_TRANSPORT_READ_MIN_BYTES or more. 0: the client has ended its side; over TLS that takes a
 * close_notify, and a stream that just stops is an error. -1 with errno: EAGAIN, or what broke the
 * connection: EPROTO for TLS. */
ssize_t http_transport_read(struct http_transport *transport, void *buffer, size_t size);

/* Bytes taken, maybe less than there are; or -1 with errno as above. After EAGAIN the next call must begin
 * with the same bytes. */
ssize_t http_transport_write(struct http_transport *transport, const struct iovec *parts, size_t count);

/* Reads and forgets, for what comes after the last answer; results as recv's. */
ssize_t http_transport_discard(struct http_transport *transport, void *buffer, size_t size);

/* Says that nothing more will be written. False when the connection is broken. */
bool http_transport_finish(struct http_transport *transport);

/* After EPROTO: why, as text. True: the client speaks plain HTTP, and so do we with it from now on. */
bool http_transport_explain(struct http_transport *transport, char *out_text, size_t size);

#endif
