#include "common/service/batch/flush.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct flush_policy policy = {.interval_ms = 50, .max_records = 1000, .max_bytes = 1 << 20};

struct row {
    const char *what;
    struct flush_state state;
    uint64_t now_ms;
    bool is_full;
    uint32_t due_in_ms;
};

static void waits_only_where_waiting_makes_a_better_batch(void **state)
{
    static const struct row rows[] = {
        {"the very first record", {0, 0, 1}, 10000, false, 0},
        {"a partition that was idle", {9000, 6, 1}, 10000, false, 0},
        {"right after an insert", {10000, 6, 1}, 10000, false, 50},
        {"in mid-interval", {9970, 6, 1}, 10000, false, 20},
        {"at the very end of the interval", {9950, 6, 1}, 10000, false, 0},
        {"a full batch", {10000, 6, 1}, 10000, true, 0},
        {"a slow insert: half of the time at most", {10000, 100, 1}, 10000, false, 200},
        {"many busy partitions share that half", {10000, 6, 12}, 10000, false, 144},
        {"a very slow server: not later than 20 intervals", {10000, 30000, 6}, 10000, false, 1000},
        {"figures at their bounds", {10000, UINT32_MAX, UINT32_MAX}, 10000, false, 1000},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t due_in_ms = flush_due_in_ms(&policy, &rows[i].state, rows[i].now_ms, rows[i].is_full);
        if (due_in_ms != rows[i].due_in_ms)
            fail_msg("%s: %u ms, expected %u", rows[i].what, due_in_ms, rows[i].due_in_ms);
    }
}

/* What the half-time rule is for: however slow inserts are, the server is ours half of the time at most. */
static void leaves_half_of_the_time_to_others(void **state)
{
    (void)state;
    for (uint32_t took_ms = 1; took_ms < 80; took_ms += 7)
        for (uint32_t busy = 1; busy <= 6; busy++) {
            const struct flush_state flush = {10000, took_ms, busy};
            assert_true(flush_wait_ms(&policy, &flush) >= 2 * took_ms * busy ||
                        flush_wait_ms(&policy, &flush) == 20 * policy.interval_ms);
            assert_true(flush_wait_ms(&policy, &flush) >= policy.interval_ms);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_only_where_waiting_makes_a_better_batch),
        cmocka_unit_test(leaves_half_of_the_time_to_others),
    };

    return cmocka_run_group_tests_name("flush", tests, NULL, NULL);
}
