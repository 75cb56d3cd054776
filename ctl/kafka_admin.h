/*
 * kafka_admin.h - Kafka's topics for a command: asked about and made, each call waited for.
 */
#ifndef MILLRACE_KAFKA_ADMIN_H
#define MILLRACE_KAFKA_ADMIN_H

#include "common/base/err.h"
#include "ctl/topic_plan.h"

struct kafka_admin;

/* ERR_FATAL for properties that librdkafka refuses. Does not connect yet. */
bool kafka_admin_new(const struct kafka_config *config, struct kafka_admin **out_admin, struct err *err);
void kafka_admin_free(struct kafka_admin **admin);

/* The four: ERR_RETRY when no broker answers within timeout_ms or the cluster is not ready, ERR_FATAL when
 * it refuses. */

/* How many brokers the cluster has now. */
bool kafka_admin_count_brokers(struct kafka_admin *admin, int timeout_ms, int *out_count, struct err *err);

/* Whether the topic exists, with its partitions and replicas; the texts of the fact stay empty. */
bool kafka_admin_find(struct kafka_admin *admin, const char *name, int timeout_ms,
                      struct topic_fact *out_fact, struct err *err);

/* Fills the texts of an existing topic's fact. */
bool kafka_admin_describe(struct kafka_admin *admin, const char *name, int timeout_ms,
                          struct topic_fact *fact, struct err *err);

/* Makes the topic. One that is there already is fine: somebody else was faster. */
bool kafka_admin_create(struct kafka_admin *admin, const struct topic_spec *spec, int timeout_ms,
                        struct err *err);

#endif
