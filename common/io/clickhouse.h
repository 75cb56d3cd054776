/*
 * clickhouse.h - ClickHouse over its HTTP interface, on the loop. Values travel as query parameters or
 * as the body, never inside SQL text. Loop thread only; nothing blocks.
 */
#ifndef MILLRACE_CLICKHOUSE_H
#define MILLRACE_CLICKHOUSE_H

#include "common/base/err.h"
#include "common/base/slice.h"

#include <stdint.h>

struct loop;
struct clickhouse;
struct clickhouse_call;

struct clickhouse_settings {
    const char *url;     /* "http://127.0.0.1:18123"; the five: keeps */
    const char *ca_file; /* as http_client's */
    const char *user;
    const char *password; /* may be empty */
    const char *database;
    uint32_t connect_timeout_ms;
    uint32_t connections;
};

/* A name and a value: a setting of the query, or, as {name:Type} in the SQL, a parameter of it. The value of
 * an Array, Map or Tuple parameter is a literal such as ['a','b'], whose strings the caller escapes. */
struct clickhouse_pair {
    const char *name;
    const char *value; /* any bytes but NUL; escaped as needed */
};

/* Settings of a question whose answer decides what is stored: on a cluster a replica that lags would deny
 * rows that are there. */
extern const struct clickhouse_pair clickhouse_settings_consistent[];

enum clickhouse_outcome {
    CLICKHOUSE_DONE,      /* answered 200, whole answer read */
    CLICKHOUSE_REFUSED,   /* answered an error; `code` is ClickHouse's, 0 if it gave none */
    CLICKHOUSE_NO_ANSWER, /* nothing or half an answer: it may have been done or not */
};

struct clickhouse_result {
    enum clickhouse_outcome outcome;
    int code;           /* when refused, such as 60 (no such table) */
    bool is_data_fault; /* refused with one of the codes that say the rows themselves are bad */
    struct slice body;  /* when done; borrows until the callback returns */
    struct err err;     /* when not done: ERR_REJECT for a fault of the data, else ERR_RETRY; what and why */
    uint32_t duration_ms;
};

typedef void clickhouse_on_result(void *owner, const struct clickhouse_result *result);

/* The next bytes of an answer; may not cancel the call. */
typedef void clickhouse_on_piece(void *owner, struct slice piece);

/* Many values for a question: a table of its own in the SQL, for as long as it runs. */
struct clickhouse_external {
    const char *name;      /* in the SQL */
    const char *structure; /* such as "identity UInt64" */
    struct slice rows;     /* RowBinary; copied */
};

struct clickhouse_query {
    const char *sql;                          /* copied */
    const struct clickhouse_pair *parameters; /* copied; ends with a NULL name; may be NULL */
    const struct clickhouse_pair *settings;   /* copied; the same */
    const char *query_id;                     /* NULL: none. Two with one id never run at once (code 216) */
    struct slice data;                        /* body of an INSERT; keeps until on_result */
    struct clickhouse_external external;      /* of a SELECT; name NULL: none */
    uint32_t timeout_ms;
    uint32_t answer_max_bytes;
    clickhouse_on_piece *on_piece;   /* the answer as it comes, however long, and none with on_result, which
                                        alone says whether it was whole; NULL: whole, with on_result */
    clickhouse_on_result *on_result; /* called exactly once, unless cancelled */
    void *owner;                     /* keeps */
};

struct clickhouse *clickhouse_new(struct loop *loop, const struct clickhouse_settings *settings);
void clickhouse_free(struct clickhouse **clickhouse);

struct clickhouse_call *clickhouse_ask(struct clickhouse *clickhouse, const struct clickhouse_query *query);

/* on_result will not be called; the server may still do what was asked. */
void clickhouse_cancel(struct clickhouse_call *call);

#endif
