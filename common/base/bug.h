/*
 * bug.h - the programmer erred. Always on: a broken invariant ends the process, because going on could
 * acknowledge or commit something wrong; a restart is safe at any instant.
 */
#ifndef MILLRACE_BUG_H
#define MILLRACE_BUG_H

/* Writes file, line and text to standard error and aborts. */
#define BUG(...) bug_at(__FILE__, __LINE__, __VA_ARGS__)

/* BUG with the condition's own text. */
#define BUG_ON(condition)                                                                                    \
    do {                                                                                                     \
        if (__builtin_expect(!!(condition), 0))                                                              \
            bug_at(__FILE__, __LINE__, "%s", #condition);                                                    \
    } while (0)

_Noreturn void bug_at(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
