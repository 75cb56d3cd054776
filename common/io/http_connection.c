#include "common/io/http_connection.h"

#include "common/base/alloc.h"
#include "common/base/bug.h"
#include "common/io/http_flush.h"
#include "common/io/http_limits.h"
#include "common/io/http_parse.h"
#include "common/io/http_pool.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    /* Between bodies less is read at once: what follows a full line of requests has to be kept. */
    READ_HEAD_BYTES = HTTP_TRANSPORT_READ_MIN_BYTES,
    LINGER_MS = 2000,
    UNSENT_PAUSE_BYTES =
        1024 * 1024, /* of answers that the client has not taken: no further request is read */
};

static const uint64_t never_ms = UINT64_MAX;

/* ---- what is waited for ---- */

static bool is_full(const struct http_connection *connection)
{
    return connection->line_count >= connection->pool->limits->pipelined_requests ||
           connection->unsent_bytes >= UNSENT_PAUSE_BYTES;
}

static enum http_wait wait_of(const struct http_connection *connection)
{
    if (connection->lingers)
        return HTTP_WAIT_LINGER;
    if (connection->is_blocked)
        return HTTP_WAIT_WRITE;
    /* A body that we have not asked for yet waits for the handlers in front of it, as we do. */
    if (connection->reads_no_more || is_full(connection) || connection->continue_is_due)
        return HTTP_WAIT_HANDLER;
    if (http_parser_is_in_body(connection->parser))
        return HTTP_WAIT_BODY;
    if (http_parser_is_inside(connection->parser))
        return HTTP_WAIT_HEAD;
    if (connection->line_count > 0)
        return HTTP_WAIT_HANDLER;
    return connection->request_number == 0 ? HTTP_WAIT_FIRST : HTTP_WAIT_IDLE;
}

static uint64_t time_for(const struct http_connection *connection, enum http_wait wait)
{
    const struct http_limits *limits = connection->pool->limits;

    switch (wait) {
    case HTTP_WAIT_FIRST:
    case HTTP_WAIT_HEAD:
        return limits->header_timeout_ms;
    case HTTP_WAIT_IDLE:
        return limits->idle_timeout_ms;
    case HTTP_WAIT_BODY:
    case HTTP_WAIT_WRITE:
        return limits->rate_window_ms;
    case HTTP_WAIT_LINGER:
        return LINGER_MS;
    case HTTP_WAIT_HANDLER:
        break;
    }
    return never_ms;
}

/* Bytes that the kernel has taken and the client has not: with its large buffers a socket tells little else
 * about how fast a client reads. */
static uint64_t kernel_queue(const struct http_connection *connection)
{
    int bytes = 0;

    return ioctl(connection->transport.fd, SIOCOUTQ, &bytes) == 0 && bytes > 0 ? (uint64_t)bytes : 0;
}

static void begin_window(struct http_connection *connection, uint64_t now_ms)
{
    uint64_t time_ms = time_for(connection, connection->wait);

    connection->deadline_ms = time_ms == never_ms ? never_ms : now_ms + time_ms;
    connection->window_bytes = 0;
    connection->window_queue = connection->wait == HTTP_WAIT_WRITE ? kernel_queue(connection) : 0;
}

static int interest_of(const struct http_connection *connection)
{
    if (connection->lingers)
        return LOOP_READABLE;
    if (connection->is_blocked)
        return connection->transport.write_wants;
    return connection->reads_no_more || is_full(connection) ? 0 : connection->transport.read_wants;
}

void http_connection_settle(struct http_connection *connection)
{
    enum http_wait wait = wait_of(connection);

    /* A deadline starts when the wait does, and isn't moved by each byte that drips in. */
    if (wait != connection->wait || connection->request_number != connection->wait_number) {
        connection->wait = wait;
        connection->wait_number = connection->request_number;
        begin_window(connection, loop_now_ms(connection->pool->loop));
    }
    loop_io_set(&connection->io, connection->transport.fd, interest_of(connection));
}

/* ---- the line of requests ---- */

