/*
 * context.h - what the parts of a batch stage share. Made by batch_stage.c, assignment.c (the consumer) and
 * stage_view.c (the metrics), only read by the others.
 */
#ifndef MILLRACE_BATCH_CONTEXT_H
#define MILLRACE_BATCH_CONTEXT_H

#include "common/service/batch/batch_stage.h"
#include "common/service/batch/flush.h"
#include "common/service/batch/stage_table.h"

struct kafka_consumer;
struct kafka_producer;
struct kafka_reader;
struct dead_letters;
struct offload;
struct partition;
struct watched_topic;

struct batch_context {
    const struct batch_stage_description *stage;
    struct loop *loop;
    struct loop_turn *turn; /* asked for whenever something has changed: then every partition is stepped */
    struct kafka_consumer *consumer;
    struct kafka_producer *producer;
    struct kafka_reader *reader;
    struct dead_letters *dead_letters;
    struct offload *offload;
    struct watched_topic *source_topic;
    struct watched_topic *forward_topic; /* NULL: nothing is forwarded */
    struct stage_table table;
    struct stage_table companions[BATCH_COMPANIONS_MAX]; /* as the stage describes them */
    struct flush_policy flush;
    uint64_t held_max_bytes;

    /* Of the whole worker. */
    struct metric *stored_rows;
    struct metric *forwarded_records;
    struct metric *insert_seconds;
    struct metric *batch_records;
    struct batch_load *load;
};

/* What changes from turn to turn, for all partitions together. */
struct batch_load {
    uint64_t held_bytes;         /* records taken and not yet settled */
    uint64_t forward_held_bytes; /* records settled and not yet forwarded */
    uint32_t last_insert_took_ms;
    uint32_t busy_partitions;
    const struct partition *on_trial; /* does a plan again that was begun before; NULL: none */
};

#endif
