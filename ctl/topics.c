#include "ctl/topics.h"

#include "common/base/backoff.h"
#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/codec/json_write.h"
#include "common/event/topics.h"
#include "ctl/kafka_admin.h"

#include <stdio.h>
#include <unistd.h>

#define AUTO_ADMIN __attribute__((cleanup(kafka_admin_free))) struct kafka_admin *

enum { REQUEST_TIMEOUT_MS = 5000, CHECK_TIMEOUT_MS = 10000, RETRY_FIRST_MS = 200, RETRY_HIGHEST_MS = 3000 };

const struct command_option topics_init_options[] = {
    {"dry-run", NULL, "tell what would be made, and make nothing"},
    {"timeout", "DURATION", "give up when Kafka has not answered by then (30s); default: never"},
    {0},
};

const struct command_option topics_check_options[] = {
    {"timeout", "DURATION", "give up when Kafka has not answered by then; default: 10s"},
    {0},
};

/* The topics as they should be and as they are. */
struct survey {
    const struct config *config;
    bool is_making; /* make what is missing */
    struct topic_spec specs[TOPIC_PLAN_MAX];
    struct topic_fact facts[TOPIC_PLAN_MAX];
    bool is_made[TOPIC_PLAN_MAX]; /* by this run */
    int count;
};

/* ---- Kafka ---- */

static bool look(struct kafka_admin *admin, struct survey *survey, struct err *err)
{
    struct topic_fact events = {0};
    int broker_count = 0;

    if (!kafka_admin_count_brokers(admin, REQUEST_TIMEOUT_MS, &broker_count, err) ||
        !kafka_admin_find(admin, config_topic(&survey->config->topics, TOPIC_EVENTS), REQUEST_TIMEOUT_MS,
                          &events, err))
        return false;
    survey->count = topic_plan_specs(survey->config, broker_count, events.partitions, survey->specs);
    for (int i = 0; i < survey->count; i++) {
        const char *name = survey->specs[i].name;
        if (!kafka_admin_find(admin, name, REQUEST_TIMEOUT_MS, &survey->facts[i], err))
            return false;
        if (survey->facts[i].exists &&
            !kafka_admin_describe(admin, name, REQUEST_TIMEOUT_MS, &survey->facts[i], err))
            return false;
    }
    return true;
}

/* Then looks again: made is what Kafka shows, not what it was asked for. */
static bool make_missing(struct kafka_admin *admin, struct survey *survey, struct err *err)
{
    int made_count = 0;

    for (int i = 0; i < survey->count; i++) {
        if (survey->facts[i].exists)
            continue;
        if (!kafka_admin_create(admin, &survey->specs[i], REQUEST_TIMEOUT_MS, err))
            return false;
        survey->is_made[i] = true;
        made_count++;
    }
    if (made_count == 0)
        return true;
    if (!look(admin, survey, err))
        return false;
    for (int i = 0; i < survey->count; i++) {
        if (!survey->facts[i].exists) {
            err_set(err, ERR_RETRY, "topic %s was made, and is not visible yet", survey->specs[i].name);
            return false;
        }
    }
    return true;
}

static bool survey_once(struct kafka_admin *admin, struct survey *survey, struct err *err)
{
    return look(admin, survey, err) && (!survey->is_making || make_missing(admin, survey, err));
}

/* Again and again until Kafka answers or timeout_ms is over (0: never). */
static bool survey_patiently(struct survey *survey, uint64_t timeout_ms, struct err *err)
{
    AUTO_ADMIN admin = NULL;
    struct backoff backoff = {.first_ms = RETRY_FIRST_MS, .highest_ms = RETRY_HIGHEST_MS};
    uint64_t begin_ms = clock_monotonic_ms();
    struct err told = {0};

    if (!kafka_admin_new(&survey->config->kafka, &admin, err))
        return false;
    while (!survey_once(admin, survey, err)) {
        if (err->kind != ERR_RETRY || (timeout_ms > 0 && clock_monotonic_ms() - begin_ms >= timeout_ms)) {
            err_prefix(err, "brokers %s", survey->config->kafka.brokers);
            return false;
        }
        if (strcmp(told.text, err->text) != 0)
            (void)fprintf(stderr, "waiting for Kafka at %s: %s\n", survey->config->kafka.brokers, err->text);
        told = *err;
        (void)usleep(backoff_jittered_ms(&backoff) * 1000);
    }
    return true;
}

