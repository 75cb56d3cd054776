/*
 * lag_test.c - how far a group is behind, and what is said when nobody knows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "query/lag.h"

static const struct positions_of whose = {"the-group", "the-topic"};

static void is_what_lies_between_the_group_and_the_ends(void **state)
{
    static const struct {
        struct position items[2];
        bool may_be_absent, is_known;
        uint64_t records;
        const char *why;
    } rows[] = {
        {{{5, 5, 5, ""}, {7, 7, 7, ""}}, false, true, 0, ""},
        {{{5, 5, 8, ""}, {7, 7, 11, ""}}, false, true, 7, ""},
        {{{5, 5, 8, ""}, {-1, 0, 0, ""}}, true, true, 3, ""},
        {{{5, 5, 5, ""}, {-1, 40, 42, ""}}, true, true, 2, ""}, /* all that the log still has */
        {{{-1, 0, 9, ""}, {-1, 0, 0, ""}}, false, true, 9, ""}, /* never started: all */
        {{{-1, 0, 9, ""}, {-1, 0, 0, ""}}, true, false, 0, "the-group has not read the-topic"},
        {{{5, 5, 8, ""}, {7, 7, 6, ""}}, false, false, 0, "the-topic[1]"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct position items[2] = {rows[i].items[0], rows[i].items[1]};
        const struct positions positions = {.is_known = true, .count = 2, .items = items};
        struct lag lag;
        lag_of(&whose, &positions, rows[i].may_be_absent, &lag);
        assert_int_equal(lag.is_known, rows[i].is_known);
        assert_non_null(strstr(lag.why, rows[i].why));
        assert_int_equal(lag.records, rows[i].records);
        assert_int_equal(lag.has_age, rows[i].is_known && rows[i].records == 0);
    }
}

static void what_kafka_does_not_say_is_unknown_with_its_reason(void **state)
{
    const struct positions positions = {.is_known = false, .why = "topic the-topic is missing"};
    struct lag lag;

    (void)state;
    lag_of(&whose, &positions, false, &lag);
    assert_false(lag.is_known);
    assert_string_equal(lag.why, "topic the-topic is missing");
}

static void unknown_is_null_and_never_zero(void **state)
{
    static const struct {
        struct lag lag;
        const char *json;
    } rows[] = {
        {{.is_known = true, .has_age = true}, "{\"lag\":0,\"lag_seconds\":0.000}"},
        {{.is_known = true, .records = 7, .has_age = true, .age_ms = 12034},
         "{\"lag\":7,\"lag_seconds\":12.034}"},
        {{.is_known = true, .records = 7}, "{\"lag\":7,\"lag_seconds\":null}"},
        {{.why = "a \"reason\""}, "{\"lag\":null,\"lag_seconds\":null,\"lag_reason\":\"a \\\"reason\\\"\"}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        AUTO_BUF json = {0};
        buf_append_byte(&json, '{');
        lag_write(&json, "lag", &rows[i].lag);
        buf_append_byte(&json, '}');
        assert_string_equal(buf_text(&json), rows[i].json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_what_lies_between_the_group_and_the_ends),
        cmocka_unit_test(what_kafka_does_not_say_is_unknown_with_its_reason),
        cmocka_unit_test(unknown_is_null_and_never_zero),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
