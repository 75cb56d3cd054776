/*
 * earlier_copies_test.c - the two questions, about ids and for the proof, over a real connection that fails.
 */
#include "consumer-primary/earlier_copies.h"

#include "common/codec/rowbinary.h"
#include "common/io/loop.h"
#include "tests/lib/loop_until.h"
#include "tests/lib/scripted_clickhouse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define HINT "FROM event_ids"
#define PROOF "FROM events"

/* What is asked in one question, at most. */
enum { AT_ONCE = 5000, MANY = 2 * AT_ONCE + 1, FOUND_MAX = 8, ID_BYTES = 16 };

static const int64_t time_us = INT64_C(1795262400123456);
static const struct event_place own = {.epoch = 2, .partition = 5, .offset = 100};

struct found {
    uint32_t number;
    struct event_copy copy;
};

struct world {
    struct loop *loop;
    struct scripted_clickhouse script;
    struct stage_table events;
    struct earlier_copies *copies;
    struct found found[FOUND_MAX];
    int found_count;
    int answered_count;
    struct buf hints;
    struct buf proofs;
};

static void on_found(void *owner, uint32_t number, const struct event_copy *copy)
{
    struct world *world = owner;

    assert_int_equal(world->answered_count, 0);
    assert_true(world->found_count < FOUND_MAX);
    world->found[world->found_count++] = (struct found){number, *copy};
}

static void on_answered(void *owner)
{
    struct world *world = owner;

    assert_false(earlier_copies_is_asking(world->copies));
    world->answered_count++;
}

static int set_up(void **state)
{
    struct world *world = test_calloc(1, sizeof(*world));

    world->loop = loop_new();
    scripted_clickhouse_start(&world->script, world->loop);
    world->events = scripted_clickhouse_table(&world->script, "events", "id");
    world->copies = earlier_copies_new(
        &(struct earlier_copies_settings){world->loop, &world->events, on_found, on_answered, world});
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    earlier_copies_free(&world->copies);
    scripted_clickhouse_stop(&world->script);
    loop_free(&world->loop);
    buf_done(&world->hints);
    buf_done(&world->proofs);
    test_free(world);
    return 0;
}

static struct event event_of(const char *id)
{
    return (struct event){.tenant_id = SLICE("acme"),
                          .environment_id = SLICE("live"),
                          .external_customer_id = SLICE("c-1"),
                          .id = slice_from(id)};
}

/* identity: the caller's word for it, so that two events can have one. */
static void add_as(struct world *world, uint64_t identity, const char *id, uint32_t number)
{
    const struct event event = event_of(id);

    earlier_copies_add(world->copies, identity, &event, number);
}

static uint64_t identity_of(const char *id)
{
    const struct event event = event_of(id);

    return event_identity(&event);
}

static void add(struct world *world, const char *id, uint32_t number)
{
    add_as(world, identity_of(id), id, number);
}

/* The table of ids has a row of it. */
static void hint(struct world *world, const char *id)
{
    rowbinary_write_u64(&world->hints, identity_of(id));
    rowbinary_write_i64(&world->hints, time_us);
}

/* The table of events has one, with content of that letter. */
static void prove(struct world *world, const char *id, char content, const struct event_place *place)
{
    struct event_copy copy;

    memset(copy.content_hash, content, sizeof(copy.content_hash));
    rowbinary_write_string(&world->proofs, SLICE("acme"));
    rowbinary_write_string(&world->proofs, SLICE("live"));
    rowbinary_write_string(&world->proofs, SLICE("c-1"));
    rowbinary_write_string(&world->proofs, slice_from(id));
    rowbinary_write_fixed(&world->proofs, slice_of(copy.content_hash, sizeof(copy.content_hash)));
    rowbinary_write_u32(&world->proofs, place->epoch);
    rowbinary_write_u32(&world->proofs, place->partition);
    rowbinary_write_u64(&world->proofs, place->offset);
}

