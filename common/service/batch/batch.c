#include "common/service/batch/batch.h"

#include "common/base/alloc.h"
#include "common/base/bug.h"
#include "common/codec/digest.h"

#include <stdlib.h>

void batch_forget_decisions(struct batch *batch)
{
    for (uint32_t i = 0; i < batch->reject_count; i++)
        free(batch->rejects[i].reason);
    free(batch->rejects);
    free(batch->row_index);
    batch->rejects = NULL;
    batch->reject_count = 0;
    batch->row_index = NULL;
    batch->row_count = 0;
    batch->is_undecided = false;
    buf_clear(&batch->rows);
    for (size_t i = 0; i < BATCH_COMPANIONS_MAX; i++)
        buf_clear(&batch->companions[i]);
}

void batch_done(struct batch *batch)
{
    batch_forget_decisions(batch);
    for (uint32_t i = 0; i < batch->count; i++)
        if (batch->messages[i] != NULL)
            rd_kafka_message_destroy(batch->messages[i]);
    free(batch->messages);
    buf_done(&batch->rows);
    for (size_t i = 0; i < BATCH_COMPANIONS_MAX; i++)
        buf_done(&batch->companions[i]);
    *batch = (struct batch){0};
}

/* What librdkafka and we keep of a record beside its bytes, so that the bound on memory holds for small
 * records too. An estimate: sizeof(rd_kafka_op_t) and its message on the way in, the message and its header
 * on the way out, our own tables. */
enum { BATCH_RECORD_OVERHEAD_BYTES = 768 };

uint64_t batch_message_bytes(const rd_kafka_message_t *message)
{
    return message->len + message->key_len + BATCH_RECORD_OVERHEAD_BYTES;
}

void batch_add(struct batch *batch, rd_kafka_message_t *message)
{
    BUG_ON(batch->count > 0 && message->offset <= batch_last(batch));
    if (batch->count == batch->capacity) {
        batch->capacity = batch->capacity > 0 ? batch->capacity * 2 : 256;
        batch->messages = xrealloc(batch->messages, batch->capacity * sizeof(*batch->messages));
    }
    batch->messages[batch->count++] = message;
    batch->bytes += batch_message_bytes(message);
}

static void drop_front(struct batch *batch, uint32_t count)
{
    batch->count -= count;
    memmove(batch->messages, batch->messages + count, batch->count * sizeof(*batch->messages));
}

void batch_split_off(struct batch *from, uint32_t count, struct batch *to)
{
    BUG_ON(to->count != 0 || count > from->count);
    for (uint32_t i = 0; i < count; i++) {
        from->bytes -= batch_message_bytes(from->messages[i]);
        batch_add(to, from->messages[i]);
    }
    drop_front(from, count);
}

void batch_append_all(struct batch *to, struct batch *from)
{
    for (uint32_t i = 0; i < from->count; i++)
        batch_add(to, from->messages[i]);
    from->count = 0;
    from->bytes = 0;
}

uint32_t batch_count_until(const struct batch *batch, int64_t last)
{
    uint32_t count = batch->count;

    while (count > 0 && batch->messages[count - 1]->offset > last)
        count--;
    return count;
}

struct batch_record batch_record_of(const rd_kafka_message_t *message, uint32_t epoch)
{
    rd_kafka_timestamp_type_t type;
    int64_t appended_ms = rd_kafka_message_timestamp(message, &type);

    return (struct batch_record){
        .key = slice_of(message->key, message->key_len),
        .value = slice_of(message->payload, message->len),
        .epoch = epoch,
        .partition = message->partition,
        .offset = message->offset,
        .appended_ms = appended_ms > 0 ? appended_ms : 0,
    };
}

uint64_t batch_checksum(const struct batch *batch, uint32_t count)
{
    struct digest *digest = digest_new();

    for (uint32_t i = 0; i < count; i++) {
        struct batch_record record = batch_record_of(batch->messages[i], 0);
        digest_add_u64(digest, (uint64_t)record.offset);
        digest_add(digest, record.key);
        digest_add(digest, record.value);
    }
    uint64_t checksum = digest_finish64(digest);
    digest_free(&digest);
    return checksum;
}

void batch_begin_rows(struct batch *batch)
{
    batch_forget_decisions(batch);
    batch->row_index = xcalloc(batch->count, sizeof(*batch->row_index));
    for (uint32_t i = 0; i < batch->count; i++)
        batch->row_index[i].offset = batch->messages[i]->offset;
}

void batch_decide_nothing(struct batch *batch)
{
    batch_begin_rows(batch);
    batch->is_undecided = true;
}

void batch_add_row(struct batch *batch, uint32_t index, size_t begin)
{
    struct batch_row *row = &batch->row_index[index];

    BUG_ON(row->end > row->begin || begin >= batch->rows.length);
    row->begin = begin;
    row->end = batch->rows.length;
    batch->row_count++;
}

void batch_drop_row(struct batch *batch, uint32_t index)
{
    struct batch_row *row = &batch->row_index[index];

    if (row->end == row->begin)
        return;
    row->end = row->begin;
    batch->row_count--;
}

void batch_close_gaps(struct batch *batch)
{
    size_t at = 0;

    for (uint32_t i = 0; i < batch->count; i++) {
        struct batch_row *row = &batch->row_index[i];
        size_t length = row->end - row->begin;
        if (length > 0 && row->begin > at)
            memmove(batch->rows.data + at, batch->rows.data + row->begin, length);
        *row = (struct batch_row){row->offset, at, at + length};
        at += length;
    }
    batch->rows.length = at;
}

void batch_reject(struct batch *batch, uint32_t index, const char *kind, const char *reason)
{
    batch_drop_row(batch, index);
    batch->rejects = xrealloc(batch->rejects, (batch->reject_count + 1) * sizeof(*batch->rejects));
    batch->rejects[batch->reject_count++] =
        (struct batch_reject){.index = index, .kind = kind, .reason = xstrdup(reason)};
}

uint32_t batch_absent_rows(const struct batch *batch, const uint64_t *present, size_t present_count,
                           struct buf *out_rows)
{
    uint32_t absent = 0;
    size_t at = 0;

    for (uint32_t i = 0; i < batch->count; i++) {
        const struct batch_row *row = &batch->row_index[i];
        if (row->end == row->begin)
            continue;
        while (at < present_count && present[at] < (uint64_t)row->offset)
            at++;
        if (at < present_count && present[at] == (uint64_t)row->offset)
            continue;
        buf_append(out_rows, batch->rows.data + row->begin, row->end - row->begin);
        absent++;
    }
    return absent;
}
