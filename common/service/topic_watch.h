/*
 * topic_watch.h - which topics are there? A missing topic stops only what needs it: it is named in the
 * log, in health (missingTopics) and in a metric, asked for every second, and whoever waits for it goes on
 * by itself once it exists. No restart, ever. Loop thread; the questions block a thread of their own.
 */
#ifndef MILLRACE_TOPIC_WATCH_H
#define MILLRACE_TOPIC_WATCH_H

#include "common/service/health.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>

struct loop;
struct kafka_producer;
struct offload;
struct metrics;
struct topic_watch;
struct watched_topic;

struct topic_watch_settings {
    struct loop *loop;
    struct offload *offload;
    struct kafka_producer
        *producer; /* whose metadata is asked: it learns of the topic by it; the five: keeps */
    struct metrics *metrics;
    struct health *health;
};

struct topic_watch *topic_watch_start(const struct topic_watch_settings *settings);

/* After offload_stop, before the handle is destroyed. */
void topic_watch_stop(struct topic_watch **watch);

struct topic_need {
    const char *name;               /* the two: keeps */
    const char *consequence;        /* of its absence, as in "forwarding waits for it" */
    enum health_state when_missing; /* what that means for the worker; the same while nobody answers */
};

/* Watches a topic from now on. on_change, which may be NULL, is called when its state has changed. */
struct watched_topic *topic_watch_add(struct topic_watch *watch, const struct topic_need *need,
                                      void (*on_change)(void *owner), void *owner);

/* Whether it is known to exist with more than `partition` partitions. */
bool watched_topic_has(const struct watched_topic *topic, int32_t partition);

/* Whether it is known not to exist, or to have too few partitions. */
bool watched_topic_is_missing(const struct watched_topic *topic, int32_t partition);

/* How many partitions; 0: missing or not known. */
int32_t watched_topic_partitions(const struct watched_topic *topic);

/* A report says that the topic may be gone: treat it as unknown and ask at once. */
void watched_topic_suspect(struct watched_topic *topic);

#endif
