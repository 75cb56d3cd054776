#include "consumer-primary/event_row.h"

#include "common/codec/rowbinary.h"

const char event_row_columns[] =
    "tenant_id, environment_id, external_customer_id, event_name, timestamp, id, customer_id, source, "
    "properties, "
    "exact, ingested_at, content_hash, source_epoch, kafka_partition, kafka_offset";

static void write_exact(struct buf *rows, const struct event *event)
{
    rowbinary_write_count(rows, event->exact_count);
    for (size_t i = 0; i < event->exact_count; i++) {
        rowbinary_write_string(rows, event->exact[i].name);
        rowbinary_write_string(rows, event->exact[i].value);
    }
}

void event_row_write(struct buf *rows, const struct event *event, const struct batch_record *record)
{
    rowbinary_write_string(rows, event->tenant_id);
    rowbinary_write_string(rows, event->environment_id);
    rowbinary_write_string(rows, event->external_customer_id);
    rowbinary_write_string(rows, event->event_name);
    rowbinary_write_i64(rows, event->timestamp_us);
    rowbinary_write_string(rows, event->id);
    rowbinary_write_string(rows, event->customer_id);
    rowbinary_write_string(rows, event->source);
    rowbinary_write_string(rows, event->properties);
    write_exact(rows, event);
    rowbinary_write_i64(rows, event->ingested_at_us);
    rowbinary_write_fixed(rows, slice_of(event->content_hash, sizeof(event->content_hash)));
    rowbinary_write_u32(rows, record->epoch);
    rowbinary_write_u32(rows, (uint32_t)record->partition);
    rowbinary_write_u64(rows, (uint64_t)record->offset);
}

void event_rows_init(struct event_rows *rows)
{
    *rows = (struct event_rows){.json = json_reader_new(&json_limits_default)};
}

void event_rows_done(struct event_rows *rows)
{
    json_reader_free(&rows->json);
    arena_done(&rows->arena);
}

static bool read_event(struct event_rows *rows, const struct batch_record *record, struct event *out_event,
                       struct err *err)
{
    const struct event_reader reader = {rows->json, &rows->arena};

    if (record->value.length > EVENT_RECORD_MAX_BYTES) {
        err_set(err, ERR_REJECT, "the record has %zu bytes, an event at most %d", record->value.length,
                EVENT_RECORD_MAX_BYTES);
        return false;
    }
    arena_reset(&rows->arena);
    return event_record_read(&reader, record->value, out_event, err);
}

bool event_rows_decide(void *owner, const struct batch_record *record, struct buf *rows, struct err *err)
{
    struct event event;

    if (!read_event(owner, record, &event, err))
        return false;
    event_row_write(rows, &event, record);
    return true;
}

bool event_rows_identify(void *owner, const struct batch_record *record, struct buf *out_id)
{
    struct event event;
    struct err err;

    if (!read_event(owner, record, &event, &err))
        return false;
    buf_append_slice(out_id, event.id);
    return true;
}
