#include "ctl/offsets.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/number.h"
#include "common/codec/json_write.h"
#include "common/event/topics.h"
#include "common/service/journal.h"
#include "ctl/offset_survey.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

enum {
    MEMBERS_GONE_MS = 30000, /* a static member that has ended stays in the group for session.timeout.ms */
    LOOK_AGAIN_MS = 500,
    METADATA_SHOWN_BYTES = 200,
};

#define AUTO_SURVEY __attribute__((cleanup(offset_survey_free))) struct offset_survey *

const struct command_option offsets_show_options[] = {
    {"group", "STAGE", "default: consumer-primary, the only one so far"},
    {0},
};

const struct command_option offsets_accept_options[] = {
    {"partition", "N", "the partition; required"},
    {"offset", "M",
     "go on there; default: where the position stands, or the\n"
     "                           log's start when that is above it"},
    {"forwarded", NULL, "count what is below as forwarded: gives up what can't be"},
    {"yes", NULL, "do it, without asking on a terminal"},
    {"timeout", "DURATION", "how long to wait for the group's workers to end; default: 30s"},
    {"group", "STAGE", "default: consumer-primary, the only one so far"},
    {0},
};

static bool find_stage(const struct command_call *call, struct offset_stage *out_stage, struct err *err)
{
    const char *name = command_value(call, "group");

    if (name != NULL && strcmp(name, "consumer-primary") != 0) {
        err_set(err, ERR_REJECT, "--group %.50s: there is consumer-primary", name);
        return false;
    }
    *out_stage = (struct offset_stage){
        .name = "consumer-primary",
        .group = GROUP_PRIMARY,
        .topic = call->config.topics.events,
        .forward_topic = call->config.topics.post_processing,
        .table = "events",
    };
    return true;
}

/* ---- show ---- */

static void write_offset(struct buf *out, bool is_known, int64_t offset)
{
    if (is_known)
        buf_printf(out, "%" PRId64, offset);
    else
        buf_append_byte(out, '-');
}

static void print_heading(void)
{
    (void)printf("%-9s  %-9s  %10s  %5s  %10s  %10s  %10s  %10s  %s\n", "partition", "state", "committed",
                 "epoch", "forwarded", "log_start", "log_end", "newest_row", "notes");
}

static void print_line(int32_t partition, const struct offset_facts *facts, enum offset_state state,
                       struct buf *notes)
{
    bool is_read = facts->has_commit && facts->reading == PLAN_READ;
    AUTO_BUF committed = {0};
    AUTO_BUF epoch = {0};
    AUTO_BUF forwarded = {0};
    AUTO_BUF row = {0};

    write_offset(&committed, facts->has_commit, facts->committed);
    write_offset(&epoch, is_read, facts->state.epoch);
    write_offset(&forwarded, is_read && facts->state.forwarded >= 0, facts->state.forwarded);
    write_offset(&row, facts->has_row, facts->row_offset);
    if (is_read && facts->state.has_plan)
        buf_printf(notes, "%splan of %" PRIu32 " records to %" PRId64 ", started %" PRIu32 " times",
                   notes->length > 0 ? "; " : "", facts->state.plan.count, facts->state.plan.last,
                   facts->state.plan.starts);
    if (is_read && facts->state.suspect_until >= 0)
        buf_printf(notes, "%ssuspects to %" PRId64, notes->length > 0 ? "; " : "",
                   facts->state.suspect_until);
    (void)printf("%-9d  %-9s  %10s  %5s  %10s  %10" PRId64 "  %10" PRId64 "  %10s  %s\n", partition,
                 offset_state_name(state), buf_text(&committed), buf_text(&epoch), buf_text(&forwarded),
                 facts->low, facts->high, buf_text(&row), buf_text(notes));
}

static void write_json_number(struct buf *out, const char *name, bool is_known, int64_t value)
{
    if (is_known)
        json_write_i64_member(out, name, value);
    else
        json_write_raw_member(out, name, SLICE("null"));
}

