#include "common/io/kafka_reader.h"
#include "common/io/loop.h"
#include "tests/lib/loop_until.h"
#include "tests/lib/mock_kafka.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { RECORDS = 3000 }; /* several rounds of what one turn takes */

struct world {
    struct mock_kafka mock;
    struct loop *loop;
    struct kafka_reader *reader;
};

/* One reading and what came of it. */
struct seen {
    struct world *world;
    struct kafka_reading *reading;
    int32_t partition;
    int64_t next; /* offset of the record that must come next */
    int record_count;
    int end_count;
    int failed_count;
    struct err err;
};

static int set_up(void **state)
{
    struct world *world = test_calloc(1, sizeof(*world));
    struct err err;

    mock_kafka_start(&world->mock);
    mock_kafka_topic(&world->mock, "events", 2);
    world->loop = loop_new();
    const struct kafka_client client = mock_kafka_client(&world->mock, "1");
    rd_kafka_conf_t *conf = kafka_setup_reader(&client, &err);
    assert_non_null(conf);
    if (!kafka_reader_start(world->loop, conf, &world->reader, &err))
        fail_msg("%s", err.text);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    kafka_reader_stop(&world->reader);
    loop_free(&world->loop);
    mock_kafka_stop(&world->mock);
    test_free(world);
    return 0;
}

static void on_record(void *owner, rd_kafka_message_t *message)
{
    struct seen *seen = owner;
    char expected[64];

    assert_int_equal(message->offset, seen->next++);
    (void)snprintf(expected, sizeof(expected), "%d:%lld", (int)seen->partition, (long long)message->offset);
    assert_true(slice_equals_text(mock_record_value(message), expected));
    rd_kafka_message_destroy(message);
    seen->record_count++;
}

static void on_end(void *owner)
{
    struct seen *seen = owner;

    seen->reading = NULL;
    seen->end_count++;
}

static void on_failed(void *owner, const struct err *err)
{
    struct seen *seen = owner;

    seen->reading = NULL;
    seen->err = *err;
    seen->failed_count++;
}

static void read_range(struct world *world, struct seen *seen, int32_t partition, int64_t first, int64_t last)
{
    const struct kafka_range range = {
        .topic = "events", .partition = partition, .first = first, .last = last};
    const struct kafka_reading_callbacks callbacks = {on_record, on_end, on_failed, seen};
    struct err err;

    *seen = (struct seen){.world = world, .partition = partition, .next = first};
    if (!kafka_reader_read(world->reader, &range, &callbacks, &seen->reading, &err))
        fail_msg("%s", err.text);
}

static void assert_whole(const struct seen *seen, int64_t first, int64_t last)
{
    assert_int_equal(seen->record_count, last - first + 1);
    assert_int_equal(seen->end_count, 1);
    assert_int_equal(seen->failed_count, 0);
}

static void gives_the_records_of_the_range_and_no_other(void **state)
{
    struct world *world = *state;
    struct seen seen;

    mock_kafka_fill(&world->mock, "events", 0, 0, RECORDS);
    read_range(world, &seen, 0, 17, RECORDS - 11);
    loop_until_count(world->loop, &seen.end_count, 1, "the end of the range");
    assert_whole(&seen, 17, RECORDS - 11);
}

static void reads_a_single_record(void **state)
{
    struct world *world = *state;
    struct seen seen;

    mock_kafka_fill(&world->mock, "events", 0, 0, 10);
    read_range(world, &seen, 0, 9, 9);
    loop_until_count(world->loop, &seen.end_count, 1, "the end of the range");
    assert_whole(&seen, 9, 9);
}

static void reads_the_same_range_again_and_again(void **state)
{
    struct world *world = *state;
    struct seen seen;

    mock_kafka_fill(&world->mock, "events", 0, 0, 50);
    for (int i = 0; i < 5; i++) {
        read_range(world, &seen, 0, 20, 39);
        loop_until_count(world->loop, &seen.end_count, 1, "the end of the range");
        assert_whole(&seen, 20, 39);
    }
}

static void reads_two_partitions_at_once(void **state)
{
    struct world *world = *state;
    struct seen first;
    struct seen second;

    mock_kafka_fill(&world->mock, "events", 0, 0, RECORDS);
    mock_kafka_fill(&world->mock, "events", 1, 0, 100);
    read_range(world, &first, 0, 0, RECORDS - 1);
    read_range(world, &second, 1, 5, 90);
    loop_until_count(world->loop, &first.end_count, 1, "the end of the first range");
    loop_until_count(world->loop, &second.end_count, 1, "the end of the second range");
    assert_whole(&first, 0, RECORDS - 1);
    assert_whole(&second, 5, 90);
}

static void on_end_read_other(void *owner)
{
    struct seen *seen = owner;
    struct seen *other = seen + 1;

    on_end(owner);
    read_range(seen->world, other, 0, 50, 59);
}

