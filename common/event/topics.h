/*
 * topics.h - the wiring of the pipeline on one screen: which topic is written by whom, read by whom, in
 * which consumer group. `millrace topics init` makes them from this table; every program looks its own
 * up here. Pure.
 */
#ifndef MILLRACE_TOPICS_H
#define MILLRACE_TOPICS_H

#include <stddef.h>

#define TOPIC_EVENTS "events"
#define TOPIC_POST_PROCESSING "events_post_processing"
#define TOPIC_POST_PROCESSING_BACKFILL "events_post_processing_backfill"
#define TOPIC_FEATURE_BACKFILL "feature_tracking_service_backfill"
#define TOPIC_SYSTEM_EVENTS "system_events"
#define TOPIC_DEAD_LETTER_SUFFIX ".dlq"

#define GROUP_PRIMARY "millrace-primary"
#define GROUP_POSTPROC "millrace-postproc"
#define GROUP_FEATURES "millrace-features"
#define GROUP_WEBHOOK "millrace-webhook"

enum { TOPIC_READERS_MAX = 2 };

enum topic_partitions {
    TOPIC_PARTITIONS_CONFIGURED,     /* kafka.partitions */
    TOPIC_PARTITIONS_SAME_AS_EVENTS, /* record for record in the partition of the same number */
};

struct topic {
    const char *name;
    const char *written_by;
    struct topic_reader {
        const char *program; /* NULL: no more */
        const char *group;
    } readers[TOPIC_READERS_MAX];
    enum topic_partitions partitions;
};

/* Each has a dead-letter topic too: name and TOPIC_DEAD_LETTER_SUFFIX. Ends with a NULL name. */
extern const struct topic topics[];

#endif
