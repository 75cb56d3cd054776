/*
 * submission.h - one posted event from its request to its answer. Submissions are used again and again with
 * their buffers, so that an event costs no allocation here.
 */
#ifndef MILLRACE_SUBMISSION_H
#define MILLRACE_SUBMISSION_H

#include "common/base/buf.h"
#include "common/event/event.h"
#include "ingest/publish.h"

#include <sys/queue.h>

struct http_request;

struct submission {
    struct publication publication; /* first: the result's publication is the submission */
    SLIST_ENTRY(submission) free;
    void *owner;
    struct http_request *request;
    struct buf record;                       /* the value for Kafka */
    char event_id[EVENT_ID_MAX_BYTES + 1];   /* with NUL */
    size_t body_bytes;                       /* held by the request */
};

/* Zero-initialised is ready. */
struct submission_pool {
    SLIST_HEAD(submission_list, submission) free;
    uint32_t free_count;
    size_t in_flight_bytes; /* of bodies and records, of submissions that are out */
};

void submission_pool_done(struct submission_pool *pool);

/* Gives one with an empty record; back by submission_give_back. */
struct submission *submission_take(struct submission_pool *pool, struct http_request *request,
                                   size_t body_bytes);

/* The record is written: counts it. */
void submission_count_record(struct submission_pool *pool, const struct submission *submission);

/* record_is_counted: as told to submission_count_record. */
void submission_give_back(struct submission_pool *pool, struct submission *submission,
                          bool record_is_counted);

#endif
