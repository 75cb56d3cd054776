/*
 * kafka_envelope.h - our header on a record of Kafka. Any thread; nothing blocks.
 */
#ifndef MILLRACE_KAFKA_ENVELOPE_H
#define MILLRACE_KAFKA_ENVELOPE_H

#include "common/event/envelope.h"

#include <librdkafka/rdkafka.h>

/* Behind what the forwarded record stands. False when it does not say so. */
bool kafka_envelope_forward(const rd_kafka_message_t *message, struct envelope_forward *out_forward);

#endif
