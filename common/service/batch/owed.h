/*
 * owed.h - reads again what must still be forwarded: asks the table which offsets of a range have rows,
 * then reads just those records from the source topic. Loop thread; nothing blocks.
 */
#ifndef MILLRACE_OWED_H
#define MILLRACE_OWED_H

#include "common/base/err.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>

struct batch_context;
struct clickhouse_call;
struct kafka_reading;

struct owed_callbacks {
    /* All records with rows in [first, until), in offset order: gives the messages, borrows the array. until
     * may be lower than asked for: then the rest is to be asked for next. */
    void (*on_read)(void *owner, rd_kafka_message_t **messages, size_t count, int64_t until);
    void (*on_failed)(void *owner, const struct err *err);
    void *owner;
};

struct owed {
    const struct batch_context *context; /* keeps */
    struct owed_callbacks callbacks;
    int32_t partition;
    uint32_t epoch;
    int64_t until;
    struct clickhouse_call *question;
    struct kafka_reading *reading;
    uint64_t *offsets; /* that have rows, ascending */
    size_t offset_count;
    size_t offset_at;              /* the next one wanted */
    rd_kafka_message_t **messages; /* found */
    size_t message_count;
    uint64_t bytes; /* of memory that they take */
    bool is_full;   /* the rest of the range did not fit */
    uint32_t limit; /* records asked for at once */
};

void owed_init(struct owed *owed, const struct batch_context *context, int32_t partition, uint32_t epoch,
               const struct owed_callbacks *callbacks);

/* Begins; one reading at a time (BUG). until > first. */
void owed_read(struct owed *owed, int64_t first, int64_t until);

bool owed_is_reading(const struct owed *owed);

/* Ends it without calling back. */
void owed_cancel(struct owed *owed);

#endif
