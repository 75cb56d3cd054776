/*
 * http_server_test.c - raw bytes on real sockets against a real server, all on one loop.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/io/http_server.h"
#include "common/io/loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { PATIENCE_MS = 8000, TICK_MS = 2, HELD_MAX = 64, BIG_ANSWER_BYTES = 1 << 20 };

struct client {
    struct world *world;
    struct loop_io io;
    int fd;
    struct buf received;
    bool is_reading;
    bool is_closed; /* the server has closed its side */
    size_t wanted;  /* of client_has_answers */
};

struct world {
    struct loop *loop;
    struct http_server *server;
    struct loop_timer tick;
    struct loop_turn turn;
    int turns_left;
    bool (*is_met)(void *argument);
    void *argument;
    uint32_t ticks_left;
    uint32_t handled_count;
    struct http_request *held[HELD_MAX];
    uint32_t held_count;
};

/* ---- the handlers ---- */

static void on_events(void *context, struct http_request *request)
{
    struct world *world = context;

    world->handled_count++;
    http_respond(request, 202, "application/json", http_request_body(request));
}

static void on_hello(void *context, struct http_request *request)
{
    struct world *world = context;
    AUTO_BUF text = {0};

    world->handled_count++;
    buf_printf(&text, "hello %.*s from %s", SLICE_ARG(http_request_query(request)),
               http_request_peer(request));
    http_respond(request, 200, "text/plain", buf_slice(&text));
}

static void on_hold(void *context, struct http_request *request)
{
    struct world *world = context;

    world->handled_count++;
    assert_true(world->held_count < HELD_MAX);
    world->held[world->held_count++] = request;
}

static void on_big(void *context, struct http_request *request)
{
    struct world *world = context;
    AUTO_BUF body = {0};

    world->handled_count++;
    memset(buf_reserve(&body, BIG_ANSWER_BYTES), 'x', BIG_ANSWER_BYTES);
    body.length = BIG_ANSWER_BYTES;
    http_respond(request, 200, "text/plain", buf_slice(&body));
}

static void on_nothing(void *context, struct http_request *request)
{
    (void)context;
    http_answer_header(request, "X-Kind", "empty");
    http_respond(request, 204, NULL, slice_of(NULL, 0));
}

static const struct http_route routes[] = {
    {HTTP_POST, "/v1/events", on_events, true},
    {HTTP_POST, "/raw", on_events, false},
    {HTTP_GET, "/hello", on_hello, false},
    {HTTP_GET, "/hold", on_hold, false},
    {HTTP_POST, "/hold", on_hold, false},
    {HTTP_GET, "/big", on_big, false},
    {HTTP_DELETE, "/nothing", on_nothing, false},
    {.path = NULL},
};

/* ---- waiting ---- */

static void look(struct world *world)
{
    if (world->is_met != NULL && world->is_met(world->argument))
        loop_stop(world->loop);
}

static void on_tick(void *owner)
{
    struct world *world = owner;

    if (world->ticks_left-- == 0)
        loop_stop(world->loop);
    look(world);
}

/* Runs the loop until the condition is met. */
static void await(struct world *world, bool (*is_met)(void *argument), void *argument)
{
    world->is_met = is_met;
    world->argument = argument;
    world->ticks_left = PATIENCE_MS / TICK_MS;
    loop_timer_start_every(&world->tick, TICK_MS);
    if (!is_met(argument))
        loop_run(world->loop);
    loop_timer_stop(&world->tick);
    world->is_met = NULL;
    assert_true(is_met(argument));
}

static void on_turn(void *owner)
{
    struct world *world = owner;

    if (world->turns_left-- > 0)
        loop_turn_ask(&world->turn);
    else
        loop_stop(world->loop);
}

/* Lets the loop handle what is ready, `count` times. */
static void run_turns(struct world *world, int count)
{
    world->turns_left = count;
    loop_turn_ask(&world->turn);
    loop_run(world->loop);
}

/* ---- set-up ---- */

static void start(struct world *world, const char *listen_on, const struct http_limits *limits)
{
    struct err err;
    const struct http_server_settings settings = {
        .listen = listen_on, .routes = routes, .context = world, .limits = *limits};

    *world = (struct world){.loop = loop_new()};
    loop_timer_init(&world->tick, world->loop, on_tick, world);
    loop_turn_init(&world->turn, world->loop, on_turn, world);
    if (!http_server_start(world->loop, &settings, &world->server, &err))
        fail_msg("%s", err.text);
}

static void stop(struct world *world)
{
    http_server_stop(&world->server);
    loop_timer_stop(&world->tick);
    loop_turn_done(&world->turn);
    loop_free(&world->loop);
}

static void on_client_ready(void *owner, int events)
{
    struct client *client = owner;
    ssize_t count = recv(client->fd, buf_reserve(&client->received, 65536), 65536, MSG_DONTWAIT);

    (void)events;
    if (count > 0) {
        client->received.length += (size_t)count;
    } else if (count == 0 || errno != EAGAIN) {
        client->is_closed = true;
        loop_io_stop(&client->io);
    }
    look(client->world);
}

static void client_attach(struct client *client, struct world *world, int fd)
{
    *client = (struct client){.world = world, .fd = fd};
    loop_io_init(&client->io, world->loop, on_client_ready, client);
    loop_io_set(&client->io, fd, LOOP_READABLE);
}

static int connect_tcp(struct world *world)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons(http_server_port(world->server)),
                                        .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void client_open(struct client *client, struct world *world)
{
    client_attach(client, world, connect_tcp(world));
}

static void client_close(struct client *client)
{
    loop_io_stop(&client->io);
    (void)close(client->fd);
    buf_done(&client->received);
}

/* Blocks when the server does not read: only for what fits into the socket. */
static void client_send(struct client *client, struct slice bytes)
{
    (void)send(client->fd, bytes.data, bytes.length, MSG_NOSIGNAL);
}

static void client_say(struct client *client, const char *text)
{
    client_send(client, slice_from(text));
}

static size_t count_of(struct client *client, const char *text)
{
    const char *at = buf_text(&client->received);
    size_t count = 0;

    for (; (at = strstr(at, text)) != NULL; at++)
        count++;
    return count;
}

