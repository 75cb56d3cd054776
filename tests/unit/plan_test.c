#include "common/service/batch/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct plan_state must_read(struct slice metadata, int64_t next)
{
    struct plan_state state = {0};
    struct err err = {0};

    if (plan_metadata_read(metadata, next, &state, &err) != PLAN_READ)
        fail_msg("%.*s: %s", SLICE_ARG(metadata), err.text);
    return state;
}

static struct plan_state read_back(const struct plan_state *state)
{
    char text[PLAN_METADATA_BYTES];
    size_t length = plan_metadata_write(state, text);

    assert_int_equal(length, strlen(text));
    return must_read(slice_of(text, length), state->next);
}

static void assert_same_plan(const struct plan *a, const struct plan *b)
{
    assert_true(a->first == b->first && a->last == b->last);
    assert_true(a->count == b->count && a->checksum == b->checksum && a->starts == b->starts);
}

/* ---- metadata ---- */

static void reads_back_a_position_without_a_plan(void **state)
{
    const struct plan_state left = {.epoch = 3, .next = 1200, .forwarded = 1187, .suspect_until = -1};

    (void)state;
    struct plan_state found = read_back(&left);
    assert_int_equal(found.epoch, 3);
    assert_int_equal(found.next, 1200);
    assert_int_equal(found.forwarded, 1187);
    assert_int_equal(found.suspect_until, -1);
    assert_false(found.has_plan);
}

static void reads_back_a_plan_with_the_same_boundaries(void **state)
{
    const struct plan_state left = {
        .epoch = 1,
        .next = 1200,
        .forwarded = -1,
        .suspect_until = 1899,
        .has_plan = true,
        .plan = {.first = 1200, .last = 1899, .count = 640, .checksum = 0x00c0ffee00c0ffee, .starts = 2},
    };

    (void)state;
    struct plan_state found = read_back(&left);
    assert_true(found.has_plan);
    assert_int_equal(found.suspect_until, 1899);
    assert_same_plan(&found.plan, &left.plan);
}

/* Kafka takes 4,096 bytes; a position that can't be written would stop the partition for good. */
static void writes_the_widest_values(void **state)
{
    const struct plan_state left = {
        .epoch = UINT32_MAX,
        .next = INT64_MAX - UINT32_MAX,
        .forwarded = INT64_MAX,
        .suspect_until = INT64_MAX,
        .has_plan = true,
        .plan = {.first = INT64_MAX - UINT32_MAX,
                 .last = INT64_MAX,
                 .count = UINT32_MAX,
                 .checksum = UINT64_MAX,
                 .starts = UINT32_MAX},
    };

    (void)state;
    struct plan_state found = read_back(&left);
    assert_int_equal(found.forwarded, INT64_MAX);
    assert_same_plan(&found.plan, &left.plan);
}

/* What is stored in consumer groups now must be read by every later release. */
static void reads_the_text_of_format_1(void **state)
{
    (void)state;
    struct plan_state found = must_read(
        SLICE("millrace/1 epoch=2 forwarded=41 suspect=-1 last=59 count=10 sum=00000000000000ff starts=1"),
        50);
    const struct plan expected = {.first = 50, .last = 59, .count = 10, .checksum = 255, .starts = 1};
    assert_int_equal(found.epoch, 2);
    assert_same_plan(&found.plan, &expected);
    found = must_read(SLICE("millrace/1 epoch=1 forwarded=-1 suspect=-1"), 0);
    assert_false(found.has_plan);
}

struct refusal {
    const char *what;
    const char *metadata; /* NULL: none at all */
};

