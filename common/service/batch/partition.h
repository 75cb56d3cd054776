/*
 * partition.h - one partition of the assignment, one line of work:
 *
 *     OPENING     asks where the partition stands (opening.h)
 *     COLLECTING  takes records, until an insert is worth while (intake.h, flush.h)
 *     PLANNING    commits the plan, with the offset of its first record
 *     DECIDING    decides the rows, now that the start is on record (decider.h)
 *     SETTLING    inserts until the table provably has them (settler.h)
 *     COMMITTING  nothing is left to do: commits the position itself
 *     STOPPED     a person must decide; says so in health, takes no further record
 *     CLOSED      given up: commits nothing more
 *
 * What is settled goes to the forwarder, which works beside this line. In steady state the commit of a plan
 * is also the acknowledgement of the batch before it. Loop thread; nothing blocks.
 */
#ifndef MILLRACE_PARTITION_H
#define MILLRACE_PARTITION_H

#include "common/base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct batch_context;
struct kafka_position;
struct partition;

/* position: committed, from the group. context: keeps. */
struct partition *partition_new(const struct batch_context *context, const struct kafka_position *position);

/* Does what can be done now; called in every turn of the stage. */
void partition_step(struct partition *partition);

/* It waits for the worker's slot (one call to the table at a time), or holds it. */
bool partition_needs_slot(const struct partition *partition);
bool partition_holds_slot(const struct partition *partition);
void partition_run(struct partition *partition);

/* Finishes the insert under way and what is being forwarded, commits the position, and is CLOSED then. A
 * plan not begun is left to the next owner. */
void partition_close(struct partition *partition);

/* CLOSED now: nothing more is committed, whatever was under way is the next owner's. */
void partition_abandon(struct partition *partition);

/* The client that a commit was given to has been retired: its answer will not come. */
void partition_forget_commit(struct partition *partition);

bool partition_is_closed(const struct partition *partition);

/* CLOSED, and nobody else still holds a part of it: it may be freed. */
bool partition_is_quiet(const struct partition *partition);

/* Only after the Kafka clients' end, or when quiet. */
void partition_free(struct partition **partition);

/* ---- what it shows ---- */

int32_t partition_number(const struct partition *partition);

/* The offset below which all is settled; grows while there is progress. */
int64_t partition_position(const struct partition *partition);

/* Has records that wait, or a batch under way. */
bool partition_is_busy(const struct partition *partition);

/* Records behind the position; false: not known (yet). */
bool partition_lag_records(const struct partition *partition, uint64_t *out_records);

/* Age of the oldest record that is not stored, by the broker's clock and ours; 0: none waits. */
double partition_lag_seconds(const struct partition *partition, int64_t now_us);

uint64_t partition_debt_records(const struct partition *partition);
double partition_debt_seconds(const struct partition *partition);

/* Why it does not get on, into out_err; false: it does. out_needs_person: it will not by itself. */
bool partition_has_problem(const struct partition *partition, struct err *out_err, bool *out_needs_person);
const struct err *partition_forward_problem(const struct partition *partition);

#endif