void http_connection_on_answered(struct http_connection *connection)
{
    http_pool_flush_soon(connection->pool, connection);
}

bool http_connection_closes_after(struct http_connection *connection, const struct http_request *request)
{
    if (STAILQ_NEXT(request, line) != NULL)
        return false;
    if (connection->pool->is_leaving && !http_parser_is_inside(connection->parser))
        connection->reads_no_more = true;
    return connection->reads_no_more;
}

static void stand_in_line(struct http_connection *connection)
{
    STAILQ_INSERT_TAIL(&connection->line, connection->current, line);
    connection->line_count++;
    connection->continue_is_due = false;
    connection->current = NULL;
}

static struct http_request *begin_request(struct http_connection *connection)
{
    if (connection->current == NULL) {
        connection->current = http_request_new(connection->pool, connection, connection->peer_name);
        http_parser_begin(connection->parser, &connection->current->message);
    }
    return connection->current;
}

/* Answers the request being read with message.refusal, as the connection's last. */
static void end_with_refusal(struct http_connection *connection)
{
    struct http_request *request = begin_request(connection);

    connection->reads_no_more = true;
    http_request_settle(request);
    stand_in_line(connection);
    http_request_answer_refusal(request);
}

static void hand_over(struct http_connection *connection)
{
    struct http_pool *pool = connection->pool;
    struct http_request *request = connection->current;

    connection->reads_no_more = connection->reads_no_more || !request->message.keeps_alive;
    stand_in_line(connection);
    http_request_account(request);
    if (request->message.refusal.is_set) {
        http_request_answer_refusal(request);
        return;
    }
    http_pool_on_opened(pool, request);
    pool->handle(pool->owner, request);
}

/* ---- reading ---- */

/* The client waits for 100 Continue before it sends the body; a refusal spares it from sending it. */
static void on_head(struct http_connection *connection, bool has_more_bytes)
{
    struct http_request *request = connection->current;
    struct http_message *message = &request->message;

    http_request_settle(request);
    connection->pool->check(connection->pool->owner, request);
    if (!message->expects_continue)
        return;
    if (message->refusal.is_set) {
        message->refusal.closes = true;
        return;
    }
    connection->continue_is_due = !has_more_bytes;
    if (connection->continue_is_due)
        http_pool_flush_soon(connection->pool, connection);
}

/* Too much is held: who has sent most of a request that is not whole yet makes room, if that is enough; a
 * body that drips in must not keep others out. */
static void make_room(struct http_connection *connection)
{
    static const char reason[] = "too much is under way; send it again later";
    const struct http_pool *pool = connection->pool;
    struct http_connection *largest = http_pool_largest_reader(pool);

    if (largest != connection && pool->held_bytes - largest->current->held_bytes <= pool->limits->held_bytes)
        http_connection_refuse(largest, HTTP_ERROR_SERVICE_UNAVAILABLE, reason);
    else
        (void)http_message_refuse(&connection->current->message, HTTP_ERROR_SERVICE_UNAVAILABLE, "%s",
                                  reason);
}

static void check_held(struct http_connection *connection)
{
    const struct http_pool *pool = connection->pool;

    http_request_account(connection->current);
    if (pool->held_bytes > pool->limits->held_bytes && http_parser_is_inside(connection->parser))
        make_room(connection);
}

/* Takes what the parser makes of the bytes. False when they are used up or must wait. */
static bool parse_some(struct http_connection *connection, struct slice *bytes)
{
    struct http_message *message = &begin_request(connection)->message;
    bool was_inside = http_parser_is_inside(connection->parser);
    enum http_parse_event event = http_parse(connection->parser, bytes);

    if (!was_inside && (http_parser_is_inside(connection->parser) || event != HTTP_PARSE_MORE))
        connection->request_number++;
    if (event == HTTP_PARSE_HEAD)
        on_head(connection, bytes->length > 0);
    if (event == HTTP_PARSE_HEAD || event == HTTP_PARSE_MORE)
        check_held(connection);
    if (event == HTTP_PARSE_REFUSED || message->refusal.closes) {
        end_with_refusal(connection);
        return false;
    }
    if (event == HTTP_PARSE_DONE)
        hand_over(connection);
    return event == HTTP_PARSE_HEAD || (bytes->length > 0 && !connection->reads_no_more);
}

