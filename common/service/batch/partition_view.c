#include "common/service/batch/partition_state.h"

int32_t partition_number(const struct partition *partition)
{
    return partition->number;
}

int64_t partition_position(const struct partition *partition)
{
    return partition->plan_state.next;
}

bool partition_is_busy(const struct partition *partition)
{
    return partition->state == PARTITION_PLANNING || partition->state == PARTITION_DECIDING ||
           partition->state == PARTITION_SETTLING || partition->intake.records.count > 0;
}

bool partition_lag_records(const struct partition *partition, uint64_t *out_records)
{
    int64_t end = kafka_consumer_log_end(partition->context->consumer, partition->number);

    if (end == KAFKA_OFFSET_NONE || partition->state == PARTITION_OPENING ||
        partition->state == PARTITION_STOPPED)
        return false;
    *out_records = end > partition->plan_state.next ? (uint64_t)(end - partition->plan_state.next) : 0;
    return true;
}

double partition_lag_seconds(const struct partition *partition, int64_t now_us)
{
    const struct batch *oldest = partition->batch.count > 0 ? &partition->batch : &partition->intake.records;
    rd_kafka_timestamp_type_t type;

    if (oldest->count == 0)
        return 0;
    int64_t appended_ms = rd_kafka_message_timestamp(oldest->messages[0], &type);
    int64_t age_us = now_us - appended_ms * 1000;
    return type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE || age_us < 0 ? 0 : (double)age_us / 1e6;
}

uint64_t partition_debt_records(const struct partition *partition)
{
    return partition->forwarder == NULL ? 0 : forwarder_debt_records(partition->forwarder);
}

double partition_debt_seconds(const struct partition *partition)
{
    uint64_t since_ms = partition->forwarder == NULL ? 0 : forwarder_debt_since_ms(partition->forwarder);

    return since_ms == 0 ? 0 : (double)(loop_now_ms(partition->context->loop) - since_ms) / 1000.0;
}

bool partition_has_problem(const struct partition *partition, struct err *out_err, bool *out_needs_person)
{
    *out_needs_person = partition->state == PARTITION_STOPPED;
    if (!partition->has_problem)
        return partition_is_hindered(partition, out_err);
    *out_err = partition->problem;
    return true;
}

const struct err *partition_forward_problem(const struct partition *partition)
{
    return partition->forwarder == NULL ? NULL : forwarder_problem(partition->forwarder);
}
