#include "ctl/schema_report.h"

#include "common/codec/json_write.h"

#include <stdio.h>

void schema_report_begin(struct schema_report *report, bool is_check, bool as_json)
{
    *report = (struct schema_report){.is_check = is_check, .as_json = as_json};
}

void schema_report_line(struct schema_report *report, const char *database, const char *name,
                        const char *state)
{
    if (!report->as_json) {
        (void)printf("%-10s  %-24s  %s\n", database, name, state);
        return;
    }
    if (report->json.length > 0)
        buf_append_byte(&report->json, ',');
    buf_append_byte(&report->json, '{');
    json_write_member(&report->json, "database", slice_from(database));
    json_write_member(&report->json, "name", slice_from(name));
    json_write_member(&report->json, "state", slice_from(state));
    buf_append_byte(&report->json, '}');
}

static void tell_finding(struct schema_report *report, const struct schema_finding *finding)
{
    enum schema_step step = finding->step;

    if (step == SCHEMA_STEP_REPEAT)
        return;
    report->has_missing = report->has_missing || step == SCHEMA_STEP_PENDING;
    report->has_edited = report->has_edited || step == SCHEMA_STEP_EDITED;
    schema_report_line(report, finding->database, finding->file->name,
                       step == SCHEMA_STEP_APPLIED   ? "unchanged"
                       : step == SCHEMA_STEP_PENDING ? "missing"
                                                     : "edited since it was applied");
}

bool schema_report_finding(struct schema_report *report, const struct schema_finding *finding,
                           bool *out_is_to_apply, struct err *err)
{
    if (finding->step == SCHEMA_STEP_EDITED && !report->is_check) {
        err_set(err, ERR_FATAL,
                "%s schema file %s was edited after it was applied: restore it, and make the change in a new "
                "file",
                finding->database, finding->file->name);
        return false;
    }
    *out_is_to_apply = finding->step != SCHEMA_STEP_APPLIED && !report->is_check;
    if (!*out_is_to_apply)
        tell_finding(report, finding);
    return true;
}

void schema_report_newer(struct schema_report *report, const char *database, size_t newer_count)
{
    char name[64];

    if (newer_count == 0)
        return;
    (void)snprintf(name, sizeof(name), "(%zu more)", newer_count);
    schema_report_line(report, database, name, "applied by a newer release");
}

void schema_report_end(struct schema_report *report)
{
    if (report->as_json)
        (void)printf("{\"schema\":[%s]}\n", buf_text(&report->json));
    buf_done(&report->json);
}
