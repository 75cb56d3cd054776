#include "common/base/slice_set.h"

#include <stdio.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void finds_each_of_many_keys_again(void **state)
{
    struct slice_set keys = {0};
    char texts[1000][16];

    (void)state;
    slice_set_clear(&keys);
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(texts[i], sizeof(texts[i]), "k%d", i);
        assert_true(slice_set_add(&keys, 1, slice_from(texts[i])));
    }
    for (int i = 0; i < 1000; i++)
        assert_false(slice_set_add(&keys, 1, slice_from(texts[i])));
    assert_true(slice_set_add(&keys, 1, SLICE("")));
    assert_false(slice_set_add(&keys, 1, SLICE("")));
    slice_set_done(&keys);
}

/* 2^32 objects later the generation is the one of the first object again. */
static void forgets_its_keys_however_often_it_is_cleared(void **state)
{
    struct slice_set keys = {0};

    (void)state;
    slice_set_clear(&keys);
    assert_true(slice_set_add(&keys, 1, SLICE("a")));
    keys.generation = UINT32_MAX;
    slice_set_clear(&keys);
    assert_true(slice_set_add(&keys, 1, SLICE("a")));
    slice_set_clear(&keys);
    assert_true(slice_set_add(&keys, 1, SLICE("a")));
    slice_set_done(&keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_each_of_many_keys_again),
        cmocka_unit_test(forgets_its_keys_however_often_it_is_cleared),
    };

    return cmocka_run_group_tests_name("base_slice_set", tests, NULL, NULL);
}
