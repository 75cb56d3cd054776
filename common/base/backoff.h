/*
 * backoff.h - how long to wait before the next try: doubling from a first delay to a highest one, with
 * jitter, so that many workers that lost the same server don't come back in step.
 */
#ifndef MILLRACE_BACKOFF_H
#define MILLRACE_BACKOFF_H

#include <stdint.h>

struct backoff {
    uint32_t first_ms;
    uint32_t highest_ms;
    uint32_t failures; /* in a row; 0 after a success */
};

/* The delay before the next try, after one more failure: between half and all of
 * min(first * 2^failures, highest). `random` is any 32 random bits. */
uint32_t backoff_next_ms(struct backoff *backoff, uint32_t random);

/* The same with random bits of the kernel's. */
uint32_t backoff_jittered_ms(struct backoff *backoff);

/* After a success. */
static inline void backoff_reset(struct backoff *backoff)
{
    backoff->failures = 0;
}

#endif