/* The next answer to a question; times 0: all from now on. */
static void answer(struct world *world, const char *sql, enum script_manner manner, int times)
{
    const struct buf *rows = strcmp(sql, HINT) == 0 ? &world->hints : &world->proofs;
    struct slice body = manner == SCRIPT_REFUSE ? SLICE("why") : buf_slice(rows);

    scripted_clickhouse_add(&world->script, &(struct script_rule){sql, manner, body, 241, times});
}

static void answer_all(struct world *world)
{
    answer(world, HINT, SCRIPT_WHOLE, 0);
    answer(world, PROOF, SCRIPT_WHOLE, 0);
}

static void ask(struct world *world)
{
    earlier_copies_ask(world->copies, &own);
    assert_int_equal(world->answered_count, 0);
}

static void await_answer(struct world *world)
{
    loop_until_count(world->loop, &world->answered_count, 1, "the answer");
    assert_int_equal(world->answered_count, 1);
}

static void assert_found(const struct world *world, int index, uint32_t number, char content,
                         const struct event_place *place)
{
    const struct found *found = &world->found[index];

    assert_true(index < world->found_count);
    assert_int_equal(found->number, number);
    assert_int_equal(found->copy.content_hash[0], content);
    assert_memory_equal(&found->copy.place, place, sizeof(*place));
}

/* ---- what is asked ---- */

static void asks_nothing_when_nothing_was_added(void **state)
{
    struct world *world = *state;

    ask(world);
    assert_false(earlier_copies_is_asking(world->copies));
    add(world, "a", 0);
    answer_all(world);
    ask(world);
    await_answer(world);
    assert_int_equal(world->script.request_count, 1);
}

static void asks_for_no_proof_when_no_id_is_known(void **state)
{
    struct world *world = *state;

    add(world, "a", 0);
    add(world, "b", 1);
    answer(world, HINT, SCRIPT_WHOLE, 0);
    ask(world);
    assert_true(earlier_copies_is_asking(world->copies));
    await_answer(world);
    assert_int_equal(world->found_count, 0);
    assert_int_equal(world->script.request_count, 1);
}

/* What its own plan has written when it was tried before, and what lies above it, is not earlier. */
static void leaves_out_its_own_plan_and_what_is_above_it(void **state)
{
    struct world *world = *state;

    add(world, "a", 0);
    hint(world, "a");
    answer_all(world);
    ask(world);
    await_answer(world);
    assert_int_equal(world->script.request_count, 2);
    struct script_request *proof = &world->script.requests[1];
    assert_non_null(strstr(buf_text(&proof->sql),
                           " AND NOT (source_epoch = {epoch:UInt32} AND kafka_partition ="
                           " {partition:UInt32} AND kafka_offset >= {offset:UInt64})"));
    scripted_clickhouse_assert(proof, "param_epoch", "2");
    scripted_clickhouse_assert(proof, "param_partition", "5");
    scripted_clickhouse_assert(proof, "param_offset", "100");
    scripted_clickhouse_assert(proof, "select_sequential_consistency", "1");
}

/* Ids never stand in the SQL: they come as tables, the second with all that leads to the row. */
static void sends_identities_and_then_keys(void **state)
{
    struct world *world = *state;
    AUTO_BUF identity = {0};
    AUTO_BUF key = {0};

    add(world, "a", 0);
    add(world, "b", 1);
    hint(world, "b");
    answer_all(world);
    ask(world);
    await_answer(world);
    rowbinary_write_u64(&identity, identity_of("b"));
    struct slice asked = scripted_clickhouse_external(&world->script.requests[0]);
    assert_int_equal(asked.length, 2 * sizeof(uint64_t));
    assert_non_null(memmem(asked.data, asked.length, identity.data, identity.length));
    scripted_clickhouse_assert(&world->script.requests[0], "asked_structure", "identity UInt64");
    rowbinary_write_string(&key, SLICE("acme"));
    rowbinary_write_string(&key, SLICE("live"));
    rowbinary_write_string(&key, SLICE("c-1"));
    rowbinary_write_i64(&key, time_us);
    rowbinary_write_string(&key, SLICE("b"));
    assert_true(slice_equals(scripted_clickhouse_external(&world->script.requests[1]), buf_slice(&key)));
    scripted_clickhouse_assert(&world->script.requests[1], "asked_structure",
                               "tenant_id String, environment_id String, external_customer_id String,"
                               " timestamp DateTime64(6, 'UTC'), id String");
}

