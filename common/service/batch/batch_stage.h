/*
 * batch_stage.h - records from a topic into a table, each exactly once, and onward to the next topic.
 *
 *     consume -> plan (commit) -> decide (pure) -> insert -> settled -> forward
 *
 * One partition is one line of work (partition.h); the group gives them (assignment.h); this is the worker
 * around them: its clients, its topics, health and metrics. ARCHITECTURE.md tells why no crash can lose or
 * double a row. Loop thread; nothing blocks.
 */
#ifndef MILLRACE_BATCH_STAGE_H
#define MILLRACE_BATCH_STAGE_H

#include "common/service/batch/batch.h"
#include "common/service/batch/decider.h"
#include "common/service/config.h"
#include "common/service/service.h"

struct batch_stage;

/* A table and the columns of its rows, in RowBinary's order. */
struct batch_table {
    const char *name;
    const char *columns;
};

/* What makes a stage this stage. */
struct batch_stage_description {
    const char *name; /* "consumer-primary" */
    const char *source_topic;
    const char *group;
    const char *forward_topic; /* NULL: nothing is forwarded */
    struct batch_table table;
    struct batch_table companions[BATCH_COMPANIONS_MAX]; /* see companion.h; a NULL name: none */

    const struct decider_class *decider;

    /* The record's id as the table's column `id` has it, into `out_id`; false when it can't be decoded. */
    bool (*identify)(void *owner, const struct batch_record *record, struct buf *out_id);

    /* A record was rejected, by the decider or behind it: adds to batch->companions what is to be known of
     * it. Of kind "crash": nobody should decode it again. NULL: nothing. */
    void (*on_reject)(void *owner, const struct batch_record *record, const struct batch_reject *reject,
                      struct batch *batch);

    void *owner; /* handed to all; keeps */
};

/* ERR_REJECT for a property that the configuration may not set, ERR_FATAL when a client can't be made. */
bool batch_stage_start(struct service *service, const struct batch_config *config,
                       const struct batch_stage_description *description, struct batch_stage **out_stage,
                       struct err *err);

/* Takes nothing new; plans under way are finished, positions committed, then service_drained is called. */
void batch_stage_drain(struct batch_stage *stage);

/* Ends everything; safe at any instant. */
void batch_stage_stop(struct batch_stage **stage);

/* "812 rows/s, lag 12 records, 0 to forward". */
void batch_stage_write_status(struct batch_stage *stage, char *text, size_t size);

#endif
