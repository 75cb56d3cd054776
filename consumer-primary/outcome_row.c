#include "consumer-primary/outcome_row.h"

#include "common/codec/rowbinary.h"

const char outcome_row_columns[] =
    "tenant_id, environment_id, external_customer_id, id, stage, outcome, reason, content_hash, "
    "source_topic, "
    "source_epoch, kafka_partition, kafka_offset, appended_at, first_epoch, first_partition, first_offset";

void outcome_row_write(struct buf *rows, const struct outcome_row *row, const struct batch_record *record)
{
    static const struct event unreadable;
    const struct event *event = row->event != NULL ? row->event : &unreadable;

    rowbinary_write_string(rows, event->tenant_id);
    rowbinary_write_string(rows, event->environment_id);
    rowbinary_write_string(rows, event->external_customer_id);
    rowbinary_write_string(rows, event->id);
    rowbinary_write_string(rows, SLICE("consumer-primary"));
    rowbinary_write_string(rows, slice_from(row->outcome));
    rowbinary_write_string(rows, slice_from(row->reason));
    rowbinary_write_fixed(rows, slice_of(event->content_hash, sizeof(event->content_hash)));
    rowbinary_write_string(rows, slice_from(row->topic));
    rowbinary_write_u32(rows, record->epoch);
    rowbinary_write_u32(rows, (uint32_t)record->partition);
    rowbinary_write_u64(rows, (uint64_t)record->offset);
    rowbinary_write_i64(rows, record->appended_ms);
    rowbinary_write_u32(rows, row->first.epoch);
    rowbinary_write_u32(rows, row->first.partition);
    rowbinary_write_u64(rows, row->first.offset);
}
