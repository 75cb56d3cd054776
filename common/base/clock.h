/*
 * clock.h - the two clocks. Deadlines, backoff and ages use the monotonic one; only what is stored or
 * shown to people uses the wall clock. Pure code takes the time as an argument instead of asking here.
 */
#ifndef MILLRACE_CLOCK_H
#define MILLRACE_CLOCK_H

#include <stdint.h>

/* Milliseconds, and microseconds, since some fixed moment; never goes back. */
uint64_t clock_monotonic_ms(void);
uint64_t clock_monotonic_us(void);

/* Microseconds since 1970-01-01T00:00:00Z; may jump. */
int64_t clock_wall_us(void);

#endif
