/*
 * id_row.h - a stored event as a row of ClickHouse's table `event_ids`. Pure.
 */
#ifndef MILLRACE_ID_ROW_H
#define MILLRACE_ID_ROW_H

#include "common/service/batch/batch.h"

struct id_row {
    uint64_t identity; /* event_identity */
    int64_t timestamp_us;
    int64_t ingested_at_us;
    uint32_t
        key_partitions; /* of so many the record's key leads to its partition; 0: of none that is known */
};

enum { ID_ROW_BYTES = 40 }; /* all rows have the same length */

extern const char id_row_columns[];

void id_row_write(struct buf *rows, const struct id_row *row, const struct batch_record *record);

#endif
