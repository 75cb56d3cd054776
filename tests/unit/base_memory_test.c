#include "common/base/arena.h"
#include "common/base/buf.h"

#include <stdalign.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void appends_and_forgets_bytes(void **state)
{
    AUTO_BUF buf = {0};

    (void)state;
    assert_string_equal(buf_text(&buf), "");
    buf_append_text(&buf, "GET /");
    buf_append_byte(&buf, '\0');
    buf_append_slice(&buf, slice_of(NULL, 0));
    buf_append_slice(&buf, SLICE("path"));
    assert_true(slice_equals(buf_slice(&buf), SLICE("GET /\0path")));
    buf_clear(&buf);
    assert_int_equal(buf.length, 0);
}

static void grows_to_what_is_printed(void **state)
{
    AUTO_BUF buf = {0};

    (void)state;
    buf_append_text(&buf, "x");
    buf_printf(&buf, "%0*d", 5000, 1);
    assert_int_equal(buf.length, 5001);
    assert_int_equal(buf.data[0], 'x');
    assert_int_equal(buf.data[5000], '1');
}

static void gives_aligned_memory_that_stays_in_place(void **state)
{
    struct arena arena = {0};
    unsigned char *taken[200];

    (void)state;
    for (size_t i = 0; i < 200; i++) {
        taken[i] = arena_take(&arena, i);
        assert_int_equal((uintptr_t)taken[i] % alignof(max_align_t), 0);
        memset(taken[i], (int)i, i);
    }
    for (size_t i = 0; i < 200; i++)
        for (size_t j = 0; j < i; j++)
            assert_int_equal(taken[i][j], i);
    assert_true(arena.used_bytes >= 199 * 200 / 2);
    arena_done(&arena);
}

static void copies_what_outlives_its_source(void **state)
{
    struct arena arena = {0};
    char source[] = "text";

    (void)state;
    struct slice copy = arena_copy(&arena, slice_of(source, 4));
    memset(source, 'x', 4);
    assert_true(slice_equals_text(copy, "text"));
    assert_true(slice_is_empty(arena_copy(&arena, slice_of(NULL, 0))));
    arena_done(&arena);
}

static void begins_anew_after_a_reset(void **state)
{
    struct arena arena = {0};

    (void)state;
    arena_reset(&arena);
    (void)arena_take(&arena, 100000);
    arena_reset(&arena);
    assert_int_equal(arena.used_bytes, 0);
    void *first = arena_take(&arena, 8);
    arena_reset(&arena);
    assert_ptr_equal(arena_take(&arena, 8), first);
    arena_done(&arena);
    assert_null(arena.newest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_and_forgets_bytes),
        cmocka_unit_test(grows_to_what_is_printed),
        cmocka_unit_test(gives_aligned_memory_that_stays_in_place),
        cmocka_unit_test(copies_what_outlives_its_source),
        cmocka_unit_test(begins_anew_after_a_reset),
    };

    return cmocka_run_group_tests_name("base_memory", tests, NULL, NULL);
}
