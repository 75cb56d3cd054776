/*
 * opening_test.c - where a partition stands: every row of the table in opening.h.
 */
#include "common/event/envelope.h"
#include "common/io/kafka_consumer.h"
#include "common/service/batch/opening.h"
#include "common/service/topic_watch.h"
#include "tests/lib/batch_world.h"
#include "tests/lib/loop_until.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { PARTITION = 1 };

struct world {
    struct batch_world base;
    struct opening *opening;
    int opened_count;
    struct opened opened;
    int waiting_count;
    int person_count;
    struct err err;
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

    opening_cancel(&world->opening);
    batch_world_stop(&world->base);
    batch_world_done(&world->base);
    test_free(world);
    return 0;
}

static void on_opened(void *owner, const struct opened *opened)
{
    struct world *world = owner;

    world->opened = *opened;
    world->opened_count++;
    opening_cancel(&world->opening); /* as partition.c does */
}

static void on_waiting(void *owner, const struct err *err)
{
    struct world *world = owner;

    world->err = *err;
    world->waiting_count++;
}

static void on_needs_person(void *owner, const struct err *err)
{
    struct world *world = owner;

    world->err = *err;
    world->person_count++;
    opening_cancel(&world->opening);
}

static bool is_there(void *context)
{
    const struct world *world = context;

    return watched_topic_has(world->base.context.forward_topic, PARTITION);
}

/* The opening of a partition whose commit says this; metadata NULL: none. */
static void open_at(struct world *world, int64_t offset, const char *metadata, bool is_lost)
{
    const struct opening_callbacks callbacks = {on_opened, on_waiting, on_needs_person, world};
    char copy[PLAN_METADATA_BYTES] = "";

    if (metadata != NULL)
        (void)snprintf(copy, sizeof(copy), "%s", metadata);
    const struct kafka_position position = {
        .partition = PARTITION, .offset = offset, .metadata = slice_from(metadata == NULL ? NULL : copy)};
    world->opening = opening_start(&world->base.context, &position, is_lost, &callbacks);
    memset(copy, 'x', sizeof(copy)); /* it was copied */
}

static void start(struct world *world)
{
    batch_world_start(&world->base);
    loop_until(world->base.loop, is_there, world, 20000, "that the next topic is known");
}

static void await_opened(struct world *world)
{
    loop_until_count(world->base.loop, &world->opened_count, 1, "the position");
    assert_int_equal(world->opened_count, 1);
    assert_int_equal(world->person_count, 0);
}

static void assert_position(const struct world *world, uint32_t epoch, int64_t next, int64_t forwarded)
{
    assert_int_equal(world->opened.state.epoch, epoch);
    assert_int_equal(world->opened.state.next, next);
    assert_int_equal(world->opened.state.forwarded, forwarded);
}

/* ---- from the commit ---- */

static void goes_on_at_the_commit(void **state)
{
    struct world *world = *state;

    start(world);
    open_at(world, 10, "millrace/1 epoch=3 forwarded=7 suspect=-1", false);
    await_opened(world);
    assert_position(world, 3, 10, 7);
    assert_false(world->opened.state.has_plan);
    assert_int_equal(world->opened.replay_until, -1);
}

static void finds_the_plan_that_was_begun(void **state)
{
    struct world *world = *state;

    start(world);
    open_at(world, 10,
            "millrace/1 epoch=1 forwarded=-1 suspect=-1 last=19 count=10 sum=00000000000000ff starts=2",
            false);
    await_opened(world);
    assert_true(world->opened.state.has_plan);
    assert_int_equal(world->opened.state.plan.first, 10);
    assert_int_equal(world->opened.state.plan.last, 19);
    assert_int_equal(world->opened.state.plan.starts, 2);
}

