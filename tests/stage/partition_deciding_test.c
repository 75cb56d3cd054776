/*
 * partition_deciding_test.c - a partition whose decider has to wait, and one whose rows go to more tables
 * than one, on servers that fail.
 */
#include "common/base/clock.h"
#include "tests/lib/loop_until.h"
#include "tests/lib/partition_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { LAST = PARTITION_WORLD_RECORDS - 1, PATIENCE_MS = 20000 };

static int begin(void **state)
{
    struct partition_world *world;

    (void)partition_world_begin(state);
    world = *state;
    world->base.decider.is_waiting = false;
    world->base.decider.problem = NULL;
    world->base.decider.opened_count = 0;
    world->base.decider.prepared_count = 0;
    world->base.decider.forgotten_count = 0;
    return 0;
}

#define DECIDING_TEST(test) cmocka_unit_test_setup_teardown(test, begin, partition_world_end)

/* Asks the group until its plan has so many starts; gives the plan. */
static struct plan await_starts(struct partition_world *world, uint32_t starts)
{
    uint64_t end_ms = clock_monotonic_ms() + PATIENCE_MS;
    struct plan_state found;

    do {
        if (clock_monotonic_ms() > end_ms)
            fail_msg("the plan is not begun %u times", starts);
        found = partition_world_committed(world);
    } while (!found.has_plan || found.plan.starts != starts);
    return found.plan;
}

static void await_starts_of_all(struct partition_world *world, uint32_t starts)
{
    assert_int_equal(await_starts(world, starts).last, LAST);
}

static void await_all(struct partition_world *world)
{
    loop_until(world->base.loop, partition_world_has_all, world, PATIENCE_MS, "that all are stored");
}

static void await_problem(struct partition_world *world, const char *text)
{
    world->wanted_problem = text;
    loop_until(world->base.loop, partition_world_has_problem, world, PATIENCE_MS, text);
}

static void go_on_deciding(struct partition_world *world)
{
    world->base.decider.is_waiting = false;
    loop_turn_ask(&world->base.turn);
}

/* Takes a filled partition over, whose decider does not know enough yet. */
static void begin_deciding(struct partition_world *world)
{
    partition_world_fill(world, 0, PARTITION_WORLD_RECORDS);
    world->base.decider.is_waiting = true;
    partition_world_take_over(world);
    loop_until_count(world->base.loop, &world->base.decider.prepared_count, 1, "that it decides");
}

/* ---- a decider that waits ---- */

/* It is asked again and again, with the plan on record; a plan that has lived for so long ends no worker. */
static void inserts_nothing_while_the_decider_waits_and_takes_its_start_back(void **state)
{
    struct partition_world *world = *state;

    begin_deciding(world);
    await_starts_of_all(world, 0);
    assert_int_equal(world->base.fake.insert_count, 0);
    assert_int_equal(world->base.decider.forgotten_count, 0);
    assert_true(partition_is_busy(world->partition));
    go_on_deciding(world);
    await_all(world);
    partition_world_assert_each_once(world, 0, LAST);
    assert_int_equal(world->base.fake.insert_count, 1);
    assert_int_equal(world->base.decider.forgotten_count, 1);
}

static void shows_what_hinders_the_decider(void **state)
{
    struct partition_world *world = *state;

    world->base.decider.problem = "nobody knows what is new";
    begin_deciding(world);
    await_problem(world, "nobody knows what is new");
    await_starts_of_all(world, 0);
    world->base.decider.problem = NULL;
    go_on_deciding(world);
    await_all(world);
    assert_false(partition_world_has_problem(world));
    partition_world_assert_each_once(world, 0, LAST);
}

/* The next owner does the same plan, and asks the table first: nobody knows that nothing was inserted. */
static void leaves_the_plan_to_the_next_owner_when_it_is_closed_while_it_decides(void **state)
{
    struct partition_world *world = *state;

    begin_deciding(world);
    partition_world_close(world);
    await_starts_of_all(world, 0);
    assert_int_equal(world->base.decider.open_count, 0);
    assert_int_equal(world->base.load.held_bytes, 0);
    assert_int_equal(world->base.fake.insert_count, 0);
    partition_world_fill(world, PARTITION_WORLD_RECORDS, 1);
    int questions = world->base.fake.question_count;
    world->base.decider.is_waiting = false;
    partition_world_take_over(world);
    await_all(world);
    partition_world_assert_each_once(world, 0, LAST);
    assert_int_equal(world->base.fake.insert_rows[0], PARTITION_WORLD_RECORDS);
    assert_non_null(strstr(world->base.fake.tokens[0], "/0-7/"));
    assert_true(world->base.fake.question_count > questions);
}

