/*
 * pg.h - PostgreSQL on the loop (libpq, asynchronous). One connection, made again by itself with backoff
 * when it is lost; statements wait in line and time out. Parameters only, never SQL text from outside.
 * Loop thread only; nothing blocks (name look-ups are done by libpq: give an address where it matters).
 */
#ifndef MILLRACE_PG_H
#define MILLRACE_PG_H

#include "common/base/err.h"
#include "common/base/slice.h"

#include <stdint.h>

struct loop;
struct pg;

enum { PG_PARAMETERS_MAX = 16 };

struct pg_settings {
    const char *dsn;      /* libpq connection string without password; the three: keeps */
    const char *password; /* NULL: none */
    const char *channel;  /* LISTENed to on every connection; NULL: none */
    uint32_t connect_timeout_ms;
    uint32_t statement_timeout_ms; /* from pg_ask to the answer; also set on the server */

    /* Connected, for the first time or again: whatever was cached may be stale. May be NULL. */
    void (*on_connected)(void *owner);
    /* The connection was lost, or a try to make one failed: once for each. May be NULL. */
    void (*on_away)(void *owner, const struct err *err);
    /* A NOTIFY on the channel. May be NULL. */
    void (*on_notify)(void *owner, const char *payload);
    void *owner; /* keeps */
};

/* Rows of a result; borrows until the callback returns. */
struct pg_rows;

int pg_row_count(const struct pg_rows *rows);

/* A field as text; empty with data NULL for NULL. row and column from 0. */
struct slice pg_field(const struct pg_rows *rows, int row, int column);

/* Rows changed by an INSERT, UPDATE or DELETE. */
uint64_t pg_changed_count(const struct pg_rows *rows);

/* rows NULL: failed, see err. ERR_REJECT when the values themselves are at fault (SQLSTATE classes 22, 23
 * and 54), so that no other try can succeed; else ERR_RETRY: the server is away or too slow, and a change
 * may have been made or not, or a table or a right is missing. */
typedef void pg_on_rows(void *owner, const struct pg_rows *rows, const struct err *err);

struct pg_statement {
    const char *sql;                           /* a literal */
    const char *parameters[PG_PARAMETERS_MAX]; /* text; NULL inside the count is SQL NULL; copied */
    int parameter_count;
    pg_on_rows *on_rows; /* called exactly once, never from within pg_ask */
    void *owner;         /* keeps */
};

/* Begins to connect; a server that is away is no error here. False with ERR_FATAL for a DSN that libpq
 * can't parse. */
bool pg_start(struct loop *loop, const struct pg_settings *settings, struct pg **out_pg, struct err *err);

/* Closes; statements still waiting are dropped without a callback. Not from within a callback. */
void pg_stop(struct pg **pg);

/* While not connected the statement waits up to statement_timeout_ms. */
void pg_ask(struct pg *pg, const struct pg_statement *statement);

#endif
