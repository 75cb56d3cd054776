/*
 * known_ids_test.c - the filter of a partition, filled over a real connection that fails, waits and cuts.
 */
#include "common/codec/rowbinary.h"
#include "common/service/batch/context.h"
#include "consumer-primary/known_ids.h"
#include "tests/lib/loop_until.h"
#include "tests/lib/scripted_clickhouse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT "SELECT count()"
#define ALL "SELECT identity"

/* More than there is room for with IDS in the table. */
enum { PARTITION = 3, PARTITIONS = 6, IDS = 1000, TOO_MANY = 70000 };

struct world {
    struct loop *loop;
    struct loop_turn turn;
    struct batch_context context;
    struct stage_table table;
    struct scripted_clickhouse script;
    struct known_ids_line line;
    struct known_ids *ids;
    int32_t topic_partitions;
    int turn_count;
    bool is_ready;
    struct buf count;
    struct buf all;
};

/* As a stage does: what has got on asks for a turn, and the turn asks whether it is ready. */
static void on_turn(void *owner)
{
    struct world *world = owner;

    world->turn_count++;
    world->is_ready = known_ids_is_ready(world->ids, world->topic_partitions);
}

static uint64_t identity_of(uint64_t number)
{
    return (number + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

static int set_up(void **state)
{
    struct world *world = test_calloc(1, sizeof(*world));

    world->loop = loop_new();
    loop_turn_init(&world->turn, world->loop, on_turn, world);
    world->context = (struct batch_context){.loop = world->loop, .turn = &world->turn};
    scripted_clickhouse_start(&world->script, world->loop);
    world->table = scripted_clickhouse_table(&world->script, "event_ids", "identity");
    world->topic_partitions = PARTITIONS;
    known_ids_line_init(&world->line);
    world->ids =
        known_ids_new(&(struct known_ids_place){&world->context, &world->table, &world->line, PARTITION});
    rowbinary_write_u64(&world->count, IDS);
    for (uint64_t i = 0; i < IDS; i++)
        rowbinary_write_u64(&world->all, identity_of(i));
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    known_ids_free(&world->ids);
    scripted_clickhouse_stop(&world->script);
    loop_turn_done(&world->turn);
    loop_free(&world->loop);
    buf_done(&world->count);
    buf_done(&world->all);
    test_free(world);
    return 0;
}

/* The next answer to a question; times 0: all from now on. */
static void answer(struct world *world, const char *sql, enum script_manner manner, int times)
{
    struct slice rows = buf_slice(strcmp(sql, COUNT) == 0 ? &world->count : &world->all);
    struct slice body = manner == SCRIPT_REFUSE ? SLICE("no memory") : rows;

    scripted_clickhouse_add(&world->script, &(struct script_rule){sql, manner, body, 241, times});
}

static void answer_all(struct world *world)
{
    answer(world, COUNT, SCRIPT_WHOLE, 0);
    answer(world, ALL, SCRIPT_PIECES, 0);
}

static void await_ready(struct world *world)
{
    loop_turn_ask(&world->turn);
    loop_until_true(world->loop, &world->is_ready, "that it is ready");
}

static void grow_topic(struct world *world)
{
    world->topic_partitions++;
    world->is_ready = false;
}

static void await_question(struct world *world)
{
    loop_turn_ask(&world->turn);
    loop_until_count(world->loop, &world->script.held_count, 1, "the question");
}

static void assert_has(const struct world *world, uint64_t first, uint64_t end)
{
    for (uint64_t i = first; i < end; i++)
        if (!known_ids_may_have(world->ids, identity_of(i)))
            fail_msg("id %u is not known", (unsigned)i);
}

/* One in 700 is taken for a known one, so not all of a hundred. */
static void assert_has_not(const struct world *world, uint64_t first)
{
    int count = 0;

    for (uint64_t i = first; i < first + 100; i++)
        count += known_ids_may_have(world->ids, identity_of(i)) ? 1 : 0;
    assert_in_range(count, 0, 5);
}

/* ---- a filling ---- */

static void knows_what_the_table_has_however_the_answer_is_cut(void **state)
{
    struct world *world = *state;

    answer_all(world);
    await_ready(world);
    assert_has(world, 0, IDS);
    assert_has_not(world, IDS);
}

static void asks_for_the_ids_of_its_partition_and_of_other_counts(void **state)
{
    struct world *world = *state;

    answer_all(world);
    await_ready(world);
    assert_int_equal(world->script.request_count, 2);
    for (int i = 0; i < 2; i++) {
        struct script_request *request = &world->script.requests[i];
        assert_non_null(strstr(buf_text(&request->sql),
                               " FROM event_ids WHERE kafka_partition = {partition:UInt32}"
                               " OR key_partitions != {count:UInt32} FORMAT RowBinary"));
        scripted_clickhouse_assert(request, "param_partition", "3");
        scripted_clickhouse_assert(request, "param_count", "6");
        scripted_clickhouse_assert(request, "select_sequential_consistency", "1");
    }
}

static void is_not_ready_before_all_has_come(void **state)
{
    static const char *const held[] = {COUNT, ALL};
    struct world *world = *state;

    answer(world, COUNT, SCRIPT_HOLD, 1);
    answer(world, ALL, SCRIPT_HOLD, 1);
    for (int i = 0; i < 2; i++) {
        print_message("  %s\n", held[i]);
        await_question(world);
        assert_false(world->is_ready);
        assert_false(known_ids_is_ready(world->ids, PARTITIONS));
        scripted_clickhouse_let_go(&world->script);
    }
    await_ready(world);
    assert_has(world, 0, IDS);
    assert_int_equal(world->script.request_count, 2);
}

static bool has_problem(void *context)
{
    struct err problem;

    return known_ids_has_problem(((struct world *)context)->ids, &problem);
}

/* Whatever fails: it is said, the turn asked for, and the whole filling is done again. */
static void tries_again_what_failed_and_says_so(void **state)
{
    static const struct {
        const char *name, *sql;
        enum script_manner manner;
        const char *problem;
    } rows[] = {
        {"the count", COUNT, SCRIPT_REFUSE, "code 241"},
        {"the ids", ALL, SCRIPT_REFUSE, "code 241"},
        {"the ids, after some of them", ALL, SCRIPT_CUT, "127.0.0.1"},
    };
    struct world *world = *state;
    struct err problem;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        print_message("  %s\n", rows[i].name);
        scripted_clickhouse_begin_anew(&world->script);
        answer(world, rows[i].sql, rows[i].manner, 1);
        answer_all(world);
        grow_topic(world); /* so that it is filled again */
        loop_turn_ask(&world->turn);
        loop_until(world->loop, has_problem, world, 20000, "the problem");
        assert_true(known_ids_has_problem(world->ids, &problem));
        assert_non_null(strstr(problem.text, "learn the ids of partition 3"));
        if (strstr(problem.text, rows[i].problem) == NULL)
            fail_msg("%s", problem.text);
        await_ready(world);
        assert_false(known_ids_has_problem(world->ids, &problem));
        assert_has(world, 0, IDS);
    }
}

static bool asked_for_ids(void *context)
{
    return scripted_clickhouse_count(&((struct world *)context)->script, ALL) == 1;
}

static void refuses_answers_that_are_none(void **state)
{
    struct world *world = *state;
    struct err problem;

    scripted_clickhouse_add(&world->script,
                            &(struct script_rule){COUNT, .body = SLICE("1234567"), .times = 1});
    answer(world, COUNT, SCRIPT_WHOLE, 0);
    scripted_clickhouse_add(&world->script,
                            &(struct script_rule){ALL, .body = SLICE("one and a half"), .times = 1});
    answer(world, ALL, SCRIPT_WHOLE, 0);
    loop_turn_ask(&world->turn);
    loop_until(world->loop, has_problem, world, 20000, "the first problem");
    assert_true(known_ids_has_problem(world->ids, &problem));
    assert_non_null(strstr(problem.text, "something else than a count"));
    loop_until(world->loop, asked_for_ids, world, 20000, "the next try");
    loop_until(world->loop, has_problem, world, 20000, "the second problem");
    assert_true(known_ids_has_problem(world->ids, &problem));
    await_ready(world);
    assert_has(world, 0, IDS);
}

/* ---- refilling ---- */

static void add(struct world *world, uint64_t first, uint64_t end)
{
    for (uint64_t i = first; i < end; i++)
        known_ids_add(world->ids, identity_of(i));
}

static void knows_what_was_added(void **state)
{
    struct world *world = *state;

    answer_all(world);
    await_ready(world);
    add(world, IDS, IDS + 10);
    assert_has(world, 0, IDS + 10);
    assert_has_not(world, IDS + 10);
}

static bool is_refilled(void *context)
{
    const struct world *world = context;

    return !known_ids_may_have(world->ids, identity_of(IDS + 5));
}

/* The table of this test has only the first ids: what else is known in the end was kept. */
static void is_refilled_beside_the_work_when_it_has_become_too_small(void **state)
{
    struct world *world = *state;
    struct err problem;
    uint64_t later = IDS + TOO_MANY;

    answer(world, COUNT, SCRIPT_WHOLE, 1);
    answer(world, ALL, SCRIPT_WHOLE, 1);
    await_ready(world);
    uint64_t bytes = known_ids_bytes(world->ids);
    add(world, IDS, later);
    answer(world, COUNT, SCRIPT_HOLD, 1);
    answer(world, COUNT, SCRIPT_HOLD, 1);
    answer(world, ALL, SCRIPT_REFUSE, 1);
    answer(world, ALL, SCRIPT_HOLD, 1);
    await_question(world); /* how many? */
    assert_true(world->is_ready);
    assert_has(world, 0, later);
    add(world, later, later + 10);
    scripted_clickhouse_let_go(&world->script);
    await_question(world); /* the same, after a failure that hinders nobody */
    assert_true(world->is_ready);
    assert_false(known_ids_has_problem(world->ids, &problem));
    add(world, later + 10, later + 20);
    scripted_clickhouse_let_go(&world->script);
    await_question(world); /* which? */
    assert_in_range(known_ids_bytes(world->ids), bytes + 1, 3 * bytes);
    add(world, later + 20, later + 30);
    assert_has(world, 0, later + 30);
    scripted_clickhouse_let_go(&world->script);
    loop_until(world->loop, is_refilled, world, 20000, "that the new one is there");
    assert_has(world, 0, IDS);
    assert_has(world, later, later + 30);
    assert_true(known_ids_is_ready(world->ids, PARTITIONS));
    assert_int_equal(world->script.held_count, 0);
}

/* The ids of customers whose keys lead here now are in it only then. */
static void is_not_ready_after_the_topic_has_grown_until_it_is_refilled(void **state)
{
    struct world *world = *state;

    answer_all(world);
    await_ready(world);
    scripted_clickhouse_begin_anew(&world->script);
    answer(world, COUNT, SCRIPT_HOLD, 1);
    answer_all(world);
    grow_topic(world);
    await_question(world);
    assert_false(world->is_ready);
    scripted_clickhouse_assert(&world->script.requests[0], "param_count", "7");
    scripted_clickhouse_let_go(&world->script);
    await_ready(world);
    assert_has(world, 0, IDS);
}

static void is_filled_once_more_when_the_topic_has_grown_meanwhile(void **state)
{
    struct world *world = *state;

    answer(world, COUNT, SCRIPT_WHOLE, 0);
    answer(world, ALL, SCRIPT_HOLD, 1);
    answer(world, ALL, SCRIPT_HOLD, 1);
    await_question(world);
    grow_topic(world);
    scripted_clickhouse_let_go(&world->script);
    await_question(world);
    assert_false(world->is_ready);
    scripted_clickhouse_assert(&world->script.requests[1], "param_count", "6");
    scripted_clickhouse_assert(&world->script.requests[3], "param_count", "7");
    scripted_clickhouse_let_go(&world->script);
    await_ready(world);
}

/* ---- the end ---- */

static bool holds_nothing(void *context)
{
    return ((struct world *)context)->script.held_count == 0;
}

static void can_go_at_any_instant(void **state)
{
    static const struct {
        const char *name, *sql;
        enum script_manner manner;
    } rows[] = {
        {"while it counts", COUNT, SCRIPT_HOLD},
        {"while ids come", ALL, SCRIPT_HOLD},
        {"between two tries", ALL, SCRIPT_CUT},
        {"when it is ready", "nothing", SCRIPT_WHOLE},
    };
    struct world *world = *state;

    known_ids_free(&world->ids); /* before it was asked for anything */
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        print_message("  %s\n", rows[i].name);
        scripted_clickhouse_begin_anew(&world->script);
        answer(world, rows[i].sql, rows[i].manner, 1);
        answer_all(world);
        world->ids =
            known_ids_new(&(struct known_ids_place){&world->context, &world->table, &world->line, PARTITION});
        loop_turn_ask(&world->turn);
        if (rows[i].manner == SCRIPT_HOLD)
            await_question(world);
        else if (rows[i].manner == SCRIPT_CUT)
            loop_until(world->loop, has_problem, world, 20000, "the failure");
        else
            await_ready(world);
        int turns = world->turn_count;
        known_ids_free(&world->ids);
        assert_null(world->ids);
        if (rows[i].manner == SCRIPT_HOLD)
            loop_until(world->loop, holds_nothing, world, 20000, "that the question is cancelled");
        assert_int_equal(world->turn_count, turns);
    }
}

