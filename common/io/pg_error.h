/*
 * pg_error.h - what libpq says, as a struct err: one line, with the kind by its SQLSTATE. Pure.
 */
#ifndef MILLRACE_PG_ERROR_H
#define MILLRACE_PG_ERROR_H

#include "common/base/err.h"

#include <stdbool.h>

struct pg_result; /* libpq's PGresult */

/* "context: message", the message's lines (libpq's texts have several) joined by "; ". */
void pg_error_set(struct err *err, enum err_kind kind, const char *context, const char *message);

/* Of a result that failed: ERR_REJECT when the values themselves are at fault (SQLSTATE classes 22, 23 and
 * 54), else ERR_RETRY, as a missing table or right can be mended;
 * the text says how to make a missing table. */
void pg_error_of_result(const struct pg_result *result, struct err *err);

/* False with ERR_FATAL for a connection string that libpq can't parse. */
bool pg_error_check_dsn(const char *dsn, struct err *err);

#endif
