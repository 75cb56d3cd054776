/*
 * postgres.h - PostgreSQL for a command: one statement after the other, each waited for. Parameters only.
 */
#ifndef MILLRACE_CTL_POSTGRES_H
#define MILLRACE_CTL_POSTGRES_H

#include "common/base/err.h"
#include "common/service/config.h"

#include <libpq-fe.h>

enum postgres_connect {
    POSTGRES_CONNECTED,
    POSTGRES_NO_DATABASE, /* the server is there, the database is not */
    POSTGRES_FAILED,
};

/* Gives a connection on POSTGRES_CONNECTED, to be ended with PQfinish; else fills err. */
enum postgres_connect postgres_connect(const struct postgres_config *config, PGconn **out_connection,
                                       struct err *err);

/* Makes the database that the configuration names, through the server's database "postgres". */
bool postgres_create_database(const struct postgres_config *config, struct err *err);

/* These two give ERR_RETRY, whatever the server refused. */

/* Runs one statement with text parameters (NULL is SQL NULL). Gives a result, to be ended with PQclear. */
bool postgres_ask(PGconn *connection, const char *sql, int parameter_count, const char *const *parameters,
                  PGresult **out_result, struct err *err);

/* Runs any number of statements without parameters; the rows are thrown away. */
bool postgres_run(PGconn *connection, const char *sql, struct err *err);

/* For __attribute__((cleanup)). */
void postgres_finish(PGconn **connection);
void postgres_clear(PGresult **result);

#define AUTO_POSTGRES __attribute__((cleanup(postgres_finish))) PGconn *
#define AUTO_RESULT __attribute__((cleanup(postgres_clear))) PGresult *

#endif
