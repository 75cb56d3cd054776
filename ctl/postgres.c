#include "ctl/postgres.h"

#include "common/base/alloc.h"
#include "common/io/pg_error.h"

void postgres_finish(PGconn **connection)
{
    PQfinish(*connection);
    *connection = NULL;
}

void postgres_clear(PGresult **result)
{
    PQclear(*result);
    *result = NULL;
}

/* Notices such as "already exists, skipping" are no news to an operator. */
static void on_notice(void *context, const char *message)
{
    (void)context;
    (void)message;
}

/* database NULL: the one of the connection string. */
static PGconn *connect_to(const struct postgres_config *config, const char *database)
{
    AUTO_STRING timeout = xasprintf("%u", (unsigned)((config->connect_timeout_ms + 999) / 1000));
    /* The connection string stands in the first dbname; what stands behind it prevails. */
    const char *const names[] = {"fallback_application_name",
                                 "dbname",
                                 "client_encoding",
                                 "connect_timeout",
                                 config->password.text != NULL ? "password" : "client_encoding",
                                 database != NULL ? "dbname" : NULL,
                                 NULL};
    const char *const values[] = {"millrace",
                                  config->dsn,
                                  "UTF8",
                                  timeout,
                                  config->password.text != NULL ? config->password.text : "UTF8",
                                  database,
                                  NULL};
    PGconn *connection = PQconnectdbParams(names, values, 1);

    (void)PQsetNoticeProcessor(connection, on_notice, NULL);
    return connection;
}

/* Gives the name of the configured database, as libpq understands the connection string. */
static char *database_name(const PGconn *connection)
{
    const char *name = PQdb(connection);

    return xstrdup(name != NULL ? name : "");
}

static bool database_exists(PGconn *connection, const char *name, bool *out_exists, struct err *err)
{
    AUTO_RESULT result = NULL;

    if (!postgres_ask(connection, "SELECT 1 FROM pg_database WHERE datname = $1", 1, &name, &result, err))
        return false;
    *out_exists = PQntuples(result) > 0;
    return true;
}

enum postgres_connect postgres_connect(const struct postgres_config *config, PGconn **out_connection,
                                       struct err *err)
{
    AUTO_POSTGRES connection = connect_to(config, NULL);
    struct err ignored;
    bool exists = true;

    if (PQstatus(connection) == CONNECTION_OK) {
        *out_connection = connection;
        connection = NULL;
        return POSTGRES_CONNECTED;
    }
    pg_error_set(err, ERR_RETRY, "PostgreSQL", PQerrorMessage(connection));
    /* libpq gives no SQLSTATE for a refused connection, and its text is in the server's language. */
    AUTO_STRING name = database_name(connection);
    AUTO_POSTGRES neighbour = connect_to(config, "postgres");
    if (PQstatus(neighbour) == CONNECTION_OK && database_exists(neighbour, name, &exists, &ignored) &&
        !exists)
        return POSTGRES_NO_DATABASE;
    return POSTGRES_FAILED;
}

bool postgres_create_database(const struct postgres_config *config, struct err *err)
{
    AUTO_POSTGRES missing = connect_to(config, NULL);
    AUTO_STRING name = database_name(missing);
    AUTO_POSTGRES connection = connect_to(config, "postgres");
    struct err ignored;
    bool exists = false;

    if (PQstatus(connection) != CONNECTION_OK) {
        pg_error_set(err, ERR_RETRY, "PostgreSQL, database \"postgres\"", PQerrorMessage(connection));
        return false;
    }
    char *identifier = PQescapeIdentifier(connection, name, strlen(name));
    if (identifier == NULL) {
        pg_error_set(err, ERR_FATAL, "name of the database", PQerrorMessage(connection));
        return false;
    }
    AUTO_STRING sql = xasprintf("CREATE DATABASE %s ENCODING 'UTF8' TEMPLATE template0", identifier);
    PQfreemem(identifier);
    if (postgres_run(connection, sql, err))
        return true;
    err_prefix(err, "create database %s", name);
    /* Another `schema apply` may have been faster. */
    return database_exists(connection, name, &exists, &ignored) && exists;
}

static bool is_good(const PGresult *result)
{
    return PQresultStatus(result) == PGRES_TUPLES_OK || PQresultStatus(result) == PGRES_COMMAND_OK;
}

static void fail(PGconn *connection, const PGresult *result, struct err *err)
{
    if (result != NULL && PQstatus(connection) == CONNECTION_OK)
        pg_error_of_result(result, err);
    else
        pg_error_set(err, ERR_RETRY, "PostgreSQL", PQerrorMessage(connection));
    err->kind = ERR_RETRY; /* the arguments are checked before: a refusal here is no misuse of the command */
}

bool postgres_ask(PGconn *connection, const char *sql, int parameter_count, const char *const *parameters,
                  PGresult **out_result, struct err *err)
{
    PGresult *result = PQexecParams(connection, sql, parameter_count, NULL, parameters, NULL, NULL, 0);

    if (is_good(result)) {
        *out_result = result;
        return true;
    }
    fail(connection, result, err);
    PQclear(result);
    return false;
}

bool postgres_run(PGconn *connection, const char *sql, struct err *err)
{
    AUTO_RESULT result = PQexec(connection, sql);

    if (is_good(result))
        return true;
    fail(connection, result, err);
    return false;
}
