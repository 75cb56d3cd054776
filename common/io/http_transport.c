#include "common/io/http_transport.h"

#include "common/io/loop.h"
#include "common/io/tls_context.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RECORD_BYTES = 16384 };

void http_transport_open(struct http_transport *transport, int fd, struct tls_context *tls)
{
    *transport = (struct http_transport){
        .fd = fd,
        .tls = tls != NULL ? tls_context_accept(tls, fd) : NULL,
        .read_wants = LOOP_READABLE,
        .write_wants = LOOP_WRITABLE,
    };
}

/* A close_notify tells the client that nothing was cut off. It may find no room; then it was cut off. */
static void say_goodbye(struct http_transport *transport)
{
    if (transport->is_broken || SSL_is_init_finished(transport->tls) != 1 ||
        (SSL_get_shutdown(transport->tls) & SSL_SENT_SHUTDOWN) != 0)
        return;
    (void)SSL_shutdown(transport->tls);
    ERR_clear_error();
}

void http_transport_close(struct http_transport *transport)
{
    if (transport->tls != NULL) {
        say_goodbye(transport);
        SSL_free(transport->tls);
        transport->tls = NULL;
    }
    (void)close(transport->fd);
    transport->fd = -1;
}

bool http_transport_is_ready(const struct http_transport *transport)
{
    return transport->tls == NULL || SSL_is_init_finished(transport->tls) == 1;
}

/* ---- TLS ---- */

/* Turns what OpenSSL says into what recv and send say. */
static ssize_t result_of(struct http_transport *transport, int result, int *wants)
{
    int saved_errno = errno;

    if (result > 0)
        return result;
    switch (SSL_get_error(transport->tls, result)) {
    case SSL_ERROR_WANT_READ:
        *wants = LOOP_READABLE;
        errno = EAGAIN;
        return -1;
    case SSL_ERROR_WANT_WRITE:
        *wants = LOOP_WRITABLE;
        errno = EAGAIN;
        return -1;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    case SSL_ERROR_SYSCALL:
        transport->is_broken = true;
        errno = saved_errno != 0 && saved_errno != EAGAIN ? saved_errno : ECONNRESET;
        return -1;
    default:
        transport->is_broken = true;
        errno = ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING ? ECONNRESET : EPROTO;
        return -1;
    }
}

static ssize_t tls_read(struct http_transport *transport, void *buffer, size_t size)
{
    transport->read_wants = LOOP_READABLE;
    ERR_clear_error();
    int result = SSL_read(transport->tls, buffer, size > INT_MAX ? INT_MAX : (int)size);
    return result_of(transport, result, &transport->read_wants);
}

/* As much as one record takes: a record for each of many small answers would cost more than the copy. */
static size_t gather(const struct iovec *parts, size_t count, char record[RECORD_BYTES])
{
    size_t length = 0;

    for (size_t i = 0; i < count && length < RECORD_BYTES; i++) {
        size_t room = RECORD_BYTES - length;
        size_t piece = parts[i].iov_len < room ? parts[i].iov_len : room;
        memcpy(record + length, parts[i].iov_base, piece);
        length += piece;
    }
    return length;
}

static ssize_t tls_write(struct http_transport *transport, const struct iovec *parts, size_t count)
{
    char record[RECORD_BYTES];
    size_t length = gather(parts, count, record);

    transport->write_wants = LOOP_WRITABLE;
    ERR_clear_error();
    ssize_t written =
        result_of(transport, SSL_write(transport->tls, record, (int)length), &transport->write_wants);
    if (written != 0)
        return written;
    errno = EPIPE; /* the client's close_notify ends only its own side, so this is no end that we know */
    return -1;
}

/* ---- both ---- */

ssize_t http_transport_read(struct http_transport *transport, void *buffer, size_t size)
{
    return transport->tls != NULL ? tls_read(transport, buffer, size) : recv(transport->fd, buffer, size, 0);
}

ssize_t http_transport_write(struct http_transport *transport, const struct iovec *parts, size_t count)
{
    const struct msghdr message = {.msg_iov = (struct iovec *)parts, .msg_iovlen = count};

    return transport->tls != NULL ? tls_write(transport, parts, count)
                                  : sendmsg(transport->fd, &message, MSG_NOSIGNAL);
}

ssize_t http_transport_discard(struct http_transport *transport, void *buffer, size_t size)
{
    return recv(transport->fd, buffer, size, 0);
}

bool http_transport_finish(struct http_transport *transport)
{
    if (transport->tls != NULL)
        say_goodbye(transport);
    return !transport->is_broken && shutdown(transport->fd, SHUT_WR) == 0;
}

bool http_transport_explain(struct http_transport *transport, char *out_text, size_t size)
{
    bool is_http = ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST;

    tls_error_take(out_text, size);
    if (is_http) {
        SSL_free(transport->tls);
        *transport = (struct http_transport){
            .fd = transport->fd, .read_wants = LOOP_READABLE, .write_wants = LOOP_WRITABLE};
    }
    return is_http;
}
