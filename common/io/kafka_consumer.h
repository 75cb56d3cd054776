/*
 * kafka_consumer.h - a member of a consumer group that keeps its positions itself: explicit commits with
 * metadata, explicit start offsets, and one queue a partition, so that a partition that must wait is
 * simply not read (librdkafka then stops fetching it; pausing has bugs in 2.0.2).
 *
 * The eager protocol: all partitions are given and taken together. Neither is answered inside librdkafka's
 * callback: the owner answers when it is ready, and the loop never waits.
 *
 *     on_assigned -> kafka_consumer_fetch_committed -> ... -> kafka_consumer_assign
 *     on_revoked  -> (outstanding inserts and commits end) -> kafka_consumer_release
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
struct kafka_consumer;

enum { KAFKA_METADATA_MAX_BYTES = 4096, KAFKA_OFFSET_NONE = -1 };

struct kafka_consumer_settings {
    rd_kafka_conf_t *conf; /* takes; group.id and the like are the caller's */
    const char *group;     /* the same as in conf; the two: keeps */
    const char *topic;
    void (*on_assigned)(void *owner, const int32_t *partitions, size_t count);
    /* is_lost: the group has given them to others already: commit nothing more. */
    void (*on_revoked)(void *owner, bool is_lost);
    void (*on_records)(void *owner); /* some partition may have records, see kafka_consumer_take */
    /* Nothing will come any more. ERR_REJECT when another process has our group.instance.id, else ERR_FATAL.
     */
    void (*on_failed)(void *owner, const struct err *err);
    void *owner;
};

/* Joins the group. A broker that is away is no error here. ERR_FATAL for a configuration refused. */
bool kafka_consumer_start(struct loop *loop, const struct kafka_consumer_settings *settings,
                          struct kafka_consumer **out_consumer, struct err *err);

/* Leaves without waiting for the group: a static member keeps its place until its session ends. Blocks for
 * the end of librdkafka's threads. Records taken must have been given back before. */
void kafka_consumer_stop(struct kafka_consumer **consumer);

struct kafka_position {
    int32_t partition;
    int64_t offset;        /* KAFKA_OFFSET_NONE: never committed */
    struct slice metadata; /* borrows; data NULL: none */
};

/* Asks the group for the committed positions of the partitions (at most 1,024). positions NULL: failed,
 * see err; ask again. One question at a time. */
typedef void kafka_on_committed_positions(void *owner, const struct kafka_position *positions, size_t count,
                                          const struct err *err);
void kafka_consumer_fetch_committed(struct kafka_consumer *consumer, const int32_t *partitions, size_t count,
                                    kafka_on_committed_positions *on_positions);

/* Answers on_assigned: fetching begins at the offsets given (RD_KAFKA_OFFSET_BEGINNING is one). */
bool kafka_consumer_assign(struct kafka_consumer *consumer, const struct kafka_position *positions,
                           size_t count, struct err *err);

/* Answers on_revoked. */
void kafka_consumer_release(struct kafka_consumer *consumer);

/* Takes up to `max` records of the partition; gives them (rd_kafka_message_destroy). An element with err
 * set tells of a fault of the partition, such as RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET: the position is not
 * in the log. Fewer than max: it is empty, on_records will come. */
size_t kafka_consumer_take(struct kafka_consumer *consumer, int32_t partition,
                           rd_kafka_message_t **out_messages, size_t max);

/* Goes on at another offset; records taken until now stay valid. */
bool kafka_consumer_seek(struct kafka_consumer *consumer, int32_t partition, int64_t offset, struct err *err);

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

/* The handle, for blocking questions on the offload thread. */
rd_kafka_t *kafka_consumer_handle(struct kafka_consumer *consumer);

#endif
