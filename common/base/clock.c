#include "common/base/clock.h"

#include "common/base/bug.h"

#include <time.h>

static struct timespec now(clockid_t clock)
{
    struct timespec time;

    if (clock_gettime(clock, &time) != 0)
        BUG("clock_gettime(%d)", (int)clock);
    return time;
}

uint64_t clock_monotonic_us(void)
{
    struct timespec time = now(CLOCK_MONOTONIC);
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

uint64_t clock_monotonic_ms(void)
{
    return clock_monotonic_us() / 1000;
}

int64_t clock_wall_us(void)
{
    struct timespec time = now(CLOCK_REALTIME);
    return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}
