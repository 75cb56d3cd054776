/*
 * line_test.c - who may ask now.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "query/line.h"

static void begins_in_order_up_to_the_limit(void **state)
{
    struct line_place places[3] = {{.tenant_id = "a"}, {.tenant_id = "b"}, {.tenant_id = "c"}};
    struct line line;

    (void)state;
    line_init(&line, 2, 4);
    for (int i = 0; i < 3; i++)
        assert_true(line_enter(&line, &places[i]));
    assert_ptr_equal(line_begin(&line), &places[0]);
    assert_ptr_equal(line_begin(&line), &places[1]);
    assert_null(line_begin(&line));
    line_leave(&line, &places[0]);
    assert_ptr_equal(line_begin(&line), &places[2]);
    assert_null(line_begin(&line));
}

static void a_tenant_never_takes_more_than_half(void **state)
{
    struct line_place greedy[4] = {
        {.tenant_id = "a"}, {.tenant_id = "a"}, {.tenant_id = "a"}, {.tenant_id = "a"}};
    struct line_place modest = {.tenant_id = "b"};
    struct line line;

    (void)state;
    line_init(&line, 2, 4);
    assert_true(line_enter(&line, &greedy[0]));
    assert_ptr_equal(line_begin(&line), &greedy[0]);
    assert_true(line_enter(&line, &greedy[1]));
    assert_true(line_enter(&line, &greedy[2]));
    assert_false(line_enter(&line, &greedy[3]));
    assert_null(line_begin(&line));
    assert_true(line_enter(&line, &modest));
    assert_ptr_equal(line_begin(&line), &modest); /* past those that wait for their own tenant */
    line_leave(&line, &greedy[0]);
    assert_ptr_equal(line_begin(&line), &greedy[1]);
}

static void a_full_line_takes_nobody(void **state)
{
    struct line_place places[3] = {{.tenant_id = "a"}, {.tenant_id = "b"}, {.tenant_id = "c"}};
    struct line line;

    (void)state;
    line_init(&line, 1, 2);
    assert_true(line_enter(&line, &places[0]));
    assert_true(line_enter(&line, &places[1]));
    assert_false(line_enter(&line, &places[2]));
    assert_ptr_equal(line_begin(&line), &places[0]);
    assert_true(line_enter(&line, &places[2]));
}

static void who_waits_too_long_is_sent_away(void **state)
{
    struct line_place places[3] = {{.tenant_id = "a", .entered_ms = 10},
                                   {.tenant_id = "b", .entered_ms = 20},
                                   {.tenant_id = "c", .entered_ms = 30}};
    struct line line;

    (void)state;
    line_init(&line, 1, 4);
    for (int i = 0; i < 3; i++)
        assert_true(line_enter(&line, &places[i]));
    assert_ptr_equal(line_begin(&line), &places[0]); /* active: no longer waiting */
    assert_null(line_expire(&line, 19));
    assert_ptr_equal(line_expire(&line, 20), &places[1]);
    assert_null(line_expire(&line, 20));
    line_leave(&line, &places[0]);
    assert_ptr_equal(line_begin(&line), &places[2]);
    assert_null(line_expire(&line, UINT64_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(begins_in_order_up_to_the_limit),
        cmocka_unit_test(a_tenant_never_takes_more_than_half),
        cmocka_unit_test(a_full_line_takes_nobody),
        cmocka_unit_test(who_waits_too_long_is_sent_away),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
