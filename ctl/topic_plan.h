/*
 * topic_plan.h - how the topics should be, and what is to be done about how they are. Pure.
 */
#ifndef MILLRACE_TOPIC_PLAN_H
#define MILLRACE_TOPIC_PLAN_H

#include "common/base/buf.h"
#include "common/service/config.h"

#include <stdbool.h>
#include <stdint.h>

enum { TOPIC_PLAN_MAX = 16 + 2 * EVENT_TOPICS_MAX, TOPIC_NAME_BYTES = 250 };

/* As it should be, when it is made. */
struct topic_spec {
    char name[TOPIC_NAME_BYTES];
    int partitions;
    int partitions_needed; /* fewer break the pipeline */
    int replication;
    int min_insync_replicas;
    uint64_t retention_ms;
};

/* As it is. Texts are Kafka's own, "" when it was not asked or did not say. */
struct topic_fact {
    bool exists;
    int partitions;
    int replication; /* of the partition that has the fewest */
    char retention_ms[24];
    char min_insync_replicas[16];
    char timestamp_type[24];
    char cleanup_policy[32];
};

/* All topics that Millrace needs: those of topics.h under their configured names, the declared event types,
 * and the dead letters of each. events_partitions: what the topic of events has, 0 when it does not exist; a
 * topic that goes record for record with it gets as many, and needs them. Fills at most TOPIC_PLAN_MAX; gives
 * the count. */
int topic_plan_specs(const struct config *config, int broker_count, int events_partitions,
                     struct topic_spec out_specs[TOPIC_PLAN_MAX]);

/* In the order in which they get worse. */
enum topic_state {
    TOPIC_STATE_GOOD,
    TOPIC_STATE_DIFFERS, /* works, but is not as configured */
    TOPIC_STATE_MISSING, /* to be made */
    TOPIC_STATE_WRONG,   /* works against what Millrace promises; only the operator may change it */
};

/* Appends to out_notes what differs and what to do about it, separated by "; ". */
enum topic_state topic_plan_judge(const struct topic_spec *spec, const struct topic_fact *fact,
                                  struct buf *out_notes);

/* "good", "differs", "missing", "wrong". */
const char *topic_state_name(enum topic_state state);

#endif
