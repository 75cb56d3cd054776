/* Numbers by their text: what it is made of, and whether a decimal holds it. */
#include "common/codec/json_number.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_number_is_taken_apart(void **state)
{
    static const struct {
        const char *text;
        struct json_number number;
    } rows[] = {
        {"0", {false, true, false, 1, 0, '0'}},         {"-0", {true, true, false, 1, 0, '0'}},
        {"7", {false, true, false, 1, 0, '7'}},         {"120", {false, true, false, 3, 2, '0'}},
        {"-120.50", {true, false, false, 5, 2, '0'}},   {"0.5", {false, false, false, 1, -1, '5'}},
        {"0.00125", {false, false, false, 3, -3, '5'}}, {"1e3", {false, false, true, 1, 3, '1'}},
        {"1.5E-3", {false, false, true, 2, -3, '5'}},   {"12.5e+2", {false, false, true, 3, 3, '5'}},
        {"0.001e3", {false, false, true, 1, 0, '1'}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct json_number *expected = &rows[i].number;
        struct json_number got = json_number_parse(slice_from(rows[i].text));
        if (got.is_negative != expected->is_negative || got.is_integer != expected->is_integer ||
            got.has_exponent != expected->has_exponent || got.digit_count != expected->digit_count ||
            got.leading_place != expected->leading_place || got.last_digit != expected->last_digit)
            fail_msg("%s: %d %d %d, %u digits from 10^%d, last %c", rows[i].text, got.is_negative,
                     got.is_integer, got.has_exponent, got.digit_count, got.leading_place, got.last_digit);
    }
}

static void what_38_digits_hold_fits(void **state)
{
    static const struct {
        const char *text;
        bool fits;
    } rows[] = {
        {"0", true},
        {"0e37", true},
        {"0e38", false}, /* by its text, as any other digit */
        {"9007199254740993", true},
        {"99999999999999999999999999999999999999", true},   /* 38 digits */
        {"999999999999999999999999999999999999990", false}, /* 39 */
        {"1.0000000000000000000000000000000000001", true},
        {"1.00000000000000000000000000000000000001", false},
        {"1e37", true},
        {"1e38", false},
        {"1e400", false},
        {"1e-38", true},
        {"1e-39", false},
        {"1e-400", false},
        {"0.00000000000000000000000000000000000001", true},
        {"1e99999999999999999999", false},
        {"1e-99999999999999999999", false},
        {"-1e37", true},
        {"000000000000000000000000000000000000000000001", true}, /* not JSON, but no digit counts twice */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (json_number_fits(slice_from(rows[i].text)) != rows[i].fits)
            fail_msg("%s", rows[i].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_is_taken_apart),
        cmocka_unit_test(what_38_digits_hold_fits),
    };

    return cmocka_run_group_tests_name("json_number", tests, NULL, NULL);
}
