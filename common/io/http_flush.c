#include "common/io/http_flush.h"

#include "common/io/http_limits.h"
#include "common/io/http_parse.h"
#include "common/io/http_pool.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { ANSWERS_MAX_A_CALL = 64 };

/* The answered requests at the front of the line; gives their number. */
static size_t gather(const struct http_connection *connection, struct iovec *parts)
{
    const struct http_request *request;
    size_t count = 0;

    STAILQ_FOREACH(request, &connection->line, line)
    {
        if (!request->is_answered || count == ANSWERS_MAX_A_CALL)
            break;
        parts[count] = (struct iovec){request->answer.data + request->sent_bytes,
                                      request->answer.length - request->sent_bytes};
        count++;
    }
    return count;
}

static void forget_sent(struct http_connection *connection, size_t bytes)
{
    connection->window_bytes += bytes;
    while (bytes > 0) {
        struct http_request *request = STAILQ_FIRST(&connection->line);
        size_t left = request->answer.length - request->sent_bytes;
        if (bytes < left) {
            request->sent_bytes += bytes;
            return;
        }
        bytes -= left;
        STAILQ_REMOVE_HEAD(&connection->line, line);
        connection->line_count--;
        http_request_free(&request);
    }
}

/* False when the connection is broken. Otherwise all that could be sent is, or is_blocked is set. */
static bool send_answers(struct http_connection *connection)
{
    struct iovec parts[ANSWERS_MAX_A_CALL];
    size_t count;

    connection->is_blocked = false;
    while ((count = gather(connection, parts)) > 0) {
        ssize_t sent = http_transport_write(&connection->transport, parts, count);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && errno != EAGAIN)
            return false;
        if (sent > 0)
            forget_sent(connection, (size_t)sent);
        connection->is_blocked = sent < 0;
        if (connection->is_blocked)
            break;
    }
    return true;
}

/* The client must see the last answer even when it is still sending: closing now would reset it. */
static bool finish(struct http_connection *connection)
{
    if (connection->is_at_end || !http_transport_finish(&connection->transport))
        return false;
    connection->lingers = true;
    return true;
}

static bool send_continue(struct http_connection *connection)
{
    char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    const struct iovec part = {text, sizeof(text) - 1};

    connection->continue_is_due = false;
    /* All before it has been taken, so the socket has room for it. */
    return http_transport_write(&connection->transport, &part, 1) == (ssize_t)part.iov_len;
}

/* Everything answered so far has left. False when the connection is to be closed. */
static bool go_on(struct http_connection *connection)
{
    bool is_empty = STAILQ_EMPTY(&connection->line);

    if (is_empty && connection->reads_no_more && !connection->lingers)
        return finish(connection);
    if (is_empty && connection->continue_is_due && !send_continue(connection))
        return false;
    if (connection->line_count < connection->pool->limits->pipelined_requests)
        http_connection_parse_kept(connection);
    return true;
}

void http_flush(struct http_connection *connection)
{
    if (!send_answers(connection) || (!connection->is_blocked && !go_on(connection))) {
        http_connection_close(connection);
        return;
    }
    http_connection_settle(connection);
    if (connection->pool->is_draining)
        http_connection_drain(connection);
}
