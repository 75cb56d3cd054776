/*
 * http_server_test.c - clients in order, out of order, slow, many and gone, against a real server.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/base/alloc.h"
#include "tests/lib/raw_http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define POST "POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
#define BINARY "Host: x\r\nContent-Type: application/octet-stream\r\n"
#define HOLD "POST /hold HTTP/1.1\r\n" BINARY
#define OK_BODY "Content-Length: 2\r\n\r\n{}"

static bool holds_many(void *argument)
{
    return ((struct raw_world *)argument)->held_count >= RAW_HELD_MAX / 2;
}

/* ---- pipelining ---- */

static void answers_pipelined_requests_in_order(void **state)
{
    struct raw_world world;
    struct raw_client client;
    AUTO_BUF requests = {0};
    char text[16];

    (void)state;
    raw_start(&world, "127.0.0.1:0", &http_limits_default);
    raw_repeat(&requests, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n", 33);
    raw_open(&client, &world);
    raw_send(&client, buf_slice(&requests));
    raw_await(&world, holds_many, &world);
    raw_run_turns(&world, 5);
    /* The 33rd waits for room. */
    assert_int_equal(world.held_count, 32);
    assert_int_equal(http_server_open_requests(world.server), 32);
    for (uint32_t i = 32; i-- > 0;) {
        (void)snprintf(text, sizeof(text), "<%02u>", i);
        http_respond(world.held[i], 200, "text/plain", slice_from(text));
        if (i == 5)
            raw_run_turns(&world, 3);
        if (i > 0)
            assert_int_equal(client.received.length, 0);
    }
    raw_await_answers(&client, 32);
    const char *at = buf_text(&client.received);
    for (uint32_t i = 0; i < 32; i++) {
        at = strstr(at, "<");
        (void)snprintf(text, sizeof(text), "<%02u>", i);
        assert_non_null(at);
        assert_memory_equal(at, text, 4);
        at += 4;
    }
    buf_clear(&client.received);
    world.held_count = world.held_count - 32;
    raw_await(&world, raw_holds, &world);
    http_respond(world.held[32], 200, "text/plain", SLICE("last"));
    raw_await_answers(&client, 1);
    raw_assert_contains(&client, "last");
    raw_close(&client);
    raw_stop(&world);
}

static void answer_the_held_one_largely(void *owner)
{
    struct raw_world *world = owner;
    AUTO_BUF body = {0};

    raw_repeat(&body, "x", RAW_BIG_BYTES);
    http_respond(world->held[0], 200, "text/plain", buf_slice(&body));
}

/* Its answers fill what a connection may hold after the loop has seen the request, and before it reads it. */
static void reads_a_request_that_arrives_with_a_large_answer(void **state)
{
    struct raw_world world;
    struct raw_client client;
    struct loop_turn turn;

    (void)state;
    raw_start(&world, "127.0.0.1:0", &http_limits_default);
    loop_turn_init(&turn, world.loop, answer_the_held_one_largely, &world);
    raw_open(&client, &world);
    raw_say(&client, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
    raw_await(&world, raw_holds, &world);
    raw_say(&client, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    loop_turn_ask(&turn);
    raw_await_answers(&client, 2);
    raw_assert_contains(&client, "hello  from");
    raw_close(&client);
    loop_turn_done(&turn);
    raw_stop(&world);
}

static void answers_before_a_refusal_still_come_first(void **state)
{
    struct raw_world world;
    struct raw_client client;

    (void)state;
    raw_start(&world, "127.0.0.1:0", &http_limits_default);
    raw_open(&client, &world);
    raw_say(&client,
            "GET /hold HTTP/1.1\r\nHost: x\r\n\r\nGET /hello HTTP/1.1\r\n\r\nGET /hello HTTP/1.1\r\n\r\n");
    raw_await(&world, raw_holds, &world);
    raw_run_turns(&world, 3);
    assert_int_equal(client.received.length, 0);
    http_respond(world.held[0], 200, "text/plain", SLICE("first"));
    raw_await_close(&client);
    assert_int_equal(raw_status(&client), 200);
    assert_int_equal(raw_count(&client, "HTTP/1.1 "), 2);
    raw_assert_contains(&client, "HTTP/1.1 400 ");
    raw_close(&client);
    raw_stop(&world);
}

/* ---- 100 Continue ---- */

static void says_continue_once_the_head_is_good(void **state)
{
    struct raw_world world;
    struct raw_client client;

    (void)state;
    raw_start(&world, "127.0.0.1:0", &http_limits_default);
    raw_open(&client, &world);
    raw_say(&client,
            "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n" POST "Expect: 100-Continue\r\nContent-Length: 2\r\n\r\n");
    raw_await(&world, raw_holds, &world);
    raw_run_turns(&world, 3);
    /* Not before the answer to the request in front. */
    assert_int_equal(client.received.length, 0);
    http_respond(world.held[0], 200, "text/plain", SLICE("first"));
    raw_await_answers(&client, 2);
    raw_assert_contains(&client, "firstHTTP/1.1 100 Continue\r\n\r\n");
    raw_say(&client, "{}");
    raw_await_answers(&client, 3);
    raw_assert_contains(&client, "HTTP/1.1 202 ");
    raw_forget(&client);
    /* Who sends the body anyway needs no invitation. */
    raw_say(&client, POST "Expect: 100-continue\r\n" OK_BODY);
    raw_await_answers(&client, 1);
    assert_int_equal(raw_status(&client), 202);
    raw_forget(&client);
    /* A refusal spares the body, and nobody knows whether it comes. */
    raw_say(&client,
            "POST /nowhere HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    raw_await_close(&client);
    assert_int_equal(raw_status(&client), 404);
    raw_close(&client);
    raw_stop(&world);
}

/* ---- clients that leave ---- */

static void forgets_half_a_request(void **state)
{
    struct raw_world world;
    struct raw_client client;

    (void)state;
    raw_start(&world, "127.0.0.1:0", &http_limits_default);
    raw_open(&client, &world);
    raw_say(&client, POST "Content-Length: 10\r\n\r\n{}");
    raw_run_turns(&world, 3);
    raw_close(&client);
    raw_await(&world, raw_has_no_connections, &world);
    assert_int_equal(world.handled_count, 0);
    raw_stop(&world);
}

static void answers_who_closed_only_its_own_side(void **state)
{
    struct raw_world world;
    struct raw_client client;

    (void)state;
    raw_start(&world, "127.0.0.1:0", &http_limits_default);
    raw_open(&client, &world);
    raw_say(&client, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(shutdown(client.fd, SHUT_WR), 0);
    raw_await(&world, raw_holds, &world);
    raw_run_turns(&world, 3);
    http_respond(world.held[0], 200, "text/plain", SLICE("still here"));
    raw_await_close(&client);
    raw_assert_contains(&client, "still here");
    raw_close(&client);
    raw_await(&world, raw_has_no_connections, &world);
    raw_stop(&world);
}

static void a_request_outlives_its_client_and_its_server(void **state)
{
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    struct raw_world world;
    struct raw_client client;

    (void)state;
    raw_start(&world, "127.0.0.1:0", &http_limits_default);
    raw_open(&client, &world);
    raw_say(&client, HOLD "Content-Length: 4\r\n\r\nbody" HOLD "Content-Length: 4\r\n\r\nmore");
    raw_await(&world, raw_holds, &world);
    raw_run_turns(&world, 2);
    assert_int_equal(world.held_count, 2);
    assert_int_equal(setsockopt(client.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
    raw_close(&client);
    http_respond(world.held[0], 202, NULL, slice_of(NULL, 0));
    raw_await(&world, raw_has_no_connections, &world);
    assert_int_equal(http_server_open_requests(world.server), 1);
    http_server_stop(&world.server);
    assert_true(slice_equals(http_request_body(world.held[1]), SLICE("more")));
    http_respond(world.held[1], 202, NULL, slice_of(NULL, 0));
    raw_stop(&world);
}

/* Closing at once would reset the connection, and with it the answer on its way. */
static void a_refusal_reaches_who_is_still_sending(void **state)
{
    struct raw_world world;
    struct raw_client client;
    AUTO_BUF part = {0};

    (void)state;
    raw_start(&world, "127.0.0.1:0", &http_limits_default);
    raw_repeat(&part, "x", 20000);
    raw_open(&client, &world);
    raw_say(&client, POST "Content-Length: 6000000\r\n\r\n");
    raw_send(&client, buf_slice(&part));
    raw_await_close(&client);
    assert_int_equal(raw_status(&client), 413);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(send(client.fd, part.data, part.length, MSG_NOSIGNAL), part.length);
        raw_run_turns(&world, 2);
    }
    assert_int_equal(http_server_open_connections(world.server), 1);
    raw_close(&client);
    raw_await(&world, raw_has_no_connections, &world);
    raw_stop(&world);
}

/* ---- many clients ---- */

static void turns_away_an_address_with_too_many(void **state)
{
    struct http_limits limits = http_limits_default;
    struct raw_world world;
    struct raw_client clients[3];

    (void)state;
    limits.connections_per_address = 2;
    raw_start(&world, "127.0.0.1:0", &limits);
    for (int i = 0; i < 3; i++)
        raw_open(&clients[i], &world);
    raw_await_close(&clients[2]);
    assert_int_equal(raw_status(&clients[2]), 429);
    assert_int_equal(world.refused_status, 429);
    raw_close(&clients[2]);
    raw_close(&clients[0]);
    raw_say(&clients[1], "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    raw_await_answers(&clients[1], 1);
    assert_int_equal(raw_status(&clients[1]), 200);
    raw_open(&clients[0], &world);
    raw_say(&clients[0], "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    raw_await_answers(&clients[0], 1);
    assert_int_equal(raw_status(&clients[0]), 200);
    raw_close(&clients[0]);
    raw_close(&clients[1]);
    raw_stop(&world);
}

static void a_client_over_the_total_waits_for_room(void **state)
{
    struct http_limits limits = http_limits_default;
    struct raw_world world;
    struct raw_client first, second;

    (void)state;
    limits.connections = 1;
    raw_start(&world, "127.0.0.1:0", &limits);
    raw_open(&first, &world);
    raw_run_turns(&world, 3);
    raw_open(&second, &world);
    raw_say(&second, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    raw_run_turns(&world, 5);
    assert_int_equal(http_server_open_connections(world.server), 1);
    assert_int_equal(second.received.length, 0);
    raw_close(&first);
    raw_await_answers(&second, 1);
    assert_int_equal(raw_status(&second), 200);
    raw_close(&second);
    raw_stop(&world);
}

/* With every file descriptor taken the server sheds one client at once and serves again when there is one. */
static void survives_without_file_descriptors(void **state)
{
    struct raw_world world;
    struct raw_client served_client, shed, late;
    struct rlimit before;
    int taken[4096];
    size_t count = 0;

    (void)state;
    raw_start(&world, "127.0.0.1:0", &http_limits_default);
    raw_open(&served_client, &world);
    raw_run_turns(&world, 3);
    raw_open(&shed, &world);
    raw_open(&late, &world);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    const struct rlimit low = {256, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    while (count < 4096 && (taken[count] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
        count++;
    assert_int_equal(errno, EMFILE);
    raw_await_close(&shed);
    raw_say(&served_client, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    raw_await_answers(&served_client, 1);
    raw_say(&late, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    while (count > 0)
        (void)close(taken[--count]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    raw_await_answers(&late, 1);
    raw_close(&served_client);
    raw_close(&shed);
    raw_close(&late);
    raw_stop(&world);
}

/* ---- draining ---- */

static void drains_without_losing_an_answer(void **state)
{
    struct raw_world world;
    struct raw_client idle, busy, partial, arriving;
    int port;

    (void)state;
    raw_start(&world, "127.0.0.1:0", &http_limits_default);
    raw_open(&idle, &world);
    raw_say(&idle, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    raw_await_answers(&idle, 1);
    raw_open(&busy, &world);
    raw_say(&busy, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
    raw_open(&partial, &world);
    raw_say(&partial, "GET /hello HTTP/1.1\r\nHo");
    raw_await(&world, raw_holds, &world);
    raw_run_turns(&world, 3);
    raw_open(&arriving, &world);
    raw_say(&arriving, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    port = http_server_port(world.server);

    http_server_drain(world.server);
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), -1);
    (void)close(fd);
    raw_await_close(&idle);
    assert_int_equal(raw_count(&idle, "HTTP/1.1 "), 1);
    raw_await_close(&arriving);
    assert_int_equal(raw_status(&arriving), 503);
    raw_say(&partial, "st: x\r\n\r\n");
    raw_await_close(&partial);
    assert_int_equal(raw_status(&partial), 503);
    raw_assert_contains(&partial, "Connection: close\r");
    raw_assert_contains(&partial, "Retry-After: ");
    http_respond(world.held[0], 202, "text/plain", SLICE("kept"));
    raw_await_close(&busy);
    raw_assert_contains(&busy, "kept");
    raw_assert_contains(&busy, "Connection: close\r");
    raw_close(&idle);
    raw_close(&busy);
    raw_close(&partial);
    raw_close(&arriving);
    raw_await(&world, raw_has_no_connections, &world);
    raw_stop(&world);
}

/* ---- listening ---- */

static void listens_on_a_unix_socket(void **state)
{
    struct raw_world world;
    struct raw_client client;
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
    raw_start(&world, listen_on, &http_limits_default);
    assert_int_equal(http_server_port(world.server), 0);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    raw_attach(&client, &world, fd);
    raw_say(&client, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    raw_await_answers(&client, 1);
    raw_assert_contains(&client, "from unix");
    raw_close(&client);
    raw_stop(&world);
    assert_int_equal(rmdir(folder), 0);
}

static void listens_on_ipv6(void **state)
{
    struct raw_world world;
    struct raw_client client;
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    int probe = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool has_ipv6 = probe >= 0 && bind(probe, (const struct sockaddr *)&address, sizeof(address)) == 0;

    (void)state;
    (void)close(probe);
    if (!has_ipv6)
        skip();
    raw_start(&world, "[::1]:0", &http_limits_default);
    address.sin6_port = htons(http_server_port(world.server));
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    raw_attach(&client, &world, fd);
    raw_say(&client, "GET /hello HTTP/1.1\r\nHost: [::1]\r\n\r\n");
    raw_await_answers(&client, 1);
    raw_assert_contains(&client, "from ::1");
    raw_close(&client);
    raw_stop(&world);
}

static void says_why_it_can_not_listen(void **state)
{
    static const char *const malformed[] = {
        "",           "8080",     ":8080", "127.0.0.1:",     "host:8080", "127.0.0.1:x1",
        "[::1:8080]", "::1:8080", "unix:", "127.0.0.1:99999"};
    struct raw_world world;
    struct http_server *server = NULL;
    struct err err;
    AUTO_STRING taken = NULL;

    (void)state;
    raw_start(&world, "127.0.0.1:0", &http_limits_default);
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
    raw_stop(&world);
}

static void sends_what_was_answered_just_before_the_stop(void **state)
{
    struct raw_world world;
    struct raw_client client;

    (void)state;
    raw_start(&world, "127.0.0.1:0", &http_limits_default);
    raw_open(&client, &world);
    raw_say(&client, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
    raw_await(&world, raw_holds, &world);
    http_respond(world.held[0], 503, "text/plain", SLICE("stopping"));
    http_server_stop(&world.server);
    raw_await_close(&client);
    raw_assert_contains(&client, "stopping");
    raw_close(&client);
    raw_stop(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_pipelined_requests_in_order),
        cmocka_unit_test(reads_a_request_that_arrives_with_a_large_answer),
        cmocka_unit_test(answers_before_a_refusal_still_come_first),
        cmocka_unit_test(says_continue_once_the_head_is_good),
        cmocka_unit_test(forgets_half_a_request),
        cmocka_unit_test(answers_who_closed_only_its_own_side),
        cmocka_unit_test(a_request_outlives_its_client_and_its_server),
        cmocka_unit_test(a_refusal_reaches_who_is_still_sending),
        cmocka_unit_test(turns_away_an_address_with_too_many),
        cmocka_unit_test(a_client_over_the_total_waits_for_room),
        cmocka_unit_test(survives_without_file_descriptors),
        cmocka_unit_test(drains_without_losing_an_answer),
        cmocka_unit_test(listens_on_a_unix_socket),
        cmocka_unit_test(listens_on_ipv6),
        cmocka_unit_test(says_why_it_can_not_listen),
        cmocka_unit_test(sends_what_was_answered_just_before_the_stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
