#include "common/service/batch/stage_table.h"

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/codec/rowbinary.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { STAGE_ANSWER_MAX_BYTES = 16 << 20, STAGE_NUMBER_BYTES = 24 };

/* What an insert is called, NULL for both: nothing that is known by a name. */
struct insert_name {
    const char *token;
    const char *query_id;
};

static struct clickhouse_call *insert(const struct stage_table *table, struct slice rows,
                                      const struct insert_name *name, clickhouse_on_result *on_result,
                                      void *owner)
{
    /* One insert is one block, or a repeat under the same token could lose the rows behind another border. */
    const struct clickhouse_pair settings[] = {
        {"insert_deduplicate", name->token != NULL ? "1" : "0"},
        {"async_insert", "0"},
        {"max_insert_block_size", "1048576"},
        {"min_insert_block_size_rows", "1048576"},
        {"min_insert_block_size_bytes", "0"},
        {"input_format_parallel_parsing", "0"},
        {"max_partitions_per_insert_block",
         "0"}, /* months are bounded by what ingest takes: never refuse for good */
        {"wait_end_of_query", "1"},
        {name->token != NULL ? "insert_deduplication_token" : NULL, name->token},
        {NULL, NULL},
    };
    AUTO_STRING sql = xasprintf("INSERT INTO %s (%s) FORMAT RowBinary", table->name, table->columns);

    return clickhouse_ask(table->clickhouse, &(struct clickhouse_query){
                                                 .sql = sql,
                                                 .settings = settings,
                                                 .query_id = name->query_id,
                                                 .data = rows,
                                                 .timeout_ms = table->insert_timeout_ms,
                                                 .answer_max_bytes = STAGE_ANSWER_MAX_BYTES,
                                                 .on_result = on_result,
                                                 .owner = owner,
                                             });
}

struct clickhouse_call *stage_table_insert(const struct stage_table *table, struct slice rows,
                                           const char *token, const char *query_id,
                                           clickhouse_on_result *on_result, void *owner)
{
    return insert(table, rows, &(struct insert_name){token, query_id}, on_result, owner);
}

struct clickhouse_call *stage_table_write(const struct stage_table *table, struct slice rows,
                                          clickhouse_on_result *on_result, void *owner)
{
    return insert(table, rows, &(struct insert_name){NULL, NULL}, on_result, owner);
}

static struct clickhouse_call *ask(const struct stage_table *table, const char *sql,
                                   const struct clickhouse_pair *parameters, clickhouse_on_result *on_result,
                                   void *owner)
{
    return clickhouse_ask(table->clickhouse, &(struct clickhouse_query){
                                                 .sql = sql,
                                                 .parameters = parameters,
                                                 .settings = clickhouse_settings_consistent,
                                                 .timeout_ms = table->question_timeout_ms,
                                                 .answer_max_bytes = STAGE_ANSWER_MAX_BYTES,
                                                 .on_result = on_result,
                                                 .owner = owner,
                                             });
}

/* The range as parameters; the texts live in `texts`. */
struct range_texts {
    char epoch[STAGE_NUMBER_BYTES];
    char partition[STAGE_NUMBER_BYTES];
    char first[STAGE_NUMBER_BYTES];
    char last[STAGE_NUMBER_BYTES];
    char limit[STAGE_NUMBER_BYTES];
};

static void range_write(const struct stage_range *range, uint32_t limit, struct range_texts *texts)
{
    (void)snprintf(texts->epoch, sizeof(texts->epoch), "%" PRIu32, range->epoch);
    (void)snprintf(texts->partition, sizeof(texts->partition), "%" PRId32, range->partition);
    (void)snprintf(texts->first, sizeof(texts->first), "%" PRId64, range->first);
    (void)snprintf(texts->last, sizeof(texts->last), "%" PRId64, range->last);
    (void)snprintf(texts->limit, sizeof(texts->limit), "%" PRIu32, limit);
}

