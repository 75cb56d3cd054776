/*
 * event_exact.h - which top-level properties are stored beside the JSON as well, because ClickHouse's JSON
 * functions would change their digits or not read them at all (measured with 26.7):
 *
 * - a number comes back changed unless it is an integer of 64 bits with sign, or a decimal of at most 15
 *   significant digits without exponent or trailing zero (below 10^-6 it comes back with an exponent);
 * - an integer outside of 64 bits anywhere in the object makes all of it unreadable, so then all of its
 *   top-level strings, numbers and booleans are stored.
 *
 * Pure.
 */
#ifndef MILLRACE_EVENT_EXACT_H
#define MILLRACE_EVENT_EXACT_H

#include "common/base/arena.h"
#include "common/codec/json_read.h"
#include "common/event/event.h"

/* Whether a JSON reader gives this number back with the same text. */
bool event_exact_is_canonical(struct slice number);

/* Whether this number makes the object that holds it unreadable. */
bool event_exact_is_unreadable(struct slice number);

/* Collects from the tokens of a properties object. Zero-initialised but for depth and arena. */
struct event_exact_list {
    uint32_t depth;      /* of the object's BEGIN */
    struct arena *arena; /* keeps: holds the items and copies */
    bool takes_all;      /* every scalar but null, not only what would change */
    bool is_unreadable;  /* the object holds such a number: read it again with takes_all */
    struct slice name;   /* of the member at hand */
    struct event_exact *items;
    size_t count, capacity;
};

/* The next token inside the object (deeper than its BEGIN). */
void event_exact_take(struct event_exact_list *list, const struct json_token *token);

#endif
