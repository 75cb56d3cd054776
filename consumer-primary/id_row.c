#include "consumer-primary/id_row.h"

#include "common/codec/rowbinary.h"

enum { US_PER_S = 1000000 };

const char id_row_columns[] =
    "identity, timestamp, ingested_at, key_partitions, source_epoch, kafka_partition, kafka_offset";

void id_row_write(struct buf *rows, const struct id_row *row, const struct batch_record *record)
{
    rowbinary_write_u64(rows, row->identity);
    rowbinary_write_i64(rows, row->timestamp_us);
    rowbinary_write_u32(rows, (uint32_t)(row->ingested_at_us / US_PER_S));
    rowbinary_write_u32(rows, row->key_partitions);
    rowbinary_write_u32(rows, record->epoch);
    rowbinary_write_u32(rows, (uint32_t)record->partition);
    rowbinary_write_u64(rows, (uint64_t)record->offset);
}
