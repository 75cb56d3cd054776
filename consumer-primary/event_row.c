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
