/*
 * settle_test.c - settle.h against a table that lies as ClickHouse was seen to: answers get lost, tokens
 * outlive their rows, and an insert that nobody answered happens later.
 */
#include "common/service/batch/settle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { ROWS = 10 };

static void ends_at_the_first_yes(void **state)
{
    struct settle settle;

    (void)state;
    settle_init(&settle, false, ROWS);
    assert_int_equal(settle_next(&settle), SETTLE_INSERT);
    settle_on_stored(&settle);
    assert_int_equal(settle_next(&settle), SETTLE_DONE);
}

static void has_nothing_to_do_without_rows(void **state)
{
    struct settle settle;

    (void)state;
    settle_init(&settle, false, 0);
    assert_int_equal(settle_next(&settle), SETTLE_DONE);
    settle_init(&settle, true, 0);
    assert_int_equal(settle_next(&settle), SETTLE_DONE);
}

static void asks_before_it_repeats(void **state)
{
    struct settle settle;

    (void)state;
    settle_init(&settle, false, ROWS);
    settle_on_uncertain(&settle);
    assert_int_equal(settle_next(&settle), SETTLE_ASK);
    settle_on_asked(&settle, 0);
    assert_int_equal(settle_next(&settle), SETTLE_DONE);
}

/* The first insert may still be on its way: under the same token it can't add the rows again. */
static void repeats_what_is_absent_under_the_same_token(void **state)
{
    struct settle settle;

    (void)state;
    settle_init(&settle, false, ROWS);
    settle_on_uncertain(&settle);
    settle_on_asked(&settle, ROWS);
    assert_int_equal(settle_next(&settle), SETTLE_INSERT);
    assert_int_equal(settle.round, 0);
    assert_int_equal(settle.absent_count, ROWS);
}

/* 2 of 227 repeats were answered yes for rows that were not there. */
static void does_not_believe_the_yes_to_a_repeat(void **state)
{
    struct settle settle;

    (void)state;
    settle_init(&settle, false, ROWS);
    settle_on_uncertain(&settle);
    settle_on_asked(&settle, ROWS);
    settle_on_stored(&settle);
    assert_int_equal(settle_next(&settle), SETTLE_ASK);
    settle_on_asked(&settle, ROWS);
    assert_int_equal(settle_next(&settle), SETTLE_INSERT);
    assert_int_equal(settle.round, 1); /* the old token is burnt */
    settle_on_stored(&settle);
    assert_int_equal(settle_next(&settle), SETTLE_ASK);
    settle_on_asked(&settle, 0);
    assert_int_equal(settle_next(&settle), SETTLE_DONE);
}

static void takes_a_new_token_only_after_a_yes(void **state)
{
    struct settle settle;

    (void)state;
    settle_init(&settle, false, ROWS);
    for (int i = 0; i < 20; i++) {
        settle_on_uncertain(&settle);
        settle_on_asked(&settle, ROWS);
        assert_int_equal(settle_next(&settle), SETTLE_INSERT);
        assert_int_equal(settle.round, 0);
    }
    settle_on_stored(&settle);
    settle_on_asked(&settle, ROWS);
    for (int i = 0; i < 20; i++) {
        settle_on_uncertain(&settle);
        settle_on_asked(&settle, ROWS);
        assert_int_equal(settle.round, 1); /* the table has said nothing to the new one yet */
    }
}

static void begins_a_replay_by_asking(void **state)
{
    struct settle settle;

    (void)state;
    settle_init(&settle, true, ROWS);
    assert_int_equal(settle_next(&settle), SETTLE_ASK);
    settle_on_asked(&settle, 3);
    assert_int_equal(settle_next(&settle), SETTLE_INSERT);
    assert_int_equal(settle.absent_count, 3);
    settle_on_stored(&settle);
    assert_int_equal(settle_next(&settle), SETTLE_ASK); /* the token may be the old owner's */
}

/* ---- all of it, under random faults ---- */

/* Its tokens are settle's rounds: one plan, so nothing else tells them apart. */
struct table {
    uint32_t copies; /* of the plan's rows */
    bool knows_round[64];
};

static uint32_t random_next(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 16;
}

static void store(struct table *table, uint32_t round)
{
    if (!table->knows_round[round])
        table->copies++;
    table->knows_round[round] = true;
}

static void insert(struct table *table, struct settle *settle, uint32_t *seed)
{
    uint32_t round = settle->round;

    assert_true(round < 64);
    switch (random_next(seed) % 4) {
    case 0: /* done and answered */
        store(table, round);
        settle_on_stored(settle);
        return;
    case 1: /* done, the answer is lost */
        store(table, round);
        settle_on_uncertain(settle);
        return;
    case 2: /* not done, and no answer */
        settle_on_uncertain(settle);
        return;
    default: /* killed between the token and the rows */
        table->knows_round[round] = true;
        settle_on_uncertain(settle);
        return;
    }
}

static void ends_with_each_row_once_whatever_happens(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < 20000; seed++) {
        struct table table = {0};
        struct settle settle;
        uint32_t random = seed;
        int steps = 0;
        settle_init(&settle, seed % 2 == 1, ROWS);
        while (settle_next(&settle) != SETTLE_DONE) {
            if (settle_next(&settle) == SETTLE_INSERT)
                insert(&table, &settle, &random);
            else if (random_next(&random) % 3 > 0) /* else the question failed too, and is asked again */
                settle_on_asked(&settle, table.copies > 0 ? 0 : ROWS);
            assert_true(++steps < 500);
        }
        assert_int_equal(table.copies, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_at_the_first_yes),
        cmocka_unit_test(has_nothing_to_do_without_rows),
        cmocka_unit_test(asks_before_it_repeats),
        cmocka_unit_test(repeats_what_is_absent_under_the_same_token),
        cmocka_unit_test(does_not_believe_the_yes_to_a_repeat),
        cmocka_unit_test(takes_a_new_token_only_after_a_yes),
        cmocka_unit_test(begins_a_replay_by_asking),
        cmocka_unit_test(ends_with_each_row_once_whatever_happens),
    };

    return cmocka_run_group_tests_name("settle", tests, NULL, NULL);
}
