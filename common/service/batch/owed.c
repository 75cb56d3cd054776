#include "common/service/batch/owed.h"

#include "common/base/alloc.h"
#include "common/base/bug.h"
#include "common/io/kafka_reader.h"
#include "common/service/batch/context.h"

#include <stdlib.h>

enum { OWED_RECORDS_MAX = 10000 }; /* at once */

void owed_init(struct owed *owed, const struct batch_context *context, int32_t partition, uint32_t epoch,
               const struct owed_callbacks *callbacks)
{
    *owed =
        (struct owed){.context = context, .partition = partition, .epoch = epoch, .callbacks = *callbacks};
}

bool owed_is_reading(const struct owed *owed)
{
    return owed->question != NULL || owed->reading != NULL;
}

void owed_cancel(struct owed *owed)
{
    if (owed->question != NULL)
        clickhouse_cancel(owed->question);
    if (owed->reading != NULL)
        kafka_reading_cancel(owed->reading);
    for (size_t i = 0; i < owed->message_count; i++)
        rd_kafka_message_destroy(owed->messages[i]);
    free(owed->messages);
    free(owed->offsets);
    owed->question = NULL;
    owed->reading = NULL;
    owed->messages = NULL;
    owed->message_count = 0;
    owed->offsets = NULL;
}

static void fail(struct owed *owed, const struct err *err)
{
    owed_cancel(owed);
    owed->callbacks.on_failed(owed->callbacks.owner, err);
}

static void succeed(struct owed *owed)
{
    size_t count = owed->message_count;

    owed->message_count = 0; /* they are the owner's now */
    owed->callbacks.on_read(owed->callbacks.owner, owed->messages, count, owed->until);
    owed_cancel(owed);
}

/* Records without a row (dead letters, duplicates) stand between those that are wanted. */
static void on_record(void *owner, rd_kafka_message_t *message)
{
    struct owed *owed = owner;
    uint64_t offset = (uint64_t)message->offset;

    while (owed->offset_at < owed->offset_count && owed->offsets[owed->offset_at] < offset)
        owed->offset_at++; /* its record is gone: on_end sees the hole */
    if (owed->offset_at < owed->offset_count && owed->offsets[owed->offset_at] == offset) {
        owed->offset_at++;
        owed->messages[owed->message_count++] = message;
    } else {
        rd_kafka_message_destroy(message);
    }
}

static void on_end(void *owner)
{
    struct owed *owed = owner;
    struct err err;

    owed->reading = NULL;
    if (owed->message_count == owed->offset_count) {
        succeed(owed);
        return;
    }
    err_set(&err, ERR_RETRY, "%zu rows are stored, but only %zu of their records are still in %s",
            owed->offset_count, owed->message_count, owed->context->stage->source_topic);
    fail(owed, &err);
}

static void on_reading_failed(void *owner, const struct err *err)
{
    struct owed *owed = owner;

    owed->reading = NULL;
    fail(owed, err);
}

static void read_records(struct owed *owed)
{
    const struct kafka_reading_callbacks callbacks = {on_record, on_end, on_reading_failed, owed};
    const struct kafka_range range = {
        .topic = owed->context->stage->source_topic,
        .partition = owed->partition,
        .first = (int64_t)owed->offsets[0],
        .last = (int64_t)owed->offsets[owed->offset_count - 1],
    };
    struct err err;

    owed->offset_at = 0;
    owed->messages = xcalloc(owed->offset_count, sizeof(rd_kafka_message_t *));
    if (!kafka_reader_read(owed->context->reader, &range, &callbacks, &owed->reading, &err))
        fail(owed, &err);
}

static void on_offsets(void *owner, const struct clickhouse_result *result)
{
    struct owed *owed = owner;
    struct err err = result->err;

    owed->question = NULL;
    if (result->outcome != CLICKHOUSE_DONE ||
        !stage_table_read_offsets(result->body, &owed->offsets, &owed->offset_count, &err)) {
        fail(owed, &err);
        return;
    }
    if (owed->offset_count == OWED_RECORDS_MAX)
        owed->until = (int64_t)owed->offsets[owed->offset_count - 1] + 1;
    if (owed->offset_count > 0)
        read_records(owed);
    else
        succeed(owed);
}

void owed_read(struct owed *owed, int64_t first, int64_t until)
{
    const struct stage_range range = {owed->epoch, owed->partition, first, until - 1};

    BUG_ON(owed_is_reading(owed) || first >= until);
    owed->until = until;
    owed->question =
        stage_table_ask_offsets(&owed->context->table, &range, OWED_RECORDS_MAX, on_offsets, owed);
}
