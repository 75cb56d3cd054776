#include "ctl/topic_plan.h"

#include "common/base/bug.h"
#include "common/base/number.h"
#include "common/event/topics.h"

#include <inttypes.h>
#include <stdio.h>

enum { REPLICATION_HIGHEST_BY_ITSELF = 3 };

static int replication_of(const struct kafka_config *kafka, int broker_count)
{
    if (kafka->replication > 0)
        return (int)kafka->replication;
    return broker_count < REPLICATION_HIGHEST_BY_ITSELF ? broker_count : REPLICATION_HIGHEST_BY_ITSELF;
}

static int at_least(int value, int lowest)
{
    return value > lowest ? value : lowest;
}

static struct topic_spec spec_of(const char *name, const struct config *config, int replication)
{
    struct topic_spec spec = {
        .partitions = (int)config->kafka.partitions,
        .partitions_needed = 1,
        .replication = replication,
        /* With one copy less than all, so that one broker may be away; 1 where there are fewer than three,
         * or nothing could be written while one is. */
        .min_insync_replicas = replication >= 3 ? 2 : 1,
        .retention_ms = config->kafka.retention_ms,
    };

    (void)snprintf(spec.name, sizeof(spec.name), "%s", name);
    return spec;
}

/* A topic that goes record for record with that of events. */
static void follow_events(struct topic_spec *spec, int events_partitions)
{
    spec->partitions_needed = events_partitions > 0 ? events_partitions : spec->partitions;
    spec->partitions = at_least(spec->partitions, spec->partitions_needed);
}

/* A dead letter has the key of its record, and so much room as the records have. */
static struct topic_spec dead_letters_of(const struct topic_spec *spec, const struct config *config)
{
    struct topic_spec dead = *spec;

    dead.partitions_needed = 1;
    dead.retention_ms = config->kafka.dead_letter_retention_ms;
    size_t length = strlen(dead.name);
    (void)snprintf(dead.name + length, sizeof(dead.name) - length, "%s", TOPIC_DEAD_LETTER_SUFFIX);
    return dead;
}

int topic_plan_specs(const struct config *config, int broker_count, int events_partitions,
                     struct topic_spec out_specs[TOPIC_PLAN_MAX])
{
    int replication = at_least(replication_of(&config->kafka, broker_count), 1);
    int count = 0;

    for (const struct topic *topic = topics; topic->name != NULL; topic++) {
        BUG_ON(count + 2 > TOPIC_PLAN_MAX);
        out_specs[count] = spec_of(config_topic(&config->topics, topic->name), config, replication);
        if (topic->partitions == TOPIC_PARTITIONS_SAME_AS_EVENTS)
            follow_events(&out_specs[count], events_partitions);
        out_specs[count + 1] = dead_letters_of(&out_specs[count], config);
        count += 2;
    }
    for (size_t i = 0; i < config->event_topics.count; i++) {
        BUG_ON(count + 2 > TOPIC_PLAN_MAX);
        out_specs[count] = spec_of(config->event_topics.items[i].topic, config, replication);
        out_specs[count + 1] = dead_letters_of(&out_specs[count], config);
        count += 2;
    }
    return count;
}

/* ---- judging ---- */

struct judgement {
    enum topic_state state;
    struct buf *notes;
};

static void note(struct judgement *judgement, enum topic_state state, const char *text)
{
    if (judgement->notes->length > 0)
        buf_append_text(judgement->notes, "; ");
    buf_append_text(judgement->notes, text);
    if (state > judgement->state)
        judgement->state = state;
}

static void judge_partitions(const struct topic_spec *spec, const struct topic_fact *fact,
                             struct judgement *judgement)
{
    char text[200];

    if (fact->partitions < spec->partitions_needed) {
        (void)snprintf(text, sizeof(text),
                       "%d partitions, but the topic of events has %d: stop the workers and add partitions",
                       fact->partitions, spec->partitions_needed);
        note(judgement, TOPIC_STATE_WRONG, text);
    } else if (fact->partitions != spec->partitions) {
        (void)snprintf(text, sizeof(text), "%d partitions, configured %d", fact->partitions,
                       spec->partitions);
        note(judgement, TOPIC_STATE_DIFFERS, text);
    }
}

/* acks=all waits for min.insync.replicas, so these two decide what an acknowledgement is worth. */
static void judge_replication(const struct topic_spec *spec, const struct topic_fact *fact,
                              struct judgement *judgement)
{
    char text[200];
    uint64_t min_insync = 0;

    if (fact->replication != spec->replication) {
        (void)snprintf(text, sizeof(text), "%d replicas, configured %d", fact->replication,
                       spec->replication);
        note(judgement, TOPIC_STATE_DIFFERS, text);
    }
    if (!number_u64(slice_from(fact->min_insync_replicas), &min_insync))
        return;
    if (min_insync > (uint64_t)fact->replication) {
        (void)snprintf(text, sizeof(text),
                       "min.insync.replicas=%" PRIu64
                       " with %d replicas: nothing can be written; set it to %d",
                       min_insync, fact->replication, fact->replication >= 3 ? 2 : 1);
        note(judgement, TOPIC_STATE_WRONG, text);
    } else if (fact->replication >= 3 && min_insync < 2) {
        note(judgement, TOPIC_STATE_WRONG,
             "min.insync.replicas=1: an acknowledged event may be on one broker only; set it to 2");
    }
}

static void judge_settings(const struct topic_spec *spec, const struct topic_fact *fact,
                           struct judgement *judgement)
{
    char text[200];
    int64_t retention_ms;

    if (fact->timestamp_type[0] != '\0' && strcmp(fact->timestamp_type, "LogAppendTime") != 0) {
        (void)snprintf(
            text, sizeof(text),
            "message.timestamp.type=%s: old events would be deleted unread; set it to LogAppendTime",
            fact->timestamp_type);
        note(judgement, TOPIC_STATE_WRONG, text);
    }
    if (strstr(fact->cleanup_policy, "compact") != NULL)
        note(judgement, TOPIC_STATE_WRONG,
             "cleanup.policy holds compact: all but the last event of a customer would be deleted; set it to "
             "delete");
    if (!number_i64(slice_from(fact->retention_ms), &retention_ms))
        return;
    if (retention_ms < 0 || (uint64_t)retention_ms != spec->retention_ms) {
        (void)snprintf(text, sizeof(text), "retention.ms=%" PRId64 ", configured %" PRIu64, retention_ms,
                       spec->retention_ms);
        note(judgement, TOPIC_STATE_DIFFERS, text);
    }
}

enum topic_state topic_plan_judge(const struct topic_spec *spec, const struct topic_fact *fact,
                                  struct buf *out_notes)
{
    struct judgement judgement = {.state = TOPIC_STATE_GOOD, .notes = out_notes};

    if (!fact->exists)
        return TOPIC_STATE_MISSING;
    judge_partitions(spec, fact, &judgement);
    judge_replication(spec, fact, &judgement);
    judge_settings(spec, fact, &judgement);
    return judgement.state;
}

const char *topic_state_name(enum topic_state state)
{
    static const char *const names[] = {"good", "differs", "missing", "wrong"};

    return names[state];
}
