/*
 * event_problem.h - why an event is refused, for the client that sent it.
 */
#ifndef MILLRACE_EVENT_PROBLEM_H
#define MILLRACE_EVENT_PROBLEM_H

#include <stdbool.h>

enum { EVENT_PROBLEM_FIELD_BYTES = 64, EVENT_PROBLEM_TEXT_BYTES = 256 };

enum event_problem_kind {
    EVENT_PROBLEM_INVALID,
    EVENT_PROBLEM_FORBIDDEN, /* another tenant or environment is named */
    EVENT_PROBLEM_TOO_LARGE,
};

struct event_problem {
    enum event_problem_kind kind;
    char field[EVENT_PROBLEM_FIELD_BYTES]; /* as the client names it; "": the document as a whole */
    char text[EVENT_PROBLEM_TEXT_BYTES];   /* the rule, going on from the field's name: "is required" */
};

/* Fills it in as INVALID. False, so that a check can end with it. */
bool event_problem_set(struct event_problem *problem, const char *field, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
