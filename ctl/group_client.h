/*
 * group_client.h - a consumer group and its topic for a command, from outside the group: positions with their
 * metadata, where logs begin and end, single records; and commits. Each call is waited for.
 */
#ifndef MILLRACE_GROUP_CLIENT_H
#define MILLRACE_GROUP_CLIENT_H

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/io/kafka_consumer.h"
#include "common/service/config.h"

#include <librdkafka/rdkafka.h>

struct group_client;

/* Keeps both. ERR_FATAL for properties that librdkafka refuses. Does not connect yet. */
bool group_client_new(const struct kafka_config *config, const char *group, struct group_client **out_client,
                      struct err *err);
void group_client_free(struct group_client **client);

/* The rest: ERR_RETRY when Kafka does not answer in time. */

/* 0: the topic does not exist. */
bool group_client_count_partitions(struct group_client *client, const char *topic, int *out_count,
                                   struct err *err);

struct group_partition {
    const char *topic; /* borrows */
    int32_t number;
};

struct group_position {
    bool has_commit;
    int64_t offset;
    struct buf metadata; /* the caller's buf_done */
};
bool group_client_position(struct group_client *client, const struct group_partition *partition,
                           struct group_position *out_position, struct err *err);

/* The log holds [low, high). */
bool group_client_log(struct group_client *client, const struct group_partition *partition, int64_t *out_low,
                      int64_t *out_high, struct err *err);

/* Hands over the records that the log has at offsets first to last, in order; `take` takes each. */
struct group_range {
    struct group_partition partition;
    int64_t first, last;
};
bool group_client_read(struct group_client *client, const struct group_range *range,
                       void (*take)(void *owner, rd_kafka_message_t *message), void *owner, struct err *err);

/* Appends who is in the group now: "millrace-consumer-primary-1 (10.0.0.7), ..."; nothing for nobody. */
bool group_client_members(struct group_client *client, struct buf *out_names, struct err *err);

enum group_commit {
    GROUP_COMMITTED,
    GROUP_HAS_MEMBERS, /* then Kafka takes a commit from them alone */
    GROUP_FAILED,
};
enum group_commit group_client_commit(struct group_client *client, const char *topic,
                                      const struct kafka_position *position, struct err *err);

/* Commits while the group has members, as the offsets of a transaction: the one commit that Kafka takes from
 * outside of a group that lives. A member that commits the partition after this prevails, so it is for
 * partitions that none of them works on. Takes a right of its own (transactional.id millrace-offsets). */
bool group_client_commit_beside(struct group_client *client, const char *topic,
                                const struct kafka_position *position, struct err *err);

#endif
