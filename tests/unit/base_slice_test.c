#include "common/base/slice.h"

#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void cuts_at_each_separator(void **state)
{
    struct slice rest = SLICE("a,,b");
    struct slice head;

    (void)state;
    assert_true(slice_cut(&rest, ',', &head));
    assert_true(slice_equals_text(head, "a"));
    assert_true(slice_cut(&rest, ',', &head));
    assert_true(slice_is_empty(head));
    assert_false(slice_cut(&rest, ',', &head));
    assert_true(slice_equals_text(head, "b"));
    assert_true(slice_is_empty(rest));
    assert_false(slice_cut(&rest, ',', &head));
    assert_true(slice_is_empty(head));
}

static void trims_white_space_at_both_ends_only(void **state)
{
    static const struct {
        const char *text;
        const char *trimmed;
    } rows[] = {{"", ""}, {" \t\r\n\v\f", ""}, {" a b\t", "a b"}, {"a", "a"}, {"\xc2\xa0", "\xc2\xa0"}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_true(slice_equals_text(slice_trim(slice_from(rows[i].text)), rows[i].trimmed));
}

static void compares_case_of_ascii_letters_only(void **state)
{
    (void)state;
    assert_true(slice_equals_ignoring_case(SLICE("Content-TYPE"), SLICE("content-type")));
    assert_false(slice_equals_ignoring_case(SLICE("a"), SLICE("ab")));
    assert_false(slice_equals_ignoring_case(SLICE("["), SLICE("{")));
    assert_false(slice_equals_ignoring_case(SLICE("\xc3\x89"), SLICE("\xc3\xa9")));
}

static void treats_all_empty_slices_alike(void **state)
{
    char *copy = slice_dup(slice_of(NULL, 0));

    (void)state;
    assert_string_equal(copy, "");
    free(copy);
    assert_true(slice_equals(slice_of(NULL, 0), SLICE("")));
    assert_true(slice_equals(slice_from(NULL), SLICE("")));
    assert_true(slice_starts_with(SLICE("abc"), SLICE("")));
    assert_false(slice_starts_with(SLICE("ab"), SLICE("abc")));
}

static void copies_all_bytes(void **state)
{
    char *copy = slice_dup(SLICE("a\0b"));

    (void)state;
    assert_memory_equal(copy, "a\0b", 4);
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_at_each_separator),
        cmocka_unit_test(trims_white_space_at_both_ends_only),
        cmocka_unit_test(compares_case_of_ascii_letters_only),
        cmocka_unit_test(treats_all_empty_slices_alike),
        cmocka_unit_test(copies_all_bytes),
    };

    return cmocka_run_group_tests_name("base_slice", tests, NULL, NULL);
}
