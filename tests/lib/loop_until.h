/*
 * loop_until.h - lets a loop run until something has come about, and fails the test when it does not.
 */
#ifndef MILLRACE_TESTS_LOOP_UNTIL_H
#define MILLRACE_TESTS_LOOP_UNTIL_H

#include <stdbool.h>
#include <stdint.h>

struct loop;

/* Asks is_met again and again, about every millisecond; fails after max_ms, naming `what`. */
void loop_until(struct loop *loop, bool (*is_met)(void *context), void *context, uint64_t max_ms,
                const char *what);

/* The same for a flag and for a number that is to reach `count`, within 20 s. */
void loop_until_true(struct loop *loop, const bool *flag, const char *what);
void loop_until_count(struct loop *loop, const int *number, int count, const char *what);

#endif
