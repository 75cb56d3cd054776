/*
 * flush.h - when is a batch worth an insert? An insert of 5 rows costs ClickHouse as much as one of 500
 * (5-7 ms), so a busy partition waits and grows its batch; an idle one does not wait at all, because
 * waiting would only make the event old. Pure.
 */
#ifndef MILLRACE_FLUSH_H
#define MILLRACE_FLUSH_H

#include <stdbool.h>
#include <stdint.h>

struct flush_policy {
    uint32_t interval_ms; /* between two inserts of one partition, at the least */
    uint32_t max_records;
    uint64_t max_bytes;
};

struct flush_state {
    uint64_t last_insert_at_ms;   /* monotonic; when the partition's last insert began; 0: none yet */
    uint32_t last_insert_took_ms; /* of the worker's last insert, of any partition */
    uint32_t busy_partitions;     /* of this worker, that have records waiting; this one included */
};

/* How long after the last insert the next may begin: the interval, or so much longer that inserts take at
 * most half of the time. */
uint32_t flush_wait_ms(const struct flush_policy *policy, const struct flush_state *state);

/* 0: now; else how many ms from now_ms. A full batch never waits. */
uint32_t flush_due_in_ms(const struct flush_policy *policy, const struct flush_state *state, uint64_t now_ms,
                         bool is_full);

#endif
