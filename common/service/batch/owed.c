#include "common/service/batch/owed.h"

#include "common/base/alloc.h"
#include "common/base/bug.h"
#include "common/io/kafka_reader.h"
#include "common/service/batch/context.h"

#include <stdlib.h>

enum {
    OWED_RECORDS_MAX = 10000, /* at once, if memory allows */
    OWED_MEMORY_SHARES = 8,   /* one reading takes at most this part of the worker's memory */
};

void owed_init(struct owed *owed, const struct batch_context *context, int32_t partition, uint32_t epoch,
               const struct owed_callbacks *callbacks)
{
    *owed = (struct owed){
        .context = context,
        .partition = partition,
        .epoch = epoch,
        .callbacks = *callbacks,
        .limit = OWED_RECORDS_MAX,
    };
}

static void give_back_memory(struct owed *owed)
{
    owed->context->load->forward_held_bytes -= owed->bytes;
    owed->bytes = 0;
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
    give_back_memory(owed);
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

/* Records that the log has lost don't come back; what depends on them is a person's decision. */
static void fail_for_good(struct owed *owed, const struct err *err)
{
    struct err named;

    err_set(&named, err->kind,
            "%s; millrace offsets accept --partition %d --forwarded, with the workers stopped, gives them up",
            err->text, (int)owed->partition);
    fail(owed, &named);
}

static void succeed(struct owed *owed)
{
    size_t count = owed->message_count;

    owed->message_count = 0; /* they are the owner's now */
    give_back_memory(owed);
    owed->callbacks.on_read(owed->callbacks.owner, owed->messages, count, owed->until);
    owed_cancel(owed);
}

/* Full: what follows is left for the next reading, which asks for no more than fitted into this one. */
static void take(struct owed *owed, rd_kafka_message_t *message)
{
    uint64_t share = owed->context->held_max_bytes / OWED_MEMORY_SHARES;

    if (owed->is_full || (owed->message_count > 0 && owed->bytes + batch_message_bytes(message) > share)) {
        owed->is_full = true;
        rd_kafka_message_destroy(message);
        return;
    }
    owed->messages[owed->message_count++] = message;
    owed->bytes += batch_message_bytes(message);
    owed->context->load->forward_held_bytes += batch_message_bytes(message);
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
        take(owed, message);
    } else {
        rd_kafka_message_destroy(message);
    }
}

static void on_end(void *owner)
{
    struct owed *owed = owner;
    struct err err;

    owed->reading = NULL;
    owed->limit = OWED_RECORDS_MAX;
    if (owed->is_full) {
        owed->until = owed->messages[owed->message_count - 1]->offset + 1;
        owed->limit = (uint32_t)owed->message_count;
        succeed(owed);
        return;
    }
    if (owed->message_count == owed->offset_count) {
        succeed(owed);
        return;
    }
    err_set(&err, ERR_REJECT, "%zu rows are stored, but only %zu of their records are still in %s[%d]",
            owed->offset_count, owed->message_count, owed->context->stage->source_topic,
            (int)owed->partition);
    fail_for_good(owed, &err);
}

static void on_reading_failed(void *owner, const struct err *err)
{
    struct owed *owed = owner;

    owed->reading = NULL;
    if (err->kind == ERR_REJECT)
        fail_for_good(owed, err);
    else
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
    if (owed->offset_count == owed->limit)
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
    owed->is_full = false;
    owed->question = stage_table_ask_offsets(&owed->context->table, &range, owed->limit, on_offsets, owed);
}