static bool holds_two(void *context)
{
    return ((struct world *)context)->script.held_count == 2;
}

static bool are_all_asked(void *context)
{
    return scripted_clickhouse_count(&((struct world *)context)->script, ALL) == 4;
}

/* Inserts need connections too. */
static void two_are_filled_at_a_time_and_the_others_follow(void **state)
{
    struct world *world = *state;
    struct known_ids *others[3];

    answer(world, COUNT, SCRIPT_HOLD, 2);
    answer_all(world);
    assert_false(known_ids_is_ready(world->ids, PARTITIONS));
    for (int32_t i = 0; i < 3; i++) {
        others[i] = known_ids_new(&(struct known_ids_place){&world->context, &world->table, &world->line, i});
        assert_false(known_ids_is_ready(others[i], PARTITIONS));
    }
    loop_until(world->loop, holds_two, world, 20000, "two questions");
    assert_int_equal(scripted_clickhouse_count(&world->script, COUNT), 2);
    known_ids_free(&others[1]); /* it waits in line */
    others[1] = known_ids_new(&(struct known_ids_place){&world->context, &world->table, &world->line, 1});
    assert_false(known_ids_is_ready(others[1], PARTITIONS));
    scripted_clickhouse_let_go(&world->script);
    loop_until(world->loop, are_all_asked, world, 20000, "that all are filled");
    for (int i = 0; i < 3; i++)
        known_ids_free(&others[i]);
}

#define KNOWN_IDS_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        KNOWN_IDS_TEST(knows_what_the_table_has_however_the_answer_is_cut),
        KNOWN_IDS_TEST(two_are_filled_at_a_time_and_the_others_follow),
        KNOWN_IDS_TEST(asks_for_the_ids_of_its_partition_and_of_other_counts),
        KNOWN_IDS_TEST(is_not_ready_before_all_has_come),
        KNOWN_IDS_TEST(tries_again_what_failed_and_says_so),
        KNOWN_IDS_TEST(refuses_answers_that_are_none),
        KNOWN_IDS_TEST(knows_what_was_added),
        KNOWN_IDS_TEST(is_refilled_beside_the_work_when_it_has_become_too_small),
        KNOWN_IDS_TEST(is_not_ready_after_the_topic_has_grown_until_it_is_refilled),
        KNOWN_IDS_TEST(is_filled_once_more_when_the_topic_has_grown_meanwhile),
        KNOWN_IDS_TEST(can_go_at_any_instant),
    };

    return cmocka_run_group_tests_name("known_ids", tests, NULL, NULL);
}
