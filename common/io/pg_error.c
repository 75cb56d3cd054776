#include "common/io/pg_error.h"

#include "common/base/buf.h"

#include <libpq-fe.h>

void pg_error_set(struct err *err, enum err_kind kind, const char *context, const char *message)
{
    AUTO_BUF text = {0};
    const char *separator = "";

    while (*message != '\0') {
        size_t length = strcspn(message, "\n");
        struct slice line = slice_trim(slice_of(message, length));
        if (line.length > 0) {
            buf_append_text(&text, separator);
            buf_append_slice(&text, line);
            separator = "; ";
        }
        message += length + (message[length] == '\n');
    }
    err_set(err, kind, "%s: %s", context, buf_text(&text));
}

static enum err_kind kind_of_sqlstate(const char *sqlstate)
{
    static const char *const faults_of_values[] = {"22", "23", "54"};

    for (size_t i = 0; i < sizeof(faults_of_values) / sizeof(faults_of_values[0]); i++)
        if (strncmp(sqlstate, faults_of_values[i], 2) == 0)
            return ERR_REJECT;
    return ERR_RETRY;
}

/* No such table, column or function. */
static bool schema_is_missing(const char *sqlstate)
{
    return strcmp(sqlstate, "42P01") == 0 || strcmp(sqlstate, "42703") == 0 || strcmp(sqlstate, "42883") == 0;
}

void pg_error_of_result(const struct pg_result *result, struct err *err)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    char context[32] = "PostgreSQL";

    if (sqlstate != NULL)
        (void)snprintf(context, sizeof(context), "PostgreSQL (%s)", sqlstate);
    pg_error_set(err, sqlstate == NULL ? ERR_RETRY : kind_of_sqlstate(sqlstate), context,
                 message != NULL ? message : PQresultErrorMessage(result));
    if (sqlstate != NULL && schema_is_missing(sqlstate))
        err_prefix(err, "run `millrace schema apply`");
}

bool pg_error_check_dsn(const char *dsn, struct err *err)
{
    char *message = NULL;
    PQconninfoOption *options = PQconninfoParse(dsn, &message);

    if (options == NULL)
        pg_error_set(err, ERR_FATAL, "connection string of PostgreSQL",
                     message != NULL ? message : "no memory");
    PQconninfoFree(options);
    PQfreemem(message);
    return options != NULL;
}
