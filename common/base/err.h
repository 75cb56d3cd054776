/*
 * err.h - what went wrong, and what the caller may do about it.
 *
 * A function that can fail because of the world returns false and fills a `struct err`. Its kind answers
 * the only question a pipeline asks; its text says what to do, outermost context first:
 *
 *     store batch events[3]@1200-1899: insert: connect: timed out after 3000 ms
 *
 * Library code returns errors; only a program's own layer logs them, once. Any thread; no I/O.
 */
#ifndef MILLRACE_ERR_H
#define MILLRACE_ERR_H

#include <stdarg.h>

enum err_kind {
    ERR_RETRY,  /* the world failed: wait, go on with backoff, show it in health */
    ERR_REJECT, /* this input can never succeed: refuse it, or dead-letter it with the text */
    ERR_FATAL,  /* this process can't go on: drain, exit non-zero, let the supervisor restart it */
};

struct err {
    enum err_kind kind;
    char text[480]; /* NUL-terminated, cut at the end when longer */
};

/* Sets kind and text. The text has no final full stop and no line feed. */
void err_set(struct err *err, enum err_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same, for functions that take the arguments of another. */
void err_vset(struct err *err, enum err_kind kind, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

/* Puts "context: " before the text; the kind stays. */
void err_prefix(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
