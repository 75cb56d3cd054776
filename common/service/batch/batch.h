/*
 * batch.h - the records of one plan, in offset order, and the rows that they became: of the stage's table, at
 * most one for each record, and of its companions (companion.h). Records stay in librdkafka's own memory
 * until the batch is forgotten; rows are one RowBinary block a table. Loop thread.
 */
#ifndef MILLRACE_BATCH_H
#define MILLRACE_BATCH_H

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/service/batch/plan.h"

#include <librdkafka/rdkafka.h>

enum { BATCH_COMPANIONS_MAX = 2 };

/* What became of a record. */
struct batch_row {
    int64_t offset;
    size_t begin, end; /* its bytes in `rows`; equal when it has no row */
};

/* Why a record has no row. */
struct batch_reject {
    uint32_t index;   /* of the record */
    const char *kind; /* "decode", "crash", "insert": the dlq-kind header */
    char *reason;     /* text for the dlq-error header; owned */
};

struct batch {
    rd_kafka_message_t **messages; /* owned; NULL: the forwarder has taken it */
    uint32_t count;
    uint32_t capacity;
    uint64_t bytes; /* of memory: keys, values and what they cost beside */

    struct buf rows;             /* RowBinary */
    struct batch_row *row_index; /* one for each record, once decided */
    uint32_t row_count;          /* records that have a row */
    bool is_undecided; /* nobody looked at the records: only the table knows which of them have rows */
    struct buf companions[BATCH_COMPANIONS_MAX]; /* RowBinary, by number of the companion */
    struct batch_reject *rejects;
    uint32_t reject_count;
};

/* Zero-initialised is empty and ready. */
void batch_done(struct batch *batch);

/* takes the message. */
void batch_add(struct batch *batch, rd_kafka_message_t *message);

/* The memory that a record takes while it is held. */
uint64_t batch_message_bytes(const rd_kafka_message_t *message);

/* Moves the first `count` records of `from` into `to`, which is empty. */
void batch_split_off(struct batch *from, uint32_t count, struct batch *to);

/* Moves all records of `from`, which follow those of `to`, to its end. */
void batch_append_all(struct batch *to, struct batch *from);

static inline int64_t batch_first(const struct batch *batch)
{
    return batch->messages[0]->offset;
}

static inline int64_t batch_last(const struct batch *batch)
{
    return batch->messages[batch->count - 1]->offset;
}

/* The records with offsets up to and including `last`. */
uint32_t batch_count_until(const struct batch *batch, int64_t last);

/* XXH3 over offset, key and value of the first `count` records: of what Kafka has, never of what was made of
 * it, so that a new release or another price does not change the token of a plan. */
uint64_t batch_checksum(const struct batch *batch, uint32_t count);

/* One source record, as a stage sees it. Borrows. */
struct batch_record {
    struct slice key;
    struct slice value;
    uint32_t epoch;
    int32_t partition;
    int64_t offset;
    int64_t appended_ms; /* when the broker took it, by its clock */
};

struct batch_record batch_record_of(const rd_kafka_message_t *message, uint32_t epoch);

/* ---- deciding: what a decider (decider.h) does ---- */

/* Forgets what was decided before: no record has a row yet. */
void batch_begin_rows(struct batch *batch);

/* The record's row are the bytes of `rows` from `begin` on, which were just appended. Records in order. */
void batch_add_row(struct batch *batch, uint32_t index, size_t begin);

/* The record has no row after all. */
void batch_drop_row(struct batch *batch, uint32_t index);

/* After rows were dropped: only those that are left are in `rows`. */
void batch_close_gaps(struct batch *batch);

/* Takes the record's row away and notes why (text: copied). */
void batch_reject(struct batch *batch, uint32_t index, const char *kind, const char *reason);

/* ---- */

/* As if no record had a row. */
void batch_decide_nothing(struct batch *batch);

void batch_forget_decisions(struct batch *batch);

/* Marks the rows whose offsets are not in `present` (ascending) as absent, by writing their bytes into
 * out_rows in order; gives their number. */
uint32_t batch_absent_rows(const struct batch *batch, const uint64_t *present, size_t present_count,
                           struct buf *out_rows);

#endif
