/*
 * stop_guard.h - a stop that hangs still ends the process in time. Some calls of libraries can't be cut short
 * (a question to a broker that is away, a disk that does not answer), and what a helper thread is using can't
 * be freed under it. Nothing durable hangs on a stop, so that the process may end in the middle of one, as by
 * kill -9. Main thread.
 */
#ifndef MILLRACE_STOP_GUARD_H
#define MILLRACE_STOP_GUARD_H

#include <stdint.h>
#include <time.h>

struct stop_guard {
    timer_t timer;
    int exit_code;
    char line[160];
};

/* Unless stop_guard_done comes within that time, writes a line to standard error and ends the process. Keeps
 * the guard. */
void stop_guard_start(struct stop_guard *guard, uint64_t within_ms, int exit_code);
void stop_guard_done(struct stop_guard *guard);

#endif
