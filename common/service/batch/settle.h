/*
 * settle.h - when do we know that a plan's rows are in the table? Only two things prove it: a first insert
 * answered "yes" by a server that stayed up, or the table itself, asked for the rows. The token alone is
 * no proof: after a kill -9 of ClickHouse, 2 of 227 repeats were answered 200 for rows that were not there.
 *
 *              +--- yes, and nothing was tried before ----------------------------+
 *   INSERT ----+                                                                  v
 *     ^        +--- anything else ---> ASK ---> all rows are there ------------> DONE
 *     |                                 |
 *     +---- the rows that are absent <--+   with ":r<n>" added to the token once the table has
 *                                           answered yes to a token without having its rows
 *
 * A replay (a plan found on taking over, or offsets that may have rows already) begins with ASK. What is
 * absent is inserted under the plan's own token first, so that the insert of a worker that was thought
 * dead can't add the same rows again. Two inserts of one partition never run at once: they have one query
 * id, and ClickHouse refuses the second (code 216).
 *
 * Pure: the caller does what settle_next says and reports what came of it.
 */
#ifndef MILLRACE_SETTLE_H
#define MILLRACE_SETTLE_H

#include <stdbool.h>
#include <stdint.h>

enum settle_step { SETTLE_INSERT, SETTLE_ASK, SETTLE_DONE };

struct settle {
    enum settle_step next;
    bool is_first_try;     /* nothing of this plan can be in the table, and no token is recorded */
    bool token_said_yes;   /* the table answered yes to the present token */
    uint32_t round;        /* of the token */
    uint32_t absent_count; /* rows to insert, once asked */
};

/* row_count 0: nothing to do, DONE at once. */
void settle_init(struct settle *settle, bool is_replay, uint32_t row_count);

static inline enum settle_step settle_next(const struct settle *settle)
{
    return settle->next;
}

/* The insert was answered yes. */
void settle_on_stored(struct settle *settle);

/* It was refused, or nobody knows: the caller waits (backoff) before the next step. */
void settle_on_uncertain(struct settle *settle);

/* The table has all but absent_count of the rows. */
void settle_on_asked(struct settle *settle, uint32_t absent_count);

#endif
