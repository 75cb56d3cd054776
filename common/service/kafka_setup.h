/*
 * kafka_setup.h - librdkafka's configuration as this system needs it: our own choices (with the reason),
 * then what the configuration passes through, but for the properties that the promises rest on.
 */
#ifndef MILLRACE_KAFKA_SETUP_H
#define MILLRACE_KAFKA_SETUP_H

#include "common/service/config.h"

#include <librdkafka/rdkafka.h>

struct kafka_client {
    const struct kafka_config *config;
    const char *stage; /* for client.id and group.instance.id; the two: borrows */
    const char *instance;
};

/* For records that must not be lost: idempotent, acks=all. message_timeout_ms 0: never given up, for where
 * order matters. Gives conf; NULL with ERR_REJECT naming the property that is refused. */
rd_kafka_conf_t *kafka_setup_producer(const struct kafka_client *client, uint64_t message_timeout_ms,
                                      struct err *err);

/* A static member of the group; positions are kept by the caller. */
rd_kafka_conf_t *kafka_setup_consumer(const struct kafka_client *client, const char *group, struct err *err);

/* Asks about topics and groups, and makes topics; produces and consumes nothing. */
rd_kafka_conf_t *kafka_setup_admin(const struct kafka_client *client, struct err *err);

/* Reads beside any group. */
rd_kafka_conf_t *kafka_setup_reader(const struct kafka_client *client, struct err *err);

#endif
