/*
 * event_fields.h - what requests and records have in common: members of JSON become fields of an event, each
 * within the bounds of event.h. For the files of common/event only. Pure.
 */
#ifndef MILLRACE_EVENT_FIELDS_H
#define MILLRACE_EVENT_FIELDS_H

#include "common/event/event_members.h"
#include "common/event/event_problem.h"

/* A set of members. */
#define EVENT_MEMBER_BIT(member) (1U << (member))

/* Each gives false with out_problem, named as members->names does. */

/* Always false: the member breaks the rule that the format says. */
bool event_fields_refuse(const struct event_members *members, enum event_member member,
                         struct event_problem *out_problem, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* All that is text; what is absent and not among `required` (EVENT_MEMBER_BIT) stays empty. */
bool event_fields_take_texts(const struct event_members *members, unsigned required, struct event *event,
                             struct event_problem *out_problem);

/* A time that must be there. */
bool event_fields_take_time(const struct event_members *members, enum event_member member, int64_t *out_us,
                            struct event_problem *out_problem);

/* An object that must be there, as the bytes sent. */
bool event_fields_take_object(const struct event_members *members, enum event_member member,
                              struct slice *out_object, struct event_problem *out_problem);

#endif
