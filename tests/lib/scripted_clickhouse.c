#include "tests/lib/scripted_clickhouse.h"

#include "common/base/alloc.h"
#include "common/base/number.h"
#include "tests/lib/url_argument.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { TABLE_TIMEOUT_MS = 10000, READ_BYTES = 65536 };

struct script_connection {
    struct scripted_clickhouse *script;
    LIST_ENTRY(script_connection) all;
    struct loop_io io;
    int fd;
    struct buf received;
    struct buf to_send;
    bool is_cut; /* closed when that is sent */
    bool is_held;
    struct script_rule held; /* the answer that waits */
};

/* ---- answers ---- */

static void write_pieces(struct buf *out, struct slice body)
{
    for (size_t piece = 1; body.length > 0; piece++) {
        size_t length = piece < body.length ? piece : body.length;
        buf_printf(out, "%zx\r\n", length);
        buf_append(out, body.data, length);
        buf_append_text(out, "\r\n");
        body = slice_from_index(body, length);
    }
}

static void write_answer(struct buf *out, const struct script_rule *rule)
{
    struct slice body = rule->body;

    switch (rule->manner) {
    case SCRIPT_PIECES:
        buf_append_text(out, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        write_pieces(out, body);
        buf_append_text(out, "0\r\n\r\n");
        return;
    case SCRIPT_CUT:
        assert_true(body.length > 0);
        buf_append_text(out, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        write_pieces(out, slice_of(body.data, body.length - 1));
        return;
    case SCRIPT_REFUSE:
        buf_printf(out, "HTTP/1.1 500 No\r\nX-ClickHouse-Exception-Code: %d\r\n", rule->code);
        break;
    case SCRIPT_WHOLE:
    case SCRIPT_HOLD:
        buf_append_text(out, "HTTP/1.1 200 OK\r\n");
        break;
    }
    buf_printf(out, "Content-Length: %zu\r\n\r\n", body.length);
    buf_append_slice(out, body);
}

static void end_connection(struct script_connection *connection)
{
    if (connection->is_held)
        connection->script->held_count--;
    loop_io_stop(&connection->io);
    (void)close(connection->fd);
    LIST_REMOVE(connection, all);
    buf_done(&connection->received);
    buf_done(&connection->to_send);
    free(connection);
}

/* False: the connection has ended. */
static bool send_more(struct script_connection *connection)
{
    struct buf *to_send = &connection->to_send;
    ssize_t sent = send(connection->fd, to_send->data, to_send->length, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (sent > 0) {
        to_send->length -= (size_t)sent;
        memmove(to_send->data, to_send->data + sent, to_send->length);
    }
    if ((sent < 0 && errno != EAGAIN) || (to_send->length == 0 && connection->is_cut)) {
        end_connection(connection);
        return false;
    }
    loop_io_set(&connection->io, connection->fd, LOOP_READABLE | (to_send->length > 0 ? LOOP_WRITABLE : 0));
    return true;
}

static bool answer(struct script_connection *connection, const struct script_rule *rule)
{
    write_answer(&connection->to_send, rule);
    connection->is_cut = rule->manner == SCRIPT_CUT;
    return send_more(connection);
}

/* ---- requests ---- */

static bool has_sql(const struct script_request *request, const char *sql)
{
    return memmem(request->sql.data, request->sql.length, sql, strlen(sql)) != NULL;
}

static struct script_rule *rule_of(struct scripted_clickhouse *script, struct script_request *request)
{
    for (int i = 0; i < script->rule_count; i++)
        if (script->rules[i].times >= 0 && has_sql(request, script->rules[i].sql))
            return &script->rules[i];
    fail_msg("no rule answers %s", buf_text(&request->sql));
    return NULL;
}

static bool on_request(struct script_connection *connection, struct script_request *request)
{
    struct scripted_clickhouse *script = connection->script;
    struct script_rule *rule = rule_of(script, request);
    struct script_rule chosen = *rule;

    if (rule->times > 0 && --rule->times == 0)
        rule->times = -1;
    if (chosen.manner != SCRIPT_HOLD)
        return answer(connection, &chosen);
    connection->held = chosen;
    connection->is_held = true;
    script->held_count++;
    return true;
}

/* The value of the header line that begins with `name`; empty without. */
static struct slice header_of(struct slice head, const char *name)
{
    const char *at = memmem(head.data, head.length, name, strlen(name));
    struct slice value;

    if (at == NULL)
        return slice_of(NULL, 0);
    struct slice rest = slice_from_index(head, (size_t)(at - head.data) + strlen(name));
    (void)slice_cut(&rest, '\r', &value);
    return value;
}

static void keep(struct script_request *request, struct slice head, struct slice body)
{
    struct slice rest = head;
    struct slice target;
    struct slice before;

    (void)slice_cut(&rest, '?', &before);
    (void)slice_cut(&rest, ' ', &target);
    buf_append_slice(&request->arguments, target);
    buf_append_slice(&request->content_type, header_of(head, "\r\nContent-Type: "));
    buf_append_slice(&request->body, body);
    if (!url_argument(target, "query", &request->sql))
        buf_append_slice(&request->sql, body);
}

/* False: nothing (more) is whole, or the connection has ended. */
static bool take_request(struct script_connection *connection)
{
    struct scripted_clickhouse *script = connection->script;
    struct buf *received = &connection->received;
    const char *end = memmem(received->data, received->length, "\r\n\r\n", 4);
    uint64_t body_bytes;

    if (end == NULL)
        return false;
    struct slice head = slice_of(received->data, (size_t)(end - received->data) + 2);
    size_t head_bytes = head.length + 2;
    assert_true(number_u64(header_of(head, "\r\nContent-Length: "), &body_bytes));
    if (received->length < head_bytes + body_bytes)
        return false;
    assert_true(script->request_count < SCRIPT_REQUESTS_MAX);
    struct script_request *request = &script->requests[script->request_count++];
    keep(request, head, slice_of(received->data + head_bytes, body_bytes));
    assert_int_equal(received->length, head_bytes + body_bytes); /* libcurl waits for the answer */
    received->length = 0;
    return on_request(connection, request);
}

static void on_ready(void *owner, int events)
{
    struct script_connection *connection = owner;

    if ((events & LOOP_WRITABLE) != 0 && !send_more(connection))
        return;
    ssize_t count =
        recv(connection->fd, buf_reserve(&connection->received, READ_BYTES), READ_BYTES, MSG_DONTWAIT);
    if (count > 0) {
        connection->received.length += (size_t)count;
        (void)take_request(connection);
    } else if (count == 0 || errno != EAGAIN) {
        end_connection(connection);
    }
}

static void on_connect(void *owner, int events)
{
    struct scripted_clickhouse *script = owner;
    struct script_connection *connection = xcalloc(1, sizeof(*connection));

    (void)events;
    connection->script = script;
    connection->fd = accept(script->fd, NULL, NULL);
    assert_true(connection->fd >= 0);
    LIST_INSERT_HEAD(&script->connections, connection, all);
    loop_io_init(&connection->io, script->loop, on_ready, connection);
    loop_io_set(&connection->io, connection->fd, LOOP_READABLE);
}

/* ---- life ---- */

void scripted_clickhouse_start(struct scripted_clickhouse *script, struct loop *loop)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof(address);

    *script = (struct scripted_clickhouse){.loop = loop};
    LIST_INIT(&script->connections);
    script->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(script->fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(script->fd, SOMAXCONN), 0);
    assert_int_equal(getsockname(script->fd, (struct sockaddr *)&address, &length), 0);
    loop_io_init(&script->io, loop, on_connect, script);
    loop_io_set(&script->io, script->fd, LOOP_READABLE);
    (void)snprintf(script->url, sizeof(script->url), "http://127.0.0.1:%u", ntohs(address.sin_port));
    script->clickhouse = clickhouse_new(loop, &(struct clickhouse_settings){.url = script->url,
                                                                            .user = "default",
                                                                            .password = "",
                                                                            .database = "millrace",
                                                                            .connect_timeout_ms = 2000,
                                                                            .connections = 4});
}

static void forget_requests(struct scripted_clickhouse *script)
{
    for (int i = 0; i < script->request_count; i++) {
        struct script_request *request = &script->requests[i];
        buf_done(&request->sql);
        buf_done(&request->arguments);
        buf_done(&request->content_type);
        buf_done(&request->body);
    }
    script->request_count = 0;
}

void scripted_clickhouse_stop(struct scripted_clickhouse *script)
{
    clickhouse_free(&script->clickhouse);
    while (!LIST_EMPTY(&script->connections))
        end_connection(LIST_FIRST(&script->connections));
    loop_io_stop(&script->io);
    (void)close(script->fd);
    forget_requests(script);
}

void scripted_clickhouse_add(struct scripted_clickhouse *script, const struct script_rule *rule)
{
    assert_true(script->rule_count < SCRIPT_RULES_MAX);
    script->rules[script->rule_count++] = *rule;
}

void scripted_clickhouse_begin_anew(struct scripted_clickhouse *script)
{
    script->rule_count = 0;
    forget_requests(script);
}

void scripted_clickhouse_let_go(struct scripted_clickhouse *script)
{
    struct script_connection *connection = LIST_FIRST(&script->connections);

    assert_true(script->held_count > 0);
    while (connection != NULL) {
        struct script_connection *next = LIST_NEXT(connection, all);
        if (connection->is_held) {
            script->held_count--;
            connection->is_held = false;
            (void)answer(connection, &connection->held);
        }
        connection = next;
    }
}

/* ---- what was asked ---- */

int scripted_clickhouse_count(const struct scripted_clickhouse *script, const char *sql)
{
    int count = 0;

    for (int i = 0; i < script->request_count; i++)
        count += has_sql(&script->requests[i], sql) ? 1 : 0;
    return count;
}

void scripted_clickhouse_assert(const struct script_request *request, const char *argument, const char *value)
{
    AUTO_BUF found = {0};
    bool is_there = url_argument(buf_slice(&request->arguments), argument, &found);

    if (is_there != (value != NULL) || (is_there && strcmp(buf_text(&found), value) != 0))
        fail_msg("%s is %s, expected %s", argument, is_there ? buf_text(&found) : "not there",
                 value != NULL ? value : "nothing");
}

struct slice scripted_clickhouse_external(const struct script_request *request)
{
    static const struct slice mark = {"boundary=", 9};
    struct slice type = buf_slice(&request->content_type);
    struct slice body = buf_slice(&request->body);
    const char *boundary = memmem(type.data, type.length, mark.data, mark.length);
    const char *head_end = memmem(body.data, body.length, "\r\n\r\n", 4);

    assert_true(boundary != NULL && head_end != NULL);
    size_t boundary_bytes = (size_t)(type.data + type.length - boundary) - mark.length;
    size_t tail_bytes = boundary_bytes + strlen("\r\n----\r\n");
    size_t begin = (size_t)(head_end - body.data) + 4;
    assert_true(body.length >= begin + tail_bytes);
    return slice_of(body.data + begin, body.length - tail_bytes - begin);
}

struct stage_table scripted_clickhouse_table(const struct scripted_clickhouse *script, const char *name,
                                             const char *columns)
{
    return (struct stage_table){.clickhouse = script->clickhouse,
                                .name = name,
                                .columns = columns,
                                .insert_timeout_ms = TABLE_TIMEOUT_MS,
                                .question_timeout_ms = TABLE_TIMEOUT_MS};
}
