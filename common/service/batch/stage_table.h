/*
 * stage_table.h - the ClickHouse table of a batch stage: inserts with a token, and the questions that
 * only the table can answer. Every row carries source_epoch, kafka_partition and kafka_offset.
 * Loop thread; nothing blocks.
 */
#ifndef MILLRACE_STAGE_TABLE_H
#define MILLRACE_STAGE_TABLE_H

#include "common/io/clickhouse.h"

struct stage_table {
    struct clickhouse *clickhouse; /* the three: keeps */
    const char *name;
    const char *columns; /* of a row in RowBinary: "tenant_id, environment_id, ..." */
    uint32_t insert_timeout_ms;
    uint32_t question_timeout_ms;
};

/* Offsets [first, last] of one life of a source partition. */
struct stage_range {
    uint32_t epoch;
    int32_t partition;
    int64_t first, last;
};

/* Inserts rows as one block under the token. query_id: of the partition, so that two never run at once. */
struct clickhouse_call *stage_table_insert(const struct stage_table *table, struct slice rows,
                                           const char *token, const char *query_id,
                                           clickhouse_on_result *on_result, void *owner);

/* Inserts rows as one block, without a token: each call adds them again. */
struct clickhouse_call *stage_table_write(const struct stage_table *table, struct slice rows,
                                          clickhouse_on_result *on_result, void *owner);

/* Which offsets of the range have rows: at most `limit` of them, ascending. */
struct clickhouse_call *stage_table_ask_offsets(const struct stage_table *table,
                                                const struct stage_range *range, uint32_t limit,
                                                clickhouse_on_result *on_result, void *owner);

/* The answer: gives an array (free) of out_count offsets. False when it is not whole (ERR_RETRY). */
bool stage_table_read_offsets(struct slice body, uint64_t **out_offsets, size_t *out_count, struct err *err);

/* The highest offset with a row from `range->first` on (range->last is not looked at). */
struct clickhouse_call *stage_table_ask_highest(const struct stage_table *table,
                                                const struct stage_range *range,
                                                clickhouse_on_result *on_result, void *owner);

/* The newest row of the partition in any epoch: where we were, when the group has forgotten it. */
struct clickhouse_call *stage_table_ask_newest(const struct stage_table *table, int32_t partition,
                                               clickhouse_on_result *on_result, void *owner);

/* The answer to both; has_row false: there is none. The id borrows from the body. */
struct stage_newest {
    bool has_row;
    uint32_t epoch;
    int64_t offset;
    struct slice id;
};
bool stage_table_read_newest(struct slice body, struct stage_newest *out_newest, struct err *err);

#endif
