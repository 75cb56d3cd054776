#include "ingest/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Each row is one thing that happens. */
static void readiness_follows_what_gets_through(void **state)
{
    static const struct {
        char what; /* 'a'cknowledged at time_ms, 'f'ailed and was sent at time_ms, for'g'iven */
        uint64_t time_ms;
        enum progress_state state;
    } rows[] = {
        {'f', 1000, PROGRESS_NONE}, /* the first event ever */
        {'g', 0, PROGRESS_GOOD},    {'a', 5000, PROGRESS_GOOD},
        {'f', 4000, PROGRESS_SOME},                             /* another got through since it was sent */
        {'a', 5500, PROGRESS_SOME}, {'f', 5500, PROGRESS_NONE}, /* none has */
        {'f', 5400, PROGRESS_SOME}, {'f', 6000, PROGRESS_NONE},
        {'a', 7000, PROGRESS_SOME}, {'a', 8000, PROGRESS_SOME},
        {'g', 0, PROGRESS_GOOD},    {'a', 9000, PROGRESS_GOOD},
    };
    struct progress progress = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        enum progress_state next = rows[i].what == 'a'   ? progress_acknowledged(&progress, rows[i].time_ms)
                                   : rows[i].what == 'f' ? progress_failed(&progress, rows[i].time_ms)
                                                         : progress_forgive(&progress);
        if (next != rows[i].state || progress.state != next)
            fail_msg("row %zu: state %d", i, (int)next);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readiness_follows_what_gets_through),
    };

    return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}
