/* Which numbers come back from a JSON reader with other digits, or not at all. */
#include "common/event/event_exact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void numbers_that_come_back_unchanged_need_no_copy(void **state)
{
    static const struct {
        const char *number;
        bool is_canonical;
    } rows[] = {
        {"0", true},
        {"7", true},
        {"-7", true},
        {"-0", false},
        {"9223372036854775807", true},
        {"9223372036854775808", false},
        {"-9223372036854775808", true},
        {"-9223372036854775809", false},
        {"9007199254740993", true}, /* an integer of 64 bits, though no double holds it */
        {"0.1", true},
        {"0.10", false}, /* the zero at the end goes */
        {"1.0", false},
        {"123456789012.345", true},   /* 15 digits */
        {"1234567890123.456", false}, /* 16 */
        {"0.000001", true},
        {"0.0000001", false}, /* comes back with an exponent */
        {"1e3", false},
        {"1.5E-3", false},
        {"12345678901234567890.10", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (event_exact_is_canonical(slice_from(rows[i].number)) != rows[i].is_canonical)
            fail_msg("%s", rows[i].number);
}

static void integers_outside_of_64_bits_make_their_object_unreadable(void **state)
{
    static const struct {
        const char *number;
        bool is_unreadable;
    } rows[] = {
        {"0", false},
        {"9223372036854775807", false},
        {"18446744073709551615", false}, /* of 64 bits without sign */
        {"18446744073709551616", true},
        {"-9223372036854775808", false},
        {"-9223372036854775809", true},
        {"99999999999999999999999999999999999999", true},
        {"12345678901234567890.5", false},
        {"1e30", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (event_exact_is_unreadable(slice_from(rows[i].number)) != rows[i].is_unreadable)
            fail_msg("%s", rows[i].number);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_that_come_back_unchanged_need_no_copy),
        cmocka_unit_test(integers_outside_of_64_bits_make_their_object_unreadable),
    };

    return cmocka_run_group_tests_name("event_exact", tests, NULL, NULL);
}
