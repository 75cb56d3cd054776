#include "tests/lib/loop_until.h"

#include "common/base/clock.h"
#include "common/io/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { PATIENCE_MS = 20000 };

struct waiting {
    struct loop *loop;
    struct loop_timer timer;
    bool (*is_met)(void *context);
    void *context;
    uint64_t end_ms;
    bool has_met;
};

static void on_tick(void *owner)
{
    struct waiting *waiting = owner;

    waiting->has_met = waiting->is_met(waiting->context);
    if (waiting->has_met || clock_monotonic_ms() > waiting->end_ms)
        loop_stop(waiting->loop);
}

void loop_until(struct loop *loop, bool (*is_met)(void *context), void *context, uint64_t max_ms,
                const char *what)
{
    struct waiting waiting = {
        .loop = loop, .is_met = is_met, .context = context, .end_ms = clock_monotonic_ms() + max_ms};

    loop_timer_init(&waiting.timer, loop, on_tick, &waiting);
    loop_timer_start_every(&waiting.timer, 1);
    loop_run(loop);
    loop_timer_stop(&waiting.timer);
    if (!waiting.has_met)
        fail_msg("not within %u ms: %s", (unsigned)max_ms, what);
}

static bool flag_is_true(void *context)
{
    return *(const bool *)context;
}

void loop_until_true(struct loop *loop, const bool *flag, const char *what)
{
    loop_until(loop, flag_is_true, (void *)(uintptr_t)flag, PATIENCE_MS, what);
}

struct goal {
    const int *number;
    int count;
};

static bool goal_is_reached(void *context)
{
    const struct goal *goal = context;

    return *goal->number >= goal->count;
}

void loop_until_count(struct loop *loop, const int *number, int count, const char *what)
{
    struct goal goal = {number, count};

    loop_until(loop, goal_is_reached, &goal, PATIENCE_MS, what);
}
