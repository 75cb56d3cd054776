/*
 * lag.h - how far a consumer group is behind. Unknown is said as unknown, with the reason, never as 0. Pure.
 */
#ifndef MILLRACE_LAG_H
#define MILLRACE_LAG_H

#include "common/base/buf.h"
#include "query/positions.h"

struct lag {
    bool is_known;
    char why[POSITIONS_WHY_BYTES]; /* why not */
    uint64_t records;              /* in the logs and not done */
    bool has_age;
    uint64_t age_ms; /* since Kafka took the oldest of them; 0 without any */
};

/* From what Kafka said. may_be_absent: a group that has never committed is one that nobody runs yet, so that
 * its lag is unknown; else all that is in the logs is still to be done. The age is known without records
 * only. */
void lag_of(const struct positions_of *whose, const struct positions *positions, bool may_be_absent,
            struct lag *out_lag);

/* Kafka was not heard of. */
void lag_unknown(struct lag *out_lag, const char *why);

/* `"name":records,"name_seconds":1.5`, null for what is not known; then also `"name_reason":"why"`. */
void lag_write(struct buf *out, const char *name, const struct lag *lag);

#endif
