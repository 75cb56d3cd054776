/*
 * schema_report.h - what was found and done in the databases, told line by line or as one JSON object.
 */
#ifndef MILLRACE_SCHEMA_REPORT_H
#define MILLRACE_SCHEMA_REPORT_H

#include "common/base/buf.h"
#include "common/base/err.h"
#include "ctl/schema_plan.h"

struct schema_report {
    bool is_check; /* tells what is there, changes nothing */
    bool as_json;
    bool has_missing; /* something is not applied */
    bool has_edited;  /* something was edited after it was applied */
    struct buf json;  /* members of the array so far */
};

void schema_report_begin(struct schema_report *report, bool is_check, bool as_json);

/* database: "PostgreSQL". state: "applied", "unchanged", "missing", ... */
void schema_report_line(struct schema_report *report, const char *database, const char *name,
                        const char *state);

/* A file, and what is to be done about it. */
struct schema_finding {
    const char *database;
    const struct schema_file *file;
    enum schema_step step;
};

/* Whether the file is to be applied now: a check applies nothing. Tells of those that are not. False with
 * ERR_FATAL for one that was edited after it was applied, unless this is a check. */
bool schema_report_finding(struct schema_report *report, const struct schema_finding *finding,
                           bool *out_is_to_apply, struct err *err);

/* The newer_count of schema_plan_newer_count, when it is not 0. */
void schema_report_newer(struct schema_report *report, const char *database, size_t newer_count);

/* Prints what is left and frees. */
void schema_report_end(struct schema_report *report);

#endif
