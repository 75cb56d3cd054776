#include "common/event/event_id.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The bits are laid out as https://github.com/ulid/spec says: 10 characters of time, 16 of random bits. */
static void writes_the_bits_in_crockfords_base_32(void **state)
{
    static const struct {
        uint64_t unix_ms;
        unsigned char random[10];
        const char *text;
    } rows[] = {
        {0, {0}, "00000000000000000000000000"},
        {1, {0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, "00000000010000000000000001"},
        {UINT64_C(1469918176385), {0}, "01ARYZ6S410000000000000000"},
        {UINT64_C(0xffffffffffff),
         {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
         "7ZZZZZZZZZZZZZZZZZZZZZZZZZ"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[ULID_TEXT_BYTES];
        ulid_write(rows[i].unix_ms, rows[i].random, text);
        assert_string_equal(text, rows[i].text);
    }
}

static void sorts_by_time_as_text(void **state)
{
    char earlier[ULID_TEXT_BYTES];
    char later[ULID_TEXT_BYTES];

    (void)state;
    ulid_make(UINT64_C(1795219200000), earlier);
    ulid_make(UINT64_C(1795219200001), later);
    assert_true(strcmp(earlier, later) < 0);
}

static void makes_other_ids_for_each_request(void **state)
{
    struct event_ids one = {.unix_ms = UINT64_C(1795219200000)};
    struct event_ids other = one;
    char first[EVENT_ID_MADE_BYTES];
    char second[EVENT_ID_MADE_BYTES];

    (void)state;
    event_ids_next(&one, first);
    event_ids_next(&other, second);
    assert_int_equal(strlen(first), EVENT_ID_MADE_BYTES - 1);
    assert_memory_equal(first, "event_", 6);
    assert_memory_equal(first, second, 6 + 10);
    assert_string_not_equal(first, second);
}

static void ids_of_a_request_follow_each_other(void **state)
{
    static const struct {
        unsigned char random[ULID_RANDOM_BYTES];
        const char *next;
    } rows[] = {
        {{0}, "event_00000000000000000000000001"},
        {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff}, "event_00000000000000000000000080"},
        {{0, 0, 0, 0, 0, 0, 0, 0xfe, 0xff, 0xff}, "event_000000000000000000000FY000"},
        {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, "event_00000000000000000000000000"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct event_ids ids = {.has_random = true};
        char id[EVENT_ID_MADE_BYTES];
        memcpy(ids.random, rows[i].random, sizeof(ids.random));
        event_ids_next(&ids, id);
        assert_string_equal(id, rows[i].next);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_the_bits_in_crockfords_base_32),
        cmocka_unit_test(sorts_by_time_as_text),
        cmocka_unit_test(makes_other_ids_for_each_request),
        cmocka_unit_test(ids_of_a_request_follow_each_other),
    };

    return cmocka_run_group_tests_name("event_id", tests, NULL, NULL);
}