/* ---- what is found ---- */

static void tells_each_copy_of_what_was_asked(void **state)
{
    static const struct event_place early = {1, 0, 9};
    static const struct event_place late = {2, 5, 99};
    struct world *world = *state;

    add(world, "new", 7);
    add(world, "a", 8);
    hint(world, "a");
    hint(world, "a"); /* two rows before ClickHouse has merged them */
    prove(world, "a", 'L', &late);
    prove(world, "a", 'E', &early);
    answer_all(world);
    ask(world);
    await_answer(world);
    assert_int_equal(world->found_count, 2);
    assert_found(world, 0, 8, 'L', &late);
    assert_found(world, 1, 8, 'E', &early);
}

/* The number is a hint: only the four texts make an event. */
static void does_not_take_a_stranger_with_the_same_number_for_it(void **state)
{
    static const struct event_place place = {1, 0, 9};
    struct world *world = *state;
    uint64_t number_of_both = identity_of("stored");

    add_as(world, number_of_both, "stored", 3);
    add_as(world, number_of_both, "twin", 4);
    hint(world, "stored");
    prove(world, "stored", 'S', &place);
    answer_all(world);
    ask(world);
    await_answer(world);
    assert_int_equal(world->found_count, 1);
    assert_found(world, 0, 3, 'S', &place);
}

/* ---- many ---- */

static void asks_about_many_in_several_questions(void **state)
{
    static char ids[MANY][ID_BYTES];
    static const struct event_place place = {1, 0, 9};
    struct world *world = *state;

    for (uint32_t i = 0; i < MANY; i++) {
        (void)snprintf(ids[i], sizeof(ids[i]), "id-%u", i);
        add(world, ids[i], i);
    }
    hint(world, ids[MANY - 1]);
    prove(world, ids[MANY - 1], 'P', &place);
    answer(world, HINT, SCRIPT_HOLD, 1);
    answer_all(world);
    ask(world);
    loop_until_count(world->loop, &world->script.held_count, 1, "the first question");
    scripted_clickhouse_let_go(&world->script);
    await_answer(world);
    assert_int_equal(scripted_clickhouse_count(&world->script, HINT), 3);
    size_t sizes[] = {AT_ONCE, AT_ONCE, 1};
    size_t at = 0;
    for (int i = 0; i < world->script.request_count; i++)
        if (memmem(world->script.requests[i].sql.data, world->script.requests[i].sql.length, HINT,
                   strlen(HINT)) != NULL)
            assert_int_equal(scripted_clickhouse_external(&world->script.requests[i]).length,
                             sizeof(uint64_t) * sizes[at++]);
    assert_int_equal(world->found_count, 1);
    assert_found(world, 0, MANY - 1, 'P', &place);
}

/* ---- failures ---- */

static bool has_problem(void *context)
{
    struct err problem;

    return earlier_copies_has_problem(((struct world *)context)->copies, &problem);
}

