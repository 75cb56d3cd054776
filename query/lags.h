/*
 * lags.h - how far the stages are behind, asked of Kafka when somebody wants to know, at most once a second
 * whatever the load, and never when nobody does. An answer comes within two seconds, with or without Kafka.
 * Loop thread only; nothing blocks: the questions do so on a thread of their own.
 */
#ifndef MILLRACE_LAGS_H
#define MILLRACE_LAGS_H

#include "common/service/config.h"
#include "query/lag.h"

#include <sys/queue.h>

struct loop;
struct lags;

enum lags_stage {
    LAGS_CONSUMPTION,     /* of events, by consumer-primary */
    LAGS_POST_PROCESSING, /* of events_post_processing */
    LAGS_STAGES,
};

/* ERR_REJECT for a property that is refused. Kafka may be away. config: keeps. */
bool lags_start(struct loop *loop, const struct config *config, struct lags **out_lags, struct err *err);

/* Nobody may wait any more. */
void lags_stop(struct lags **lags);

/* Embedded in what waits; zero-initialised but for the first two. */
struct lags_waiter {
    void (*on_lags)(void *owner);
    void *owner;
    TAILQ_ENTRY(lags_waiter) line;
    struct lags *lags; /* NULL: does not wait */
};

/* Calls on_lags once, perhaps from within. */
void lags_ask(struct lags *lags, struct lags_waiter *waiter);

/* on_lags will not be called. Fine when it does not wait. */
void lags_cancel(struct lags_waiter *waiter);

/* What was found last, for on_lags. */
const struct lag *lags_of(const struct lags *lags, enum lags_stage stage);

/* The stage's topic, and where its group stands in a partition of it; NULL: not known, or no such partition.
 */
const char *lags_topic(const struct lags *lags, enum lags_stage stage);
const struct position *lags_position(const struct lags *lags, enum lags_stage stage, uint32_t partition);

#endif