static void write_json_plan(struct buf *out, const struct plan *plan)
{
    AUTO_BUF json = {0};

    buf_append_byte(&json, '{');
    json_write_i64_member(&json, "first", plan->first);
    json_write_i64_member(&json, "last", plan->last);
    json_write_i64_member(&json, "count", plan->count);
    json_write_i64_member(&json, "starts", plan->starts);
    buf_append_byte(&json, '}');
    json_write_raw_member(out, "plan", buf_slice(&json));
}

static void write_json(struct buf *out, int32_t partition, const struct offset_facts *facts,
                       enum offset_state state, const struct buf *notes)
{
    bool is_read = facts->has_commit && facts->reading == PLAN_READ;

    buf_append_text(out, out->length > 0 ? ",{" : "{");
    json_write_i64_member(out, "partition", partition);
    json_write_member(out, "state", slice_from(offset_state_name(state)));
    write_json_number(out, "committed", facts->has_commit, facts->committed);
    write_json_number(out, "epoch", is_read, facts->state.epoch);
    write_json_number(out, "forwarded", is_read && facts->state.forwarded >= 0, facts->state.forwarded);
    write_json_number(out, "suspect_until", is_read && facts->state.suspect_until >= 0,
                      facts->state.suspect_until);
    if (is_read && facts->state.has_plan)
        write_json_plan(out, &facts->state.plan);
    else
        json_write_raw_member(out, "plan", SLICE("null"));
    json_write_i64_member(out, "log_start", facts->low);
    json_write_i64_member(out, "log_end", facts->high);
    write_json_number(out, "newest_row", facts->has_row, facts->row_offset);
    write_json_number(out, "newest_row_epoch", facts->has_row, facts->row_epoch);
    json_write_member(out, "notes", buf_slice(notes));
    buf_append_byte(out, '}');
}

bool offsets_show(struct command_call *call, bool *out_is_good, struct err *err)
{
    AUTO_SURVEY survey = NULL;
    AUTO_BUF json = {0};
    struct offset_stage stage;
    int count;

    if (!find_stage(call, &stage, err) || !offset_survey_new(&call->config, &stage, &survey, err) ||
        !offset_survey_count(survey, &count, err))
        return false;
    if (!call->as_json)
        print_heading();
    for (int32_t partition = 0; partition < count; partition++) {
        AUTO_BUF metadata = {0};
        AUTO_BUF notes = {0};
        struct offset_facts facts;
        if (!offset_survey_look(survey, partition, &facts, &metadata, err))
            return false;
        enum offset_state state = offset_plan_judge(&facts, &notes);
        *out_is_good = *out_is_good && state == OFFSET_GOOD;
        if (call->as_json)
            write_json(&json, partition, &facts, state, &notes);
        else
            print_line(partition, &facts, state, &notes);
    }
    if (call->as_json)
        (void)printf("{\"partitions\":[%s]}\n", buf_text(&json));
    else if (!*out_is_good)
        (void)fprintf(stderr, "a person must decide: `millrace offsets accept --partition N`\n");
    return true;
}

/* ---- accept ---- */

struct acceptance {
    struct group_client *group;
    struct offset_stage stage;
    struct offset_change change;
    struct kafka_position position; /* what is committed; its metadata is the next */
    char metadata[PLAN_METADATA_BYTES];
    uint64_t timeout_ms;
};

static void change_done(struct acceptance *acceptance)
{
    buf_done(&acceptance->change.effects);
}

