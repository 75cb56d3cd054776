/*
 * partition_test.c - one partition from Kafka to the table, with its plans, on servers that fail.
 */
#include "tests/lib/loop_until.h"
#include "tests/lib/partition_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* ---- while all is well ---- */

static void stores_each_record_once_and_commits_behind_them(void **state)
{
    struct partition_world *world = *state;

    partition_world_fill(world, 0, PARTITION_WORLD_RECORDS);
    partition_world_take_over(world);
    loop_until(world->base.loop, partition_world_has_all, world, 20000, "that all are stored");
    assert_int_equal(world->base.fake.insert_count, 1);
    partition_world_close(world);
    partition_world_assert_each_once(world, 0, PARTITION_WORLD_RECORDS - 1);
    struct plan_state left = partition_world_committed(world);
    assert_int_equal(left.next, PARTITION_WORLD_RECORDS);
    assert_int_equal(left.epoch, 1);
    assert_false(left.has_plan);
    assert_int_equal(world->base.load.held_bytes, 0);
}

/* The plan is what makes a kill harmless: it must be in the group before the table sees a row. */
static void commits_the_plan_before_the_insert(void **state)
{
    struct partition_world *world = *state;

    partition_world_fill(world, 0, PARTITION_WORLD_RECORDS);
    fake_clickhouse_plan(&world->base.fake, FAKE_HOLD, 0);
    partition_world_take_over(world);
    loop_until(world->base.loop, partition_world_holds_insert, world, 20000, "the insert");
    struct plan_state found = partition_world_committed(world);
    assert_int_equal(found.next, 0);
    assert_true(found.has_plan);
    assert_int_equal(found.plan.last, PARTITION_WORLD_RECORDS - 1);
    assert_int_equal(found.plan.count, PARTITION_WORLD_RECORDS);
    assert_int_equal(found.plan.starts, 1);
    fake_clickhouse_let_go(&world->base.fake);
    loop_until(world->base.loop, partition_world_has_all, world, 20000, "that all are stored");
    partition_world_assert_each_once(world, 0, PARTITION_WORLD_RECORDS - 1);
}

static void does_not_insert_while_the_plan_can_not_be_committed(void **state)
{
    struct partition_world *world = *state;

    partition_world_fill(world, 0, PARTITION_WORLD_RECORDS);
    partition_world_take_over(world);
    mock_kafka_fail(&world->base.mock, MOCK_KAFKA_OFFSET_COMMIT, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
                    1);
    world->wanted_problem = "commit";
    loop_until(world->base.loop, partition_world_has_problem, world, 20000, "the problem");
    assert_int_equal(world->base.fake.insert_count, 0);
    loop_until(world->base.loop, partition_world_has_all, world, 20000, "that all are stored in the end");
    partition_world_assert_each_once(world, 0, PARTITION_WORLD_RECORDS - 1);
}

/* ---- answers that get lost ---- */

static void does_not_repeat_an_insert_whose_rows_are_there(void **state)
{
    struct partition_world *world = *state;

    partition_world_fill(world, 0, PARTITION_WORLD_RECORDS);
    fake_clickhouse_plan(&world->base.fake, FAKE_STORE_SILENTLY, 0);
    partition_world_take_over(world);
    loop_until(world->base.loop, partition_world_has_all, world, 20000, "that all are stored");
    partition_world_assert_each_once(world, 0, PARTITION_WORLD_RECORDS - 1);
    assert_int_equal(world->base.fake.insert_count, 1);
}

/* The token is there and the rows are not: the second insert is swallowed, the third has a name of its own.
 */
static void inserts_under_a_new_token_when_the_old_one_has_no_rows(void **state)
{
    struct partition_world *world = *state;
    const struct fake_clickhouse *fake = &world->base.fake;
    AUTO_BUF renamed = {0};

    partition_world_fill(world, 0, PARTITION_WORLD_RECORDS);
    fake_clickhouse_plan(&world->base.fake, FAKE_TOKEN_ONLY, 0);
    partition_world_take_over(world);
    loop_until(world->base.loop, partition_world_has_all, world, 20000, "that all are stored");
    partition_world_assert_each_once(world, 0, PARTITION_WORLD_RECORDS - 1);
    assert_int_equal(fake->insert_count, 3);
    assert_string_equal(fake->tokens[0], fake->tokens[1]);
    buf_printf(&renamed, "%s:r1", fake->tokens[0]);
    assert_string_equal(fake->tokens[2], buf_text(&renamed));
    assert_string_equal(fake->query_ids[0], fake->query_ids[2]); /* never two at once */
}