static void keep_unparsed(struct http_connection *connection, struct slice bytes)
{
    buf_append_slice(&connection->unparsed, bytes);
    connection->pool->held_bytes += bytes.length;
}

/* A full line keeps out the next request, not the rest of one that has begun. */
static void parse(struct http_connection *connection, struct slice bytes)
{
    if (connection->continue_is_due && bytes.length > 0)
        connection->continue_is_due = false;
    while (parse_some(connection, &bytes)) {
        if (!is_full(connection) || http_parser_is_inside(connection->parser))
            continue;
        keep_unparsed(connection, bytes);
        return;
    }
}

void http_connection_parse_kept(struct http_connection *connection)
{
    struct buf kept __attribute__((cleanup(buf_done))) = connection->unparsed;

    connection->unparsed = (struct buf){0};
    connection->pool->held_bytes -= kept.length;
    if (kept.length > 0 && !connection->reads_no_more)
        parse(connection, buf_slice(&kept));
}

static void on_end(struct http_connection *connection)
{
    connection->is_at_end = connection->reads_no_more = true;
    http_request_free(&connection->current); /* half a request is none */
    if (connection->line_count == 0 || connection->lingers)
        http_connection_close(connection);
    else
        http_connection_settle(connection); /* it may have closed only its own side */
}

/* The error of the transport is in errno. */
static void on_broken(struct http_connection *connection)
{
    struct http_pool *pool = connection->pool;
    char reason[128];
    uint32_t hidden_count;

    if (errno != EPROTO || connection->transport.tls == NULL) {
        http_connection_close(connection);
        return;
    }
    bool is_plain = http_transport_explain(&connection->transport, reason, sizeof(reason));
    if (log_gate_passes(&pool->handshake_faults, loop_now_ms(pool->loop), &hidden_count))
        log_notice("no TLS with %s: %s (%u more since the last such line)", connection->peer_name, reason,
                   hidden_count);
    if (is_plain)
        http_connection_refuse(connection, HTTP_ERROR_VALIDATION, "this port speaks TLS: use https");
    else
        http_connection_close(connection);
}

/* What recv would give. */
static ssize_t receive(struct http_connection *connection)
{
    char *buffer = connection->pool->read_buffer;
    bool takes_much = http_parser_is_in_body(connection->parser);

    if (connection->lingers)
        return http_transport_discard(&connection->transport, buffer, HTTP_READ_BUFFER_BYTES);
    return http_transport_read(&connection->transport, buffer,
                               takes_much ? HTTP_READ_BUFFER_BYTES : READ_HEAD_BYTES);
}

static void read_some(struct http_connection *connection)
{
    ssize_t count = receive(connection);

    if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
        http_connection_settle(connection);
        return;
    }
    if (count < 0) {
        on_broken(connection);
        return;
    }
    if (count == 0) {
        on_end(connection);
        return;
    }
    if (connection->lingers)
        return;
    connection->window_bytes += (uint64_t)count;
    parse(connection, slice_of(connection->pool->read_buffer, (size_t)count));
    http_connection_settle(connection);
}

static void on_ready(void *owner, int events)
{
    struct http_connection *connection = owner;

    /* If it does not, the loop says the same again in its next turn. */
    if (!http_transport_is_ready(&connection->transport) && !http_pool_takes_handshake(connection->pool))
        return;
    if (connection->is_blocked)
        http_flush(connection);
    else if (connection->lingers || (events & connection->transport.read_wants) != 0)
        read_some(connection);
}

/* ---- open and close ---- */

