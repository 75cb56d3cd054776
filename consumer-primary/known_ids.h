/*
 * known_ids.h - which identities has a partition seen? Says of nearly all new ones "surely not" from memory
 * (bloom.h), so that ClickHouse is asked about the few others only. Filled from the table `event_ids` when
 * the partition is assigned, and anew, beside the work, when it has become too small or the topic has grown.
 * What the table has forgotten (its TTL) is forgotten here at the next filling. Loop thread; nothing blocks.
 */
#ifndef MILLRACE_KNOWN_IDS_H
#define MILLRACE_KNOWN_IDS_H

#include "common/base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct batch_context;
struct known_ids;
struct stage_table;

/* Fillings of a worker: two run at a time, so that inserts find connections, and the others wait in line. */
struct known_ids_line {
    TAILQ_HEAD(known_ids_queue, known_ids) waiting;
    uint32_t running;
};

void known_ids_line_init(struct known_ids_line *line);

struct known_ids_place {
    const struct batch_context *context; /* the three: keeps. Its turn is asked for when it has got on */
    const struct stage_table *table;     /* event_ids */
    struct known_ids_line *line;
    int32_t partition;
};

struct known_ids *known_ids_new(const struct known_ids_place *place);
void known_ids_free(struct known_ids **ids);

/* Whether it can be asked; begins a filling where one is needed. To be called when all that was added is in
 * the table. topic_partitions: of the source topic, above 0. */
bool known_ids_is_ready(struct known_ids *ids, int32_t topic_partitions);

/* When ready. */
bool known_ids_may_have(const struct known_ids *ids, uint64_t identity);

/* At any time. */
void known_ids_add(struct known_ids *ids, uint64_t identity);

/* The last filling failed; it is tried again. */
bool known_ids_has_problem(const struct known_ids *ids, struct err *out_err);

/* Memory that it takes. */
uint64_t known_ids_bytes(const struct known_ids *ids);

#endif
