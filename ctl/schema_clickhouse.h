/*
 * schema_clickhouse.h - the schema in ClickHouse, which has no transactions: each statement of a file can be
 * repeated, and a file is recorded when all were done. Two at once do the same thing twice.
 */
#ifndef MILLRACE_SCHEMA_CLICKHOUSE_H
#define MILLRACE_SCHEMA_CLICKHOUSE_H

#include "common/service/config.h"
#include "ctl/schema_report.h"

/* Applies, or with report->is_check only tells. ERR_RETRY when the server is away or refuses, ERR_FATAL for
 * an edited file. */
bool schema_clickhouse_bring(const struct clickhouse_config *config, struct schema_report *report,
                             struct err *err);

#endif
