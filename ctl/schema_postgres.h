/*
 * schema_postgres.h - the schema in PostgreSQL: each file in a transaction of its own, recorded in the same
 * one; an advisory lock keeps two at once apart.
 */
#ifndef MILLRACE_SCHEMA_POSTGRES_H
#define MILLRACE_SCHEMA_POSTGRES_H

#include "common/service/config.h"
#include "ctl/schema_report.h"

/* Applies, or with report->is_check only tells. ERR_RETRY when the server is away or refuses, ERR_FATAL for
 * an edited file. */
bool schema_postgres_bring(const struct postgres_config *config, struct schema_report *report,
                           struct err *err);

#endif
