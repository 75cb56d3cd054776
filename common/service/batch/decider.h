/*
 * decider.h - the seam between the batch stage, which knows offsets, plans and tables, and a stage, which
 * knows what records mean. A worker has a decider for each partition that it owns: there a stage keeps what
 * it has learnt about that partition's records.
 *
 * For each plan: prepare until it is ready, decide once, forget. What is decided is a function of the records
 * and of what is settled below them, and of nothing else: a plan that is done again, by whomever, must give
 * the same rows.
 */
#ifndef MILLRACE_DECIDER_H
#define MILLRACE_DECIDER_H

#include "common/service/batch/batch.h"

struct batch_context;
struct decider; /* a stage's own */

struct decider_place {
    const struct batch_context *context; /* keeps */
    int32_t partition;
    uint32_t epoch;
};

struct decider_class {
    /* For a partition that was just assigned: whatever has rows below the first plan is settled. Gives. */
    struct decider *(*open)(void *stage, const struct decider_place *place);

    /* Learns what deciding takes. False: it waits for an answer, and asks for the stage's turn when it has
     * got on; it is then called again with the same batch. May write rows (batch_begin_rows). */
    bool (*prepare)(struct decider *decider, struct batch *batch);

    /* Each record gets its row, its place in the companions, or a reject. prepare has said yes. */
    void (*decide)(struct decider *decider, struct batch *batch);

    /* Instead of the two: the batch is one record that is decided no more, as it ended worker after worker,
     * and the table has its row. Writes what other tables have beside a row into the companions. */
    void (*keep)(struct decider *decider, struct batch *batch);

    /* The batch of the last prepare is settled, or will not be. */
    void (*forget)(struct decider *decider);

    /* Why it does not get on, into out_err; false: it does. */
    bool (*has_problem)(const struct decider *decider, struct err *out_err);

    void (*close)(struct decider **decider);
};

#endif
