/*
 * kafka_consumer.h - a member of a consumer group that keeps its positions itself: explicit commits with
 * metadata, explicit start offsets, and one queue a partition, so that a partition that must wait is
 * simply not read (librdkafka then stops fetching it; pausing has bugs in 2.0.2).
 *
 * Two clients of librdkafka: one joins and commits, the other fetches (kafka_consumer.c says why).
 *
 * The eager protocol: all partitions are given and taken together. Neither is answered inside librdkafka's
 * callback: the owner answers when it is ready, and the loop never waits.
 *
 *     on_assigned -> kafka_consumer_accept, then kafka_consumer_fetch for each partition once it is known
 *                    where it stands
 *     on_revoked  -> (outstanding inserts and commits end) -> kafka_consumer_release
 *     on_lost     -> kafka_consumer_retire, and a new consumer: the group gave the partitions away without
 *                    asking, and a commit of the old client that is still on its way could come late
 *
 * Loop thread only; nothing blocks but kafka_consumer_stop.
 */
#ifndef MILLRACE_KAFKA_CONSUMER_H
#define MILLRACE_KAFKA_CONSUMER_H

#include "common/base/err.h"
#include "common/base/slice.h"

#include <librdkafka/rdkafka.h>
#include <stdint.h>

struct loop;
struct offload;
struct kafka_consumer;

enum { KAFKA_METADATA_MAX_BYTES = 4096, KAFKA_OFFSET_NONE = -1 };

struct kafka_consumer_settings {
    rd_kafka_conf_t *conf; /* takes; group.id and the like are the caller's */
    const char *group;     /* the same as in conf; the two: keeps */
    const char *topic;
    struct offload *offload; /* for the questions that block; ends before the consumer. Keeps */
    void (*on_assigned)(void *owner, const int32_t *partitions, size_t count);
    void (*on_revoked)(void *owner);
    void (*on_lost)(void *owner);
    void (*on_records)(void *owner); /* some partition may have records, see kafka_consumer_take */
    /* Nothing will come any more. ERR_REJECT when another process has our group.instance.id, else ERR_FATAL.
     */
    void (*on_failed)(void *owner, const struct err *err);
    void *owner;
};

/* Joins the group. A broker that is away is no error here. ERR_FATAL for a configuration refused. */
bool kafka_consumer_start(struct loop *loop, const struct kafka_consumer_settings *settings,
                          struct kafka_consumer **out_consumer, struct err *err);

/* Nothing calls back any more; commits sent are never answered. Records taken stay valid. */
void kafka_consumer_retire(struct kafka_consumer *consumer);

/* Leaves without waiting for the group: a static member keeps its place until its session ends. Blocks for
 * the end of librdkafka's threads. Records taken must have been given back before. Of a retired consumer on
 * any thread. */
void kafka_consumer_stop(struct kafka_consumer **consumer);

struct kafka_position {
    int32_t partition;
    int64_t offset;        /* KAFKA_OFFSET_NONE: never committed */
    struct slice metadata; /* borrows; data NULL: none */
};

struct kafka_question; /* one that waits for its answer */

/* positions NULL: failed, see err; ask again. Borrows. */
typedef void kafka_on_committed_positions(void *owner, const struct kafka_position *positions, size_t count,
                                          const struct err *err);

/* Asks the group for the committed positions of the partitions. Gives a handle that is valid until
 * on_positions. */
struct kafka_question *kafka_consumer_fetch_committed(struct kafka_consumer *consumer,
                                                      const int32_t *partitions, size_t count,
                                                      kafka_on_committed_positions *on_positions,
                                                      void *owner);

/* on_positions will not be called. */
void kafka_question_cancel(struct kafka_question *question);

/* Answers on_assigned; nothing is fetched yet. */
void kafka_consumer_accept(struct kafka_consumer *consumer);

/* Fetches the partition from this offset on, whether it was fetched before or not. Ignored when the
 * assignment has been revoked. */
void kafka_consumer_fetch(struct kafka_consumer *consumer, int32_t partition, int64_t offset);

/* Answers on_revoked. */
void kafka_consumer_release(struct kafka_consumer *consumer);

/* Takes up to `max` records of the partition; gives them (rd_kafka_message_destroy). An element with err
 * set tells of a fault of the partition, such as RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET: the position is not
 * in the log, and it is not fetched any more until kafka_consumer_fetch. Fewer than max: it is empty,
 * on_records will come; max: there may be more, and on_records will not come for it. */
size_t kafka_consumer_take(struct kafka_consumer *consumer, int32_t partition,
                           rd_kafka_message_t **out_messages, size_t max);

/* Embedded in what waits for a commit. */
struct kafka_commit {
    /* code 0: the group has it. Else it may have it or not. */
    void (*on_committed)(struct kafka_commit *commit, rd_kafka_resp_err_t code);
};

/* Commits the position (offset and metadata; never without metadata: that would wipe it) of one partition.
 * keeps `commit` until on_committed, which is never called from within. */
void kafka_consumer_commit(struct kafka_consumer *consumer, const struct kafka_position *position,
                           struct kafka_commit *commit);

/* The log's end as of the last fetch, without asking; KAFKA_OFFSET_NONE: not known. */
int64_t kafka_consumer_log_end(struct kafka_consumer *consumer, int32_t partition);

#endif
