/*
 * list_sql.h - the questions to ClickHouse that a list needs. The text is put together from fixed pieces;
 * all values are parameters. Pure.
 */
#ifndef MILLRACE_LIST_SQL_H
#define MILLRACE_LIST_SQL_H

#include "common/base/arena.h"
#include "common/io/clickhouse.h"
#include "query/list_request.h"

/* Whose events. Nobody sees others. */
struct list_scope {
    const char *tenant_id;
    const char *environment_id;
};

/* A part of the range that is asked for, both ends inclusive. */
struct list_window {
    int64_t from_us, to_us;
};

/* The window to ask in at `step`, 0 first: lists are mostly read at their beginning, so the hour there is
 * tried first, then the day, then all. False behind the last step. */
bool list_window(const struct list_request *request, uint32_t step, struct list_window *out_window);

/* Whether rows come oldest first: towards newer ones from iter_first_key, else as the answer is ordered. */
bool list_scans_upwards(const struct list_request *request);

/* How many rows before the page are read, to see whether it begins within a tie: 1 behind an offset, else 0,
 * as the cursor tells it. */
uint32_t list_rows_before(const struct list_request *request);

enum { LIST_SQL_PARAMETERS_MAX = 15 };

/* A question; its texts are in the arena. */
struct list_sql {
    const char *text;
    struct clickhouse_pair parameters[LIST_SQL_PARAMETERS_MAX + 1]; /* ends with a NULL name */
};

/* Rows as list_page.h reads them, with those before the page, and one more than the page, to see whether
 * there are more. Events that share time and id stand in the order of their tie, a hash of what else tells
 * them apart. */
void list_sql_rows(const struct list_scope *scope, const struct list_request *request,
                   const struct list_window *window, struct arena *arena, struct list_sql *out_sql);

/* One UInt64: how many events the filters let through, whatever the page. */
void list_sql_count(const struct list_scope *scope, const struct list_request *request, struct arena *arena,
                    struct list_sql *out_sql);

#endif
