/*
 * http_memory_test.c - what requests may take of memory together, and who has to make room.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/lib/gzip.h"
#include "tests/lib/raw_http.h"

#define BINARY "Host: x\r\nContent-Type: application/octet-stream\r\n"
#define RAW "POST /raw HTTP/1.1\r\n" BINARY
#define HOLD "POST /hold HTTP/1.1\r\n" BINARY

static void bounds_the_memory_of_requests_that_handlers_have(void **state)
{
    struct raw_world world;
    struct raw_client greedy, other;
    struct http_limits limits = http_limits_default;
    AUTO_BUF body = {0};

    (void)state;
    limits.held_bytes = 40000;
    raw_start(&world, "127.0.0.1:0", &limits);
    raw_repeat(&body, "x", 30000);
    raw_open(&greedy, &world);
    raw_say(&greedy, HOLD "Content-Length: 30000\r\n\r\n");
    raw_send(&greedy, buf_slice(&body));
    raw_await(&world, raw_holds, &world);
    raw_open(&other, &world);
    raw_say(&other, RAW "Content-Length: 30000\r\n\r\n");
    raw_send(&other, buf_slice(&body));
    raw_await_close(&other);
    assert_int_equal(raw_status(&other), 503);
    raw_assert_contains(&other, "Retry-After: ");
    http_respond(world.held[0], 200, NULL, slice_of(NULL, 0));
    raw_await_answers(&greedy, 1);
    assert_int_equal(raw_status(&greedy), 200);
    raw_forget(&greedy);
    raw_say(&greedy, RAW "Content-Length: 30000\r\n\r\n");
    raw_send(&greedy, buf_slice(&body));
    raw_await_answers(&greedy, 1);
    assert_int_equal(raw_status(&greedy), 202);
    raw_close(&greedy);
    raw_close(&other);
    raw_stop(&world);
}

/* Sends `count` bytes of a body of 30,000. */
static void send_part(struct raw_client *client, struct raw_world *world, size_t count)
{
    AUTO_BUF part = {0};

    raw_open(client, world);
    raw_say(client, RAW "Content-Length: 30000\r\n\r\n");
    raw_repeat(&part, "x", count);
    raw_send(client, buf_slice(&part));
    raw_run_turns(world, 3);
}

static void who_has_sent_most_and_does_not_end_makes_room(void **state)
{
    struct http_limits limits = http_limits_default;
    struct raw_world world;
    struct raw_client slow, slower, quick;
    AUTO_BUF body = {0};

    (void)state;
    limits.held_bytes = 40000;
    raw_start(&world, "127.0.0.1:0", &limits);
    raw_repeat(&body, "x", 15000);
    send_part(&slow, &world, 8000);
    send_part(&slower, &world, 20000);
    raw_open(&quick, &world);
    raw_say(&quick, RAW "Content-Length: 15000\r\n\r\n");
    raw_send(&quick, slice_of(body.data, 14000));
    raw_await_close(&slower);
    raw_send(&quick, slice_of(body.data, 1000));
    raw_await_answers(&quick, 1);
    assert_int_equal(raw_status(&quick), 202);
    assert_int_equal(raw_status(&slower), 503);
    raw_assert_contains(&slower, "Retry-After: ");
    assert_int_equal(world.refused_status, 503);
    assert_int_equal(world.refused_count, 1);
    assert_false(slow.is_closed);
    raw_close(&slow);
    raw_close(&slower);
    raw_close(&quick);
    raw_stop(&world);
}

/* It would be in vain. */
static void nobody_makes_room_where_handlers_have_it_all(void **state)
{
    struct http_limits limits = http_limits_default;
    struct raw_world world;
    struct raw_client held, slow, last;
    AUTO_BUF body = {0};

    (void)state;
    limits.held_bytes = 40000;
    raw_start(&world, "127.0.0.1:0", &limits);
    raw_repeat(&body, "x", 30000);
    raw_open(&held, &world);
    raw_say(&held, HOLD "Content-Length: 30000\r\n\r\n");
    raw_send(&held, buf_slice(&body));
    raw_await(&world, raw_holds, &world);
    send_part(&slow, &world, 2000);
    send_part(&last, &world, 20000);
    raw_await_close(&last);
    assert_int_equal(raw_status(&last), 503);
    assert_false(slow.is_closed);
    http_respond(world.held[0], 200, NULL, slice_of(NULL, 0));
    raw_close(&held);
    raw_close(&slow);
    raw_close(&last);
    raw_stop(&world);
}

