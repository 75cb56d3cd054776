/*
 * progress.h - does Kafka take the events of a topic? Told by what becomes of them. Pure; the clock is passed
 * in.
 */
#ifndef MILLRACE_PROGRESS_H
#define MILLRACE_PROGRESS_H

#include <stdint.h>

enum progress_state {
    PROGRESS_GOOD,
    PROGRESS_SOME, /* some events are refused, others get through */
    PROGRESS_NONE, /* nothing gets through */
};

/* Zero-initialised is PROGRESS_GOOD. */
struct progress {
    enum progress_state state;
    uint64_t acknowledged_ms; /* when an event last got through; 0: none yet */
};

/* Each gives the state that it leads to. */

/* An event got through. Only time tells that all is well again. */
enum progress_state progress_acknowledged(struct progress *progress, uint64_t now_ms);

/* An event that was sent at sent_ms did not, for no fault of its own: nothing gets through when no other
 * event has since. */
enum progress_state progress_failed(struct progress *progress, uint64_t sent_ms);

/* Nothing has failed for a while, and the topic is there. */
enum progress_state progress_forgive(struct progress *progress);

#endif
