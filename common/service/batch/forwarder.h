/*
 * forwarder.h - one partition's stored records, onward to the partition of the same number, in offset
 * order. Forwarding follows storing and never holds it up: while the next topic is away rows go on being
 * stored, and what is owed is one range of offsets, read again from the source when the topic is back
 * (only those that have rows).
 *
 * Each record says what it is and what stood before it (envelope.h), so that a receiver can drop repeats
 * and see gaps. After a failed report nothing more is sent until all reports are in; then it goes on from
 * the first record that is not acknowledged.
 *
 * Loop thread; nothing blocks.
 */
#ifndef MILLRACE_FORWARDER_H
#define MILLRACE_FORWARDER_H

#include "common/service/batch/batch.h"

struct batch_context;
struct forwarder;

/* context: keeps. */
struct forwarder *forwarder_new(const struct batch_context *context, int32_t partition, uint32_t epoch);

/* forwarded: the source offset last acknowledged, or -1. settled_until: all below is stored; what lies
 * between the two is owed. */
void forwarder_begin(struct forwarder *forwarder, int64_t forwarded, int64_t settled_until);

/* The batch is stored: those of its records that have rows are next. Takes the records out of it (as many
 * as memory allows; the others are read again). settled_until: one behind the last offset of the batch. */
void forwarder_add(struct forwarder *forwarder, struct batch *batch, int64_t settled_until);

/* Does what can be done now; called in every turn of the stage. */
void forwarder_step(struct forwarder *forwarder);

/* Sends nothing more; reports under way may still come. */
void forwarder_close(struct forwarder *forwarder);

/* Source offset of the last record acknowledged; -1: none. */
int64_t forwarder_position(const struct forwarder *forwarder);

/* Records owed: exact for those at hand, an upper bound for those that must be read again. And since when
 * (monotonic ms; 0: nothing is owed). */
uint64_t forwarder_debt_records(const struct forwarder *forwarder);
uint64_t forwarder_debt_since_ms(const struct forwarder *forwarder);

/* Why it does not get on; NULL when it does, or owes nothing. Borrows. */
const struct err *forwarder_problem(const struct forwarder *forwarder);

/* Records in memory are on their way and nothing is known to hinder them: worth waiting for on a stop. */
bool forwarder_has_work_at_hand(const struct forwarder *forwarder);

/* No report is outstanding: it may be freed. */
bool forwarder_is_quiet(const struct forwarder *forwarder);

void forwarder_free(struct forwarder **forwarder);

#endif