/* ---- telling ---- */

static const char *state_text(const struct survey *survey, int i, enum topic_state state)
{
    return survey->is_made[i] && state != TOPIC_STATE_WRONG ? "made" : topic_state_name(state);
}

static void tell_json(struct buf *out, const struct topic_spec *spec, const struct topic_fact *fact,
                      const char *state, struct slice notes)
{
    buf_append_text(out, out->length > 0 ? ",{" : "{");
    json_write_member(out, "topic", slice_from(spec->name));
    json_write_member(out, "state", slice_from(state));
    json_write_i64_member(out, "partitions", fact->exists ? fact->partitions : spec->partitions);
    json_write_i64_member(out, "replication", fact->exists ? fact->replication : spec->replication);
    json_write_member(out, "notes", notes);
    buf_append_byte(out, '}');
}

static void tell_line(const struct topic_spec *spec, const struct topic_fact *fact, const char *state,
                      struct slice notes)
{
    (void)printf("%-8s %s  partitions=%d replication=%d%s%.*s\n", state, spec->name,
                 fact->exists ? fact->partitions : spec->partitions,
                 fact->exists ? fact->replication : spec->replication, notes.length > 0 ? "  " : "",
                 SLICE_ARG(notes));
}

/* Gives the worst state. */
static enum topic_state tell(const struct survey *survey, bool as_json)
{
    AUTO_BUF json = {0};
    enum topic_state worst = TOPIC_STATE_GOOD;

    for (int i = 0; i < survey->count; i++) {
        AUTO_BUF notes = {0};
        enum topic_state state = topic_plan_judge(&survey->specs[i], &survey->facts[i], &notes);
        const char *text = state_text(survey, i, state);
        if (state > worst)
            worst = state;
        if (as_json)
            tell_json(&json, &survey->specs[i], &survey->facts[i], text, buf_slice(&notes));
        else
            tell_line(&survey->specs[i], &survey->facts[i], text, buf_slice(&notes));
    }
    if (as_json)
        (void)printf("{\"topics\":[%s]}\n", buf_text(&json));
    return worst;
}

/* ---- the commands ---- */

bool topics_init(struct command_call *call, bool *out_is_good, struct err *err)
{
    bool is_dry_run = command_value(call, "dry-run") != NULL;
    struct survey survey = {.config = &call->config, .is_making = !is_dry_run};
    uint64_t timeout_ms;

    if (!command_duration_ms(call, "timeout", 0, &timeout_ms, err) ||
        !survey_patiently(&survey, timeout_ms, err))
        return false;
    enum topic_state worst = tell(&survey, call->as_json);
    *out_is_good = worst != TOPIC_STATE_WRONG;
    return true;
}

bool topics_check(struct command_call *call, bool *out_is_good, struct err *err)
{
    struct survey survey = {.config = &call->config};
    uint64_t timeout_ms;

    if (!command_duration_ms(call, "timeout", CHECK_TIMEOUT_MS, &timeout_ms, err) ||
        !survey_patiently(&survey, timeout_ms, err))
        return false;
    enum topic_state worst = tell(&survey, call->as_json);
    *out_is_good = worst < TOPIC_STATE_MISSING;
    if (worst == TOPIC_STATE_MISSING)
        (void)fprintf(stderr, "topics are missing: run `millrace topics init`\n");
    return true;
}