static bool read_wish(const struct command_call *call, int partition_count, struct offset_wish *out_wish,
                      int32_t *out_partition, struct err *err)
{
    const char *partition_text = command_value(call, "partition");
    const char *offset_text = command_value(call, "offset");
    uint64_t partition;
    uint64_t offset = 0;

    if (partition_text == NULL || !number_u64(slice_from(partition_text), &partition) ||
        partition >= (uint64_t)partition_count) {
        err_set(err, ERR_REJECT, "--partition must be a number from 0 to %d", partition_count - 1);
        return false;
    }
    if (offset_text != NULL && (!number_u64(slice_from(offset_text), &offset) || offset > INT64_MAX)) {
        err_set(err, ERR_REJECT, "--offset %.50s is no offset", offset_text);
        return false;
    }
    *out_partition = (int32_t)partition;
    *out_wish = (struct offset_wish){
        .offset = offset_text != NULL ? (int64_t)offset : PLAN_OFFSET_NONE,
        .gives_up_debt = command_value(call, "forwarded") != NULL,
    };
    return true;
}

/* Whether the person agrees. */
static bool is_agreed(const struct command_call *call, bool *out_is_good, struct err *err)
{
    char answer[8];

    if (command_value(call, "yes") != NULL)
        return true;
    if (isatty(STDIN_FILENO) == 0) {
        err_set(err, ERR_REJECT, "nothing is changed: add --yes to do this");
        return false;
    }
    (void)fprintf(stderr, "Do this? [y/N] ");
    if (fgets(answer, sizeof(answer), stdin) != NULL &&
        (strcmp(answer, "y\n") == 0 || strcmp(answer, "yes\n") == 0))
        return true;
    *out_is_good = false;
    err_set(err, ERR_FATAL, "nothing is changed");
    return false;
}

static void tell_to_stop(const struct acceptance *acceptance, const struct buf *members)
{
    (void)fprintf(stderr,
                  "waiting until the workers of the group have ended: %.*s\n"
                  "(systemctl stop 'millrace-%s@*'; one that has ended is in the group for 10 s more)\n",
                  SLICE_ARG(buf_slice(members)), acceptance->stage.name);
}

/* Waits until the group has no members. */
static bool commit_without_members(struct acceptance *acceptance, struct err *err)
{
    uint64_t end_ms = clock_monotonic_ms() + acceptance->timeout_ms;
    bool has_told = false;

    for (;;) {
        AUTO_BUF members = {0};
        enum group_commit answer =
            group_client_commit(acceptance->group, acceptance->stage.topic, &acceptance->position, err);
        if (answer != GROUP_HAS_MEMBERS)
            return answer == GROUP_COMMITTED;
        if (!group_client_members(acceptance->group, &members, err))
            return false;
        if (clock_monotonic_ms() >= end_ms) {
            err_set(
                err, ERR_FATAL,
                "nothing is changed: the group still has members, %.300s: stop its workers (systemctl stop "
                "'millrace-%s@*'), and start them after this",
                buf_text(&members), acceptance->stage.name);
            return false;
        }
        if (!has_told)
            tell_to_stop(acceptance, &members);
        has_told = true;
        (void)usleep(LOOK_AGAIN_MS * 1000);
    }
}

/* A worker that has stopped the partition works on others alone, and looks every 10 s whether it may go on
 * with this one. */
static bool commit(struct acceptance *acceptance, enum offset_state state, struct err *err)
{
    if (state != OFFSET_CHANGED && state != OFFSET_LOST && state != OFFSET_FOREIGN)
        return commit_without_members(acceptance, err);
    switch (group_client_commit(acceptance->group, acceptance->stage.topic, &acceptance->position, err)) {
    case GROUP_COMMITTED:
        return true;
    case GROUP_HAS_MEMBERS:
        break;
    case GROUP_FAILED:
        return false;
    }
    if (group_client_commit_beside(acceptance->group, acceptance->stage.topic, &acceptance->position, err))
        return true;
    err_prefix(
        err,
        "nothing is changed beside the group's workers; stop them (systemctl stop 'millrace-%s@*') and "
        "repeat this",
        acceptance->stage.name);
    return false;
}

