/*
 * list_sql.h - the questions to ClickHouse that a list needs. Pure.
 */
#ifndef MILLRACE_LIST_SQL_H
#define MILLRACE_LIST_SQL_H

#include "query/list_request.h"
#include "query/question.h"

/* Properties on a page: all that 51 events can have, but not all of 1,001. A page ends behind the event that
 * goes beyond it. */
enum { LIST_PAGE_PROPERTIES_MAX_BYTES = 26 * 1024 * 1024 };

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

/* Rows as list_page.h reads them, with those before the page, and one more than the page, to see whether
 * there are more. Events that share time and id stand in the order of their tie, a hash of what else tells
 * them apart. question: nothing but its arena. */
void list_sql_rows(const struct question_scope *scope, const struct list_request *request,
                   const struct list_window *window, struct question *question);

/* One UInt64: how many events the filters let through, whatever the page. */
void list_sql_count(const struct question_scope *scope, const struct list_request *request,
                    struct question *question);

#endif
