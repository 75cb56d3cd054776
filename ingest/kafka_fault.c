#include "ingest/kafka_fault.h"

#include <stddef.h>

enum kafka_fault kafka_fault_of(rd_kafka_resp_err_t code)
{
    static const struct {
        rd_kafka_resp_err_t code;
        enum kafka_fault fault;
    } faults[] = {
        {RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, KAFKA_FAULT_TIMEOUT},
        {RD_KAFKA_RESP_ERR__TIMED_OUT, KAFKA_FAULT_TIMEOUT},
        {RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, KAFKA_FAULT_TIMEOUT},
        {RD_KAFKA_RESP_ERR__TRANSPORT, KAFKA_FAULT_TRANSPORT},
        {RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, KAFKA_FAULT_TRANSPORT},
        {RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION, KAFKA_FAULT_TRANSPORT},
        {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, KAFKA_FAULT_UNKNOWN_TOPIC},
        {RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, KAFKA_FAULT_UNKNOWN_TOPIC},
        {RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, KAFKA_FAULT_UNKNOWN_TOPIC},
        {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, KAFKA_FAULT_REPLICAS},
        {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND, KAFKA_FAULT_REPLICAS},
        {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, KAFKA_FAULT_FORBIDDEN},
        {RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, KAFKA_FAULT_FORBIDDEN},
        {RD_KAFKA_RESP_ERR__QUEUE_FULL, KAFKA_FAULT_QUEUE_FULL},
        {RD_KAFKA_RESP_ERR__PURGE_QUEUE, KAFKA_FAULT_STOPPING},
        {RD_KAFKA_RESP_ERR__PURGE_INFLIGHT, KAFKA_FAULT_STOPPING},
        {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, KAFKA_FAULT_TOO_LARGE},
        {RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, KAFKA_FAULT_TOO_LARGE},
        {RD_KAFKA_RESP_ERR_INVALID_MSG, KAFKA_FAULT_INVALID},
        {RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE, KAFKA_FAULT_INVALID},
        {RD_KAFKA_RESP_ERR_INVALID_RECORD, KAFKA_FAULT_INVALID},
    };

    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
        if (faults[i].code == code)
            return faults[i].fault;
    return KAFKA_FAULT_OTHER;
}

const char *kafka_fault_name(enum kafka_fault fault)
{
    static const char *const names[KAFKA_FAULT_COUNT] = {
        [KAFKA_FAULT_TIMEOUT] = "timeout",
        [KAFKA_FAULT_TRANSPORT] = "transport",
        [KAFKA_FAULT_UNKNOWN_TOPIC] = "unknown_topic",
        [KAFKA_FAULT_REPLICAS] = "not_enough_replicas",
        [KAFKA_FAULT_FORBIDDEN] = "not_authorized",
        [KAFKA_FAULT_QUEUE_FULL] = "queue_full",
        [KAFKA_FAULT_STOPPING] = "stopping",
        [KAFKA_FAULT_TOO_LARGE] = "too_large",
        [KAFKA_FAULT_INVALID] = "invalid",
        [KAFKA_FAULT_OTHER] = "other",
    };

    return names[fault];
}
