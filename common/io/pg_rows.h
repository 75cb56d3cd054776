/*
 * pg_rows.h - what pg.h's struct pg_rows is made of: a result of libpq. For pg.c alone.
 */
#ifndef MILLRACE_PG_ROWS_H
#define MILLRACE_PG_ROWS_H

#include <libpq-fe.h>
#include <stdbool.h>

struct pg_rows {
    PGresult *result; /* keeps */
};

/* Whether the statement succeeded, with rows or without. */
bool pg_rows_is_good(const PGresult *result);

#endif