/* A worker thought dead may have stored more than it committed. */
static void knows_which_offsets_may_have_rows_already(void **state)
{
    struct world *world = *state;

    start(world);
    fake_clickhouse_add(&world->base.fake, 1, PARTITION, 9);
    fake_clickhouse_add(&world->base.fake, 1, PARTITION, 10);
    fake_clickhouse_add(&world->base.fake, 1, PARTITION, 14);
    fake_clickhouse_add(&world->base.fake, 2, PARTITION, 90); /* of another epoch */
    fake_clickhouse_add(&world->base.fake, 1, 0, 95);         /* of another partition */
    open_at(world, 10, "millrace/1 epoch=1 forwarded=-1 suspect=-1", false);
    await_opened(world);
    assert_int_equal(world->opened.replay_until, 14);
}

struct stranger {
    const char *what;
    const char *metadata;
    const char *advice;
};

static void asks_a_person_about_a_commit_that_is_not_ours(void **state)
{
    static const struct stranger rows[] = {
        {"a commit without metadata", NULL, "somebody else moved it"},
        {"another program's", "checkpoint 9", "somebody else moved it"},
        {"of a later release", "millrace/2 epoch=1 forwarded=-1 suspect=-1", "upgrade"},
    };
    struct world *world = *state;

    start(world);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        world->person_count = 0;
        open_at(world, 10, rows[i].metadata, false);
        loop_until_count(world->base.loop, &world->person_count, 1, rows[i].what);
        assert_non_null(strstr(world->err.text, rows[i].advice));
        assert_int_equal(world->base.fake.question_count, 0);
    }
    assert_int_equal(world->opened_count, 0);
}

static void asks_again_until_the_table_answers(void **state)
{
    struct world *world = *state;

    world->base.fake.failing_questions = 1;
    start(world);
    open_at(world, 10, "millrace/1 epoch=1 forwarded=-1 suspect=-1", false);
    await_opened(world);
    assert_int_equal(world->waiting_count, 1);
    assert_non_null(strstr(world->err.text, "ClickHouse"));
    assert_position(world, 1, 10, -1);
}

/* ---- from the table ---- */

static void begins_at_the_beginning_when_nobody_knows_anything(void **state)
{
    struct world *world = *state;

    mock_kafka_fill(&world->base.mock, "events", PARTITION, 0, 20);
    start(world);
    open_at(world, KAFKA_OFFSET_NONE, NULL, false);
    await_opened(world);
    assert_position(world, 1, 0, -1);
    assert_false(world->opened.state.has_plan);
}

static void begins_where_an_old_log_begins(void **state)
{
    struct world *world = *state;

    int64_t low = mock_kafka_lose_old(&world->base.mock, "events", PARTITION);
    start(world);
    open_at(world, KAFKA_OFFSET_NONE, NULL, false);
    await_opened(world);
    assert_position(world, 1, low, -1);
}

/* The group forgot its offsets (they expire), the topic is the same. */
static void goes_on_behind_the_newest_row_whose_record_is_still_that_one(void **state)
{
    struct world *world = *state;

    mock_kafka_fill(&world->base.mock, "events", PARTITION, 0, 20);
    fake_clickhouse_add(&world->base.fake, 4, PARTITION, 11);
    fake_clickhouse_add(&world->base.fake, 4, PARTITION, 12); /* id "1:12", as the record's */
    fake_clickhouse_add(&world->base.fake, 3, PARTITION, 90); /* of an earlier epoch */
    start(world);
    open_at(world, KAFKA_OFFSET_NONE, NULL, false);
    await_opened(world);
    assert_position(world, 4, 13, -1);
}

