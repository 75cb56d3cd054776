#include "ingest/submission.h"

#include "common/base/alloc.h"

#include <stdlib.h>

/* At most 64 MiB kept for the next burst. */
enum { UNUSED_MAX = 4096, UNUSED_RECORD_MAX_BYTES = 16384 };

static void submission_free(struct submission *submission)
{
    buf_done(&submission->record);
    free(submission);
}

void submission_pool_done(struct submission_pool *pool)
{
    while (!SLIST_EMPTY(&pool->unused)) {
        struct submission *submission = SLIST_FIRST(&pool->unused);
        SLIST_REMOVE_HEAD(&pool->unused, unused);
        submission_free(submission);
    }
}

struct submission *submission_take(struct submission_pool *pool)
{
    struct submission *submission = SLIST_FIRST(&pool->unused);

    if (submission == NULL)
        return xcalloc(1, sizeof(*submission));
    SLIST_REMOVE_HEAD(&pool->unused, unused);
    pool->unused_count--;
    buf_clear(&submission->record);
    return submission;
}

void submission_give_back(struct submission_pool *pool, struct submission *submission)
{
    pool->held_bytes -= submission->held_bytes;
    submission->held_bytes = 0;
    if (pool->unused_count == UNUSED_MAX || submission->record.capacity > UNUSED_RECORD_MAX_BYTES) {
        submission_free(submission);
        return;
    }
    SLIST_INSERT_HEAD(&pool->unused, submission, unused);
    pool->unused_count++;
}

void submission_hold(struct submission_pool *pool, struct submission *submission, size_t bytes)
{
    submission->held_bytes += bytes;
    pool->held_bytes += bytes;
}
