#include "common/service/batch/intake.h"

#include "common/base/log.h"
#include "common/io/kafka_consumer.h"
#include "common/service/batch/context.h"

enum { INTAKE_TAKE_MAX = 1000 };

static void forget_records(struct intake *intake)
{
    if (intake->context != NULL)
        intake->context->load->held_bytes -= intake->records.bytes;
    batch_done(&intake->records);
}

void intake_begin(struct intake *intake, int64_t next)
{
    forget_records(intake);
    intake->next = next;
    intake->is_lost = false;
}

void intake_done(struct intake *intake)
{
    forget_records(intake);
}

bool intake_is_full(const struct intake *intake)
{
    const struct batch_context *context = intake->context;

    return intake->records.count >= context->flush.max_records ||
           intake->records.bytes >= context->flush.max_bytes ||
           context->load->held_bytes >= context->held_max_bytes / 2; /* the other half is the forwarders' */
}

static void on_fault(struct intake *intake, const rd_kafka_message_t *message)
{
    if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
        message->err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE)
        intake->is_lost = true;
    log_partition(LOG_LEVEL_WARNING, intake->context->stage->source_topic, intake->partition, "%s",
                  rd_kafka_message_errstr(message));
}

static void take_message(struct intake *intake, rd_kafka_message_t *message)
{
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        on_fault(intake, message);
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR || intake->is_lost || message->offset < intake->next) {
        rd_kafka_message_destroy(message);
        return;
    }
    uint64_t before = intake->records.bytes;
    intake->next = message->offset + 1;
    batch_add(&intake->records, message);
    intake->context->load->held_bytes += intake->records.bytes - before;
}

void intake_take(struct intake *intake, int64_t wanted_until)
{
    rd_kafka_message_t *messages[INTAKE_TAKE_MAX];
    size_t count;

    do {
        if (intake->is_lost || (intake_is_full(intake) && intake->next > wanted_until))
            return;
        count = kafka_consumer_take(intake->context->consumer, intake->partition, messages, INTAKE_TAKE_MAX);
        for (size_t i = 0; i < count; i++)
            take_message(intake, messages[i]);
    } while (count == INTAKE_TAKE_MAX);
}
