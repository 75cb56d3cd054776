/*
 * intake.h - one partition's records, from librdkafka's queue into a batch, in offset order and each once,
 * within the worker's bound on memory. Loop thread; nothing blocks.
 */
#ifndef MILLRACE_INTAKE_H
#define MILLRACE_INTAKE_H

#include "common/service/batch/batch.h"

struct batch_context;

struct intake {
    const struct batch_context *context;
    int32_t partition;
    int64_t next;         /* records below are not wanted (any more) */
    bool is_lost;         /* the log does not have `next`: the position must be found anew */
    struct batch records; /* taken and not planned */
};

/* Zero-initialised but for context and partition. Wants records from `next` on; what was taken is dropped. */
void intake_begin(struct intake *intake, int64_t next);

/* Takes what there is, up to the bounds of a batch and of the worker's memory; `wanted_until`: up to this
 * offset it takes in spite of the bounds, because a plan begun before needs them all (-1: none). */
void intake_take(struct intake *intake, int64_t wanted_until);

/* Whether the batch can't grow, so that waiting for more is of no use. */
bool intake_is_full(const struct intake *intake);

void intake_done(struct intake *intake);

#endif
