/*
 * settler.h - makes a planned batch true: its rows into the table as settle.h prescribes, those of the
 * companions beside it, its rejects to the dead letters. Waits and asks as long as it takes; never skips.
 * Loop thread; nothing blocks.
 */
#ifndef MILLRACE_SETTLER_H
#define MILLRACE_SETTLER_H

#include "common/base/backoff.h"
#include "common/io/loop.h"
#include "common/service/batch/batch.h"
#include "common/service/batch/companion.h"
#include "common/service/batch/settle.h"

struct batch_context;
struct decider;

enum settler_state {
    SETTLER_IDLE,       /* nothing to settle */
    SETTLER_NEEDS_SLOT, /* its next step is a call to the table: see settler_run */
    SETTLER_CALLING,    /* it holds the worker's slot */
    SETTLER_WAITING,    /* for the next try, for companions or for dead letters */
    SETTLER_DATA_FAULT, /* the table calls the rows themselves bad: smaller plans will show which */
    SETTLER_DONE,       /* every record has its row, or what says why it has none */
};

struct settler {
    const struct batch_context *context; /* the two: keeps */
    struct batch *batch;
    int32_t partition;
    uint32_t epoch;
    const struct plan *plan;
    enum settler_state state;
    struct settle settle;
    struct clickhouse_call *call;
    struct buf absent_rows;
    struct companion companions[BATCH_COMPANIONS_MAX];
    uint32_t letters_pending;
    uint64_t letters_since_ms; /* monotonic; of the first of them */
    struct decider *giving_up; /* whose record is given up; NULL: none is */
    struct backoff backoff;
    struct loop_timer timer;
    bool has_problem; /* since the last call that succeeded */
    struct err problem;
    uint64_t insert_began_ms; /* of the last insert; monotonic */
};

void settler_init(struct settler *settler, const struct batch_context *context, int32_t partition);

/* batch: decided; plan: committed; both stay until DONE or settler_cancel. */
void settler_begin(struct settler *settler, struct batch *batch, const struct plan *plan, uint32_t epoch,
                   bool is_replay);

/* The plan is one record that ended worker after worker: a dead letter, unless the table has its row; then
 * the decider keeps it. decider: keeps. */
void settler_give_up(struct settler *settler, struct batch *batch, const struct plan *plan, uint32_t epoch,
                     struct decider *decider);

/* The slot is this one's: makes the next call. The turn is asked for when the slot is free again. */
void settler_run(struct settler *settler);

/* Why it does not get on, into out_err; false: it does. */
bool settler_has_problem(const struct settler *settler, struct err *out_err);

/* Stops at once; what was asked of the table may still happen. Back to IDLE. */
void settler_cancel(struct settler *settler);

/* Out of DATA_FAULT or DONE, back to IDLE. */
void settler_end(struct settler *settler);

void settler_done(struct settler *settler);

#endif
