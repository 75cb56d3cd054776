#include "ctl/schema.h"

#include "ctl/schema_clickhouse.h"
#include "ctl/schema_postgres.h"

#include <stdio.h>

const struct command_option schema_options[] = {
    {"only", "DATABASE", "postgres or clickhouse"},
    {0},
};

/* Whether the name is one of those that --only may choose, and chosen. */
static bool is_chosen(const struct command_call *call, const char *name)
{
    const char *only = command_value(call, "only");

    return only == NULL || strcmp(only, name) == 0;
}

static bool bring_both(struct command_call *call, struct schema_report *report, struct err *err)
{
    const struct config *config = &call->config;

    if (!is_chosen(call, "postgres") && !is_chosen(call, "clickhouse")) {
        err_set(err, ERR_REJECT, "--only: write postgres or clickhouse");
        return false;
    }
    if (is_chosen(call, "postgres") && config->postgres.dsn[0] == '\0')
        schema_report_line(report, "PostgreSQL", "(postgres.dsn)", "not configured, nothing to do");
    else if (is_chosen(call, "postgres") && !schema_postgres_bring(&config->postgres, report, err))
        return false;
    return !is_chosen(call, "clickhouse") || schema_clickhouse_bring(&config->clickhouse, report, err);
}

static bool bring(struct command_call *call, bool is_check, bool *out_is_good, struct err *err)
{
    struct schema_report report;

    schema_report_begin(&report, is_check, call->as_json);
    bool is_done = bring_both(call, &report, err);
    *out_is_good = !report.has_missing && !report.has_edited;
    schema_report_end(&report);
    if (is_done && report.has_missing)
        (void)fprintf(stderr, "not up to date: run `millrace schema apply`\n");
    return is_done;
}

bool schema_apply(struct command_call *call, bool *out_is_good, struct err *err)
{
    return bring(call, false, out_is_good, err);
}

bool schema_check(struct command_call *call, bool *out_is_good, struct err *err)
{
    return bring(call, true, out_is_good, err);
}
