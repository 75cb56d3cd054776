/*
 * kafka_reader.h - reads a range of one partition again, beside the consumer group and without moving
 * anybody's position: for records that must be forwarded later than they were stored. Loop thread only;
 * nothing blocks but the hand-over to librdkafka's thread.
 */
#ifndef MILLRACE_KAFKA_READER_H
#define MILLRACE_KAFKA_READER_H

#include "common/base/err.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>

struct loop;
struct kafka_reader;
struct kafka_reading; /* one range being read */

/* conf: takes. ERR_FATAL when librdkafka refuses it. */
bool kafka_reader_start(struct loop *loop, rd_kafka_conf_t *conf, struct kafka_reader **out_reader,
                        struct err *err);

/* Ends all readings without calling back. Records must have been given back before. */
void kafka_reader_stop(struct kafka_reader **reader);

/* What a reading calls. Exactly one of on_end and on_failed ends it; the reading is gone then. */
struct kafka_reading_callbacks {
    void (*on_record)(void *owner, rd_kafka_message_t *message); /* gives; in offset order */
    void (*on_end)(void *owner);                                 /* the last offset has been passed */
    /* ERR_REJECT: the first record is not in the log. ERR_RETRY: nobody knows, or the topic is away. */
    void (*on_failed)(void *owner, const struct err *err);
    void *owner;
};

struct kafka_range {
    const char *topic; /* copied */
    int32_t partition;
    int64_t first, last; /* inclusive */
};

/* One reading of a partition at a time. ERR_RETRY when it can't begin. */
bool kafka_reader_read(struct kafka_reader *reader, const struct kafka_range *range,
                       const struct kafka_reading_callbacks *callbacks, struct kafka_reading **out_reading,
                       struct err *err);

/* Ends the reading without calling back. */
void kafka_reading_cancel(struct kafka_reading *reading);

#endif