static void abandons_a_plan_while_it_decides(void **state)
{
    struct partition_world *world = *state;

    begin_deciding(world);
    partition_abandon(world->partition);
    assert_int_equal(world->base.decider.open_count, 0);
    assert_int_equal(world->base.load.held_bytes, 0);
    assert_int_equal(world->base.fake.insert_count, 0);
    struct plan_state left = partition_world_committed(world);
    assert_true(left.has_plan);
    assert_int_equal(left.plan.last, LAST);
}

static void forgets_each_batch_that_is_settled(void **state)
{
    struct partition_world *world = *state;

    partition_world_fill(world, 0, PARTITION_WORLD_RECORDS / 2);
    partition_world_take_over(world);
    loop_until_count(world->base.loop, &world->base.decider.forgotten_count, 1, "the first batch");
    partition_world_fill(world, PARTITION_WORLD_RECORDS / 2, PARTITION_WORLD_RECORDS / 2);
    loop_until_count(world->base.loop, &world->base.decider.forgotten_count, 2, "the second batch");
    await_all(world);
    assert_int_equal(world->base.decider.forgotten_count, world->base.fake.insert_count);
    assert_int_equal(world->base.decider.open_count, 1);
    partition_world_close(world);
    assert_int_equal(world->base.decider.open_count, 0);
}

static bool has_wanted(void *context)
{
    const struct partition_world *world = context;

    return fake_clickhouse_copies(&world->base.fake, 1, world->number, world->missing) > 0;
}

/* What it has learnt was of another place in the log. */
static void opens_the_decider_anew_when_the_position_is_lost(void **state)
{
    struct partition_world *world = *state;
    struct batch_world *base = &world->base;

    (void)mock_kafka_lose_old(&base->mock, "source", world->number);
    int64_t stored = mock_kafka_end(&base->mock, "source", world->number);
    partition_world_fill(world, stored, 2);
    fake_clickhouse_add(&base->fake, 1, world->number, stored);
    partition_world_commit(world, 0, "millrace/1 epoch=1 forwarded=-1 suspect=-1");
    world->missing = stored + 1;
    partition_world_take_over(world);
    loop_until(base->loop, has_wanted, world, PATIENCE_MS, "the record behind the newest row");
    assert_int_equal(base->decider.opened_count, 2);
    assert_int_equal(base->decider.open_count, 1);
    assert_int_equal(fake_clickhouse_copies(&base->fake, 1, world->number, stored), 1);
}

/* ---- rows of other tables ---- */

/* Record 2 can't be decoded; record 5 is for tests that let the table refuse it. */
static void fill_with_a_bad_one(struct partition_world *world)
{
    for (int i = 0; i < PARTITION_WORLD_RECORDS; i++)
        mock_kafka_write(&world->base.mock, "source", world->number, SLICE("k"),
                         i == 2 ? SLICE("bad one") : SLICE("good"), NULL);
    world->missing = 2;
}

static void answer_outcomes(struct partition_world *world, enum script_manner manner, int times)
{
    scripted_clickhouse_add(
        &world->script, &(struct script_rule){PARTITION_WORLD_OUTCOMES, manner, SLICE("away"), 60, times});
}

/* The rows, in the order of the inserts. */
static void assert_outcomes(const struct partition_world *world, const char *expected)
{
    AUTO_BUF found = {0};

    for (int i = 0; i < world->script.request_count; i++)
        buf_append_slice(&found, buf_slice(&world->script.requests[i].body));
    assert_string_equal(buf_text(&found), expected);
}

static void writes_what_became_of_a_rejected_record(void **state)
{
    struct partition_world *world = *state;

    fill_with_a_bad_one(world);
    partition_world_take_over(world);
    await_all(world);
    assert_outcomes(world, "decode:2;");
    partition_world_close(world);
    assert_int_equal(partition_world_committed(world).next, PARTITION_WORLD_RECORDS);
}

