#include "common/base/backoff.h"

#include <stdbool.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void doubles_up_to_the_highest_delay(void **state)
{
    static const uint32_t expected_ms[] = {100, 200, 400, 800, 1000, 1000};
    struct backoff longest = {.first_ms = 100, .highest_ms = 1000};
    struct backoff shortest = longest;

    (void)state;
    for (size_t i = 0; i < sizeof(expected_ms) / sizeof(expected_ms[0]); i++) {
        assert_in_range(backoff_next_ms(&longest, UINT32_MAX), expected_ms[i] - 1, expected_ms[i]);
        assert_int_equal(backoff_next_ms(&shortest, 0), expected_ms[i] / 2);
    }
}

static void begins_again_after_a_success(void **state)
{
    struct backoff backoff = {.first_ms = 100, .highest_ms = 1000};

    (void)state;
    (void)backoff_next_ms(&backoff, 0);
    (void)backoff_next_ms(&backoff, 0);
    backoff_reset(&backoff);
    assert_int_equal(backoff_next_ms(&backoff, 0), 50);
}

static void endures_any_number_of_failures(void **state)
{
    struct backoff backoff = {.first_ms = 1, .highest_ms = UINT32_MAX, .failures = UINT32_MAX - 1};

    (void)state;
    assert_in_range(backoff_next_ms(&backoff, 0), UINT32_MAX / 2, UINT32_MAX);
}

static void jitter_of_the_kernel_stays_within_the_bounds_and_differs(void **state)
{
    bool has_differed = false;

    (void)state;
    for (int i = 0; i < 100; i++) {
        struct backoff backoff = {.first_ms = 1000000, .highest_ms = 1000000};
        struct backoff same = backoff;
        uint32_t delay_ms = backoff_jittered_ms(&backoff);
        assert_in_range(delay_ms, 500000, 1000000);
        assert_int_equal(backoff.failures, 1);
        has_differed = has_differed || delay_ms != backoff_jittered_ms(&same);
    }
    assert_true(has_differed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubles_up_to_the_highest_delay),
        cmocka_unit_test(begins_again_after_a_success),
        cmocka_unit_test(endures_any_number_of_failures),
        cmocka_unit_test(jitter_of_the_kernel_stays_within_the_bounds_and_differs),
    };

    return cmocka_run_group_tests_name("base_backoff", tests, NULL, NULL);
}
