/*
 * companion.h - rows for a table beside the stage's own, such as the ids of stored events or the reasons of
 * those that are not stored. Its sort key ends with the source offset and its engine keeps one row of a key,
 * so rows that are written twice are one: they are inserted until the answer is a clear yes, with neither
 * token nor question. Loop thread; nothing blocks.
 */
#ifndef MILLRACE_COMPANION_H
#define MILLRACE_COMPANION_H

#include "common/base/backoff.h"
#include "common/io/loop.h"
#include "common/service/batch/stage_table.h"

struct buf;

struct companion {
    const struct stage_table *table; /* keeps */
    const struct buf *rows;          /* under way; NULL: nothing is */
    struct clickhouse_call *call;
    struct backoff backoff;
    struct loop_timer timer; /* the next try */
    bool has_problem;        /* the last try failed */
    struct err problem;
    void (*on_written)(void *owner);
    void *owner;
};

/* on_written: called when rows are provably there, never from within. table, owner: keeps. */
void companion_init(struct companion *companion, struct loop *loop, const struct stage_table *table,
                    void (*on_written)(void *owner), void *owner);

/* Writes them, or does nothing when there are none. rows: stays as it is until on_written or
 * companion_cancel; one at a time (BUG). */
void companion_write(struct companion *companion, const struct buf *rows);

static inline bool companion_is_writing(const struct companion *companion)
{
    return companion->rows != NULL;
}

/* The rows may still be written. */
void companion_cancel(struct companion *companion);

#endif
