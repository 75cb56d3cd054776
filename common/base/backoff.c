#include "common/base/backoff.h"

#include "common/base/bug.h"

#include <sys/random.h>

uint32_t backoff_next_ms(struct backoff *backoff, uint32_t random)
{
    uint64_t delay_ms = backoff->first_ms;

    for (uint32_t i = 0; i < backoff->failures && delay_ms < backoff->highest_ms; i++)
        delay_ms *= 2;
    if (delay_ms > backoff->highest_ms)
        delay_ms = backoff->highest_ms;
    backoff->failures++;
    uint64_t half_ms = delay_ms / 2;
    return (uint32_t)(delay_ms - half_ms + (half_ms * random >> 32));
}

uint32_t backoff_jittered_ms(struct backoff *backoff)
{
    uint32_t random;

    /* Requests of up to 256 bytes are never cut short, once the kernel has collected enough. */
    if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
        BUG("getrandom");
    return backoff_next_ms(backoff, random);
}
