/* Which bytes are text. */
#include "common/codec/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void the_front_that_is_whole_characters_is_measured(void **state)
{
    static const struct {
        struct slice text;
        size_t valid;
    } rows[] = {
        {SLICE(""), 0},
        {SLICE("plain"), 5},
        {SLICE("a\0b"), 3},
        {SLICE("\x7f"), 1},
        {SLICE("\xc2\x80"), 2},         /* U+0080, the first of two bytes */
        {SLICE("\xdf\xbf"), 2},         /* U+07FF, the last */
        {SLICE("\xe0\xa0\x80"), 3},     /* U+0800 */
        {SLICE("\xed\x9f\xbf"), 3},     /* U+D7FF, before the surrogates */
        {SLICE("\xee\x80\x80"), 3},     /* U+E000, behind them */
        {SLICE("\xef\xbf\xbf"), 3},     /* U+FFFF */
        {SLICE("\xf0\x90\x80\x80"), 4}, /* U+10000 */
        {SLICE("\xf4\x8f\xbf\xbf"), 4}, /* U+10FFFF, the last of all */
        {SLICE("ab\x80"), 2},           /* a byte in the middle of nothing */
        {SLICE("ab\xc2"), 2},           /* cut */
        {SLICE("ab\xe0\xa0"), 2},
        {SLICE("ab\xf0\x90\x80"), 2},
        {SLICE("\xc2g"), 0},
        {SLICE("\xc0\x80"), 0},     /* U+0000 in two bytes */
        {SLICE("\xc1\xbf"), 0},     /* U+007F in two */
        {SLICE("\xe0\x9f\xbf"), 0}, /* U+07FF in three */
        {SLICE("\xf0\x8f\xbf\xbf"), 0},
        {SLICE("\xed\xa0\x80"), 0},     /* U+D800 */
        {SLICE("\xed\xbf\xbf"), 0},     /* U+DFFF */
        {SLICE("\xf4\x90\x80\x80"), 0}, /* U+110000 */
        {SLICE("\xf5\x80\x80\x80"), 0},
        {SLICE("\xff"), 0},
        {SLICE("\xfe\xff"), 0},
        {SLICE("caf\xe9"), 3}, /* Latin-1 */
        {SLICE("a\xe2\x82\xac!"), 5},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t valid = utf8_valid_length(rows[i].text);
        if (valid != rows[i].valid)
            fail_msg("row %zu: %zu bytes, not %zu", i, valid, rows[i].valid);
    }
}

static void control_characters_are_found_also_those_of_two_bytes(void **state)
{
    static const struct {
        struct slice text;
        bool has_control;
    } rows[] = {
        {SLICE(""), false},
        {SLICE("plain text"), false},
        {SLICE("a\0b"), true},
        {SLICE("\n"), true},
        {SLICE("\x1f"), true},
        {SLICE(" ~"), false},
        {SLICE("\x7f"), true},
        {SLICE("\xc2\x80"), true},      /* U+0080 */
        {SLICE("x\xc2\x9fy"), true},    /* U+009F */
        {SLICE("\xc2\xa0"), false},     /* U+00A0 */
        {SLICE("\xc3\x80"), false},     /* a later byte of the same value is none */
        {SLICE("\xe2\x82\xac"), false}, /* U+20AC, whose bytes are in the range */
        {SLICE("\xf0\x9f\x80\x80"), false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (utf8_has_control(rows[i].text) != rows[i].has_control)
            fail_msg("row %zu", i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_front_that_is_whole_characters_is_measured),
        cmocka_unit_test(control_characters_are_found_also_those_of_two_bytes),
    };

    return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
