/*
 * http_slow_test.c - clients that send slowly, say nothing, or don't read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/lib/raw_http.h"

#define POST "POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"

struct drip {
    struct raw_client *client;
    struct loop_timer timer;
    const char *rest;
};

static void on_drip(void *owner)
{
    struct drip *drip = owner;

    if (*drip->rest != '\0')
        raw_send(drip->client, slice_of(drip->rest++, 1));
}

/* Sends `first`, then one byte of `rest` every few ms, until the server closes, which it must do before the
 * rest is sent: what drips in moves no deadline. */
static void drip(struct raw_world *world, struct raw_client *client, const char *first, const char *rest)
{
    struct drip drip = {.client = client, .rest = rest};

    raw_open(client, world);
    raw_say(client, first);
    loop_timer_init(&drip.timer, world->loop, on_drip, &drip);
    loop_timer_start_every(&drip.timer, 5);
    raw_await_close(client);
    loop_timer_stop(&drip.timer);
    assert_true(*rest == '\0' || *drip.rest != '\0');
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
    "GET "
    "/hello?"
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    "aaaaaa";

static void closes_who_is_too_slow(void **state)
{
    static const struct {
        const char *name, *first, *rest;
        int status;
    } rows[] = {
        {"silence", "", "", 408},
        {"empty lines only", "",
         "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n", 408},
        {"one byte of the head at a time", "G", long_text + 1, 408},
        {"one byte of the body at a time", POST "Content-Length: 1000\r\n\r\n", long_text, 408},
        {"no body", POST "Content-Length: 1000\r\n\r\n", "", 408},
    };
    struct http_limits limits = short_limits();
    struct raw_world world;
    struct raw_client client;

    (void)state;
    raw_start(&world, "127.0.0.1:0", &limits);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        print_message("  %s\n", rows[i].name);
        drip(&world, &client, rows[i].first, rows[i].rest);
        assert_int_equal(raw_status(&client), rows[i].status);
        assert_int_equal(world.refused_status, rows[i].status);
        assert_int_equal(world.refused_count, i + 1);
        raw_close(&client);
    }
    assert_int_equal(world.handled_count, 0);
    raw_stop(&world);
}

static void closes_an_idle_connection_silently(void **state)
{
    struct http_limits limits = short_limits();
    struct raw_world world;
    struct raw_client client;

    (void)state;
    raw_start(&world, "127.0.0.1:0", &limits);
    raw_open(&client, &world);
    raw_say(&client, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    raw_await_close(&client);
    assert_int_equal(raw_count(&client, "HTTP/1.1 "), 1);
    raw_close(&client);
    raw_stop(&world);
}

/* Longer than any deadline: until the idle connection of another is closed, twice. */
static void outlast_all_deadlines(struct raw_world *world)
{
    struct raw_client other;

    for (int i = 0; i < 2; i++) {
        raw_open(&other, world);
        raw_say(&other, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
        raw_await_close(&other);
        raw_close(&other);
    }
}

/* A handler's time is not the client's fault. */
static void waits_for_a_slow_handler(void **state)
{
    struct http_limits limits = short_limits();
    struct raw_world world;
    struct raw_client slow;

    (void)state;
    raw_start(&world, "127.0.0.1:0", &limits);
    raw_open(&slow, &world);
    raw_say(&slow, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
    raw_await(&world, raw_holds, &world);
    outlast_all_deadlines(&world);
    assert_false(slow.is_closed);
    http_respond(world.held[0], 200, "text/plain", SLICE("late"));
    raw_await_answers(&slow, 1);
    raw_assert_contains(&slow, "late");
    raw_close(&slow);
    raw_stop(&world);
}

/* Nor is the time before we say 100 Continue, which stands in line behind that handler's answer. */
static void waits_for_a_body_that_it_has_not_asked_for(void **state)
{
    struct http_limits limits = short_limits();
    struct raw_world world;
    struct raw_client polite;

    (void)state;
    raw_start(&world, "127.0.0.1:0", &limits);
    raw_open(&polite, &world);
    raw_say(&polite, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n"
                     "POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                     "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    raw_await(&world, raw_holds, &world);
    outlast_all_deadlines(&world);
    http_respond(world.held[0], 200, "text/plain", SLICE("late"));
    raw_await_answers(&polite, 2);
    raw_assert_contains(&polite, "lateHTTP/1.1 100 Continue\r\n\r\n");
    raw_say(&polite, "{}");
    raw_await_answers(&polite, 3);
    raw_assert_contains(&polite, "HTTP/1.1 202 ");
    raw_close(&polite);
    raw_stop(&world);
}

static void stops_reading_who_does_not_read(void **state)
{
    struct http_limits limits = short_limits();
    struct raw_world world;
    struct raw_client client;
    AUTO_BUF requests = {0};

    (void)state;
    raw_start(&world, "127.0.0.1:0", &limits);
    raw_open(&client, &world);
    loop_io_stop(&client.io);
    raw_repeat(&requests, "GET /big HTTP/1.1\r\nHost: x\r\n\r\n", 200);
    raw_send(&client, buf_slice(&requests));
    raw_await(&world, raw_has_handled, &world);
    raw_await(&world, raw_has_no_connections, &world);
    assert_in_range(world.handled_count, 1, 64);
    raw_close(&client);
    raw_stop(&world);
}

static void sends_a_big_answer_whole_to_a_slow_reader(void **state)
{
    struct raw_world world;
    struct raw_client client;
    AUTO_BUF requests = {0};

    (void)state;
    raw_start(&world, "127.0.0.1:0", &http_limits_default);
    raw_open(&client, &world);
    raw_repeat(&requests, "GET /big HTTP/1.1\r\nHost: x\r\n\r\n", 12);
    raw_send(&client, buf_slice(&requests));
    raw_say(&client, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    raw_await_answers(&client, 13);
    assert_true(client.received.length > 12 * (size_t)RAW_BIG_BYTES);
    raw_assert_contains(&client, "xxxHTTP/1.1 200 OK");
    raw_close(&client);
    raw_stop(&world);
}

static void closes_who_holds_up_most_answers_and_serves_the_others(void **state)
{
    struct http_limits limits = http_limits_default;
    struct raw_world world;
    struct raw_client greedy[16];
    struct raw_client other;

    (void)state;
    limits.unsent_bytes = 4 * RAW_BIG_BYTES;
    raw_start(&world, "127.0.0.1:0", &limits);
    for (size_t i = 0; i < 16; i++) {
        raw_open(&greedy[i], &world);
        loop_io_stop(&greedy[i].io);
        raw_say(&greedy[i], "GET /big HTTP/1.1\r\nHost: x\r\n\r\nGET /big HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    raw_open(&other, &world);
    raw_say(&other, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    raw_await_answers(&other, 1);
    assert_int_equal(raw_status(&other), 200);
    assert_true(http_server_open_connections(world.server) < 16); /* and one of them is `other` */
    raw_close(&other);
    for (size_t i = 0; i < 16; i++)
        raw_close(&greedy[i]);
    raw_stop(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closes_who_is_too_slow),
        cmocka_unit_test(closes_an_idle_connection_silently),
        cmocka_unit_test(waits_for_a_slow_handler),
        cmocka_unit_test(waits_for_a_body_that_it_has_not_asked_for),
        cmocka_unit_test(stops_reading_who_does_not_read),
        cmocka_unit_test(sends_a_big_answer_whole_to_a_slow_reader),
        cmocka_unit_test(closes_who_holds_up_most_answers_and_serves_the_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
