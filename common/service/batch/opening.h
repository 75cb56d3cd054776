/*
 * opening.h - where does a partition stand when this worker gets it? The group's commit says it, with our
 * metadata. When the group has forgotten it (a topic deleted, offsets reset or expired), the table says it:
 *
 *     newest row of the partition   Kafka's record at its offset   then
 *     none                          -                              first start: the log's beginning
 *     (epoch, offset, id)           has the same id                go on behind it
 *     (epoch, offset, id)           is another, or above the end   topic made anew: next epoch, beginning
 *     (epoch, offset, id)           gone, log starts above         a person must decide: records are lost
 *
 * The questions go on until they are answered. Loop thread; nothing blocks.
 */
#ifndef MILLRACE_OPENING_H
#define MILLRACE_OPENING_H

#include "common/service/batch/plan.h"

struct batch_context;
struct kafka_position;
struct opening;

struct opened {
    struct plan_state state;
    int64_t replay_until; /* offsets up to it may have rows already; -1: none from state.next on */
};

struct opening_callbacks {
    void (*on_opened)(void *owner, const struct opened *opened);
    void (*on_waiting)(void *owner, const struct err *err);      /* a question failed; it is asked again */
    void (*on_needs_person)(void *owner, const struct err *err); /* the opening has ended */
    void *owner;
};

/* position: as committed; its metadata is copied. `is_lost`: the log does not have that offset, so ask the
 * table in any case. Callbacks come later, never from within. */
struct opening *opening_start(const struct batch_context *context, const struct kafka_position *position,
                              bool is_lost, const struct opening_callbacks *callbacks);

/* Ends it without calling back; NULL is fine. Memory that a question on another thread still uses is freed
 * when that ends. */
void opening_cancel(struct opening **opening);

#endif
