/*
 * publish.h - the producer that all events go through to Kafka. Loop thread only; nothing blocks.
 */
#ifndef MILLRACE_PUBLISH_H
#define MILLRACE_PUBLISH_H

#include "common/base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct offload;
struct publish;
struct publish_topic;
struct service;
struct topic_need;

/* Starts the producer. on_fatal is called, after reports have come, once the producer can't go on: when all
 * are in, only a new process helps. ERR_REJECT when a Kafka property of the configuration is refused.
 * offload: keeps. */
bool publish_start(struct service *service, struct offload *offload,
                   void (*on_fatal)(void *owner, const struct err *err), void *owner,
                   struct publish **out_publish, struct err *err);

/* Settles what is under way, waits a second at most, and ends. After offload_stop. */
void publish_stop(struct publish **publish);

/* A topic to send to (publish_topic.h), watched from now on. It ends with `publish`. */
struct publish_topic *publish_add_topic(struct publish *publish, const struct topic_need *need);

/* Events that Kafka has acknowledged since the start, of all topics. */
uint64_t publish_durable_count(const struct publish *publish);

#endif
