/*
 * http_client_test.c - the client against our own server, and against a peer that speaks raw bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/io/http_client.h"
#include "common/io/http_server.h"
#include "common/io/loop.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENCE_MS = 8000, BIG_BODY_BYTES = 4 << 20 };

struct world {
    struct loop *loop;
    struct http_server *server;
    struct http_client *client;
    struct loop_timer patience;
    struct http_request *held[16];
    uint32_t held_count, held_wanted;
    uint32_t answered_count, answered_wanted;
    /* of the last answer */
    bool has_answer;
    int status;
    struct buf body, content_type, code;
    struct err err;
    uint32_t duration_ms;
};

static void look(struct world *world)
{
    if (world->answered_count >= world->answered_wanted && world->held_count >= world->held_wanted)
        loop_stop(world->loop);
}

static void on_impatient(void *owner)
{
    loop_stop(((struct world *)owner)->loop);
}

static void await(struct world *world, uint32_t answered, uint32_t held)
{
    world->answered_wanted = answered;
    world->held_wanted = held;
    if (world->answered_count >= answered && world->held_count >= held)
        return;
    loop_timer_start(&world->patience, PATIENCE_MS);
    loop_run(world->loop);
    loop_timer_stop(&world->patience);
    assert_true(world->answered_count >= answered && world->held_count >= held);
}

/* ---- the server's side ---- */

/* Sends back what it got: method, headers of interest, body. */
static void on_echo(void *context, struct http_request *request)
{
    AUTO_BUF text = {0};
    static const char *const names[] = {"content-length", "expect", "x-one", "authorization", "content-type"};

    (void)context;
    buf_printf(&text, "%s", http_request_method(request) == HTTP_POST ? "POST" : "GET");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct slice value = http_request_header(request, names[i], NULL);
        if (value.data != NULL)
            buf_printf(&text, " %s=%.*s", names[i], SLICE_ARG(value));
    }
    buf_append_text(&text, "\n");
    buf_append_slice(&text, http_request_body(request));
    http_answer_header(request, "X-ClickHouse-Exception-Code", "60");
    http_respond(request, 404, "text/odd", buf_slice(&text));
}

static void on_hold(void *context, struct http_request *request)
{
    struct world *world = context;

    world->held[world->held_count++] = request;
    look(world);
}

static void on_redirect(void *context, struct http_request *request)
{
    (void)context;
    http_answer_header(request, "Location", "/echo");
    http_respond(request, 302, NULL, slice_of(NULL, 0));
}

/* The second is what libcurl says when nobody says anything. */
static const char *const any_bytes[] = {"application/octet-stream", "application/x-www-form-urlencoded",
                                        NULL};

static const struct http_route routes[] = {
    {HTTP_POST, "/echo", on_echo, any_bytes, NULL},
    {HTTP_GET, "/echo", on_echo, NULL, NULL},
    {HTTP_GET, "/hold", on_hold, NULL, NULL},
    {HTTP_GET, "/redirect", on_redirect, NULL, NULL},
    {.path = NULL},
};

static void start(struct world *world, uint32_t connections)
{
    struct err err;
    const struct http_server_settings server = {
        .listen = "127.0.0.1:0", .routes = routes, .context = world, .limits = http_limits_default};
    const struct http_client_settings client = {.connect_timeout_ms = 2000, .connections = connections};

    *world = (struct world){.loop = loop_new()};
    loop_timer_init(&world->patience, world->loop, on_impatient, world);
    if (!http_server_start(world->loop, &server, &world->server, &err))
        fail_msg("%s", err.text);
    world->client = http_client_new(world->loop, &client);
}

static void stop(struct world *world)
{
    http_client_free(&world->client);
    http_server_stop(&world->server);
    loop_free(&world->loop);
    buf_done(&world->body);
    buf_done(&world->content_type);
    buf_done(&world->code);
}

/* ---- the client's side ---- */

static void on_answer(void *owner, const struct http_answer *answer)
{
    struct world *world = owner;

    world->answered_count++;
    world->has_answer = answer->has_answer;
    world->status = answer->status;
    world->err = answer->err;
    world->duration_ms = answer->duration_ms;
    buf_clear(&world->body);
    buf_append_slice(&world->body, answer->body);
    buf_clear(&world->content_type);
    buf_append_slice(&world->content_type, answer->content_type);
    buf_clear(&world->code);
    buf_append_slice(&world->code, answer->exception_code);
    look(world);
}

static struct http_call *call_port(struct world *world, uint16_t port, const char *path,
                                   struct http_call_settings settings)
{
    AUTO_STRING url = xasprintf("http://127.0.0.1:%u%s", port, path);

