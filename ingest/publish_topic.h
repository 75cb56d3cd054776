/*
 * publish_topic.h - events to one topic, and what becomes of those that Kafka does not take: for now they are
 * refused, and the client resends. Each event settles exactly once. Health says whether events of the topic
 * get through, the metrics how many. Loop thread only; nothing blocks.
 */
#ifndef MILLRACE_PUBLISH_TOPIC_H
#define MILLRACE_PUBLISH_TOPIC_H

#include "common/io/kafka_producer.h"
#include "ingest/kafka_fault.h"

struct loop;
struct health;
struct metrics;
struct publish_topic;
struct topic_need;
struct topic_watch;

struct publish_result {
    bool is_durable;        /* on all in-sync replicas: the only ground for a 202 */
    bool may_be_durable;    /* nobody knows */
    enum kafka_fault fault; /* the two: when not durable */
    struct err err;         /* names the topic and the reason */
};

/* Embedded in what waits for the result; it and the record's value must stay until on_settled. */
struct publication {
    struct kafka_delivery delivery; /* the two are publish_topic's own */
    struct publish_topic *topic;
    void (*on_settled)(struct publication *publication, const struct publish_result *result);
};

struct publish_event {
    struct slice key, value, envelope; /* envelope: of the header of envelope.h */
};

/* Calls on_settled later, or, when Kafka's client does not take it, at once. */
void publish_send(struct publish_topic *topic, const struct publish_event *event,
                  struct publication *publication);

struct publish_topic_settings {
    struct loop *loop; /* the five: keeps */
    struct kafka_producer *producer;
    struct topic_watch *watch;
    struct health *health; /* check "publishing-TOPIC" */
    struct metrics *metrics;
};

/* need: as topic_watch_add's; when_missing is also what health says while no event gets through. */
struct publish_topic *publish_topic_new(const struct publish_topic_settings *settings,
                                        const struct topic_need *need);

/* The last reports come between the two. */
void publish_topic_stop(struct publish_topic *topic);
void publish_topic_free(struct publish_topic **topic);

uint64_t publish_topic_durable_count(const struct publish_topic *topic);

#endif
