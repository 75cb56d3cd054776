#include "ctl/offset_survey.h"

#include "common/base/alloc.h"
#include "common/base/arena.h"
#include "common/event/event_json.h"
#include "common/io/kafka_envelope.h"
#include "common/service/batch/batch.h"
#include "common/service/batch/stage_table.h"
#include "ctl/clickhouse_wait.h"

#include <stdlib.h>

enum { DEBT_ROWS_MAX = 1000000 };

struct offset_survey {
    const struct offset_stage *stage;
    struct group_client *group;
    struct clickhouse_wait *wait;
    struct stage_table table;
    struct json_reader *json;
    struct arena arena;
};

bool offset_survey_new(const struct config *config, const struct offset_stage *stage,
                       struct offset_survey **out_survey, struct err *err)
{
    struct group_client *group;

    if (!group_client_new(&config->kafka, stage->group, &group, err))
        return false;
    struct offset_survey *survey = xcalloc(1, sizeof(*survey));
    survey->stage = stage;
    survey->group = group;
    survey->wait = clickhouse_wait_new(&config->clickhouse, config->clickhouse.database);
    survey->table = (struct stage_table){
        .clickhouse = clickhouse_wait_client(survey->wait),
        .name = stage->table,
        .question_timeout_ms = (uint32_t)config->clickhouse.query_timeout_ms,
    };
    survey->json = json_reader_new(&json_limits_default);
    *out_survey = survey;
    return true;
}

void offset_survey_free(struct offset_survey **survey)
{
    if (*survey == NULL)
        return;
    json_reader_free(&(*survey)->json);
    arena_done(&(*survey)->arena);
    clickhouse_wait_free(&(*survey)->wait);
    group_client_free(&(*survey)->group);
    free(*survey);
    *survey = NULL;
}

struct group_client *offset_survey_group(const struct offset_survey *survey)
{
    return survey->group;
}

bool offset_survey_count(struct offset_survey *survey, int *out_partitions, struct err *err)
{
    if (!group_client_count_partitions(survey->group, survey->stage->topic, out_partitions, err))
        return false;
    if (*out_partitions > 0)
        return true;
    err_set(err, ERR_FATAL, "topic %s does not exist: run `millrace topics init`", survey->stage->topic);
    return false;
}

/* ---- Kafka ---- */

static bool look_at_commit(struct offset_survey *survey, const struct group_partition *partition,
                           struct offset_facts *facts, struct buf *metadata, struct err *err)
{
    struct group_position position;

    if (!group_client_position(survey->group, partition, &position, err))
        return false;
    facts->has_commit = position.has_commit;
    facts->committed = position.offset;
    if (position.has_commit)
        facts->reading = plan_metadata_read(buf_slice(&position.metadata), position.offset, &facts->state,
                                            &facts->problem);
    buf_append_slice(metadata, buf_slice(&position.metadata));
    buf_done(&position.metadata);
    return true;
}

struct comparison {
    struct offset_survey *survey;
    struct slice id;
    struct offset_facts *facts;
};

static void compare_event(void *owner, rd_kafka_message_t *message)
{
    const struct comparison *comparison = owner;
    const struct event_reader reader = {comparison->survey->json, &comparison->survey->arena};
    struct event event;
    struct err err;

    arena_reset(&comparison->survey->arena);
    comparison->facts->is_same_record =
        event_record_read(&reader, slice_of(message->payload, message->len), &event, &err) &&
        slice_equals(event.id, comparison->id);
    rd_kafka_message_destroy(message);
}

/* Whether Kafka has the newest row's event at the row's offset. */
static bool compare_newest(struct offset_survey *survey, const struct group_partition *partition,
                           struct slice id, struct offset_facts *facts, struct err *err)
{
    const struct group_range range = {*partition, facts->row_offset, facts->row_offset};
    struct comparison comparison = {survey, id, facts};

    if (offset_plan_is_in_log(facts) || facts->row_offset < facts->low || facts->row_offset >= facts->high)
        return true;
    return group_client_read(survey->group, &range, compare_event, &comparison, err);
}

static void collect(void *owner, rd_kafka_message_t *message)
{
    batch_add(owner, message);
}

/* A plan is done again only when the log has the very records that it was made of. */
static bool look_at_plan(struct offset_survey *survey, const struct group_partition *partition,
                         struct offset_facts *facts, struct err *err)
{
    const struct plan *plan = &facts->state.plan;
    const struct group_range range = {*partition, plan->first, plan->last};
    __attribute__((cleanup(batch_done))) struct batch records = {0};

