/*
 * publish.h - events to Kafka's topic, and what becomes of those that Kafka does not take: for now they are
 * refused, and the client resends. Each event settles exactly once. Loop thread only; nothing blocks.
 */
#ifndef MILLRACE_PUBLISH_H
#define MILLRACE_PUBLISH_H

#include "common/io/kafka_producer.h"
#include "ingest/kafka_fault.h"

struct publish;
struct offload;
struct service;

struct publish_result {
    bool is_durable;        /* on all in-sync replicas: the only ground for a 202 */
    bool may_be_durable;    /* nobody knows */
    enum kafka_fault fault; /* the two: when not durable */
    struct err err;         /* names the topic and the reason */
};

/* Embedded in what waits for the result; it and the record's value must stay until on_settled. */
struct publication {
    struct kafka_delivery delivery; /* the two are publish's own */
    struct publish *publish;
    void (*on_settled)(struct publication *publication, const struct publish_result *result);
};

/* Starts the producer and watches the topic: without it health is DOWN. on_fatal is called, after reports
 * have come, once the producer can't go on: when all are in, only a new process helps. ERR_REJECT when a
 * Kafka property of the configuration is refused. offload: keeps. */
bool publish_start(struct service *service, struct offload *offload,
                   void (*on_fatal)(void *owner, const struct err *err), void *owner,
                   struct publish **out_publish, struct err *err);

/* Settles what is under way, waits a second at most, and ends. After offload_stop. */
void publish_stop(struct publish **publish);

struct publish_event {
    struct slice key, value, envelope; /* envelope: of the header of envelope.h */
};

/* Calls on_settled later, or, when Kafka's client does not take it, at once. */
void publish_send(struct publish *publish, const struct publish_event *event,
                  struct publication *publication);

/* Events that Kafka has acknowledged since the start. */
uint64_t publish_durable_count(const struct publish *publish);

#endif