static bool client_is_closed(void *argument)
{
    return ((struct client *)argument)->is_closed;
}

/* As many whole answers with a body at the end as wanted; our bodies hold no "HTTP/1.1 ". */
static bool client_has_answers(void *argument)
{
    struct client *client = argument;
    const char *text = buf_text(&client->received);
    const char *end = text + client->received.length;
    size_t count = 0;

    while (text < end) {
        const char *blank = strstr(text, "\r\n\r\n");
        const char *length = strstr(text, "Content-Length: ");
        if (blank == NULL)
            break;
        text = blank + 4 + (length != NULL && length < blank ? strtoul(length + 16, NULL, 10) : 0);
        count += text <= end ? 1 : 0;
    }
    return count >= client->wanted;
}

static void await_answers(struct client *client, size_t wanted)
{
    client->wanted = wanted;
    await(client->world, client_has_answers, client);
}

static void await_close(struct client *client)
{
    await(client->world, client_is_closed, client);
}

static int status_of(struct client *client)
{
    const char *text = buf_text(&client->received);

    return strncmp(text, "HTTP/1.1 ", 9) == 0 ? (int)strtol(text + 9, NULL, 10) : 0;
}

static void forget_answers(struct client *client)
{
    buf_clear(&client->received);
}

static void assert_contains(struct client *client, const char *text)
{
    if (strstr(buf_text(&client->received), text) == NULL)
        fail_msg("no \"%s\" in: %s", text, buf_text(&client->received));
}

static bool has_handled_one(void *argument)
{
    return ((struct world *)argument)->handled_count >= 1;
}

static bool holds_many(void *argument)
{
    return ((struct world *)argument)->held_count >= HELD_MAX / 2;
}

static bool holds_one(void *argument)
{
    return ((struct world *)argument)->held_count >= 1;
}

static bool has_no_connections(void *argument)
{
    return http_server_open_connections(((struct world *)argument)->server) == 0;
}

/* ---- what is refused ---- */

enum after { GOES_ON, CLOSES };

struct row {
    const char *name;
    struct slice bytes;
    int status;
    enum after after;
    const char *message; /* in the answer; NULL: any */
};

#define POST "POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"
#define OK_BODY "Content-Length: 2\r\n\r\n{}"