/* What was forwarded last stands in the next topic itself. */
static void finds_in_the_next_topic_what_was_forwarded(void **state)
{
    struct world *world = *state;
    char envelope[ENVELOPE_MAX_BYTES];
    const struct envelope_forward forward = {.epoch = 4, .offset = 8, .previous = 7};

    mock_kafka_fill(&world->base.mock, "events", PARTITION, 0, 20);
    fake_clickhouse_add(&world->base.fake, 4, PARTITION, 12);
    for (int i = 0; i < 2; i++) {
        rd_kafka_headers_t *headers = rd_kafka_headers_new(1);
        struct envelope_forward each = forward;
        each.offset -= 1 - i;
        size_t length = envelope_forward_write(&each, envelope);
        assert_int_equal(rd_kafka_header_add(headers, ENVELOPE_HEADER, -1, envelope, (ssize_t)length), 0);
        mock_kafka_write(&world->base.mock, "next", PARTITION, SLICE("k"), SLICE("v"), headers);
    }
    start(world);
    open_at(world, KAFKA_OFFSET_NONE, NULL, false);
    await_opened(world);
    assert_position(world, 4, 13, 8);
}

static void takes_what_another_epoch_forwarded_for_nothing(void **state)
{
    struct world *world = *state;
    char envelope[ENVELOPE_MAX_BYTES];
    const struct envelope_forward forward = {.epoch = 3, .offset = 8, .previous = 7};
    rd_kafka_headers_t *headers = rd_kafka_headers_new(1);

    mock_kafka_fill(&world->base.mock, "events", PARTITION, 0, 20);
    fake_clickhouse_add(&world->base.fake, 4, PARTITION, 12);
    size_t length = envelope_forward_write(&forward, envelope);
    assert_int_equal(rd_kafka_header_add(headers, ENVELOPE_HEADER, -1, envelope, (ssize_t)length), 0);
    mock_kafka_write(&world->base.mock, "next", PARTITION, SLICE("k"), SLICE("v"), headers);
    start(world);
    open_at(world, KAFKA_OFFSET_NONE, NULL, false);
    await_opened(world);
    assert_position(world, 4, 13, -1);
}

/* The same offset holds another record: without a new epoch its row would pass for stored. */
static void begins_the_next_epoch_when_another_record_stands_there(void **state)
{
    struct world *world = *state;

    mock_kafka_fill(&world->base.mock, "events", PARTITION, 0, 20);
    fake_clickhouse_add(&world->base.fake, 4, PARTITION, 12);
    (void)snprintf(world->base.fake.rows[0].id, sizeof(world->base.fake.rows[0].id), "of the old topic");
    start(world);
    open_at(world, KAFKA_OFFSET_NONE, NULL, false);
    await_opened(world);
    assert_position(world, 5, 0, -1);
}

static void begins_the_next_epoch_when_the_log_is_too_short(void **state)
{
    struct world *world = *state;

    mock_kafka_fill(&world->base.mock, "events", PARTITION, 0, 12); /* ends below 12 */
    fake_clickhouse_add(&world->base.fake, 1, PARTITION, 12);
    start(world);
    open_at(world, KAFKA_OFFSET_NONE, NULL, false);
    await_opened(world);
    assert_position(world, 2, 0, -1);
}

static void begins_the_next_epoch_in_an_empty_log(void **state)
{
    struct world *world = *state;

    fake_clickhouse_add(&world->base.fake, 1, PARTITION, 0);
    start(world);
    open_at(world, KAFKA_OFFSET_NONE, NULL, false);
    await_opened(world);
    assert_position(world, 2, 0, -1);
}

/* Only a person may say that records are given up. */
static void asks_a_person_when_records_between_are_gone(void **state)
{
    struct world *world = *state;

    int64_t low = mock_kafka_lose_old(&world->base.mock, "events", PARTITION);
    assert_true(low >= 2);
    fake_clickhouse_add(&world->base.fake, 1, PARTITION, low - 2);
    start(world);
    open_at(world, KAFKA_OFFSET_NONE, NULL, false);
    loop_until_count(world->base.loop, &world->person_count, 1, "that a person is asked");
    assert_non_null(strstr(world->err.text, "gone"));
    assert_int_equal(world->opened_count, 0);
}