/* Meanwhile the rows themselves are there, and once. */
static void is_not_settled_before_the_other_tables_have_their_rows(void **state)
{
    struct partition_world *world = *state;

    scripted_clickhouse_begin_anew(&world->script);
    answer_outcomes(world, SCRIPT_REFUSE, 0);
    fill_with_a_bad_one(world);
    partition_world_take_over(world);
    await_problem(world, "table outcomes: ClickHouse answered 500, code 60: away");
    struct plan plan = await_starts(world, 0);
    partition_world_assert_each_once(world, 0, 1);
    partition_world_assert_each_once(world, 3, plan.last);
    assert_true(partition_is_busy(world->partition));
    scripted_clickhouse_begin_anew(&world->script);
    answer_outcomes(world, SCRIPT_WHOLE, 0);
    await_all(world);
    assert_false(partition_world_has_problem(world));
    assert_outcomes(world, "decode:2;");
    partition_world_assert_each_once(world, 3, LAST);
    partition_world_close(world);
    assert_int_equal(partition_world_committed(world).next, PARTITION_WORLD_RECORDS);
}

/* Whoever takes over cannot know how far they came: keys make the repeat harmless. */
static void writes_them_again_when_the_plan_is_done_again(void **state)
{
    struct partition_world *world = *state;

    scripted_clickhouse_begin_anew(&world->script);
    answer_outcomes(world, SCRIPT_HOLD, 1);
    answer_outcomes(world, SCRIPT_WHOLE, 1);
    fill_with_a_bad_one(world);
    partition_world_take_over(world);
    loop_until_count(world->base.loop, &world->script.held_count, 1, "the outcomes");
    partition_abandon(world->partition);
    partition_free(&world->partition);
    partition_world_take_over(world);
    loop_until_count(world->base.loop, &world->script.request_count, 2, "the outcomes again");
    await_all(world);
    assert_outcomes(world, "decode:2;decode:2;");
    partition_world_assert_each_once(world, 3, LAST);
}

static void writes_what_became_of_a_row_that_the_table_refuses(void **state)
{
    struct partition_world *world = *state;
    char poison[64];

    partition_world_fill(world, 0, PARTITION_WORLD_RECORDS);
    (void)snprintf(poison, sizeof(poison), "%d:%d", (int)world->number, 5);
    world->base.fake.poison_id = poison;
    world->missing = 5;
    partition_world_take_over(world);
    await_all(world);
    assert_outcomes(world, "insert:5;");
    world->base.fake.poison_id = NULL;
}

static void writes_what_became_of_a_record_that_ends_workers(void **state)
{
    struct partition_world *world = *state;

    partition_world_fill(world, 0, PARTITION_WORLD_RECORDS);
    partition_world_commit_plan(world, 0, PLAN_STARTS_MAX);
    world->missing = 0;
    partition_world_take_over(world);
    await_all(world);
    assert_outcomes(world, "crash:0;");
}

/* Its workers may have ended between the row and what belongs to it elsewhere. */
static void writes_what_belongs_to_the_row_of_a_record_that_ends_workers(void **state)
{
    struct partition_world *world = *state;

    partition_world_fill(world, 0, PARTITION_WORLD_RECORDS);
    partition_world_commit_plan(world, 0, PLAN_STARTS_MAX);
    fake_clickhouse_add(&world->base.fake, 1, world->number, 0);
    partition_world_take_over(world);
    await_all(world);
    assert_outcomes(world, "kept:0;");
    partition_world_assert_each_once(world, 0, LAST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DECIDING_TEST(inserts_nothing_while_the_decider_waits_and_takes_its_start_back),
        DECIDING_TEST(shows_what_hinders_the_decider),
        DECIDING_TEST(leaves_the_plan_to_the_next_owner_when_it_is_closed_while_it_decides),
        DECIDING_TEST(abandons_a_plan_while_it_decides),
        DECIDING_TEST(forgets_each_batch_that_is_settled),
        DECIDING_TEST(opens_the_decider_anew_when_the_position_is_lost),
        DECIDING_TEST(writes_what_became_of_a_rejected_record),
        DECIDING_TEST(is_not_settled_before_the_other_tables_have_their_rows),
        DECIDING_TEST(writes_them_again_when_the_plan_is_done_again),
        DECIDING_TEST(writes_what_became_of_a_row_that_the_table_refuses),
        DECIDING_TEST(writes_what_became_of_a_record_that_ends_workers),
        DECIDING_TEST(writes_what_belongs_to_the_row_of_a_record_that_ends_workers),
    };

    return cmocka_run_group_tests_name("partition_deciding", tests, partition_world_join,
                                       partition_world_leave);
}