    settings.url = url;
    settings.method = settings.method != NULL ? settings.method : "GET";
    settings.timeout_ms = settings.timeout_ms > 0 ? settings.timeout_ms : PATIENCE_MS;
    settings.answer_max_bytes = settings.answer_max_bytes > 0 ? settings.answer_max_bytes : 8 << 20;
    settings.on_answer = on_answer;
    settings.owner = world;
    uint32_t before = world->answered_count;
    struct http_call *call = http_client_call(world->client, &settings);
    assert_int_equal(world->answered_count, before);
    return call;
}

static struct http_call *call(struct world *world, const char *path, struct http_call_settings settings)
{
    return call_port(world, http_server_port(world->server), path, settings);
}

static void answer_held(struct world *world, uint32_t index, const char *text)
{
    http_respond(world->held[index], 200, "text/plain", slice_from(text));
}

/* ---- the tests ---- */

static void sends_a_request_and_hands_over_the_answer(void **state)
{
    static const char *const headers[] = {"X-One: 1", NULL};
    struct world world;

    (void)state;
    start(&world, 2);
    (void)call(
        &world, "/echo",
        (struct http_call_settings){
            .method = "POST", .headers = headers, .body = SLICE("a\0b"), .user = "me", .password = "secret"});
    await(&world, 1, 0);
    assert_true(world.has_answer);
    assert_int_equal(world.status, 404);
    assert_string_equal(buf_text(&world.content_type), "text/odd");
    assert_string_equal(buf_text(&world.code), "60");
    /* No Expect: it would cost a round trip. */
    assert_memory_equal(world.body.data, "POST content-length=3 x-one=1 authorization=Basic bWU6c2VjcmV0",
                        61);
    assert_memory_equal(world.body.data + world.body.length - 4, "\na\0b", 4);
    stop(&world);
}

static void sends_and_takes_bodies_of_megabytes(void **state)
{
    struct world world;
    AUTO_BUF body = {0};

    (void)state;
    start(&world, 1);
    memset(buf_reserve(&body, BIG_BODY_BYTES), 'z', BIG_BODY_BYTES);
    body.length = BIG_BODY_BYTES;
    (void)call(&world, "/echo", (struct http_call_settings){.method = "POST", .body = buf_slice(&body)});
    await(&world, 1, 0);
    assert_true(world.has_answer);
    assert_true(world.body.length > BIG_BODY_BYTES);
    assert_memory_equal(world.body.data + world.body.length - BIG_BODY_BYTES, body.data, BIG_BODY_BYTES);
    stop(&world);
}

static void reuses_one_connection(void **state)
{
    struct world world;

    (void)state;
    start(&world, 4);
    for (uint32_t i = 1; i <= 5; i++) {
        (void)call(&world, "/echo", (struct http_call_settings){0});
        await(&world, i, 0);
        assert_true(world.has_answer);
        assert_int_equal(http_server_open_connections(world.server), 1);
    }
    stop(&world);
}

static void further_calls_wait_in_line(void **state)
{
    struct world world;

    (void)state;
    start(&world, 2);
    for (int i = 0; i < 3; i++)
        (void)call(&world, "/hold", (struct http_call_settings){0});
    await(&world, 0, 2);
    assert_int_equal(http_server_open_connections(world.server), 2);
    answer_held(&world, 0, "one");
    await(&world, 1, 3);
    assert_int_equal(http_server_open_connections(world.server), 2);
    answer_held(&world, 1, "two");
    answer_held(&world, 2, "three");
    await(&world, 3, 3);
    stop(&world);
}

static void the_timeout_covers_the_time_in_line(void **state)
{
    struct world world;

    (void)state;
    start(&world, 1);
    (void)call(&world, "/hold", (struct http_call_settings){0});
    await(&world, 0, 1);
    (void)call(&world, "/echo", (struct http_call_settings){.timeout_ms = 50});
    await(&world, 1, 1);
    assert_false(world.has_answer);
    assert_int_equal(world.err.kind, ERR_RETRY);
    assert_non_null(strstr(world.err.text, "127.0.0.1:"));
    assert_non_null(strstr(world.err.text, "timed out after 50 ms"));
    assert_in_range(world.duration_ms, 50, PATIENCE_MS);
    answer_held(&world, 0, "late");
    await(&world, 2, 1);
    assert_true(world.has_answer);
    stop(&world);
}