    if (!offset_plan_is_in_log(facts) || !facts->state.has_plan)
        return true;
    if (!group_client_read(survey->group, &range, collect, &records, err))
        return false;
    facts->is_plan_changed =
        records.count != plan->count || batch_checksum(&records, records.count) != plan->checksum;
    return true;
}

static void take_forwarded(void *owner, rd_kafka_message_t *message)
{
    struct offset_facts *facts = owner;
    struct envelope_forward forward;

    if (kafka_envelope_forward(message, &forward)) {
        facts->has_forwarded = true;
        facts->forwarded_epoch = forward.epoch;
        facts->forwarded_offset = forward.offset;
    }
    rd_kafka_message_destroy(message);
}

/* The last record of the partition that is forwarded to says how far forwarding has come. */
static bool look_at_forwarded(struct offset_survey *survey, int32_t number, struct offset_facts *facts,
                              struct err *err)
{
    const struct group_partition partition = {survey->stage->forward_topic, number};
    int partition_count;
    int64_t low;
    int64_t high;

    if (partition.topic == NULL || offset_plan_is_in_log(facts))
        return true;
    if (!group_client_count_partitions(survey->group, partition.topic, &partition_count, err))
        return false;
    if (number >= partition_count)
        return true;
    if (!group_client_log(survey->group, &partition, &low, &high, err))
        return false;
    return high <= low ||
           group_client_read(survey->group, &(struct group_range){partition, high - 1, high - 1},
                             take_forwarded, facts, err);
}

/* ---- the table ---- */

static bool look_at_newest(struct offset_survey *survey, const struct group_partition *partition,
                           struct offset_facts *facts, struct err *err)
{
    AUTO_BUF body = {0};
    struct stage_newest newest;

    (void)stage_table_ask_newest(&survey->table, partition->number, clickhouse_wait_on_result, survey->wait);
    if (!clickhouse_wait_answer(survey->wait, &body, err) ||
        !stage_table_read_newest(buf_slice(&body), &newest, err)) {
        err_prefix(err, "table %s", survey->stage->table);
        return false;
    }
    facts->has_row = newest.has_row;
    facts->row_epoch = newest.epoch;
    facts->row_offset = newest.offset;
    return !newest.has_row || compare_newest(survey, partition, newest.id, facts, err);
}

/* Rows behind the last one forwarded whose records are below the log's start. */
static bool look_at_debt(struct offset_survey *survey, int32_t partition, struct offset_facts *facts,
                         struct err *err)
{
    AUTO_BUF body = {0};
    struct offset_resume resume = offset_plan_resume(facts);
    int64_t until = resume.next < facts->low ? resume.next : facts->low;
    const struct stage_range range = {facts->state.epoch, partition, facts->state.forwarded + 1, until - 1};
    uint64_t *offsets;
    size_t count;

    if (survey->stage->forward_topic == NULL || !facts->has_commit || facts->reading != PLAN_READ ||
        resume.epoch != facts->state.epoch || range.first > range.last)
        return true;
    (void)stage_table_ask_offsets(&survey->table, &range, DEBT_ROWS_MAX, clickhouse_wait_on_result,
                                  survey->wait);
    if (!clickhouse_wait_answer(survey->wait, &body, err) ||
        !stage_table_read_offsets(buf_slice(&body), &offsets, &count, err)) {
        err_prefix(err, "table %s", survey->stage->table);
        return false;
    }
    free(offsets);
    facts->lost_debt = count;
    return true;
}

bool offset_survey_look(struct offset_survey *survey, int32_t number, struct offset_facts *out_facts,
                        struct buf *metadata, struct err *err)
{
    const struct group_partition partition = {survey->stage->topic, number};
    struct offset_facts facts = {.has_commit = false};

    if (!look_at_commit(survey, &partition, &facts, metadata, err) ||
        !group_client_log(survey->group, &partition, &facts.low, &facts.high, err) ||
        !look_at_plan(survey, &partition, &facts, err) || !look_at_newest(survey, &partition, &facts, err) ||
        !look_at_forwarded(survey, number, &facts, err) || !look_at_debt(survey, number, &facts, err)) {
        err_prefix(err, "%s[%d]", survey->stage->topic, number);
        return false;
    }
    *out_facts = facts;
    return true;
}
