/*
 * clickhouse_wait.h - ClickHouse for a command: a query, waited for on a loop of its own.
 */
#ifndef MILLRACE_CLICKHOUSE_WAIT_H
#define MILLRACE_CLICKHOUSE_WAIT_H

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/io/clickhouse.h"
#include "common/service/config.h"

#include <stdbool.h>

struct clickhouse_wait;

/* Keeps config. database: keeps; may be another than the configured one. */
struct clickhouse_wait *clickhouse_wait_new(const struct clickhouse_config *config, const char *database);
void clickhouse_wait_free(struct clickhouse_wait **wait);

/* sql and parameters as in clickhouse.h. The answer's body is appended to out_body (NULL: thrown away).
 * ERR_RETRY, whatever the server refused. */
bool clickhouse_wait_ask(struct clickhouse_wait *wait, const char *sql,
                         const struct clickhouse_pair *parameters, struct buf *out_body, struct err *err);

/* For a question that another part asks: of this client, with the callback below and the wait as its owner.
 * Then clickhouse_wait_answer waits for the answer, as above. */
struct clickhouse *clickhouse_wait_client(const struct clickhouse_wait *wait);
void clickhouse_wait_on_result(void *owner, const struct clickhouse_result *result);
bool clickhouse_wait_answer(struct clickhouse_wait *wait, struct buf *out_body, struct err *err);

/* ClickHouse's code when it refused the last query, else 0. */
int clickhouse_wait_code(const struct clickhouse_wait *wait);

#endif