static void asks_again_what_failed_and_says_so(void **state)
{
    static const struct event_place place = {1, 0, 9};
    static const struct {
        const char *name, *sql;
        struct script_rule rule;
        const char *problem;
    } rows[] = {
        {"ids refused", HINT, {HINT, SCRIPT_REFUSE, {"why", 3}, 60, 1}, "code 60: why"},
        {"proof refused", PROOF, {PROOF, SCRIPT_REFUSE, {"why", 3}, 241, 1}, "code 241: why"},
        {"half of the ids", HINT, {HINT, SCRIPT_CUT, {"why", 3}, 0, 1}, "127.0.0.1"},
        {"no ids", HINT, {HINT, SCRIPT_WHOLE, {"why", 3}, 0, 1}, "something else than identities"},
        {"no proof", PROOF, {PROOF, SCRIPT_WHOLE, {"why", 3}, 0, 1}, "something else than stored events"},
    };
    struct world *world = *state;
    struct err problem;

    hint(world, "a");
    prove(world, "a", 'A', &place);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        print_message("  %s\n", rows[i].name);
        world->found_count = 0;
        world->answered_count = 0;
        scripted_clickhouse_begin_anew(&world->script);
        scripted_clickhouse_add(&world->script, &rows[i].rule);
        answer_all(world);
        add(world, "a", 1);
        ask(world);
        loop_until(world->loop, has_problem, world, 20000, "the problem");
        assert_true(earlier_copies_has_problem(world->copies, &problem));
        assert_non_null(strstr(problem.text, "ask for earlier copies of events"));
        if (strstr(problem.text, rows[i].problem) == NULL)
            fail_msg("%s", problem.text);
        assert_true(earlier_copies_is_asking(world->copies));
        await_answer(world);
        assert_false(has_problem(world));
        assert_int_equal(world->found_count, 1);
        assert_found(world, 0, 1, 'A', &place);
    }
}

/* ---- the end ---- */

static void forgets_everything_when_it_is_cancelled(void **state)
{
    static const struct {
        const char *name, *sql;
        enum script_manner manner;
    } rows[] = {
        {"while it asks about ids", HINT, SCRIPT_HOLD},
        {"while it asks for the proof", PROOF, SCRIPT_HOLD},
        {"between two tries", PROOF, SCRIPT_REFUSE},
    };
    struct world *world = *state;

    hint(world, "a");
    earlier_copies_cancel(world->copies); /* before anything was asked */
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        print_message("  %s\n", rows[i].name);
        world->answered_count = 0;
        scripted_clickhouse_begin_anew(&world->script);
        answer(world, rows[i].sql, rows[i].manner, 1);
        answer_all(world);
        add(world, "a", 1);
        ask(world);
        if (rows[i].manner == SCRIPT_HOLD)
            loop_until_count(world->loop, &world->script.held_count, 1, "the question");
        else
            loop_until(world->loop, has_problem, world, 20000, "the problem");
        earlier_copies_cancel(world->copies);
        assert_false(earlier_copies_is_asking(world->copies));
        assert_false(has_problem(world));
        add(world, "b", 2); /* and can be used again */
        ask(world);
        await_answer(world);
    }
}

static void can_go_while_it_asks(void **state)
{
    struct world *world = *state;

    add(world, "a", 1);
    answer(world, HINT, SCRIPT_HOLD, 1);
    ask(world);
    loop_until_count(world->loop, &world->script.held_count, 1, "the question");
    earlier_copies_free(&world->copies);
    assert_null(world->copies);
}

#define EARLIER_COPIES_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EARLIER_COPIES_TEST(asks_nothing_when_nothing_was_added),
        EARLIER_COPIES_TEST(asks_for_no_proof_when_no_id_is_known),
        EARLIER_COPIES_TEST(leaves_out_its_own_plan_and_what_is_above_it),
        EARLIER_COPIES_TEST(sends_identities_and_then_keys),
        EARLIER_COPIES_TEST(tells_each_copy_of_what_was_asked),
        EARLIER_COPIES_TEST(does_not_take_a_stranger_with_the_same_number_for_it),
        EARLIER_COPIES_TEST(asks_about_many_in_several_questions),
        EARLIER_COPIES_TEST(asks_again_what_failed_and_says_so),
        EARLIER_COPIES_TEST(forgets_everything_when_it_is_cancelled),
        EARLIER_COPIES_TEST(can_go_while_it_asks),
    };

    return cmocka_run_group_tests_name("earlier_copies", tests, NULL, NULL);
}
