/*
 * submission.h - one posted event from its request to its answer. Submissions are used again and again with
 * their buffers, so that an event costs no allocation here. Loop thread only.
 */
#ifndef MILLRACE_SUBMISSION_H
#define MILLRACE_SUBMISSION_H

#include "common/base/buf.h"
#include "common/event/event.h"
#include "ingest/publish.h"

#include <sys/queue.h>

struct http_request;

struct submission {
    struct publication publication; /* first: a publication of ours is a submission */
    SLIST_ENTRY(submission) unused;
    void *owner;                           /* keeps */
    struct http_request *request;          /* keeps; to be answered */
    struct buf record;                     /* the value for Kafka */
    char event_id[EVENT_ID_MAX_BYTES + 1]; /* with NUL */
    size_t held_bytes;                     /* as told to submission_hold */
};

/* Zero-initialised is ready. */
struct submission_pool {
    SLIST_HEAD(submission_list, submission) unused;
    uint32_t unused_count;
    size_t held_bytes; /* of all that are out */
};

/* Frees those that are not out; all should have come back. */
void submission_pool_done(struct submission_pool *pool);

/* Gives one with an empty record; it goes back by submission_give_back. */
struct submission *submission_take(struct submission_pool *pool);
void submission_give_back(struct submission_pool *pool, struct submission *submission);

/* Counts bytes of this submission, until it goes back. */
void submission_hold(struct submission_pool *pool, struct submission *submission, size_t bytes);

#endif