static void waits_for_a_table_that_is_away_and_says_so(void **state)
{
    struct partition_world *world = *state;

    partition_world_fill(world, 0, PARTITION_WORLD_RECORDS);
    fake_clickhouse_plan(&world->base.fake, FAKE_REFUSE, 60);
    fake_clickhouse_plan(&world->base.fake, FAKE_REFUSE, 252);
    partition_world_take_over(world);
    world->wanted_problem = "code 60";
    loop_until(world->base.loop, partition_world_has_problem, world, 20000, "the problem");
    loop_until(world->base.loop, partition_world_has_all, world, 20000, "that all are stored");
    assert_int_equal(world->base.fake.insert_count, 3);
    assert_string_equal(world->base.fake.tokens[0], world->base.fake.tokens[2]);
    partition_world_assert_each_once(world, 0, PARTITION_WORLD_RECORDS - 1);
    world->wanted_problem = "";
    assert_false(partition_world_has_problem(world));
    assert_int_equal(partition_world_count_letters(world), 0);
}

/* ---- taking over ---- */

/* The worker before was killed in mid-insert, which then came true after all. */
static void does_a_found_plan_with_the_same_boundaries_and_only_what_is_absent(void **state)
{
    struct partition_world *world = *state;

    partition_world_fill(world, 0, PARTITION_WORLD_RECORDS);
    partition_world_commit_plan(world, 4, 1);
    for (int64_t offset = 0; offset < 3; offset++)
        fake_clickhouse_add(&world->base.fake, 1, world->number, offset);
    partition_world_take_over(world);
    loop_until(world->base.loop, partition_world_has_all, world, 20000, "that all are stored");
    partition_world_assert_each_once(world, 0, PARTITION_WORLD_RECORDS - 1);
    assert_int_equal(world->base.fake.insert_rows[0], 2); /* 3 and 4; not 5 to 7, which are another plan's */
    assert_non_null(strstr(world->base.fake.tokens[0], "/0-4/"));
}

static void stops_when_the_log_has_other_records_than_the_plan(void **state)
{
    struct partition_world *world = *state;
    struct err problem;
    bool needs_person = false;

    partition_world_fill(world, 0, PARTITION_WORLD_RECORDS);
    partition_world_commit(
        world, 0, "millrace/1 epoch=1 forwarded=-1 suspect=-1 last=4 count=5 sum=00000000000000ff starts=1");
    partition_world_take_over(world);
    world->wanted_problem = "other records";
    loop_until(world->base.loop, partition_world_has_problem, world, 20000, "the problem");
    assert_true(partition_has_problem(world->partition, &problem, &needs_person));
    assert_true(needs_person);
    assert_int_equal(world->base.fake.insert_count, 0);
}

static void halves_a_plan_that_was_begun_three_times(void **state)
{
    struct partition_world *world = *state;

    partition_world_fill(world, 0, PARTITION_WORLD_RECORDS);
    partition_world_commit_plan(world, PARTITION_WORLD_RECORDS - 1, PLAN_STARTS_MAX);
    fake_clickhouse_plan(&world->base.fake, FAKE_HOLD, 0);
    partition_world_take_over(world);
    loop_until(world->base.loop, partition_world_holds_insert, world, 20000, "the first insert");
    struct plan_state found = partition_world_committed(world);
    assert_int_equal(found.plan.count, PARTITION_WORLD_RECORDS / 2);
    assert_int_equal(found.plan.starts, PLAN_STARTS_MAX); /* ends this worker too: halved at once */
    assert_int_equal(found.suspect_until, PARTITION_WORLD_RECORDS - 1);
    fake_clickhouse_let_go(&world->base.fake);
    loop_until(world->base.loop, partition_world_has_all, world, 20000, "that all are stored");
    partition_world_assert_each_once(world, 0, PARTITION_WORLD_RECORDS - 1);
    partition_world_close(world);
    assert_int_equal(partition_world_committed(world).next, PARTITION_WORLD_RECORDS);
}