static void refuses_what_it_did_not_write(void **state)
{
    static const struct refusal rows[] = {
        {"no metadata: a commit by a tool", NULL},
        {"empty metadata", ""},
        {"another program's", "flink-checkpoint-7"},
        {"no version", "millrace/ epoch=1 forwarded=-1 suspect=-1"},
        {"only the version", "millrace/1"},
        {"no epoch", "millrace/1 forwarded=-1 suspect=-1"},
        {"no suspect", "millrace/1 epoch=1 forwarded=-1"},
        {"epoch 0, which no topic has", "millrace/1 epoch=0 forwarded=-1 suspect=-1"},
        {"epoch above 32 bits", "millrace/1 epoch=4294967296 forwarded=-1 suspect=-1"},
        {"forwarded below none", "millrace/1 epoch=1 forwarded=-2 suspect=-1"},
        {"a member twice", "millrace/1 epoch=1 epoch=1 forwarded=-1 suspect=-1"},
        {"an unknown member", "millrace/1 epoch=1 forwarded=-1 suspect=-1 colour=7"},
        {"a word without a value", "millrace/1 epoch=1 forwarded=-1 suspect"},
        {"half a plan", "millrace/1 epoch=1 forwarded=-1 suspect=-1 last=120 count=3"},
        {"a plan of nothing", "millrace/1 epoch=1 forwarded=-1 suspect=-1 last=120 count=0 sum=1 starts=1"},
        {"a plan that ends before it begins",
         "millrace/1 epoch=1 forwarded=-1 suspect=-1 last=99 count=1 sum=1 starts=1"},
        {"more records than offsets",
         "millrace/1 epoch=1 forwarded=-1 suspect=-1 last=102 count=4 sum=1 starts=1"},
        {"a sum that is no number",
         "millrace/1 epoch=1 forwarded=-1 suspect=-1 last=102 count=3 sum=xyz starts=1"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct plan_state untouched = {.epoch = 77};
        struct err err = {0};
        if (plan_metadata_read(slice_from(rows[i].metadata), 100, &untouched, &err) != PLAN_NOT_OURS)
            fail_msg("taken: %s", rows[i].what);
        assert_int_equal(untouched.epoch, 77);
        assert_int_equal(err.kind, ERR_REJECT);
        assert_non_null(strstr(err.text, "no metadata of ours"));
    }
}

/* A later release may mean something else by the same words: never guess. */
static void refuses_a_later_format_and_says_to_upgrade(void **state)
{
    struct plan_state untouched = {.epoch = 77};
    struct err err = {0};

    (void)state;
    assert_int_equal(
        plan_metadata_read(SLICE("millrace/2 epoch=1 forwarded=-1 suspect=-1"), 0, &untouched, &err),
        PLAN_TOO_NEW);
    assert_int_equal(untouched.epoch, 77);
    assert_non_null(strstr(err.text, "upgrade"));
}

/* ---- taking over ---- */

struct takeover {
    uint32_t starts;
    uint32_t count;
    enum plan_takeover expected;
};

static void halves_at_the_fourth_start_and_gives_up_on_one_record(void **state)
{
    static const struct takeover rows[] = {
        {0, 500, PLAN_START}, {1, 500, PLAN_START}, {2, 500, PLAN_START}, {3, 500, PLAN_HALVE},
        {9, 2, PLAN_HALVE},   {2, 1, PLAN_START},   {3, 1, PLAN_GIVE_UP}, {4, 1, PLAN_GIVE_UP},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct plan plan = {.count = rows[i].count, .starts = rows[i].starts};
        assert_int_equal(plan_take_over(&plan), rows[i].expected);
    }
}

static void is_hopeless_only_alone_and_after_all_its_starts(void **state)
{
    const struct plan alone = {.count = 1, .starts = PLAN_STARTS_MAX + 1};
    const struct plan last_start = {.count = 1, .starts = PLAN_STARTS_MAX};
    const struct plan among_others = {.count = 2, .starts = PLAN_STARTS_MAX + 1};

    (void)state;
    assert_true(plan_is_hopeless(&alone));
    assert_false(plan_is_hopeless(&last_start));
    assert_false(plan_is_hopeless(&among_others));
}

static void takes_all_records_while_none_is_suspect(void **state)
{
    const struct plan_state calm = {.suspect_until = -1};
    const struct plan_state past = {.suspect_until = 99};
    uint32_t starts = 0;

    (void)state;
    assert_int_equal(plan_size(&calm, 0, 5000, &starts), 5000);
    assert_int_equal(starts, 1);
    assert_int_equal(plan_size(&past, 100, 5000, &starts), 5000);
    assert_int_equal(starts, 1);
}

/* However the record that ends workers lies, and though each worker ends at the plan that has it, the plans
 * shrink to that record alone, and all others are done. */
static void finds_the_record_that_ends_workers(void **state)
{
    (void)state;
    for (int64_t culprit = 0; culprit < 100; culprit++) {
        struct plan_state position = {.suspect_until = 99};
        uint32_t deaths = 0;
        for (int64_t first = 0; first < 100;) {
            uint32_t starts = 0;
            uint32_t size = plan_size(&position, first, (uint32_t)(100 - first), &starts);
            int64_t last = first + size - 1;
            assert_true(size >= 1 && last <= position.suspect_until);
            assert_int_equal(starts, size > 1 ? PLAN_STARTS_MAX : 1);
            if (culprit < first || culprit > last) {
                first = last + 1;
                position.suspect_until = first > position.suspect_until ? 99 : position.suspect_until;
                continue;
            }
            struct plan plan = {.first = first, .last = last, .count = size, .starts = starts};
            for (deaths++; plan_take_over(&plan) == PLAN_START; deaths++)
                plan.starts++;
            assert_true(deaths <= 6 + PLAN_STARTS_MAX); /* of 50, 25, 12, 6, 3 and, thrice, 1 */
            if (plan_take_over(&plan) == PLAN_GIVE_UP)
                break;
            position.suspect_until = last;
        }
        assert_true(deaths >= PLAN_STARTS_MAX); /* not given up for one death, which may be an accident */
    }
}

/* ---- tokens ---- */

static const struct plan_route some_route = {
    .table = "events", .topic = "events", .partition = 3, .epoch = 1};

static const struct plan some_plan = {
    .first = 1200, .last = 1899, .count = 640, .checksum = 0xabc, .starts = 1};

static void names_the_same_plan_alike_and_each_round_anew(void **state)
{
    struct plan again = some_plan;
    char first[PLAN_TOKEN_BYTES];
    char second[PLAN_TOKEN_BYTES];

    (void)state;
    again.starts = 3; /* how often it was begun is no part of its name */
    plan_token(&some_route, &some_plan, 0, first);
    plan_token(&some_route, &again, 0, second);
    assert_string_equal(first, second);
    plan_token(&some_route, &some_plan, 1, second);
    assert_string_equal(second + strlen(first), ":r1");
    assert_memory_equal(first, second, strlen(first));
}

struct other_plan {
    const char *what;
    const char *table;
    const char *topic;
    int32_t partition;
    uint32_t epoch;
    struct plan plan;
};

/* The same name for other rows would make ClickHouse swallow them. */
static void names_every_other_plan_differently(void **state)
{
    static const struct other_plan rows[] = {
        {"table", "outcomes", "events", 3, 1, {1200, 1899, 640, 0xabc, 1}},
        {"topic", "events", "backfill", 3, 1, {1200, 1899, 640, 0xabc, 1}},
        {"partition", "events", "events", 4, 1, {1200, 1899, 640, 0xabc, 1}},
        {"epoch", "events", "events", 3, 2, {1200, 1899, 640, 0xabc, 1}},
        {"first", "events", "events", 3, 1, {1201, 1899, 640, 0xabc, 1}},
        {"last", "events", "events", 3, 1, {1200, 1898, 640, 0xabc, 1}},
        {"checksum", "events", "events", 3, 1, {1200, 1899, 640, 0xabd, 1}},
    };
    char token[PLAN_TOKEN_BYTES];
    char other[PLAN_TOKEN_BYTES];

    (void)state;
    plan_token(&some_route, &some_plan, 0, token);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct other_plan *row = &rows[i];
        plan_token(&(struct plan_route){row->table, row->topic, row->partition, row->epoch}, &row->plan, 0,
                   other);
        if (strcmp(token, other) == 0)
            fail_msg("another %s has the same token", row->what);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_back_a_position_without_a_plan),
        cmocka_unit_test(reads_back_a_plan_with_the_same_boundaries),
        cmocka_unit_test(writes_the_widest_values),
        cmocka_unit_test(reads_the_text_of_format_1),
        cmocka_unit_test(refuses_what_it_did_not_write),
        cmocka_unit_test(refuses_a_later_format_and_says_to_upgrade),
        cmocka_unit_test(halves_at_the_fourth_start_and_gives_up_on_one_record),
        cmocka_unit_test(is_hopeless_only_alone_and_after_all_its_starts),
        cmocka_unit_test(takes_all_records_while_none_is_suspect),
        cmocka_unit_test(finds_the_record_that_ends_workers),
        cmocka_unit_test(names_the_same_plan_alike_and_each_round_anew),
        cmocka_unit_test(names_every_other_plan_differently),
    };

    return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
