/*
 * kafka_fault.h - why Kafka did not take an event, as far as anybody acts on it. Pure.
 */
#ifndef MILLRACE_KAFKA_FAULT_H
#define MILLRACE_KAFKA_FAULT_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

enum kafka_fault {
    KAFKA_FAULT_TIMEOUT,
    KAFKA_FAULT_TRANSPORT,
    KAFKA_FAULT_UNKNOWN_TOPIC, /* or partition: gone, or not made yet */
    KAFKA_FAULT_REPLICAS,      /* fewer in sync than a 202 promises */
    KAFKA_FAULT_FORBIDDEN,
    KAFKA_FAULT_QUEUE_FULL, /* our own */
    KAFKA_FAULT_STOPPING,
    KAFKA_FAULT_TOO_LARGE, /* these two are the message's own; all others pass */
    KAFKA_FAULT_INVALID,
    KAFKA_FAULT_OTHER,
    KAFKA_FAULT_COUNT,
};

/* code: not NO_ERROR. */
enum kafka_fault kafka_fault_of(rd_kafka_resp_err_t code);

/* Value of the label error_type: "timeout", "unknown_topic" and so on. */
const char *kafka_fault_name(enum kafka_fault fault);

#endif