static void gives_the_record_that_ends_workers_to_the_dead_letters(void **state)
{
    struct partition_world *world = *state;

    partition_world_fill(world, 0, PARTITION_WORLD_RECORDS);
    partition_world_commit_plan(world, 0, PLAN_STARTS_MAX);
    int64_t before = partition_world_count_letters(world);
    world->missing = 0;
    partition_world_take_over(world);
    loop_until(world->base.loop, partition_world_has_all, world, 20000, "that the others are stored");
    assert_int_equal(fake_clickhouse_copies(&world->base.fake, 1, world->number, 0), 0);
    partition_world_assert_each_once(world, 1, PARTITION_WORLD_RECORDS - 1);
    assert_int_equal(partition_world_count_letters(world), before + 1);
    AUTO_RECORDS letters = mock_kafka_read(&world->base.mock, "source.dlq", 0);
    for (int32_t i = 1; letters.count == 0; i++) {
        mock_records_done(&letters);
        letters = mock_kafka_read(&world->base.mock, "source.dlq", i);
    }
    const rd_kafka_message_t *letter = letters.messages[letters.count - 1];
    assert_true(slice_equals_text(mock_record_header(letter, "dlq-kind"), "crash"));
    assert_true(slice_equals_text(mock_record_header(letter, "dlq-offset"), "0"));
}

/* Not twice, as a row and as a dead letter: the books would count it twice. */
static void gives_up_no_record_whose_row_is_there(void **state)
{
    struct partition_world *world = *state;

    partition_world_fill(world, 0, PARTITION_WORLD_RECORDS);
    partition_world_commit_plan(world, 0, PLAN_STARTS_MAX);
    fake_clickhouse_add(&world->base.fake, 1, world->number, 0);
    int64_t before = partition_world_count_letters(world);
    partition_world_take_over(world);
    loop_until(world->base.loop, partition_world_has_all, world, 20000, "that all are stored");
    partition_world_assert_each_once(world, 0, PARTITION_WORLD_RECORDS - 1);
    assert_int_equal(partition_world_count_letters(world), before);
}

/* An outage with restarts must not make dead letters of good events. */
static void does_not_count_starts_that_the_table_hindered(void **state)
{
    struct partition_world *world = *state;

    partition_world_fill(world, 0, PARTITION_WORLD_RECORDS);
    fake_clickhouse_plan(&world->base.fake, FAKE_HOLD, 0);
    partition_world_take_over(world);
    loop_until(world->base.loop, partition_world_holds_insert, world, 20000, "the insert");
    assert_int_equal(partition_world_committed(world).plan.starts, 1);
    world->base.fake.failing_questions = 1000;
    fake_clickhouse_lose(&world->base.fake);
    world->wanted_problem = "ClickHouse";
    loop_until(world->base.loop, partition_world_has_problem, world, 20000, "the problem");
    partition_world_close(world); /* a stop while it waits */
    struct plan_state left = partition_world_committed(world);
    assert_true(left.has_plan);
    assert_int_equal(left.plan.starts, 0);
    assert_int_equal(left.next, 0);
}

/* ---- bad records ---- */

static void splits_a_batch_until_the_row_that_the_table_refuses_stands_alone(void **state)
{
    struct partition_world *world = *state;
    char poison[64];

    partition_world_fill(world, 0, PARTITION_WORLD_RECORDS);
    (void)snprintf(poison, sizeof(poison), "%d:%d", (int)world->number, 5);
    world->base.fake.poison_id = poison;
    int64_t before = partition_world_count_letters(world);
    world->missing = 5;
    partition_world_take_over(world);
    loop_until(world->base.loop, partition_world_has_all, world, 20000, "that the others are stored");
    assert_int_equal(partition_world_count_letters(world), before + 1);
    partition_world_assert_each_once(world, 0, 4);
    assert_int_equal(fake_clickhouse_copies(&world->base.fake, 1, world->number, 5), 0);
    partition_world_assert_each_once(world, 6, PARTITION_WORLD_RECORDS - 1);
    partition_world_close(world);
    assert_int_equal(partition_world_committed(world).next, PARTITION_WORLD_RECORDS);
}

