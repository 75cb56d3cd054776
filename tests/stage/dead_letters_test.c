#include "common/io/kafka_producer.h"
#include "common/service/dead_letters.h"
#include "common/service/topic_watch.h"
#include "tests/lib/batch_world.h"
#include "tests/lib/loop_until.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

struct world {
    struct batch_world base;
    struct mock_records source; /* what letters are about */
};

/* Who waits for a letter. */
struct waiter {
    int written_count;
};

static int set_up(void **state)
{
    struct world *world = test_calloc(1, sizeof(*world));

    batch_world_prepare(&world->base);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    mock_records_done(&world->source);
    batch_world_stop(&world->base);
    batch_world_done(&world->base);
    test_free(world);
    return 0;
}

static void start(struct world *world, int record_count)
{
    mock_kafka_fill(&world->base.mock, "events", 2, 0, record_count);
    world->source = mock_kafka_read(&world->base.mock, "events", 2);
    batch_world_start(&world->base);
}

static void on_written(void *owner)
{
    ((struct waiter *)owner)->written_count++;
}

static void send_letter(struct world *world, size_t index, const char *reason, struct waiter *waiter)
{
    const struct dead_letter letter = {
        .message = world->source.messages[index], .kind = "decode", .reason = reason, .epoch = 3};

    dead_letters_send(world->base.context.dead_letters, &letter, on_written, waiter);
}

/* All letters, whatever partition their keys chose. */
static size_t count_letters(struct world *world)
{
    size_t count = 0;

    for (int32_t i = 0; i < WORLD_PARTITIONS; i++)
        count += (size_t)mock_kafka_end(&world->base.mock, "events.dlq", i);
    return count;
}

static struct mock_records read_letters(struct world *world)
{
    for (int32_t i = 0; i < WORLD_PARTITIONS; i++)
        if (mock_kafka_end(&world->base.mock, "events.dlq", i) > 0)
            return mock_kafka_read(&world->base.mock, "events.dlq", i);
    fail_msg("no letter was written");
    return (struct mock_records){0};
}

static void assert_header(const rd_kafka_message_t *message, const char *name, const char *expected)
{
    struct slice value = mock_record_header(message, name);

    if (!slice_equals_text(value, expected))
        fail_msg("%s is \"%.*s\", expected \"%s\"", name, SLICE_ARG(value), expected);
}

static void assert_is_now(const rd_kafka_message_t *message, const char *name)
{
    struct slice value = mock_record_header(message, name);

    assert_true(value.length >= 20);
    assert_true(value.data[value.length - 1] == 'Z');
}

/* The operator repairs the cause and replays the record: it must be the very bytes. */
static void keeps_key_value_and_headers_and_says_why_and_where_from(void **state)
{
    struct world *world = *state;
    struct waiter waiter = {0};
    const struct slice key = {"k\0\xff", 3};
    const struct slice value = {"{\"broken\0\xfe", 10};
    rd_kafka_headers_t *headers = rd_kafka_headers_new(2);

    assert_int_equal(rd_kafka_header_add(headers, "millrace", -1, "1;r=abc", -1), 0);
    assert_int_equal(rd_kafka_header_add(headers, "odd", -1, "\0\1", 2), 0);
    mock_kafka_write(&world->base.mock, "events", 2, key, value, headers);
    world->source = mock_kafka_read(&world->base.mock, "events", 2);
    batch_world_start(&world->base);
    send_letter(world, 0, "line 1\n\"quoted\"", &waiter);
    loop_until_count(world->base.loop, &waiter.written_count, 1, "that it is written");
    AUTO_RECORDS letters = read_letters(world);
    assert_int_equal(letters.count, 1);
    const rd_kafka_message_t *letter = letters.messages[0];
    assert_true(slice_equals(slice_of(letter->key, letter->key_len), key));
    assert_true(slice_equals(mock_record_value(letter), value));
    assert_header(letter, "millrace", "1;r=abc");
    assert_true(slice_equals(mock_record_header(letter, "odd"), slice_of("\0\1", 2)));
    assert_header(letter, "dlq-topic", "events");
    assert_header(letter, "dlq-epoch", "3");
    assert_header(letter, "dlq-partition", "2");
    assert_header(letter, "dlq-offset", "0");
    assert_header(letter, "dlq-stage", "tester");
    assert_header(letter, "dlq-kind", "decode");
    assert_null(memchr(mock_record_header(letter, "dlq-error").data, '\n',
                       mock_record_header(letter, "dlq-error").length));
    assert_is_now(letter, "dlq-first-failed");
    assert_is_now(letter, "dlq-last-failed");
}

static void keeps_a_record_without_key_and_value_without(void **state)
{
    struct world *world = *state;
    struct waiter waiter = {0};

    mock_kafka_write(&world->base.mock, "events", 2, slice_of(NULL, 0), slice_of(NULL, 0), NULL);
    world->source = mock_kafka_read(&world->base.mock, "events", 2);
    batch_world_start(&world->base);
    send_letter(world, 0, "empty", &waiter);
    loop_until_count(world->base.loop, &waiter.written_count, 1, "that it is written");
    AUTO_RECORDS letters = read_letters(world);
    assert_null(letters.messages[0]->key);
    assert_null(letters.messages[0]->payload);
}

