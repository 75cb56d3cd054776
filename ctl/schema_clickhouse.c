#include "ctl/schema_clickhouse.h"

#include "common/base/alloc.h"
#include "common/base/number.h"
#include "ctl/clickhouse_wait.h"
#include "ctl/sql_split.h"

#include <stdio.h>

#define DATABASE "ClickHouse"
#define AUTO_CLICKHOUSE __attribute__((cleanup(clickhouse_wait_free))) struct clickhouse_wait *

enum { CODE_UNKNOWN_TABLE = 60, CODE_UNKNOWN_DATABASE = 81 };

/* The last record of a number counts, should two have been at it. */
static const char bookkeeping_sql[] = "CREATE TABLE IF NOT EXISTS schema_migrations ("
                                      " number UInt32, name String, checksum String,"
                                      " applied_at DateTime64(3, 'UTC') DEFAULT now64(3))"
                                      " ENGINE = ReplacingMergeTree(applied_at) ORDER BY number";

static bool add_line(struct slice line, struct schema_applied_list *applied)
{
    struct slice number;
    struct slice name;
    uint64_t value;

    if (!slice_cut(&line, '\t', &number) || !slice_cut(&line, '\t', &name) || !number_u64(number, &value))
        return false;
    schema_applied_add(applied, (unsigned)value, name, line);
    return true;
}

static bool read_applied(struct clickhouse_wait *wait, struct schema_applied_list *applied, struct err *err)
{
    AUTO_BUF body = {0};
    struct slice line;

    if (!clickhouse_wait_ask(wait,
                             "SELECT number, name, checksum FROM schema_migrations FINAL ORDER BY number"
                             " FORMAT TabSeparated",
                             NULL, &body, err))
        return clickhouse_wait_code(wait) == CODE_UNKNOWN_TABLE; /* nothing was applied yet */
    struct slice rest = buf_slice(&body);
    while (slice_cut(&rest, '\n', &line)) {
        if (!add_line(line, applied)) {
            err_set(err, ERR_FATAL, DATABASE ": schema_migrations has an unreadable row");
            return false;
        }
    }
    return true;
}

static bool record(struct clickhouse_wait *wait, const struct schema_file *file, struct err *err)
{
    char number[16];
    char checksum[DIGEST_SHA256_HEX_BYTES];
    const struct clickhouse_pair parameters[] = {
        {"number", number}, {"name", file->name}, {"checksum", checksum}, {0}};

    (void)snprintf(number, sizeof(number), "%u", file->number);
    schema_plan_checksum(file, checksum);
    return clickhouse_wait_ask(wait,
                               "INSERT INTO schema_migrations (number, name, checksum)"
                               " SELECT {number:UInt32}, {name:String}, {checksum:String}",
                               parameters, NULL, err);
}

static bool apply_file(struct clickhouse_wait *wait, const struct schema_file *file, struct err *err)
{
    struct slice rest = slice_from(file->sql);
    struct slice statement;

    for (int number = 1; sql_split_next(&rest, &statement); number++) {
        AUTO_STRING sql = slice_dup(statement);
        if (!clickhouse_wait_ask(wait, sql, NULL, NULL, err)) {
            err_prefix(err, DATABASE " schema file %s, statement %d", file->name, number);
            return false;
        }
    }
    return record(wait, file, err);
}

static bool bring_file(struct clickhouse_wait *wait, const struct schema_file *file, enum schema_step step,
                       struct schema_report *report, struct err *err)
{
    const struct schema_finding finding = {DATABASE, file, step};
    bool is_to_apply;

    if (!schema_report_finding(report, &finding, &is_to_apply, err))
        return false;
    if (!is_to_apply)
        return true;
    if (!apply_file(wait, file, err))
        return false;
    schema_report_line(report, DATABASE, file->name, "applied");
    return true;
}

static bool bring_all(struct clickhouse_wait *wait, struct schema_report *report, struct err *err)
{
    __attribute__((cleanup(schema_applied_done))) struct schema_applied_list applied = {0};

    if (!report->is_check && !clickhouse_wait_ask(wait, bookkeeping_sql, NULL, NULL, err))
        return false;
    if (!read_applied(wait, &applied, err))
        return false;
    for (const struct schema_file *file = schema_files_clickhouse; file->name != NULL; file++)
        if (!bring_file(wait, file, schema_plan_step(file, &applied), report, err))
            return false;
    schema_report_newer(report, DATABASE, schema_plan_newer_count(schema_files_clickhouse, &applied));
    return true;
}

/* Through the server's own database, as none can be chosen that does not exist. */
static bool create_database(const struct clickhouse_config *config, struct err *err)
{
    AUTO_CLICKHOUSE wait = clickhouse_wait_new(config, "default");
    const struct clickhouse_pair parameters[] = {{"name", config->database}, {0}};

    if (clickhouse_wait_ask(wait, "CREATE DATABASE IF NOT EXISTS {name:Identifier}", parameters, NULL, err))
        return true;
    err_prefix(err, DATABASE ": create database %s", config->database);
    return false;
}

bool schema_clickhouse_bring(const struct clickhouse_config *config, struct schema_report *report,
                             struct err *err)
{
    AUTO_CLICKHOUSE wait = clickhouse_wait_new(config, config->database);

    /* Asked first, since CREATE DATABASE needs a right even where there is nothing to do. */
    if (clickhouse_wait_ask(wait, "SELECT 1", NULL, NULL, err))
        return bring_all(wait, report, err);
    if (clickhouse_wait_code(wait) != CODE_UNKNOWN_DATABASE)
        return false;
    if (report->is_check) {
        report->has_missing = true;
        schema_report_line(report, DATABASE, "(database)", "missing");
        return true;
    }
    if (!create_database(config, err))
        return false;
    schema_report_line(report, DATABASE, "(database)", "made");
    return bring_all(wait, report, err);
}
