/*
 * kafka_conf.h - what all clients of librdkafka share: building a configuration with every result
 * checked, and telling its errors apart.
 */
#ifndef MILLRACE_KAFKA_CONF_H
#define MILLRACE_KAFKA_CONF_H

#include "common/base/err.h"
#include "common/base/slice.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

/* Sets one property. ERR_FATAL with librdkafka's own words when it does not know the name or the value. */
bool kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value, struct err *err);

/* The same for properties that this program itself chose: a refusal is a BUG. */
void kafka_conf_must_set(rd_kafka_conf_t *conf, const char *name, const char *value);

/* Sends librdkafka's own log lines through ours, at its level or notice, whichever is lower. */
void kafka_conf_set_log(rd_kafka_conf_t *conf);

/* The partition that the key of a record leads to, as the Java clients and ours choose it. partitions: above
 * 0. Pure. */
int32_t kafka_partition_of_key(struct slice key, int32_t partitions);

/* What an error means to a pipeline: ERR_REJECT when the message itself is at fault (too large, invalid),
 * ERR_FATAL when the client can't go on (fatal, fenced), else ERR_RETRY. */
enum err_kind kafka_err_kind(rd_kafka_resp_err_t code);

/* err from a code: "topic events: Broker: Unknown topic or partition (UNKNOWN_TOPIC_OR_PART)". */
void kafka_err_set(struct err *err, rd_kafka_resp_err_t code, const char *what);

#endif