/* The batch goes on meanwhile and its records are given back: the letter lives on its own copy. */
static void does_not_need_the_record_any_more(void **state)
{
    struct world *world = *state;
    struct waiter waiter = {0};

    start(world, 3);
    send_letter(world, 1, "reason", &waiter);
    mock_records_done(&world->source);
    loop_until_count(world->base.loop, &waiter.written_count, 1, "that it is written");
    AUTO_RECORDS letters = read_letters(world);
    assert_true(slice_equals_text(mock_record_value(letters.messages[0]), "2:1"));
    assert_header(letters.messages[0], "dlq-offset", "1");
}

static bool names_the_topic(void *context)
{
    const struct world *world = context;
    AUTO_BUF json = {0};

    health_write(world->base.health, &json);
    return strstr(buf_text(&json), "\"missingTopics\":[\"events.dlq\"]") != NULL;
}

static void waits_while_the_topic_is_missing_and_then_sends_in_order(void **state)
{
    struct world *world = *state;
    struct waiter waiter = {0};

    mock_kafka_set_missing(&world->base.mock, "events.dlq", true);
    start(world, 3);
    for (size_t i = 0; i < 3; i++)
        send_letter(world, i, "reason", &waiter);
    loop_until(world->base.loop, names_the_topic, world, 20000, "that health names the topic");
    assert_int_equal(waiter.written_count, 0);
    assert_int_equal(health_worst(world->base.health), HEALTH_DEGRADED);
    mock_kafka_set_missing(&world->base.mock, "events.dlq", false);
    loop_until_count(world->base.loop, &waiter.written_count, 3, "that all are written");
    AUTO_RECORDS letters = read_letters(world); /* of one key, so of one partition */
    assert_int_equal(letters.count, 3);
    assert_header(letters.messages[0], "dlq-offset", "0");
    assert_header(letters.messages[2], "dlq-offset", "2");
}

static void sends_again_what_was_not_written(void **state)
{
    struct world *world = *state;
    struct waiter waiter = {0};

    start(world, 1);
    mock_kafka_fail(&world->base.mock, MOCK_KAFKA_PRODUCE, RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, 1);
    send_letter(world, 0, "reason", &waiter);
    loop_until_count(world->base.loop, &waiter.written_count, 1, "that it is written in the end");
    assert_int_equal(count_letters(world), 1);
    assert_int_equal(waiter.written_count, 1);
}

/* The partition went to another worker, which will send its own letters. */
static void drops_letters_that_wait_when_their_owner_is_gone(void **state)
{
    struct world *world = *state;
    struct waiter gone = {0};
    struct waiter stays = {0};

    mock_kafka_set_missing(&world->base.mock, "events.dlq", true);
    start(world, 3);
    send_letter(world, 0, "reason", &gone);
    send_letter(world, 1, "reason", &stays);
    send_letter(world, 2, "reason", &gone);
    dead_letters_forget(world->base.context.dead_letters, &gone);
    mock_kafka_set_missing(&world->base.mock, "events.dlq", false);
    loop_until_count(world->base.loop, &stays.written_count, 1, "the letter of the owner that stays");
    assert_int_equal(gone.written_count, 0);
    assert_int_equal(count_letters(world), 1);
}

static bool is_sent(void *context)
{
    const struct world *world = context;

    return kafka_producer_outstanding(world->base.context.producer) > 0;
}

static bool is_reported(void *context)
{
    return !is_sent(context);
}

static void does_not_call_an_owner_that_is_gone(void **state)
{
    struct world *world = *state;
    struct waiter gone = {0};

    start(world, 1);
    mock_kafka_delay_next(&world->base.mock, MOCK_KAFKA_PRODUCE, 100);
    send_letter(world, 0, "reason", &gone);
    loop_until(world->base.loop, is_sent, world, 20000, "that it is on its way");
    dead_letters_forget(world->base.context.dead_letters, &gone);
    loop_until(world->base.loop, is_reported, world, 20000, "its report");
    assert_int_equal(gone.written_count, 0);
}

/* A stop while letters wait and are under way: nobody is called, nothing leaks. */
static void forgets_what_waits_when_it_stops(void **state)
{
    struct world *world = *state;
    struct waiter waiter = {0};

    mock_kafka_set_missing(&world->base.mock, "events.dlq", true);
    start(world, 2);
    send_letter(world, 0, "reason", &waiter);
    send_letter(world, 1, "reason", &waiter);
    loop_until(world->base.loop, names_the_topic, world, 20000, "that health names the topic");
    assert_int_equal(waiter.written_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keeps_key_value_and_headers_and_says_why_and_where_from, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(keeps_a_record_without_key_and_value_without, set_up, tear_down),
        cmocka_unit_test_setup_teardown(does_not_need_the_record_any_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(waits_while_the_topic_is_missing_and_then_sends_in_order, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(sends_again_what_was_not_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(drops_letters_that_wait_when_their_owner_is_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(does_not_call_an_owner_that_is_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(forgets_what_waits_when_it_stops, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("dead_letters", tests, NULL, NULL);
}
