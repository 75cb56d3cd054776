/*
 * submission.h - one request from its events to its answer: a single event or a thousand. Its records stand
 * one behind the other in one buffer, which Kafka's client sends from. Submissions are used again and again
 * with their buffers, so that an event costs no allocation here. Loop thread only.
 */
#ifndef MILLRACE_SUBMISSION_H
#define MILLRACE_SUBMISSION_H

#include "common/base/buf.h"
#include "common/event/event_request.h"
#include "ingest/publish_topic.h"

#include <sys/queue.h>

struct destination;
struct http_request;
struct quota_key;
struct slice_set;

/* An event on its way. */
struct submission_event {
    struct publication publication; /* first: a publication of ours is a submission_event */
    struct submission *submission;
    uint32_t index; /* in the request */
    uint32_t at;    /* in the submission's records: key, NUL, id and value, one behind the other */
    uint32_t key_bytes, id_bytes, value_bytes;
    bool id_was_made;
    unsigned char content_hash[DIGEST_128_BYTES];
};

/* The events of the request that can't be taken. */
struct submission_errors {
    uint32_t count;
    uint32_t listed_count, listed_max;
    struct buf json; /* the first listed_max: {"index":3,"field":"...","message":"..."},{...} */
    struct event_problem first;
    uint32_t first_index;
    bool has_forbidden; /* one of them names another tenant */
};

/* What became of the events that were sent. */
struct submission_fate {
    uint32_t waiting_count;
    uint32_t failed_count;         /* settled, and not durable */
    uint32_t unknown_count;        /* of these, nobody knows whether they are */
    struct publish_result failure; /* of the first */
};

struct submission {
    SLIST_ENTRY(submission) unused;
    void *owner;                  /* keeps */
    struct http_request *request; /* keeps; to be answered */
    enum event_form form;
    const struct destination *destination;
    bool is_lenient;                 /* bad events don't keep the good ones out */
    bool names_ids;                  /* the answer tells the id of each event; it does when lenient */
    struct submission_event *events; /* the good ones, by index; they stay where they are once sent */
    uint32_t event_count, event_capacity;
    struct buf records;
    struct submission_errors errors;
    struct submission_fate fate;
    struct quota_key *sender; /* keeps */
    size_t held_bytes;        /* as told to the quota of the sender */
};

/* Zero-initialised is ready. */
struct submission_pool {
    SLIST_HEAD(submission_list, submission) unused;
    uint32_t unused_count;
};

/* Frees those that are not out; all should have come back. */
void submission_pool_done(struct submission_pool *pool);

/* Gives one without events; it goes back by submission_give_back. */
struct submission *submission_take(struct submission_pool *pool);
void submission_give_back(struct submission_pool *pool, struct submission *submission);

/* Bytes of records and of what waits for their fate. */
size_t submission_bytes(const struct submission *submission);

/* Events of the request, good and bad. */
uint32_t submission_size(const struct submission *submission);

/* An event as a record; one larger than EVENT_RECORD_MAX_BYTES becomes an error. */
void submission_add_event(struct submission *submission, uint32_t index, const struct event *event);
void submission_add_error(struct submission *submission, uint32_t index, const struct event_problem *problem);

/* Of two events with one id and customer, and different content, the later one becomes an error; equal ones
 * are one event, sent twice. ids: for this call; seed: random. */
void submission_check_ids(struct submission *submission, struct slice_set *ids, uint64_t seed);

/* Borrow from the submission. */
struct slice submission_key(const struct submission_event *event);
struct slice submission_id(const struct submission_event *event);
struct slice submission_value(const struct submission_event *event);

#endif
