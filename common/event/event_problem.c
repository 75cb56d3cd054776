#include "common/event/event_problem.h"

#include <stdarg.h>
#include <stdio.h>

bool event_problem_set(struct event_problem *problem, const char *field, const char *format, ...)
{
    va_list args;

    problem->kind = EVENT_PROBLEM_INVALID;
    (void)snprintf(problem->field, sizeof(problem->field), "%s", field);
    va_start(args, format);
    (void)vsnprintf(problem->text, sizeof(problem->text), format, args);
    va_end(args);
    return false;
}