struct clickhouse_call *stage_table_ask_offsets(const struct stage_table *table,
                                                const struct stage_range *range, uint32_t limit,
                                                clickhouse_on_result *on_result, void *owner)
{
    struct range_texts texts;
    AUTO_STRING sql =
        xasprintf("SELECT DISTINCT kafka_offset FROM %s"
                  " WHERE source_epoch = {epoch:UInt32} AND kafka_partition = {partition:UInt32}"
                  " AND kafka_offset BETWEEN {first:UInt64} AND {last:UInt64}"
                  " ORDER BY kafka_offset LIMIT {limit:UInt32} FORMAT RowBinary",
                  table->name);

    range_write(range, limit, &texts);
    const struct clickhouse_pair parameters[] = {
        {"epoch", texts.epoch}, {"partition", texts.partition}, {"first", texts.first},
        {"last", texts.last},   {"limit", texts.limit},         {NULL, NULL},
    };
    return ask(table, sql, parameters, on_result, owner);
}

bool stage_table_read_offsets(struct slice body, uint64_t **out_offsets, size_t *out_count, struct err *err)
{
    size_t count = body.length / sizeof(uint64_t);

    if (body.length % sizeof(uint64_t) != 0) {
        err_set(err, ERR_RETRY, "ClickHouse answered %zu bytes where offsets of 8 bytes were asked for",
                body.length);
        return false;
    }
    uint64_t *offsets = xcalloc(count, sizeof(*offsets));
    for (size_t i = 0; i < count; i++)
        (void)rowbinary_read_u64(&body, &offsets[i]);
    *out_offsets = offsets;
    *out_count = count;
    return true;
}

struct clickhouse_call *stage_table_ask_highest(const struct stage_table *table,
                                                const struct stage_range *range,
                                                clickhouse_on_result *on_result, void *owner)
{
    struct range_texts texts;
    AUTO_STRING sql =
        xasprintf("SELECT source_epoch, kafka_offset, id FROM %s"
                  " WHERE source_epoch = {epoch:UInt32} AND kafka_partition = {partition:UInt32}"
                  " AND kafka_offset >= {first:UInt64}"
                  " ORDER BY kafka_offset DESC LIMIT 1 FORMAT RowBinary",
                  table->name);

    range_write(range, 1, &texts);
    const struct clickhouse_pair parameters[] = {
        {"epoch", texts.epoch}, {"partition", texts.partition}, {"first", texts.first}, {NULL, NULL}};
    return ask(table, sql, parameters, on_result, owner);
}

struct clickhouse_call *stage_table_ask_newest(const struct stage_table *table, int32_t partition,
                                               clickhouse_on_result *on_result, void *owner)
{
    char partition_text[STAGE_NUMBER_BYTES];
    AUTO_STRING sql = xasprintf("SELECT source_epoch, kafka_offset, id FROM %s"
                                " WHERE kafka_partition = {partition:UInt32}"
                                " ORDER BY source_epoch DESC, kafka_offset DESC LIMIT 1 FORMAT RowBinary",
                                table->name);

    (void)snprintf(partition_text, sizeof(partition_text), "%" PRId32, partition);
    const struct clickhouse_pair parameters[] = {{"partition", partition_text}, {NULL, NULL}};
    return ask(table, sql, parameters, on_result, owner);
}

bool stage_table_read_newest(struct slice body, struct stage_newest *out_newest, struct err *err)
{
    struct stage_newest newest = {.has_row = true};
    uint64_t offset;

    if (slice_is_empty(body)) {
        *out_newest = (struct stage_newest){.has_row = false};
        return true;
    }
    if (!rowbinary_read_u32(&body, &newest.epoch) || !rowbinary_read_u64(&body, &offset) ||
        !rowbinary_read_string(&body, &newest.id) || offset > INT64_MAX) {
        err_set(err, ERR_RETRY, "ClickHouse answered something else than a row of epoch, offset and id");
        return false;
    }
    newest.offset = (int64_t)offset;
    *out_newest = newest;
    return true;
}
