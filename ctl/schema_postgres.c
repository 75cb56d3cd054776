#include "ctl/schema_postgres.h"

#include "common/base/number.h"
#include "ctl/postgres.h"

#include <stdio.h>

#define DATABASE "PostgreSQL"

/* Any number that no other program is likely to take: "millrace" in ASCII. */
#define LOCK_KEY "7883951835720016741"

static const char bookkeeping_sql[] = "CREATE TABLE IF NOT EXISTS schema_migrations ("
                                      " number integer PRIMARY KEY,"
                                      " name text NOT NULL,"
                                      " checksum text NOT NULL,"
                                      " applied_at timestamptz NOT NULL DEFAULT now())";

/* Waits for its turn; a lost connection ends the lock. */
static bool lock(PGconn *connection, struct err *err)
{
    AUTO_RESULT result = NULL;

    if (!postgres_ask(connection, "SELECT pg_try_advisory_lock(" LOCK_KEY ")", 0, NULL, &result, err))
        return false;
    if (strcmp(PQgetvalue(result, 0, 0), "t") == 0)
        return true;
    (void)fprintf(stderr, "waiting for another `millrace schema apply`\n");
    return postgres_run(connection, "SELECT pg_advisory_lock(" LOCK_KEY ")", err);
}

static bool read_applied(PGconn *connection, struct schema_applied_list *applied, struct err *err)
{
    AUTO_RESULT exists = NULL;
    AUTO_RESULT rows = NULL;
    uint64_t number;

    if (!postgres_ask(connection, "SELECT to_regclass('schema_migrations') IS NOT NULL", 0, NULL, &exists,
                      err))
        return false;
    if (strcmp(PQgetvalue(exists, 0, 0), "t") != 0)
        return true;
    if (!postgres_ask(connection, "SELECT number, name, checksum FROM schema_migrations ORDER BY number", 0,
                      NULL, &rows, err))
        return false;
    for (int row = 0; row < PQntuples(rows); row++) {
        if (!number_u64(slice_from(PQgetvalue(rows, row, 0)), &number)) {
            err_set(err, ERR_FATAL, "schema_migrations has a negative number");
            return false;
        }
        schema_applied_add(applied, (unsigned)number, slice_from(PQgetvalue(rows, row, 1)),
                           slice_from(PQgetvalue(rows, row, 2)));
    }
    return true;
}

static bool record(PGconn *connection, const struct schema_file *file, struct err *err)
{
    AUTO_RESULT result = NULL;
    char number[16];
    char checksum[DIGEST_SHA256_HEX_BYTES];
    const char *const parameters[] = {number, file->name, checksum};

    if (file->number == 0)
        return true;
    (void)snprintf(number, sizeof(number), "%u", file->number);
    schema_plan_checksum(file, checksum);
    return postgres_ask(connection,
                        "INSERT INTO schema_migrations (number, name, checksum) VALUES ($1, $2, $3)", 3,
                        parameters, &result, err);
}

/* A failure leaves the transaction open; it ends with the connection, undone. */
static bool apply_file(PGconn *connection, const struct schema_file *file, struct err *err)
{
    if (postgres_run(connection, "BEGIN", err) && postgres_run(connection, file->sql, err) &&
        record(connection, file, err) && postgres_run(connection, "COMMIT", err))
        return true;
    err_prefix(err, DATABASE " schema file %s", file->name);
    return false;
}

static bool bring_file(PGconn *connection, const struct schema_file *file, enum schema_step step,
                       struct schema_report *report, struct err *err)
{
    const struct schema_finding finding = {DATABASE, file, step};
    bool is_to_apply;

    if (!schema_report_finding(report, &finding, &is_to_apply, err))
        return false;
    if (!is_to_apply)
        return true;
    if (!apply_file(connection, file, err))
        return false;
    if (step == SCHEMA_STEP_PENDING)
        schema_report_line(report, DATABASE, file->name, "applied");
    return true;
}

static bool bring_all(PGconn *connection, struct schema_report *report, struct err *err)
{
    __attribute__((cleanup(schema_applied_done))) struct schema_applied_list applied = {0};

    if (!report->is_check && (!lock(connection, err) || !postgres_run(connection, bookkeeping_sql, err)))
        return false;
    if (!read_applied(connection, &applied, err))
        return false;
    for (const struct schema_file *file = schema_files_postgres; file->name != NULL; file++)
        if (!bring_file(connection, file, schema_plan_step(file, &applied), report, err))
            return false;
    schema_report_newer(report, DATABASE, schema_plan_newer_count(schema_files_postgres, &applied));
    return true;
}

bool schema_postgres_bring(const struct postgres_config *config, struct schema_report *report,
                           struct err *err)
{
    AUTO_POSTGRES connection = NULL;
    enum postgres_connect answer = postgres_connect(config, &connection, err);

    if (answer == POSTGRES_NO_DATABASE && report->is_check) {
        report->has_missing = true;
        schema_report_line(report, DATABASE, "(database)", "missing");
        return true;
    }
    if (answer == POSTGRES_NO_DATABASE) {
        if (!postgres_create_database(config, err))
            return false;
        schema_report_line(report, DATABASE, "(database)", "made");
        answer = postgres_connect(config, &connection, err);
    }
    return answer == POSTGRES_CONNECTED && bring_all(connection, report, err);
}