/* Retention took just what is stored: nothing is lost. */
static void goes_on_when_only_stored_records_are_gone(void **state)
{
    struct world *world = *state;

    int64_t low = mock_kafka_lose_old(&world->base.mock, "events", PARTITION);
    fake_clickhouse_add(&world->base.fake, 1, PARTITION, low - 1);
    start(world);
    open_at(world, KAFKA_OFFSET_NONE, NULL, false);
    await_opened(world);
    assert_position(world, 1, low, -1);
}

/* The commit says 5,000 and the log ends at 20: the commit is no use, the table is asked in any case. */
static void asks_the_table_when_the_log_lacks_the_commit(void **state)
{
    struct world *world = *state;

    mock_kafka_fill(&world->base.mock, "events", PARTITION, 0, 20);
    fake_clickhouse_add(&world->base.fake, 1, PARTITION, 4999);
    start(world);
    open_at(world, 5000, "millrace/1 epoch=1 forwarded=4999 suspect=-1", true);
    await_opened(world);
    assert_position(world, 2, 0, -1);
}

/* librdkafka's own question for both ends of the log can lose an error, and call the log empty: its records
 * would be passed over in silence. */
static void asks_again_until_kafka_answers(void **state)
{
    struct world *world = *state;

    mock_kafka_fill(&world->base.mock, "events", PARTITION, 0, 20);
    start(world);
    mock_kafka_fail(&world->base.mock, MOCK_KAFKA_LIST_OFFSETS, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
                    1);
    open_at(world, KAFKA_OFFSET_NONE, NULL, false);
    await_opened(world);
    assert_true(world->waiting_count > 0);
    assert_position(world, 1, 0, -1);
}

/* ---- cancelled ---- */

static bool has_asked_table(void *context)
{
    return ((struct world *)context)->base.fake.question_count > 0;
}

/* Revoked in mid-question, wherever that is: on the way to the table, or on the thread that asks Kafka. */
static void is_silent_when_it_is_cancelled(void **state)
{
    struct world *world = *state;

    mock_kafka_fill(&world->base.mock, "events", PARTITION, 0, 20);
    start(world);
    open_at(world, KAFKA_OFFSET_NONE, NULL, false);
    opening_cancel(&world->opening);
    assert_null(world->opening);
    mock_kafka_delay_next(&world->base.mock, MOCK_KAFKA_LIST_OFFSETS, 100);
    open_at(world, KAFKA_OFFSET_NONE, NULL, false);
    loop_until(world->base.loop, has_asked_table, world, 20000, "the question to the table");
    opening_cancel(&world->opening);
    open_at(world, KAFKA_OFFSET_NONE, NULL, false);
    await_opened(world);
    assert_int_equal(world->opened_count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(goes_on_at_the_commit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(finds_the_plan_that_was_begun, set_up, tear_down),
        cmocka_unit_test_setup_teardown(knows_which_offsets_may_have_rows_already, set_up, tear_down),
        cmocka_unit_test_setup_teardown(asks_a_person_about_a_commit_that_is_not_ours, set_up, tear_down),
        cmocka_unit_test_setup_teardown(asks_again_until_the_table_answers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(begins_at_the_beginning_when_nobody_knows_anything, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(begins_where_an_old_log_begins, set_up, tear_down),
        cmocka_unit_test_setup_teardown(goes_on_behind_the_newest_row_whose_record_is_still_that_one, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(finds_in_the_next_topic_what_was_forwarded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(takes_what_another_epoch_forwarded_for_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(begins_the_next_epoch_when_another_record_stands_there, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(begins_the_next_epoch_when_the_log_is_too_short, set_up, tear_down),
        cmocka_unit_test_setup_teardown(begins_the_next_epoch_in_an_empty_log, set_up, tear_down),
        cmocka_unit_test_setup_teardown(asks_a_person_when_records_between_are_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(goes_on_when_only_stored_records_are_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(asks_the_table_when_the_log_lacks_the_commit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(asks_again_until_kafka_answers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(is_silent_when_it_is_cancelled, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("opening", tests, NULL, NULL);
}