static const struct row refused[] = {
    {"control byte in the target", SLICE("GET /he\x01llo HTTP/1.1\r\nHost: x\r\n\r\n"), 400, CLOSES, NULL},
    {"byte above 0x7f in the target", SLICE("GET /h\xc3\xa4 HTTP/1.1\r\nHost: x\r\n\r\n"), 400, CLOSES, NULL},
    {"fragment in the target", SLICE("GET /hello#a HTTP/1.1\r\nHost: x\r\n\r\n"), 400, CLOSES, "#"},
    {"absolute target of another host", SLICE("GET http://y/hello HTTP/1.1\r\nHost: x\r\n\r\n"), 400, CLOSES,
     "differ"},
    {"absolute target of another scheme", SLICE("GET ftp://x/hello HTTP/1.1\r\nHost: x\r\n\r\n"), 400, CLOSES,
     NULL},
    {"double slash", SLICE("GET //hello HTTP/1.1\r\nHost: x\r\n\r\n"), 404, GOES_ON, NULL},
    {"dots", SLICE("GET /v1/../hello HTTP/1.1\r\nHost: x\r\n\r\n"), 404, GOES_ON, NULL},
    {"encoded dots", SLICE("GET /v1/%2e%2e/hello HTTP/1.1\r\nHost: x\r\n\r\n"), 404, GOES_ON, NULL},
    {"encoded letter", SLICE("GET /%68ello HTTP/1.1\r\nHost: x\r\n\r\n"), 404, GOES_ON, NULL},
    {"lower-case method", SLICE("get /hello HTTP/1.1\r\nHost: x\r\n\r\n"), 501, CLOSES, "method"},
    {"unknown method", SLICE("FROB /hello HTTP/1.1\r\nHost: x\r\n\r\n"), 501, CLOSES, "method"},
    {"method that goes on", SLICE("GETT /hello HTTP/1.1\r\nHost: x\r\n\r\n"), 501, CLOSES, "method"},
    {"TRACE", SLICE("TRACE /hello HTTP/1.1\r\nHost: x\r\n\r\n"), 501, CLOSES, "method"},
    {"CONNECT", SLICE("CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n"), 501, CLOSES, "method"},
    {"a TLS client", SLICE("\x16\x03\x01\x02"), 400, CLOSES, "not HTTP"},
    {"GET on a POST route", SLICE("GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n"), 405, GOES_ON, "Allow: POST\r"},
    {"PUT on a route of two", SLICE("PUT /hold HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx"), 405, GOES_ON,
     "Allow: GET, HEAD, POST\r"},
    {"unknown path", SLICE("GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n"), 404, GOES_ON, NULL},
    {"unknown path with a body", SLICE("POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde"), 404,
     GOES_ON, NULL},
    {"HTTP/0.9 without headers", SLICE("GET /hello\r\n"), 400, CLOSES, "HTTP version"},
    {"HTTP/0.9 with a bare LF", SLICE("GET /hello\n"), 400, CLOSES, NULL},
    {"HTTP/0.9 by name", SLICE("GET /hello HTTP/0.9\r\nHost: x\r\n\r\n"), 400, CLOSES, "0.9"},
    {"HTTP/1.9", SLICE("GET /hello HTTP/1.9\r\nHost: x\r\n\r\n"), 505, CLOSES, NULL},
    {"HTTP/2.0", SLICE("GET /hello HTTP/2.0\r\nHost: x\r\n\r\n"), 505, CLOSES, NULL},
    {"HTTP/2 preface", SLICE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505, CLOSES, NULL},
    {"another protocol", SLICE("GET /hello ICE/1.0\r\nHost: x\r\n\r\n"), 400, CLOSES, NULL},
    {"two spaces before the target", SLICE("GET  /hello HTTP/1.1\r\nHost: x\r\n\r\n"), 400, CLOSES, "space"},
    {"two spaces after the target", SLICE("GET /hello  HTTP/1.1\r\nHost: x\r\n\r\n"), 400, CLOSES, NULL},
    {"no Host", SLICE("GET /hello HTTP/1.1\r\n\r\n"), 400, CLOSES, "Host"},
    {"two Hosts", SLICE("GET /hello HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n"), 400, CLOSES, "Host"},
    {"a Host that is none", SLICE("GET /hello HTTP/1.1\r\nHost: x/y\r\n\r\n"), 400, CLOSES, "Host"},
    {"bare LF everywhere", SLICE("GET /hello HTTP/1.1\nHost: x\n\n"), 400, CLOSES, NULL},
    {"bare LF after a header", SLICE("GET /hello HTTP/1.1\r\nHost: x\n\r\n"), 400, CLOSES, NULL},
    {"bare LF at the end", SLICE("GET /hello HTTP/1.1\r\nHost: x\r\n\n"), 400, CLOSES, NULL},
    {"bare CR in a header", SLICE("GET /hello HTTP/1.1\r\nHost: x\rA: b\r\n\r\n"), 400, CLOSES, NULL},
    {"NUL in a value", SLICE("GET /hello HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n"), 400, CLOSES, NULL},
    {"NUL in a name", SLICE("GET /hello HTTP/1.1\r\nHost: x\r\nA\0: b\r\n\r\n"), 400, CLOSES, NULL},
    {"folded header", SLICE("GET /hello HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n"), 400, CLOSES, NULL},
    {"space before the first header", SLICE("GET /hello HTTP/1.1\r\n Host: x\r\n\r\n"), 400, CLOSES, NULL},
    {"space before the colon", SLICE("GET /hello HTTP/1.1\r\nHost : x\r\n\r\n"), 400, CLOSES, NULL},
    {"empty header name", SLICE("GET /hello HTTP/1.1\r\nHost: x\r\n: b\r\n\r\n"), 400, CLOSES, NULL},
    {"header name that is no token", SLICE("GET /hello HTTP/1.1\r\nHost: x\r\nA(b: c\r\n\r\n"), 400, CLOSES,
     NULL},
    {"length, then chunked", SLICE(POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400,
     CLOSES, NULL},
    {"chunked, then length", SLICE(POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"), 400,
     CLOSES, NULL},
    {"two equal lengths", SLICE(POST "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}"), 400, CLOSES, NULL},
    {"two lengths", SLICE(POST "Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}"), 400, CLOSES, NULL},
    {"length +2", SLICE(POST "Content-Length: +2\r\n\r\n{}"), 400, CLOSES, NULL},
    {"length -1", SLICE(POST "Content-Length: -1\r\n\r\n{}"), 400, CLOSES, NULL},
    {"length list", SLICE(POST "Content-Length: 2, 2\r\n\r\n{}"), 400, CLOSES, NULL},
    {"length in hex", SLICE(POST "Content-Length: 0x2\r\n\r\n{}"), 400, CLOSES, NULL},
    {"length 2^64", SLICE(POST "Content-Length: 18446744073709551616\r\n\r\n{}"), 400, CLOSES, NULL},
    {"empty length", SLICE(POST "Content-Length:\r\n\r\n{}"), 400, CLOSES, NULL},
    {"no length", SLICE(POST "\r\n"), 411, GOES_ON, "Content-Length"},
    {"chunked in 1.0", SLICE("POST /raw HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400,
     CLOSES, NULL},
    {"gzip, chunked", SLICE(POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), 501, CLOSES, "chunked"},
    {"chunked, gzip", SLICE(POST "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"), 501, CLOSES, "chunked"},
    {"chunked, chunked", SLICE(POST "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"), 501, CLOSES, NULL},
    {"xchunked", SLICE(POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"), 501, CLOSES, "chunked"},
    {"two encodings", SLICE(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 501,
     CLOSES, NULL},
    {"chunk size with 0x", SLICE(CHUNKED "0x2\r\n{}\r\n0\r\n\r\n"), 400, CLOSES, NULL},
    {"chunk size with a sign", SLICE(CHUNKED "+2\r\n{}\r\n0\r\n\r\n"), 400, CLOSES, NULL},
    {"chunk size with a space", SLICE(CHUNKED "2 \r\n{}\r\n0\r\n\r\n"), 400, CLOSES, NULL},
    {"chunk size of 65 bits", SLICE(CHUNKED "10000000000000002\r\n{}\r\n0\r\n\r\n"), 400, CLOSES, NULL},
    {"chunk size ended by LF", SLICE(CHUNKED "2\n{}\r\n0\r\n\r\n"), 400, CLOSES, NULL},
    {"empty chunk size", SLICE(CHUNKED "\r\n{}\r\n0\r\n\r\n"), 400, CLOSES, NULL},
    {"data after a chunk", SLICE(CHUNKED "2\r\n{}x\r\n0\r\n\r\n"), 400, CLOSES, NULL},
    {"chunk ended by LF", SLICE(CHUNKED "2\r\n{}\n0\r\n\r\n"), 400, CLOSES, NULL},
    {"control byte in a chunk extension", SLICE(CHUNKED "2;a=\x01\r\n{}\r\n0\r\n\r\n"), 400, CLOSES, NULL},
    {"DEL in a chunk extension", SLICE(CHUNKED "2;a=\"\x7f\"\r\n{}\r\n0\r\n\r\n"), 400, CLOSES, NULL},
    {"body over the limit by length", SLICE(POST "Content-Length: 5242881\r\n\r\n"), 413, CLOSES, "5242880"},
    {"the same with Expect", SLICE(POST "Expect: 100-continue\r\nContent-Length: 5242881\r\n\r\n"), 413, CLOSES,
     NULL},
    {"another expectation", SLICE(POST "Expect: 200-ok\r\nContent-Length: 2\r\n\r\n{}"), 417, CLOSES, NULL},
    {"no content type", SLICE("POST /v1/events HTTP/1.1\r\nHost: x\r\n" OK_BODY), 415, GOES_ON, "Content-Type"},
    {"text/plain", SLICE("POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n" OK_BODY), 415,
     GOES_ON, NULL},
    {"two content types", SLICE(POST "Content-Type: application/json\r\n" OK_BODY), 415, GOES_ON, NULL},
    {"utf-16",
     SLICE("POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json; charset=utf-16\r\n" OK_BODY), 415,
     GOES_ON, "utf-8"},
    {"content encoding", SLICE(POST "Content-Encoding: br\r\n" OK_BODY), 415, GOES_ON, "Content-Encoding"},
};

static void send_by(struct client *client, struct slice bytes, size_t step)
{
    while (bytes.length > 0) {
        size_t count = step < bytes.length ? step : bytes.length;
        client_send(client, slice_of(bytes.data, count));
        bytes = slice_from_index(bytes, count);
        if (step == 1)
            run_turns(client->world, 2);
    }
}

/* One answer with the status in our error shape, and nothing of what stands behind it served. */
static void check_refused(struct world *world, const struct row *row, size_t step)
{
    struct client client;
    uint32_t handled_before = world->handled_count;

    print_message("  %s\n", row->name);
    client_open(&client, world);
    send_by(&client, row->bytes, step);
    await_answers(&client, 1);
    assert_int_equal(status_of(&client), row->status);
    assert_contains(&client, "x-request-id: ");
    assert_contains(&client, "{\"code\":\"");
    if (row->message != NULL)
        assert_contains(&client, row->message);
    /* A smuggled or following request: served only where the connection goes on. */
    forget_answers(&client);
    client_say(&client, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    if (row->after == CLOSES) {
        await_close(&client);
        assert_int_equal(client.received.length, 0);
    } else {
        await_answers(&client, 1);
        assert_int_equal(status_of(&client), 200);
    }
    assert_int_equal(world->handled_count, handled_before + (row->after == GOES_ON ? 1 : 0));
    client_close(&client);
}

static void refuses_what_is_not_strictly_http(void **state)
{
    struct world world;

    (void)state;
    start(&world, "127.0.0.1:0", &http_limits_default);
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        check_refused(&world, &refused[i], SIZE_MAX);
    stop(&world);
}

static void refuses_the_same_when_bytes_come_one_by_one(void **state)
{
    struct world world;

    (void)state;
    start(&world, "127.0.0.1:0", &http_limits_default);
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        check_refused(&world, &refused[i], 1);
    stop(&world);
}

/* ---- what is served ---- */

struct served {
    const char *name;
    const char *bytes;
    int status;
    enum after after;
    const char *contains; /* in the answer */
    const char *lacks;    /* NULL: nothing */
};

static const struct served served[] = {
    {"a length", POST OK_BODY, 202, GOES_ON, "\r\n\r\n{}", NULL},
    {"chunks, extensions and trailers",
     CHUNKED "3;a=b;c=\"d e\"\r\nabc\r\n00004\r\ndefg\r\n0;x\r\nA: b\r\nC: d\r\n\r\n", 202, GOES_ON,
     "\r\n\r\nabcdefg", NULL},
    {"an empty chunked body", CHUNKED "0\r\n\r\n", 202, GOES_ON, "Content-Length: 0\r", NULL},
    {"Chunked in capitals", POST "Transfer-Encoding: Chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 202, GOES_ON,
     "\r\n\r\n{}", NULL},
    {"charset", "POST /v1/events HTTP/1.1\r\nhOsT: x\r\ncontent-type: Application/JSON ; charset=\"UTF-8\"\r\n" OK_BODY,
     202, GOES_ON, "\r\n\r\n{}", NULL},
    {"a wish to upgrade", POST "Connection: upgrade, http2-settings\r\nUpgrade: h2c\r\n" OK_BODY, 202, GOES_ON,
     "\r\n\r\n{}", NULL},
    {"a wish to upgrade without body",
     "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n", 200, GOES_ON, "hello", NULL},
    {"empty lines first", "\r\n\r\nGET /hello HTTP/1.1\r\nHost: x\r\n\r\n", 200, GOES_ON, "hello", NULL},
    {"a query", "GET /hello?a=%20b HTTP/1.1\r\nHost: x\r\n\r\n", 200, GOES_ON, "hello a=%20b from 127.0.0.1", NULL},
    {"an absolute target", "GET http://X:80/hello?a HTTP/1.1\r\nHost: x:80\r\n\r\n", 200, GOES_ON, "hello a", NULL},
    {"HEAD", "HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\n", 200, GOES_ON, "Content-Length: 21\r", "hello"},
    {"no content", "DELETE /nothing HTTP/1.1\r\nHost: x\r\n\r\n", 204, GOES_ON, "X-Kind: empty\r", "Content-Length"},
    {"HTTP/1.0", "GET /hello HTTP/1.0\r\n\r\n", 200, CLOSES, "Connection: close\r", NULL},
    {"HTTP/1.0 that stays", "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200, GOES_ON,
     "Connection: keep-alive\r", NULL},
    {"close", "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\nGET /hello HTTP/1.1\r\nHost: x\r\n\r\n",
     200, CLOSES, "Connection: close\r", NULL},
    {"a sane request id", "GET /hello HTTP/1.1\r\nHost: x\r\nX-Request-Id:  Ab.c_d-9 \r\n\r\n", 200, GOES_ON,
     "x-request-id: Ab.c_d-9\r", NULL},
    {"a request id that is not", "GET /hello HTTP/1.1\r\nHost: x\r\nX-Request-Id: a b\r\n\r\n", 200, GOES_ON,
     "x-request-id: ", "a b"},
    {"two request ids", "GET /hello HTTP/1.1\r\nHost: x\r\nX-Request-Id: one\r\nX-Request-Id: two\r\n\r\n", 200,
     GOES_ON, "x-request-id: ", "one"},
};

static void check_served(struct world *world, const struct served *row, size_t step)
{
    struct client client;
    const char *head_end;

    print_message("  %s\n", row->name);
    client_open(&client, world);
    send_by(&client, slice_from(row->bytes), step);
    if (row->after == CLOSES) {
        await_close(&client);
    } else {
        client_say(&client, "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n");
        client.wanted = 1;
        await_answers(&client, strncmp(row->bytes, "HEAD", 4) == 0 ? 1 : 2);
    }
    assert_int_equal(status_of(&client), row->status);
    assert_contains(&client, row->contains);
    head_end = strstr(buf_text(&client.received), "HTTP/1.1 404");
    if (row->lacks != NULL) {
        const char *found = strstr(buf_text(&client.received), row->lacks);
        assert_true(found == NULL || (head_end != NULL && found > head_end));
    }
    assert_int_equal(count_of(&client, "HTTP/1.1 2"), 1);
    client_close(&client);
}

static void serves_what_clients_send(void **state)
{
    struct world world;

    (void)state;
    start(&world, "127.0.0.1:0", &http_limits_default);
    for (size_t i = 0; i < sizeof(served) / sizeof(served[0]); i++) {
        check_served(&world, &served[i], SIZE_MAX);
        check_served(&world, &served[i], 1);
    }
    stop(&world);
}

/* ---- limits ---- */

static void append_repeated(struct buf *out, const char *text, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buf_append_text(out, text);
}

/* A GET whose request line, headers and trailers have these sizes. */
struct sizes {
    const char *name;
    size_t line_bytes;   /* 0: as it comes */
    size_t header_count; /* Host included */
    size_t value_bytes;  /* of one more header, of name "a" */
    size_t pad_count;    /* spaces in front of a value */
    size_t trailer_count;
    size_t extension_bytes;
    int status;
};

static const struct sizes sizes[] = {
    {"a request line at the limit", 8192, 1, 0, 0, 0, 0, 200},
    {"a request line over it", 8193, 1, 0, 0, 0, 0, 414},
    {"a request line far over it", 300000, 1, 0, 0, 0, 0, 414},
    {"headers at the limit", 0, 64, 0, 0, 0, 0, 200},
    {"a header too many", 0, 65, 0, 0, 0, 0, 431},
    {"one header at the limit", 0, 1, 8191, 0, 0, 0, 200},
    {"one header over it", 0, 1, 8192, 0, 0, 0, 431},
    {"one header far over it", 0, 1, 300000, 0, 0, 0, 431},
    {"a block of white space", 0, 1, 1, 16400, 0, 0, 431},
    {"16 trailers", 0, 1, 0, 0, 16, 0, 200},
    {"17 trailers", 0, 1, 0, 0, 17, 0, 431},
    {"a chunk extension at the limit", 0, 1, 0, 0, 1, 255, 200},
    {"a chunk extension over it", 0, 1, 0, 0, 1, 256, 400},
};

static void write_sized(struct buf *out, const struct sizes *row)
{
    static const char line[] = "GET /hello? HTTP/1.1";

    buf_append_text(out, "GET /hello?");
    append_repeated(out, "q", row->line_bytes == 0 ? 0 : row->line_bytes - (sizeof(line) - 1));
    buf_append_text(out, " HTTP/1.1\r\nHost: x\r\n");
    append_repeated(out, "b: c\r\n", row->header_count - 1);
    if (row->value_bytes > 0) {
        buf_append_text(out, "a:");
        append_repeated(out, " ", row->pad_count);
        append_repeated(out, "v", row->value_bytes);
        buf_append_text(out, "\r\n");
    }
    if (row->trailer_count == 0) {
        buf_append_text(out, "\r\n");
        return;
    }
    buf_append_text(out, "Transfer-Encoding: chunked\r\n\r\n2;");
    append_repeated(out, "e", row->extension_bytes > 0 ? row->extension_bytes : 1);
    buf_append_text(out, "\r\n{}\r\n0\r\n");
    append_repeated(out, "t: u\r\n", row->trailer_count);
    buf_append_text(out, "\r\n");
}

static void check_sized(struct world *world, const struct sizes *row)
{
    struct client client;
    AUTO_BUF request = {0};

    print_message("  %s\n", row->name);
    write_sized(&request, row);
    client_open(&client, world);
    client_send(&client, buf_slice(&request));
    await_answers(&client, 1);
    assert_int_equal(status_of(&client), row->status);
    if (row->status != 200)
        await_close(&client);
    client_close(&client);
}

static void bounds_every_size(void **state)
{
    struct world world;

    (void)state;
    start(&world, "127.0.0.1:0", &http_limits_default);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        check_sized(&world, &sizes[i]);
    stop(&world);
}

static void bounds_a_chunked_body(void **state)
{
    struct world world;
    struct client client;
    struct http_limits limits = http_limits_default;

    (void)state;
    limits.body_bytes = 10;
    start(&world, "127.0.0.1:0", &limits);
    client_open(&client, &world);
    client_say(&client, CHUNKED "5\r\nabcde\r\n5\r\nabcde\r\n0\r\n\r\n");
    await_answers(&client, 1);
    assert_int_equal(status_of(&client), 202);
    forget_answers(&client);
    client_say(&client, CHUNKED "5\r\nabcde\r\n5\r\nabcde\r\n1\r\nx\r\n0\r\n\r\n");
    await_close(&client);
    assert_int_equal(status_of(&client), 413);
    assert_int_equal(world.handled_count, 1);
    client_close(&client);
    stop(&world);
}

static void bounds_the_memory_of_all_requests(void **state)
{
    struct world world;
    struct client greedy, other;
    struct http_limits limits = http_limits_default;
    AUTO_BUF body = {0};

    (void)state;
    limits.held_bytes = 40000;
    start(&world, "127.0.0.1:0", &limits);
    append_repeated(&body, "x", 30000);
    client_open(&greedy, &world);
    client_say(&greedy, "POST /hold HTTP/1.1\r\nHost: x\r\nContent-Length: 30000\r\n\r\n");
    client_send(&greedy, buf_slice(&body));
    await(&world, holds_one, &world);
    client_open(&other, &world);
    client_say(&other, "POST /raw HTTP/1.1\r\nHost: x\r\nContent-Length: 30000\r\n\r\n");
    client_send(&other, buf_slice(&body));
    await_close(&other);
    assert_int_equal(status_of(&other), 503);
    assert_contains(&other, "Retry-After: ");
    http_respond(world.held[0], 200, NULL, slice_of(NULL, 0));
    await_answers(&greedy, 1);
    assert_int_equal(status_of(&greedy), 200);
    forget_answers(&greedy);
    client_say(&greedy, "POST /raw HTTP/1.1\r\nHost: x\r\nContent-Length: 30000\r\n\r\n");
    client_send(&greedy, buf_slice(&body));
    await_answers(&greedy, 1);
    assert_int_equal(status_of(&greedy), 202);
    client_close(&greedy);
    client_close(&other);
    stop(&world);
}

/* ---- pipelining ---- */

static void answers_pipelined_requests_in_order(void **state)
{
    struct world world;
    struct client client;
    AUTO_BUF requests = {0};
    char text[16];

    (void)state;
    start(&world, "127.0.0.1:0", &http_limits_default);
    append_repeated(&requests, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n", 33);
    client_open(&client, &world);
    client_send(&client, buf_slice(&requests));
    await(&world, holds_many, &world);
    run_turns(&world, 5);
    /* The 33rd waits for room. */
    assert_int_equal(world.held_count, 32);
    assert_int_equal(http_server_open_requests(world.server), 32);
    for (uint32_t i = 32; i-- > 0;) {
        (void)snprintf(text, sizeof(text), "<%02u>", i);
        http_respond(world.held[i], 200, "text/plain", slice_from(text));
        if (i == 5)
            run_turns(&world, 3);
        if (i > 0)
            assert_int_equal(client.received.length, 0);
    }
    await_answers(&client, 32);
    for (uint32_t i = 0; i < 32; i++) {
        const char *at = strstr(buf_text(&client.received), "<");
        (void)snprintf(text, sizeof(text), "<%02u>", i);
        assert_non_null(at);
        assert_memory_equal(at, text, 4);
        buf_consume(&client.received, (size_t)(at + 4 - client.received.data));
    }
    world.held_count = world.held_count - 32;
    await(&world, holds_one, &world);
    http_respond(world.held[32], 200, "text/plain", SLICE("last"));
    await_answers(&client, 1);
    assert_contains(&client, "last");
    client_close(&client);
    stop(&world);
}

static void answers_before_a_refusal_still_come_first(void **state)
{
    struct world world;
    struct client client;

    (void)state;
    start(&world, "127.0.0.1:0", &http_limits_default);
    client_open(&client, &world);
    client_say(&client, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\nGET /hello HTTP/1.1\r\n\r\nGET /hello HTTP/1.1\r\n\r\n");
    await(&world, holds_one, &world);
    run_turns(&world, 3);
    assert_int_equal(client.received.length, 0);
    http_respond(world.held[0], 200, "text/plain", SLICE("first"));
    await_close(&client);
    assert_int_equal(status_of(&client), 200);
    assert_int_equal(count_of(&client, "HTTP/1.1 "), 2);
    assert_contains(&client, "HTTP/1.1 400 ");
    client_close(&client);
    stop(&world);
}

/* ---- 100 Continue ---- */

static void says_continue_once_the_head_is_good(void **state)
{
    struct world world;
    struct client client;

    (void)state;
    start(&world, "127.0.0.1:0", &http_limits_default);
    client_open(&client, &world);
    client_say(&client, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n" POST
                        "Expect: 100-Continue\r\nContent-Length: 2\r\n\r\n");
    await(&world, holds_one, &world);
    run_turns(&world, 3);
    /* Not before the answer to the request in front. */
    assert_int_equal(client.received.length, 0);
    http_respond(world.held[0], 200, "text/plain", SLICE("first"));
    await_answers(&client, 2);
    assert_contains(&client, "firstHTTP/1.1 100 Continue\r\n\r\n");
    client_say(&client, "{}");
    await_answers(&client, 3);
    assert_contains(&client, "HTTP/1.1 202 ");
    forget_answers(&client);
    /* Who sends the body anyway needs no invitation. */
    client_say(&client, POST "Expect: 100-continue\r\n" OK_BODY);
    await_answers(&client, 1);
    assert_int_equal(status_of(&client), 202);
    forget_answers(&client);
    /* A refusal spares the body, and nobody knows whether it comes. */
    client_say(&client, "POST /nowhere HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    await_close(&client);
    assert_int_equal(status_of(&client), 404);
    client_close(&client);
    stop(&world);
}

/* ---- deadlines ---- */

struct drip {
    struct client *client;
    struct loop_timer timer;
    const char *rest;
};

static void on_drip(void *owner)
{
    struct drip *drip = owner;

    if (*drip->rest != '\0')
        client_send(drip->client, slice_of(drip->rest++, 1));
}

/* Sends `first`, then one byte of `rest` every few ms, until the server closes. */
static void drip(struct world *world, struct client *client, const char *first, const char *rest)
{
    struct drip drip = {.client = client, .rest = rest};

    client_open(client, world);
    client_say(client, first);
    loop_timer_init(&drip.timer, world->loop, on_drip, &drip);
    loop_timer_start_every(&drip.timer, 5);
    await_close(client);
    loop_timer_stop(&drip.timer);
}

static struct http_limits short_limits(void)
{
    struct http_limits limits = http_limits_default;

    limits.header_timeout_ms = 100;
    limits.idle_timeout_ms = 150;
    limits.rate_window_ms = 100;
    return limits;
}

static const char long_text[] =
    "GET /hello?aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

static void closes_who_is_too_slow(void **state)
{
    static const struct {
        const char *name, *first, *rest;
        int status; /* 0: closed without a word */
    } rows[] = {
        {"silence", "", "", 408},
        {"empty lines only", "", "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n", 408},
        {"one byte of the head at a time", "G", long_text + 1, 408},
        {"one byte of the body at a time", POST "Content-Length: 1000\r\n\r\n", long_text, 408},
        {"no body", POST "Content-Length: 1000\r\n\r\n", "", 408},
    };
    struct http_limits limits = short_limits();
    struct world world;
    struct client client;

    (void)state;
    start(&world, "127.0.0.1:0", &limits);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        print_message("  %s\n", rows[i].name);
        drip(&world, &client, rows[i].first, rows[i].rest);
        assert_int_equal(status_of(&client), rows[i].status);
        client_close(&client);
    }
    assert_int_equal(world.handled_count, 0);
    stop(&world);
}

static void closes_an_idle_connection_silently(void **state)
{
    struct http_limits limits = short_limits();
    struct world world;
    struct client client;

    (void)state;
    start(&world, "127.0.0.1:0", &limits);
    client_open(&client, &world);
    client_say(&client, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    await_close(&client);
    assert_int_equal(count_of(&client, "HTTP/1.1 "), 1);
    client_close(&client);
    stop(&world);
}

/* A handler's time is not the client's fault. */
static void waits_for_a_slow_handler(void **state)
{
    struct http_limits limits = short_limits();
    struct world world;
    struct client slow, other;

    (void)state;
    start(&world, "127.0.0.1:0", &limits);
    client_open(&slow, &world);
    client_say(&slow, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
    await(&world, holds_one, &world);
    /* Longer than any deadline: until the idle connection of another is closed, twice. */
    for (int i = 0; i < 2; i++) {
        client_open(&other, &world);
        client_say(&other, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
        await_close(&other);
        client_close(&other);
    }
    assert_false(slow.is_closed);
    http_respond(world.held[0], 200, "text/plain", SLICE("late"));
    await_answers(&slow, 1);
    assert_contains(&slow, "late");
    client_close(&slow);
    stop(&world);
}

static void stops_reading_who_does_not_read(void **state)
{
    struct http_limits limits = short_limits();
    struct world world;
    struct client client;
    AUTO_BUF requests = {0};

    (void)state;
    start(&world, "127.0.0.1:0", &limits);
    client_open(&client, &world);
    loop_io_stop(&client.io);
    append_repeated(&requests, "GET /big HTTP/1.1\r\nHost: x\r\n\r\n", 200);
    client_send(&client, buf_slice(&requests));
    await(&world, has_handled_one, &world);
    await(&world, has_no_connections, &world);
    assert_in_range(world.handled_count, 1, 64);
    client_close(&client);
    stop(&world);
}

static void sends_a_big_answer_whole_to_a_slow_reader(void **state)
{
    struct world world;
    struct client client;
    AUTO_BUF requests = {0};

    (void)state;
    start(&world, "127.0.0.1:0", &http_limits_default);
    client_open(&client, &world);
    append_repeated(&requests, "GET /big HTTP/1.1\r\nHost: x\r\n\r\n", 12);
    client_send(&client, buf_slice(&requests));
    client_say(&client, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    await_answers(&client, 13);
    assert_true(client.received.length > 12 * (size_t)BIG_ANSWER_BYTES);
    assert_contains(&client, "xxxHTTP/1.1 200 OK");
    client_close(&client);
    stop(&world);
}

/* ---- clients that leave ---- */

static void forgets_half_a_request(void **state)
{
    struct world world;
    struct client client;

    (void)state;
    start(&world, "127.0.0.1:0", &http_limits_default);
    client_open(&client, &world);
    client_say(&client, POST "Content-Length: 10\r\n\r\n{}");
    run_turns(&world, 3);
    client_close(&client);
    await(&world, has_no_connections, &world);
    assert_int_equal(world.handled_count, 0);
    stop(&world);
}

static void answers_who_closed_only_its_own_side(void **state)
{
    struct world world;
    struct client client;

    (void)state;
    start(&world, "127.0.0.1:0", &http_limits_default);
    client_open(&client, &world);
    client_say(&client, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(shutdown(client.fd, SHUT_WR), 0);
    await(&world, holds_one, &world);
    run_turns(&world, 3);
    http_respond(world.held[0], 200, "text/plain", SLICE("still here"));
    await_close(&client);
    assert_contains(&client, "still here");
    client_close(&client);
    await(&world, has_no_connections, &world);
    stop(&world);
}

static void a_request_outlives_its_client_and_its_server(void **state)
{
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    struct world world;
    struct client client;

    (void)state;
    start(&world, "127.0.0.1:0", &http_limits_default);
    client_open(&client, &world);
    client_say(&client, "POST /hold HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"
                        "POST /hold HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nmore");
    await(&world, holds_one, &world);
    run_turns(&world, 2);
    assert_int_equal(world.held_count, 2);
    assert_int_equal(setsockopt(client.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
    client_close(&client);
    http_respond(world.held[0], 202, NULL, slice_of(NULL, 0));
    await(&world, has_no_connections, &world);
    assert_int_equal(http_server_open_requests(world.server), 1);
    http_server_stop(&world.server);
    assert_true(slice_equals(http_request_body(world.held[1]), SLICE("more")));
    http_respond(world.held[1], 202, NULL, slice_of(NULL, 0));
    stop(&world);
}

/* ---- many clients ---- */

static void turns_away_an_address_with_too_many(void **state)
{
    struct http_limits limits = http_limits_default;
    struct world world;
    struct client clients[3];

    (void)state;
    limits.connections_per_address = 2;
    start(&world, "127.0.0.1:0", &limits);
    for (int i = 0; i < 3; i++)
        client_open(&clients[i], &world);
    await_close(&clients[2]);
    assert_int_equal(status_of(&clients[2]), 429);
    client_close(&clients[2]);
    client_close(&clients[0]);
    client_say(&clients[1], "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    await_answers(&clients[1], 1);
    assert_int_equal(status_of(&clients[1]), 200);
    client_open(&clients[0], &world);
    client_say(&clients[0], "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    await_answers(&clients[0], 1);
    assert_int_equal(status_of(&clients[0]), 200);
    client_close(&clients[0]);
    client_close(&clients[1]);
    stop(&world);
}

static void a_client_over_the_total_waits_for_room(void **state)
{
    struct http_limits limits = http_limits_default;
    struct world world;
    struct client first, second;

    (void)state;
    limits.connections = 1;
    start(&world, "127.0.0.1:0", &limits);
    client_open(&first, &world);
    run_turns(&world, 3);
    client_open(&second, &world);
    client_say(&second, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    run_turns(&world, 5);
    assert_int_equal(http_server_open_connections(world.server), 1);
    assert_int_equal(second.received.length, 0);
    client_close(&first);
    await_answers(&second, 1);
    assert_int_equal(status_of(&second), 200);
    client_close(&second);
    stop(&world);
}

/* With every file descriptor taken the server sheds one client at once and serves again when there is one. */
static void survives_without_file_descriptors(void **state)
{
    struct world world;
    struct client served_client, shed, late;
    struct rlimit before;
    int taken[4096];
    size_t count = 0;

    (void)state;
    start(&world, "127.0.0.1:0", &http_limits_default);
    client_open(&served_client, &world);
    run_turns(&world, 3);
    client_open(&shed, &world);
    client_open(&late, &world);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    const struct rlimit low = {256, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    while (count < 4096 && (taken[count] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
        count++;
    assert_int_equal(errno, EMFILE);
    await_close(&shed);
    client_say(&served_client, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    await_answers(&served_client, 1);
    client_say(&late, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    while (count > 0)
        (void)close(taken[--count]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    await_answers(&late, 1);
    client_close(&served_client);
    client_close(&shed);
    client_close(&late);
    stop(&world);
}

/* ---- draining ---- */

static void drains_without_losing_an_answer(void **state)
{
    struct world world;
    struct client idle, busy, partial, arriving;
    int port;

    (void)state;
    start(&world, "127.0.0.1:0", &http_limits_default);
    client_open(&idle, &world);
    client_say(&idle, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    await_answers(&idle, 1);
    client_open(&busy, &world);
    client_say(&busy, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
    client_open(&partial, &world);
    client_say(&partial, "GET /hello HTTP/1.1\r\nHo");
    await(&world, holds_one, &world);
    run_turns(&world, 3);
    client_open(&arriving, &world);
    client_say(&arriving, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    port = http_server_port(world.server);

    http_server_drain(world.server);
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), -1);
    (void)close(fd);
    await_close(&idle);
    assert_int_equal(count_of(&idle, "HTTP/1.1 "), 1);
    await_close(&arriving);
    assert_int_equal(status_of(&arriving), 503);
    client_say(&partial, "st: x\r\n\r\n");
    await_close(&partial);
    assert_int_equal(status_of(&partial), 503);
    assert_contains(&partial, "Connection: close\r");
    assert_contains(&partial, "Retry-After: ");
    http_respond(world.held[0], 202, "text/plain", SLICE("kept"));
    await_close(&busy);
    assert_contains(&busy, "kept");
    assert_contains(&busy, "Connection: close\r");
    client_close(&idle);
    client_close(&busy);
    client_close(&partial);
    client_close(&arriving);
    await(&world, has_no_connections, &world);
    stop(&world);
}

/* ---- listening ---- */

static void listens_on_a_unix_socket(void **state)
{
    struct world world;
    struct client client;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char folder[] = "/tmp/http_server_test.XXXXXX";
    AUTO_STRING listen_on = NULL;

    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", folder);
    listen_on = xasprintf("unix:%s", address.sun_path);
    /* What a killed process left behind is in nobody's way. */
    int stale = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(stale, (const struct sockaddr *)&address, sizeof(address)), 0);
    (void)close(stale);
    start(&world, listen_on, &http_limits_default);
    assert_int_equal(http_server_port(world.server), 0);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    client_attach(&client, &world, fd);
    client_say(&client, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    await_answers(&client, 1);
    assert_contains(&client, "from unix");
    client_close(&client);
    stop(&world);
    assert_int_equal(rmdir(folder), 0);
}

static void says_why_it_can_not_listen(void **state)
{
    static const char *const malformed[] = {"",          "8080",         ":8080",      "127.0.0.1:",
                                            "host:8080", "127.0.0.1:x1", "[::1:8080]", "::1:8080",
                                            "unix:",     "127.0.0.1:99999"};
    struct world world;
    struct http_server *server = NULL;
    struct err err;
    AUTO_STRING taken = NULL;

    (void)state;
    start(&world, "127.0.0.1:0", &http_limits_default);
    for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
        const struct http_server_settings settings = {.listen = malformed[i], .limits = http_limits_default};
        print_message("  \"%s\"\n", malformed[i]);
        assert_false(http_server_start(world.loop, &settings, &server, &err));
        assert_int_equal(err.kind, ERR_FATAL);
        assert_non_null(strstr(err.text, malformed[i]));
    }
    taken = xasprintf("127.0.0.1:%d", http_server_port(world.server));
    const struct http_server_settings settings = {.listen = taken, .limits = http_limits_default};
    assert_false(http_server_start(world.loop, &settings, &server, &err));
    assert_int_equal(err.kind, ERR_FATAL);
    assert_non_null(strstr(err.text, taken));
    assert_null(server);
    stop(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_not_strictly_http),
        cmocka_unit_test(refuses_the_same_when_bytes_come_one_by_one),
        cmocka_unit_test(serves_what_clients_send),
        cmocka_unit_test(bounds_every_size),
        cmocka_unit_test(bounds_a_chunked_body),
        cmocka_unit_test(bounds_the_memory_of_all_requests),
        cmocka_unit_test(answers_pipelined_requests_in_order),
        cmocka_unit_test(answers_before_a_refusal_still_come_first),
        cmocka_unit_test(says_continue_once_the_head_is_good),
        cmocka_unit_test(closes_who_is_too_slow),
        cmocka_unit_test(closes_an_idle_connection_silently),
        cmocka_unit_test(waits_for_a_slow_handler),
        cmocka_unit_test(stops_reading_who_does_not_read),
        cmocka_unit_test(sends_a_big_answer_whole_to_a_slow_reader),
        cmocka_unit_test(forgets_half_a_request),
        cmocka_unit_test(answers_who_closed_only_its_own_side),
        cmocka_unit_test(a_request_outlives_its_client_and_its_server),
        cmocka_unit_test(turns_away_an_address_with_too_many),
        cmocka_unit_test(a_client_over_the_total_waits_for_room),
        cmocka_unit_test(survives_without_file_descriptors),
        cmocka_unit_test(drains_without_losing_an_answer),
        cmocka_unit_test(listens_on_a_unix_socket),
        cmocka_unit_test(says_why_it_can_not_listen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