static void sends_what_can_not_be_decoded_to_the_dead_letters_and_goes_on(void **state)
{
    struct partition_world *world = *state;

    for (int i = 0; i < PARTITION_WORLD_RECORDS; i++)
        mock_kafka_write(&world->base.mock, "source", world->number, SLICE("k"),
                         i == 2 ? SLICE("bad one") : SLICE("good"), NULL);
    int64_t before = partition_world_count_letters(world);
    world->missing = 2;
    partition_world_take_over(world);
    loop_until(world->base.loop, partition_world_has_all, world, 20000, "that the others are stored");
    assert_int_equal(partition_world_count_letters(world), before + 1);
    partition_world_assert_each_once(world, 3, PARTITION_WORLD_RECORDS - 1);
}

/* ---- closing ---- */

static void leaves_a_plan_to_the_next_owner_when_it_is_abandoned(void **state)
{
    struct partition_world *world = *state;

    partition_world_fill(world, 0, PARTITION_WORLD_RECORDS);
    fake_clickhouse_plan(&world->base.fake, FAKE_HOLD, 0);
    partition_world_take_over(world);
    loop_until(world->base.loop, partition_world_holds_insert, world, 20000, "the insert");
    partition_abandon(world->partition);
    assert_true(partition_is_closed(world->partition));
    partition_free(&world->partition);
    assert_int_equal(world->base.load.held_bytes, 0);
    fake_clickhouse_let_go(&world->base.fake); /* it comes true after all */
    struct plan_state left = partition_world_committed(world);
    assert_true(left.has_plan);
    partition_world_take_over(world);
    loop_until(world->base.loop, partition_world_has_all, world, 20000, "that the next owner has done it");
    partition_world_assert_each_once(world, 0, PARTITION_WORLD_RECORDS - 1);
}

static void finishes_the_insert_under_way_when_it_is_closed(void **state)
{
    struct partition_world *world = *state;

    partition_world_fill(world, 0, PARTITION_WORLD_RECORDS);
    fake_clickhouse_plan(&world->base.fake, FAKE_HOLD, 0);
    partition_world_take_over(world);
    loop_until(world->base.loop, partition_world_holds_insert, world, 20000, "the insert");
    partition_close(world->partition);
    fake_clickhouse_let_go(&world->base.fake);
    loop_until(world->base.loop, partition_world_is_quiet, world, 20000, "that it is closed");
    partition_free(&world->partition);
    partition_world_assert_each_once(world, 0, PARTITION_WORLD_RECORDS - 1);
    struct plan_state left = partition_world_committed(world);
    assert_int_equal(left.next, PARTITION_WORLD_RECORDS);
    assert_false(left.has_plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PARTITION_TEST(stores_each_record_once_and_commits_behind_them),
        PARTITION_TEST(commits_the_plan_before_the_insert),
        PARTITION_TEST(does_not_insert_while_the_plan_can_not_be_committed),
        PARTITION_TEST(does_not_repeat_an_insert_whose_rows_are_there),
        PARTITION_TEST(inserts_under_a_new_token_when_the_old_one_has_no_rows),
        PARTITION_TEST(waits_for_a_table_that_is_away_and_says_so),
        PARTITION_TEST(does_a_found_plan_with_the_same_boundaries_and_only_what_is_absent),
        PARTITION_TEST(stops_when_the_log_has_other_records_than_the_plan),
        PARTITION_TEST(halves_a_plan_that_was_begun_three_times),
        PARTITION_TEST(gives_the_record_that_ends_workers_to_the_dead_letters),
        PARTITION_TEST(gives_up_no_record_whose_row_is_there),
        PARTITION_TEST(does_not_count_starts_that_the_table_hindered),
        PARTITION_TEST(splits_a_batch_until_the_row_that_the_table_refuses_stands_alone),
        PARTITION_TEST(sends_what_can_not_be_decoded_to_the_dead_letters_and_goes_on),
        PARTITION_TEST(leaves_a_plan_to_the_next_owner_when_it_is_abandoned),
        PARTITION_TEST(finishes_the_insert_under_way_when_it_is_closed),
    };

    return cmocka_run_group_tests_name("partition", tests, partition_world_join, partition_world_leave);
}
