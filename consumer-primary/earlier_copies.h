/*
 * earlier_copies.h - asks ClickHouse which of some events are stored already: the table `event_ids` for their
 * identities, and the table `events`, by what that found, for the proof. Some thousand at a time; goes on
 * until it is answered. Loop thread; nothing blocks.
 */
#ifndef MILLRACE_EARLIER_COPIES_H
#define MILLRACE_EARLIER_COPIES_H

#include "common/event/event.h"
#include "common/service/batch/stage_table.h"
#include "consumer-primary/resends.h"

struct earlier_copies;
struct loop;

struct earlier_copies_settings {
    struct loop *loop;                /* the three: keeps */
    const struct stage_table *events; /* any table of the same ClickHouse would do */
    void (*on_found)(void *owner, uint32_t number, const struct event_copy *copy);
    void (*on_answered)(void *owner); /* never from within earlier_copies_ask */
    void *owner;                      /* keeps */
};

struct earlier_copies *earlier_copies_new(const struct earlier_copies_settings *settings);
void earlier_copies_free(struct earlier_copies **copies);

/* What is asked about. number: the caller's, for on_found. The event's four texts of its identity: keeps
 * until on_answered. */
void earlier_copies_add(struct earlier_copies *copies, uint64_t identity, const struct event *event,
                        uint32_t number);

/* Asks, when something was added. own: the copies from this one on, in its epoch and partition, are not
 * earlier: they are not found. */
void earlier_copies_ask(struct earlier_copies *copies, const struct event_place *own);

bool earlier_copies_is_asking(const struct earlier_copies *copies);

/* Forgets what was added and asked. */
void earlier_copies_cancel(struct earlier_copies *copies);

/* The last question failed; it is asked again. */
bool earlier_copies_has_problem(const struct earlier_copies *copies, struct err *out_err);

#endif
