/*
 * answers.h - what a client that posted events is told. Pure.
 */
#ifndef MILLRACE_ANSWERS_H
#define MILLRACE_ANSWERS_H

#include "common/io/http_error.h"
#include "ingest/quota.h"
#include "ingest/submission.h"

/* An error and the text that it borrows. */
struct answer_refusal {
    struct http_error error;
    char message[640];
};

/* All good events are durable. Appends {"message":"Event accepted for processing","event_id":"..."}, or for a
 * bulk request {"message":"Events accepted for processing"}: FlexPrice's clients take nothing but texts
 * there. With "event_ids":["...",...] for a client that asked for them or for lenient handling; bad events
 * have null there, and "errors" says why. */
void answer_write_accepted(struct buf *out, const struct submission *submission);

/* A request that is none: 400. Borrows problem. */
void answer_problem(const struct event_problem *problem, struct answer_refusal *out_refusal);

/* Events of the request can't be taken, and so none is: 400, 403 where another tenant is named, 413 for a
 * single event that is too large. For bulk requests the details list them. Borrows the submission; details:
 * for the JSON, borrows. */
void answer_bad_events(const struct submission *submission, struct buf *details,
                       struct answer_refusal *out_refusal);

/* The topic of the path is no declared event type: 404. It is one that the key may not write: 403. */
void answer_no_type(struct slice topic, struct answer_refusal *out_refusal);
void answer_not_allowed(const char *topic, struct answer_refusal *out_refusal);

/* Why the key may not send now (answer: not QUOTA_GOOD): 429, or 503 when it is the system that is full.
 * retry_s: as quota_check_rates gives it. */
void answer_over_quota(enum quota_answer answer, const struct quota_limits *limits, uint32_t retry_s,
                       struct answer_refusal *out_refusal);

/* Events of the request are not durable: 413 or 400 when they are at fault themselves and nothing was stored,
 * else 503 with the ids to send them again under. details: for the JSON, borrows. */
void answer_not_durable(const struct submission *submission, struct buf *details,
                        struct answer_refusal *out_refusal);

#endif
