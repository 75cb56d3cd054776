/*
 * query_string_test.c - parameters of a URL.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/base/buf.h"
#include "query/query_string.h"

static void splits_pairs(void **state)
{
    static const struct {
        const char *query, *pairs;
    } rows[] = {
        {"", ""},
        {"a=1", "[a=1]"},
        {"a=1&b=2", "[a=1][b=2]"},
        {"a=1&&b=2&", "[a=1][b=2]"},
        {"a&b=", "[a=][b=]"},
        {"a=x=y", "[a=x=y]"},
        {"=1", "[=1]"},
        {"&&&", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        AUTO_BUF seen = {0};
        struct slice rest = slice_from(rows[i].query);
        struct slice name, value;
        while (query_string_next(&rest, &name, &value))
            buf_printf(&seen, "[%.*s=%.*s]", SLICE_ARG(name), SLICE_ARG(value));
        assert_string_equal(buf_text(&seen), rows[i].pairs);
    }
}

static void decodes_text(void **state)
{
    static const struct {
        const char *raw, *text;
    } rows[] = {
        {"", ""},
        {"plain", "plain"},
        {"a+b%20c", "a b c"},
        {"%2B%26%3d%25", "+&=%"},
        {"%C3%a4", "\xc3\xa4"},
        {"%09tab", "\ttab"},
    };
    struct arena arena = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct slice text;
        assert_true(query_string_decode(&arena, slice_from(rows[i].raw), &text));
        assert_int_equal(text.length, strlen(rows[i].text));
        assert_string_equal(text.data, rows[i].text);
    }
    arena_done(&arena);
}

static void refuses_what_is_no_text(void **state)
{
    static const char *const rows[] = {"%",   "a%",     "%2",        "%zz",  "%+1",   "%00", "a%00b",
                                       "%C3", "%C0%80", "%ED%A0%80", "\xff", "%2%35", "%-1", "%F5%80%80%80"};
    struct arena arena = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct slice text = SLICE("untouched");
        assert_false(query_string_decode(&arena, slice_from(rows[i]), &text));
        assert_true(slice_equals(text, SLICE("untouched")));
    }
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits_pairs),
        cmocka_unit_test(decodes_text),
        cmocka_unit_test(refuses_what_is_no_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