/* For whoever asks later why offsets were skipped. */
static void log_audit(const struct acceptance *acceptance, struct slice before)
{
    const struct passwd *user = getpwuid(getuid());
    const struct log_fields fields = {.topic = acceptance->stage.topic,
                                      .partition = acceptance->position.partition};
    const char *sudo_user = getenv("SUDO_USER");
    char shown[METADATA_SHOWN_BYTES];
    AUTO_STRING line = xasprintf(
        "offsets accept by %s (uid %u%s%s): now offset %" PRId64 " \"%s\"; before: %s",
        user != NULL ? user->pw_name : "?", (unsigned)getuid(), sudo_user != NULL ? ", sudo of " : "",
        sudo_user != NULL ? sudo_user : "", acceptance->change.state.next, acceptance->metadata,
        log_escape(before, shown, sizeof(shown)));

    log_with(LOG_LEVEL_WARNING, &fields, "%s", line);
    journal_write(LOG_LEVEL_WARNING, &fields, line);
}

static void print_done(const struct command_call *call, const struct acceptance *acceptance)
{
    AUTO_BUF json = {0};
    int64_t next = acceptance->change.state.next;

    if (!call->as_json) {
        (void)printf(acceptance->change.is_needed ? "%s[%d] goes on at offset %" PRId64 "\n"
                                                  : "%s[%d] is as it should be, at offset %" PRId64 "\n",
                     acceptance->stage.topic, acceptance->position.partition, next);
        return;
    }
    buf_append_byte(&json, '{');
    json_write_i64_member(&json, "partition", acceptance->position.partition);
    json_write_raw_member(&json, "changed", acceptance->change.is_needed ? SLICE("true") : SLICE("false"));
    json_write_i64_member(&json, "offset", next);
    json_write_member(&json, "metadata", acceptance->position.metadata);
    buf_append_byte(&json, '}');
    (void)printf("%s\n", buf_text(&json));
}

static void describe(struct acceptance *acceptance, int32_t partition)
{
    size_t length = plan_metadata_write(&acceptance->change.state, acceptance->metadata);

    acceptance->position = (struct kafka_position){
        .partition = partition,
        .offset = acceptance->change.state.next,
        .metadata = slice_of(acceptance->metadata, length),
    };
}

/* Asks, commits and tells. */
static bool carry_out(const struct command_call *call, struct acceptance *acceptance,
                      const struct offset_facts *facts, bool *out_is_good, struct err *err)
{
    AUTO_BUF notes = {0};

    (void)fprintf(stderr, "%s[%d]:\n%s", acceptance->stage.topic, acceptance->position.partition,
                  buf_text(&acceptance->change.effects));
    return is_agreed(call, out_is_good, err) && commit(acceptance, offset_plan_judge(facts, &notes), err);
}

bool offsets_accept(struct command_call *call, bool *out_is_good, struct err *err)
{
    AUTO_SURVEY survey = NULL;
    AUTO_BUF before = {0};
    __attribute__((cleanup(change_done))) struct acceptance acceptance = {0};
    struct offset_facts facts;
    struct offset_wish wish;
    int32_t partition;
    int count;

    if (!find_stage(call, &acceptance.stage, err) ||
        !command_duration_ms(call, "timeout", MEMBERS_GONE_MS, &acceptance.timeout_ms, err) ||
        !offset_survey_new(&call->config, &acceptance.stage, &survey, err) ||
        !offset_survey_count(survey, &count, err) || !read_wish(call, count, &wish, &partition, err) ||
        !offset_survey_look(survey, partition, &facts, &before, err) ||
        !offset_plan_accept(&facts, &wish, &acceptance.change, err))
        return false;
    acceptance.group = offset_survey_group(survey);
    describe(&acceptance, partition);
    if (acceptance.change.is_needed) {
        if (!carry_out(call, &acceptance, &facts, out_is_good, err))
            return false;
        log_audit(&acceptance, buf_slice(&before));
    }
    print_done(call, &acceptance);
    return true;
}