struct http_connection *http_connection_open(struct http_pool *pool, int fd, struct http_peer *peer,
                                             const char *peer_name)
{
    struct http_connection *connection = xcalloc(1, sizeof(*connection));

    connection->pool = pool;
    http_transport_open(&connection->transport, fd, pool->tls);
    connection->peer = peer;
    (void)snprintf(connection->peer_name, sizeof(connection->peer_name), "%s", peer_name);
    connection->parser = http_parser_new(pool->limits);
    STAILQ_INIT(&connection->line);
    loop_io_init(&connection->io, pool->loop, on_ready, connection);
    LIST_INSERT_HEAD(&pool->connections, connection, all);
    if (pool->connection_count++ == 0)
        loop_timer_start_every(&pool->sweep, pool->sweep_ms);
    begin_window(connection, loop_now_ms(pool->loop));
    http_connection_settle(connection);
    return connection;
}

void http_connection_refuse(struct http_connection *connection, enum http_error_code code, const char *reason)
{
    (void)http_message_refuse(&begin_request(connection)->message, code, "%s", reason);
    end_with_refusal(connection);
    http_connection_settle(connection);
}

/* Requests that handlers still have outlive their client. */
static void leave_line(struct http_connection *connection)
{
    struct http_request *request;

    while ((request = STAILQ_FIRST(&connection->line)) != NULL) {
        STAILQ_REMOVE_HEAD(&connection->line, line);
        request->connection = NULL;
        if (!request->is_open)
            http_request_free(&request);
    }
}

void http_connection_close(struct http_connection *connection)
{
    struct http_pool *pool = connection->pool;

    loop_io_stop(&connection->io);
    http_transport_close(&connection->transport);
    if (connection->is_dirty)
        STAILQ_REMOVE(&pool->dirty, connection, http_connection, dirty);
    LIST_REMOVE(connection, all);
    if (--pool->connection_count == 0)
        loop_timer_stop(&pool->sweep);
    leave_line(connection);
    http_request_free(&connection->current);
    http_parser_free(&connection->parser);
    pool->held_bytes -= connection->unparsed.length;
    buf_done(&connection->unparsed);
    pool->on_closed(pool->owner, connection->peer);
    free(connection);
}

void http_connection_drain(struct http_connection *connection)
{
    bool is_idle = connection->wait == HTTP_WAIT_IDLE || connection->wait == HTTP_WAIT_FIRST;

    /* A request that has arrived already is answered with 503; else this closes nobody's request. */
    if (!is_idle)
        return;
    ssize_t count = recv(connection->transport.fd, connection->pool->read_buffer, 1, MSG_PEEK);
    if (count <= 0)
        http_connection_close(connection);
}

/* ---- deadlines ---- */

static bool is_too_slow(const struct http_connection *connection)
{
    const struct http_limits *limits = connection->pool->limits;
    uint64_t moved = connection->window_bytes + connection->window_queue;
    uint64_t queue = connection->wait == HTTP_WAIT_WRITE ? kernel_queue(connection) : 0;

    /* A Unix socket counts its own overhead, so the queue may seem to grow. */
    moved = moved > queue ? moved - queue : 0;
    return moved * 1000 / limits->rate_window_ms < limits->body_min_bytes_per_s;
}

void http_connection_check_deadline(struct http_connection *connection, uint64_t now_ms)
{
    if (now_ms < connection->deadline_ms)
        return;
    switch (connection->wait) {
    case HTTP_WAIT_FIRST:
    case HTTP_WAIT_HEAD:
        if (http_transport_is_ready(&connection->transport))
            http_connection_refuse(connection, HTTP_ERROR_REQUEST_TIMEOUT, "the headers took too long");
        else
            http_connection_close(connection);
        break;
    case HTTP_WAIT_BODY:
        if (is_too_slow(connection))
            http_connection_refuse(connection, HTTP_ERROR_REQUEST_TIMEOUT, "the body came too slowly");
        else
            begin_window(connection, now_ms);
        break;
    case HTTP_WAIT_WRITE:
        if (is_too_slow(connection))
            http_connection_close(connection);
        else
            begin_window(connection, now_ms);
        break;
    case HTTP_WAIT_IDLE:
    case HTTP_WAIT_LINGER:
        http_connection_close(connection);
        break;
    case HTTP_WAIT_HANDLER:
        BUG("a deadline while a handler works");
    }
}
