/*
 * clickhouse_text.h - how ClickHouse's HTTP interface writes a query and an answer. Pure.
 */
#ifndef MILLRACE_CLICKHOUSE_TEXT_H
#define MILLRACE_CLICKHOUSE_TEXT_H

#include "common/base/buf.h"
#include "common/io/clickhouse.h"

struct http_answer;

/* The codes that say that the rows themselves are bad, so that the same rows can never be stored: 27 53 69
 * 117 131 407 469. Not 33, which a body gets that a proxy has cut: rows are sent whole, so it says nothing of
 * them, and must not make dead letters of good events. */
bool clickhouse_is_data_fault(int code);

/* Appends the value of a query parameter of a plain type as ClickHouse reads it: escaped as in TSV. */
void clickhouse_write_escaped(struct buf *out, struct slice value);

/* Whether the SQL declares the parameter as an Array, Map or Tuple: their values are read as literals, which
 * TSV's escapes would break. */
bool clickhouse_takes_literal(const char *sql, const char *name);

/* Appends the URL of a query. The SQL stands in it when the body is taken by the data or a form. */
void clickhouse_write_url(struct buf *out, const char *base, const char *database,
                          const struct clickhouse_query *query);

/* Appends the external table as a form of one field. boundary: stands nowhere in the rows. */
void clickhouse_write_form(struct buf *out, const struct clickhouse_external *external, const char *boundary);

/* What the answer means; borrows from it. */
void clickhouse_read_answer(const struct http_answer *answer, struct clickhouse_result *out_result);

#endif