/* opening.h does so: one answer leads to the next question. */
static void begins_another_reading_out_of_the_end_of_one(void **state)
{
    struct world *world = *state;
    struct seen seen[2] = {{.world = world, .partition = 0, .next = 10}, {.world = world}};
    const struct kafka_range range = {.topic = "events", .partition = 0, .first = 10, .last = 19};
    const struct kafka_reading_callbacks callbacks = {on_record, on_end_read_other, on_failed, &seen[0]};
    struct err err;

    mock_kafka_fill(&world->mock, "events", 0, 0, 100);
    assert_true(kafka_reader_read(world->reader, &range, &callbacks, &seen[0].reading, &err));
    loop_until_count(world->loop, &seen[1].end_count, 1, "the end of the second reading");
    assert_whole(&seen[0], 10, 19);
    assert_whole(&seen[1], 50, 59);
}

/* Waiting for records that will be written is no failure. */
static void waits_for_a_record_that_is_not_yet_there(void **state)
{
    struct world *world = *state;
    struct seen seen;

    mock_kafka_fill(&world->mock, "events", 0, 0, 10);
    read_range(world, &seen, 0, 8, 11);
    loop_until_count(world->loop, &seen.record_count, 2, "the records that are there");
    assert_int_equal(seen.end_count, 0);
    mock_kafka_fill(&world->mock, "events", 0, 10, 2);
    loop_until_count(world->loop, &seen.end_count, 1, "the end of the range");
    assert_whole(&seen, 8, 11);
}

static void lets_passing_errors_pass(void **state)
{
    struct world *world = *state;
    struct seen seen;

    mock_kafka_fill(&world->mock, "events", 0, 0, 10);
    mock_kafka_fail(&world->mock, MOCK_KAFKA_FETCH, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, 2);
    read_range(world, &seen, 0, 0, 9);
    loop_until_count(world->loop, &seen.end_count, 1, "the end of the range");
    assert_whole(&seen, 0, 9);
}

/* Retention was faster than the repair. Silence would be a debt that is never paid nor shown. */
static void fails_once_when_the_records_are_gone(void **state)
{
    struct world *world = *state;
    struct seen seen;

    int64_t low = mock_kafka_lose_old(&world->mock, "events", 0);
    read_range(world, &seen, 0, 0, low);
    loop_until_count(world->loop, &seen.failed_count, 1, "the failure");
    assert_int_equal(seen.record_count, 0);
    assert_int_equal(seen.end_count, 0);
    assert_non_null(strstr(seen.err.text, "events[0]"));
    assert_non_null(strstr(seen.err.text, "offset 0"));
}

static void fails_when_the_range_lies_behind_the_log(void **state)
{
    struct world *world = *state;
    struct seen seen;

    mock_kafka_fill(&world->mock, "events", 0, 0, 10);
    read_range(world, &seen, 0, 20, 30);
    loop_until_count(world->loop, &seen.failed_count, 1, "the failure");
    assert_int_equal(seen.record_count, 0);
}

static bool has_some(void *context)
{
    return ((struct seen *)context)->record_count > 0;
}

static void is_silent_after_a_cancel_in_the_middle(void **state)
{
    struct world *world = *state;
    struct seen cancelled;
    struct seen other;

    mock_kafka_fill(&world->mock, "events", 0, 0, 10);
    mock_kafka_fill(&world->mock, "events", 1, 0, 100);
    read_range(world, &cancelled, 0, 0, 500); /* its end would never come */
    loop_until(world->loop, has_some, &cancelled, 20000, "some records");
    kafka_reading_cancel(cancelled.reading);
    int before = cancelled.record_count;
    mock_kafka_fill(&world->mock, "events", 0, 10, 10);
    read_range(world, &other, 1, 0, 99);
    loop_until_count(world->loop, &other.end_count, 1, "the end of the other range");
    assert_int_equal(cancelled.record_count, before);
    assert_int_equal(cancelled.end_count + cancelled.failed_count, 0);
    read_range(world, &cancelled, 0, 5, 14);
    loop_until_count(world->loop, &cancelled.end_count, 1, "the same partition after the cancel");
    assert_whole(&cancelled, 5, 14);
}

static void ends_all_readings_silently_when_it_stops(void **state)
{
    struct world *world = *state;
    struct seen seen[2];

    mock_kafka_fill(&world->mock, "events", 0, 0, 10);
    read_range(world, &seen[0], 0, 0, 500);
    read_range(world, &seen[1], 1, 0, 500);
    loop_until(world->loop, has_some, &seen[0], 20000, "some records");
    kafka_reader_stop(&world->reader);
    assert_null(world->reader);
    assert_int_equal(seen[0].end_count + seen[0].failed_count + seen[1].end_count + seen[1].failed_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(gives_the_records_of_the_range_and_no_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_a_single_record, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_the_same_range_again_and_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_two_partitions_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(begins_another_reading_out_of_the_end_of_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(waits_for_a_record_that_is_not_yet_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lets_passing_errors_pass, set_up, tear_down),
        cmocka_unit_test_setup_teardown(fails_once_when_the_records_are_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(fails_when_the_range_lies_behind_the_log, set_up, tear_down),
        cmocka_unit_test_setup_teardown(is_silent_after_a_cancel_in_the_middle, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ends_all_readings_silently_when_it_stops, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("kafka_reader", tests, NULL, NULL);
}
