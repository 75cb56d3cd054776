/*
 * cursor_test.c - places in a list.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "query/cursor.h"

static void reads_what_it_writes(void **state)
{
    static const struct cursor rows[] = {
        {0, {"a", 1}, false, 0},
        {1795317302965352, {"event_01M80M01NNK4TX92CBRNGKG6HH", 32}, false, 0},
        {1, {"x::y", 4}, false, 0},
        {5, {":", 1}, false, 0},
        {5, {"0123456789abcdef:x", 18}, false, 0},
        {1, {"x", 1}, true, 0},
        {1, {":", 1}, true, UINT64_MAX},
        {1, {"0123456789abcdef:x", 18}, true, 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        AUTO_BUF text = {0};
        struct cursor cursor;
        cursor_write(&text, &rows[i]);
        assert_true(cursor_read(buf_slice(&text), &cursor));
        assert_int_equal(cursor.us, rows[i].us);
        assert_true(slice_equals(cursor.id, rows[i].id));
        assert_int_equal(cursor.has_tie, rows[i].has_tie);
        assert_int_equal(cursor.tie, rows[i].tie);
    }
}

static void a_key_is_flexprices_unless_it_stands_within_a_tie(void **state)
{
    AUTO_BUF text = {0};

    (void)state;
    cursor_write(&text, &(struct cursor){7, SLICE("id"), false, 3});
    assert_string_equal(buf_text(&text), "7000::id");
    buf_clear(&text);
    cursor_write(&text, &(struct cursor){7, SLICE("id"), true, 3});
    assert_string_equal(buf_text(&text), "7000:0000000000000003:id");
}

static void a_fraction_stands_between_two_microseconds(void **state)
{
    struct cursor cursor;

    (void)state;
    assert_true(cursor_read(SLICE("1999::id"), &cursor));
    assert_int_equal(cursor.us, 2);
    assert_true(slice_is_empty(cursor.id));
    assert_true(cursor_read(SLICE("1999:0123456789abcdef:id"), &cursor));
    assert_int_equal(cursor.us, 2);
    assert_false(cursor.has_tie);
}

static void refuses_what_is_no_key(void **state)
{
    static const char *const rows[] = {
        "",
        "1",
        "1::",
        "1:a",
        "::a",
        "-1::a",
        "1.5::a",
        "a::1",
        " 1::a",
        "1 ::a",
        "0x1::a",
        "9223372036854775808::a",
        "99999999999999999999::a",
        "1:0123456789abcdef",
        "1:0123456789abcdef:",
        "1:0123456789abcde:a",
        "1:0123456789abcdef0:a",
        "1:0123456789abcdeg:a",
        "1:-123456789abcdef:a",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct cursor cursor = {.us = 7, .id = SLICE("untouched")};
        assert_false(cursor_read(slice_from(rows[i]), &cursor));
        assert_int_equal(cursor.us, 7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_it_writes),
        cmocka_unit_test(a_key_is_flexprices_unless_it_stands_within_a_tie),
        cmocka_unit_test(a_fraction_stands_between_two_microseconds),
        cmocka_unit_test(refuses_what_is_no_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