static void a_cancelled_call_is_never_answered(void **state)
{
    struct world world;

    (void)state;
    start(&world, 1);
    struct http_call *first = call(&world, "/hold", (struct http_call_settings){0});
    await(&world, 0, 1);
    http_call_cancel(first);
    (void)call(&world, "/echo", (struct http_call_settings){0});
    await(&world, 1, 1);
    assert_int_equal(world.status, 404);
    answer_held(&world, 0, "into the void");
    /* One is still under way when the client goes. */
    (void)call(&world, "/hold", (struct http_call_settings){0});
    await(&world, 1, 2);
    http_client_free(&world.client);
    answer_held(&world, 1, "into the void");
    assert_int_equal(world.answered_count, 1);
    stop(&world);
}

static void refuses_an_answer_that_is_too_long(void **state)
{
    struct world world;

    (void)state;
    start(&world, 1);
    (void)call(
        &world, "/echo",
        (struct http_call_settings){.method = "POST", .body = SLICE("0123456789"), .answer_max_bytes = 9});
    await(&world, 1, 0);
    assert_false(world.has_answer);
    assert_non_null(strstr(world.err.text, "the answer is over 9 bytes"));
    stop(&world);
}

static void follows_no_redirect(void **state)
{
    struct world world;

    (void)state;
    start(&world, 1);
    (void)call(&world, "/redirect", (struct http_call_settings){0});
    await(&world, 1, 0);
    assert_int_equal(world.status, 302);
    stop(&world);
}

static void ignores_proxies_of_the_environment(void **state)
{
    struct world world;

    (void)state;
    assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
    start(&world, 1);
    (void)call(&world, "/echo", (struct http_call_settings){0});
    await(&world, 1, 0);
    assert_int_equal(unsetenv("http_proxy"), 0);
    assert_true(world.has_answer);
    stop(&world);
}

/* ---- a peer that breaks off ---- */

struct peer {
    struct loop_io io;
    int fd;
    const char *answer;
};

static void on_peer_connects(void *owner, int events)
{
    struct peer *peer = owner;
    char request[4096];
    int fd = accept(peer->fd, NULL, NULL);

    (void)events;
    assert_true(fd >= 0);
    assert_true(recv(fd, request, sizeof(request), 0) > 0);
    assert_true(send(fd, peer->answer, strlen(peer->answer), MSG_NOSIGNAL) >= 0);
    (void)close(fd);
}

static uint16_t peer_open(struct peer *peer, struct world *world, const char *answer)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof(address);

    peer->answer = answer;
    peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(peer->fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(peer->fd, 8), 0);
    assert_int_equal(getsockname(peer->fd, (struct sockaddr *)&address, &length), 0);
    loop_io_init(&peer->io, world->loop, on_peer_connects, peer);
    loop_io_set(&peer->io, peer->fd, LOOP_READABLE);
    return ntohs(address.sin_port);
}

static void half_an_answer_is_none(void **state)
{
    static const char *const halves[] = {
        "",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n",
        "HTTP/1.1 200 OK\r\n\r\nno length, so nobody knows",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nCode: 60.",
    };
    struct world world;

    (void)state;
    for (size_t i = 0; i < sizeof(halves) / sizeof(halves[0]); i++) {
        struct peer peer;
        print_message("  %zu\n", i);
        start(&world, 1);
        (void)call_port(&world, peer_open(&peer, &world, halves[i]), "/", (struct http_call_settings){0});
        await(&world, 1, 0);
        assert_false(world.has_answer);
        assert_int_equal(world.err.kind, ERR_RETRY);
        loop_io_stop(&peer.io);
        (void)close(peer.fd);
        stop(&world);
    }
}

static void says_that_nobody_listens(void **state)
{
    struct world world;
    struct peer peer;

    (void)state;
    start(&world, 1);
    uint16_t port = peer_open(&peer, &world, "");
    loop_io_stop(&peer.io);
    (void)close(peer.fd);
    (void)call_port(&world, port, "/", (struct http_call_settings){0});
    await(&world, 1, 0);
    assert_false(world.has_answer);
    assert_int_equal(world.err.kind, ERR_RETRY);
    assert_non_null(strstr(world.err.text, "127.0.0.1"));
    stop(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sends_a_request_and_hands_over_the_answer),
        cmocka_unit_test(sends_and_takes_bodies_of_megabytes),
        cmocka_unit_test(reuses_one_connection),
        cmocka_unit_test(further_calls_wait_in_line),
        cmocka_unit_test(the_timeout_covers_the_time_in_line),
        cmocka_unit_test(a_cancelled_call_is_never_answered),
        cmocka_unit_test(refuses_an_answer_that_is_too_long),
        cmocka_unit_test(follows_no_redirect),
        cmocka_unit_test(ignores_proxies_of_the_environment),
        cmocka_unit_test(half_an_answer_is_none),
        cmocka_unit_test(says_that_nobody_listens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