static void the_body_of_a_stranger_is_read_over_and_not_kept(void **state)
{
    enum { STRANGERS = 4, BODY_BYTES = 30000 };
    struct http_limits limits = http_limits_default;
    struct raw_world world;
    struct raw_client strangers[STRANGERS];
    AUTO_BUF body = {0};

    (void)state;
    limits.held_bytes = 40000;
    raw_start(&world, "127.0.0.1:0", &limits);
    raw_repeat(&body, "x", BODY_BYTES);
    for (int i = 0; i < STRANGERS; i++) {
        raw_open(&strangers[i], &world);
        raw_say(&strangers[i], RAW "X-Stranger:\r\nContent-Length: 30000\r\n\r\n");
        raw_send(&strangers[i], slice_of(body.data, BODY_BYTES - 1));
        raw_run_turns(&world, 3);
    }
    for (int i = 0; i < STRANGERS; i++) {
        raw_say(&strangers[i], "xGET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
        raw_await_answers(&strangers[i], 2);
        assert_int_equal(raw_status(&strangers[i]), 401);
        raw_assert_contains(&strangers[i], "hello");
    }
    assert_int_equal(world.handled_count, STRANGERS); /* of /hello */
    assert_int_equal(world.refused_count, STRANGERS);
    for (int i = 0; i < STRANGERS; i++)
        raw_close(&strangers[i]);
    raw_stop(&world);
}

/* Nobody knows whether the body still comes. */
static void a_stranger_who_waits_for_100_continue_is_closed(void **state)
{
    struct raw_world world;
    struct raw_client stranger;

    (void)state;
    raw_start(&world, "127.0.0.1:0", &http_limits_default);
    raw_open(&stranger, &world);
    raw_say(&stranger, RAW "X-Stranger:\r\nExpect: 100-continue\r\nContent-Length: 30000\r\n\r\n");
    raw_await_close(&stranger);
    assert_int_equal(raw_status(&stranger), 401);
    raw_close(&stranger);
    raw_stop(&world);
}

/* A decoder that waits for the rest of its body counts. */
static void bounds_the_memory_of_all_decoders(void **state)
{
    enum { CLIENTS = 8, BOUND_BYTES = 40000 };
    struct http_limits limits = http_limits_default;
    struct raw_world world;
    struct raw_client clients[CLIENTS];
    AUTO_BUF packed = {0};

    (void)state;
    limits.held_bytes = BOUND_BYTES;
    raw_start(&world, "127.0.0.1:0", &limits);
    gzip_write(&packed, SLICE("{}"));
    for (int i = 0; i < CLIENTS; i++) {
        raw_open(&clients[i], &world);
        raw_say(&clients[i], "POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                             "Content-Encoding: gzip\r\n"
                             "Content-Length: 100\r\n\r\n");
        raw_send(&clients[i], slice_of(packed.data, packed.length - 1));
        raw_run_turns(&world, 2);
    }
    raw_await_close(&clients[CLIENTS - 1]);
    assert_int_equal(raw_status(&clients[CLIENTS - 1]), 503);
    assert_false(clients[0].is_closed);
    for (int i = 0; i < CLIENTS; i++)
        raw_close(&clients[i]);
    raw_stop(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_the_memory_of_requests_that_handlers_have),
        cmocka_unit_test(who_has_sent_most_and_does_not_end_makes_room),
        cmocka_unit_test(nobody_makes_room_where_handlers_have_it_all),
        cmocka_unit_test(the_body_of_a_stranger_is_read_over_and_not_kept),
        cmocka_unit_test(a_stranger_who_waits_for_100_continue_is_closed),
        cmocka_unit_test(bounds_the_memory_of_all_decoders),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
