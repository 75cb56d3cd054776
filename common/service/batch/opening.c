#include "common/service/batch/opening.h"

#include "common/base/alloc.h"
#include "common/base/bug.h"
#include "common/base/log.h"
#include "common/io/kafka_conf.h"
#include "common/io/kafka_consumer.h"
#include "common/io/kafka_envelope.h"
#include "common/io/kafka_producer.h"
#include "common/io/kafka_reader.h"
#include "common/io/loop.h"
#include "common/io/offload.h"
#include "common/service/batch/context.h"
#include "common/service/topic_watch.h"

#include <stdlib.h>

enum { OPENING_RETRY_MS = 1000, OPENING_WATERMARKS_TIMEOUT_MS = 5000 };

/* Where a log begins and ends, asked on the offload thread. */
struct watermarks {
    struct offload_job job;  /* first: the job is this */
    struct opening *opening; /* NULL: cancelled, free it */
    rd_kafka_t *rk;
    const char *topic;
    int32_t partition;
    rd_kafka_resp_err_t code;
    int64_t low, high;
};

struct opening {
    const struct batch_context *context;
    struct opening_callbacks callbacks;
    int32_t partition;
    int64_t committed;       /* KAFKA_OFFSET_NONE: not, or not in the log */
    struct slice metadata;   /* owned bytes */
    struct loop_timer timer; /* the start, and the next try */
    struct clickhouse_call *question;
    struct watermarks *watermarks;
    struct kafka_reading *reading;

    struct opened opened;
    int64_t newest_offset; /* of the table */
    char *newest_id;
    int64_t log_start;
};

static void begin(void *owner);

static void drop_questions(struct opening *opening)
{
    if (opening->question != NULL)
        clickhouse_cancel(opening->question);
    if (opening->reading != NULL)
        kafka_reading_cancel(opening->reading);
    if (opening->watermarks != NULL)
        opening->watermarks->opening = NULL;
    opening->question = NULL;
    opening->reading = NULL;
    opening->watermarks = NULL;
    free_string(&opening->newest_id);
}

void opening_cancel(struct opening **opening_p)
{
    struct opening *opening = *opening_p;

    if (opening == NULL)
        return;
    drop_questions(opening);
    loop_timer_stop(&opening->timer);
    free((void *)(uintptr_t)opening->metadata.data);
    free(opening);
    *opening_p = NULL;
}

static void try_again(struct opening *opening, const struct err *err)
{
    drop_questions(opening);
    loop_timer_start(&opening->timer, OPENING_RETRY_MS);
    opening->callbacks.on_waiting(opening->callbacks.owner, err);
}

static void needs_person(struct opening *opening, const struct err *err)
{
    opening->callbacks.on_needs_person(opening->callbacks.owner, err);
}

static void opened(struct opening *opening)
{
    opening->callbacks.on_opened(opening->callbacks.owner, &opening->opened);
}

/* ---- watermarks ---- */

/* which: RD_KAFKA_OFFSET_BEGINNING or RD_KAFKA_OFFSET_END, which ListOffsets takes for a time. */
static rd_kafka_resp_err_t ask_offset(const struct watermarks *watermarks, int64_t which, int64_t *out_offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *element =
        rd_kafka_topic_partition_list_add(list, watermarks->topic, watermarks->partition);

    element->offset = which;
    rd_kafka_resp_err_t code =
        rd_kafka_offsets_for_times(watermarks->rk, list, OPENING_WATERMARKS_TIMEOUT_MS);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        code = element->err;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && element->offset < 0)
        code = RD_KAFKA_RESP_ERR__FAIL;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        *out_offset = element->offset;
    rd_kafka_topic_partition_list_destroy(list);
    return code;
}

/* Not by rd_kafka_query_watermark_offsets: librdkafka 2.0.2 forgets the error of its first question when both
 * answers come together, and then calls a log empty that is not. */
static void ask_watermarks_on_thread(struct offload_job *job)
{
    struct watermarks *watermarks = (struct watermarks *)job;

    watermarks->code = ask_offset(watermarks, RD_KAFKA_OFFSET_BEGINNING, &watermarks->low);
    if (watermarks->code == RD_KAFKA_RESP_ERR_NO_ERROR)
        watermarks->code = ask_offset(watermarks, RD_KAFKA_OFFSET_END, &watermarks->high);
}

static void on_watermarks_dropped(struct offload_job *job)
{
    free(job);
}

static void ask_watermarks(struct opening *opening, const char *topic,
                           void (*on_done)(struct offload_job *job))
{
    struct watermarks *watermarks = xcalloc(1, sizeof(*watermarks));

    *watermarks = (struct watermarks){
        .job = {.work = ask_watermarks_on_thread, .on_done = on_done, .on_dropped = on_watermarks_dropped},
        .opening = opening,
        .rk = kafka_producer_handle(opening->context->producer),
        .topic = topic,
        .partition = opening->partition,
    };
    opening->watermarks = watermarks;
    offload_run(opening->context->offload, &watermarks->job);
}

/* The answer to the opening it belongs to; NULL when that has ended or the question failed. */
static struct opening *take_watermarks(struct offload_job *job, struct watermarks *out_watermarks)
{
    struct watermarks *watermarks = (struct watermarks *)job;
    struct opening *opening = watermarks->opening;
    struct err err;

    *out_watermarks = *watermarks;
    free(watermarks);
    if (opening == NULL)
        return NULL;
    opening->watermarks = NULL;
    if (out_watermarks->code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return opening;
    kafka_err_set(&err, out_watermarks->code, "ask where the log begins and ends");
    try_again(opening, &err);
    return NULL;
}

/* ---- what was forwarded, when the commit does not say it: the last record of the next topic does ---- */

static void on_forward_record(void *owner, rd_kafka_message_t *message)
{
    struct opening *opening = owner;
    struct envelope_forward forward;

    if (kafka_envelope_forward(message, &forward) && forward.epoch == opening->opened.state.epoch)
        opening->opened.state.forwarded = forward.offset;
    rd_kafka_message_destroy(message);
}

static void on_forward_end(void *owner)
{
    struct opening *opening = owner;

    opening->reading = NULL;
    opened(opening);
}

static void on_reading_failed(void *owner, const struct err *err)
{
    struct opening *opening = owner;

    opening->reading = NULL;
    try_again(opening, err);
}

static void on_forward_watermarks(struct offload_job *job)
{
    struct watermarks watermarks;
    struct opening *opening = take_watermarks(job, &watermarks);
    struct err err;

    if (opening == NULL)
        return;
    if (watermarks.high <= watermarks.low) {
        opened(opening);
        return;
    }
    const struct kafka_range range = {opening->context->stage->forward_topic, opening->partition,
                                      watermarks.high - 1, watermarks.high - 1};
    const struct kafka_reading_callbacks callbacks = {on_forward_record, on_forward_end, on_reading_failed,
                                                      opening};
    if (!kafka_reader_read(opening->context->reader, &range, &callbacks, &opening->reading, &err))
        try_again(opening, &err);
}

static void find_forwarded(struct opening *opening)
{
    const struct watched_topic *topic = opening->context->forward_topic;
    struct err err;

    if (topic == NULL || watched_topic_is_missing(topic, opening->partition)) {
        opened(opening); /* nothing was forwarded, or nobody can tell any more */
    } else if (watched_topic_has(topic, opening->partition)) {
        ask_watermarks(opening, opening->context->stage->forward_topic, on_forward_watermarks);
    } else {
        err_set(&err, ERR_RETRY, "nobody says whether topic %s exists",
                opening->context->stage->forward_topic);
        try_again(opening, &err);
    }
}

/* ---- the position from the table ---- */

static void go_on_behind(struct opening *opening, int64_t offset)
{
    log_partition(LOG_LEVEL_NOTICE, opening->context->stage->source_topic, opening->partition,
                  "the group has no position: going on at offset %lld, behind the newest stored row",
                  (long long)offset + 1);
    opening->opened.state.next = offset + 1;
    find_forwarded(opening);
}

static void begin_epoch(struct opening *opening, uint32_t epoch)
{
    opening->opened.state.epoch = epoch;
    opening->opened.state.next = opening->log_start;
    if (epoch > 1)
        log_partition(LOG_LEVEL_WARNING, opening->context->stage->source_topic, opening->partition,
                      "the topic was made anew: reading it from its beginning as epoch %u", epoch);
    opened(opening);
}

static void on_newest_record(void *owner, rd_kafka_message_t *message)
{
    struct opening *opening = owner;
    AUTO_BUF id = {0};
    struct batch_record record = batch_record_of(message, opening->opened.state.epoch);
    const struct batch_stage_description *stage = opening->context->stage;

    if (!stage->identify(stage->owner, &record, &id) ||
        !slice_equals_text(buf_slice(&id), opening->newest_id))
        opening->newest_offset = KAFKA_OFFSET_NONE; /* another record stands there */
    rd_kafka_message_destroy(message);
}

static void on_newest_record_end(void *owner)
{
    struct opening *opening = owner;

    opening->reading = NULL;
    if (opening->newest_offset == KAFKA_OFFSET_NONE)
        begin_epoch(opening, opening->opened.state.epoch + 1);
    else
        go_on_behind(opening, opening->newest_offset);
}

static void compare_newest(struct opening *opening)
{
    const struct kafka_range range = {opening->context->stage->source_topic, opening->partition,
                                      opening->newest_offset, opening->newest_offset};
    const struct kafka_reading_callbacks callbacks = {on_newest_record, on_newest_record_end,
                                                      on_reading_failed, opening};
    struct err err;

    if (!kafka_reader_read(opening->context->reader, &range, &callbacks, &opening->reading, &err))
        try_again(opening, &err);
}

static void on_source_watermarks(struct offload_job *job)
{
    struct watermarks watermarks;
    struct opening *opening = take_watermarks(job, &watermarks);
    struct err err;

    if (opening == NULL)
        return;
    opening->log_start = watermarks.low;
    int64_t newest = opening->newest_offset;
    if (newest == KAFKA_OFFSET_NONE) {
        begin_epoch(opening, 1);
    } else if (newest >= watermarks.high) {
        begin_epoch(opening, opening->opened.state.epoch + 1);
    } else if (newest >= watermarks.low) {
        compare_newest(opening);
    } else if (newest == watermarks.low - 1) {
        go_on_behind(opening, newest);
    } else {
        err_set(&err, ERR_REJECT,
                "the newest stored row is of offset %lld, but the log starts at %lld: the records between "
                "are gone",
                (long long)newest, (long long)watermarks.low);
        needs_person(opening, &err);
    }
}

static void on_newest(void *owner, const struct clickhouse_result *result)
{
    struct opening *opening = owner;
    struct stage_newest newest;
    struct err err = result->err;

    opening->question = NULL;
    if (result->outcome != CLICKHOUSE_DONE || !stage_table_read_newest(result->body, &newest, &err)) {
        try_again(opening, &err);
        return;
    }
    opening->newest_offset = newest.has_row ? newest.offset : KAFKA_OFFSET_NONE;
    opening->opened.state.epoch = newest.epoch;
    free_string(&opening->newest_id);
    opening->newest_id = slice_dup(newest.id);
    ask_watermarks(opening, opening->context->stage->source_topic, on_source_watermarks);
}

/* ---- the position from the commit ---- */

static void on_highest(void *owner, const struct clickhouse_result *result)
{
    struct opening *opening = owner;
    struct stage_newest highest;
    struct err err = result->err;

    opening->question = NULL;
    if (result->outcome != CLICKHOUSE_DONE || !stage_table_read_newest(result->body, &highest, &err)) {
        try_again(opening, &err);
        return;
    }
    opening->opened.replay_until = highest.has_row ? highest.offset : PLAN_OFFSET_NONE;
    opened(opening);
}

static void begin(void *owner)
{
    struct opening *opening = owner;
    struct plan_state *state = &opening->opened.state;
    const struct stage_table *table = &opening->context->table;
    struct err err;

    opening->opened = (struct opened){
        .replay_until = PLAN_OFFSET_NONE,
        .state = {.forwarded = PLAN_OFFSET_NONE, .suspect_until = PLAN_OFFSET_NONE},
    };
    if (opening->committed == KAFKA_OFFSET_NONE) {
        opening->question = stage_table_ask_newest(table, opening->partition, on_newest, opening);
        return;
    }
    if (plan_metadata_read(opening->metadata, opening->committed, state, &err) != PLAN_READ) {
        needs_person(opening, &err);
        return;
    }
    const struct stage_range range = {state->epoch, opening->partition, state->next, state->next};
    opening->question = stage_table_ask_highest(table, &range, on_highest, opening);
}

struct opening *opening_start(const struct batch_context *context, const struct kafka_position *position,
                              bool is_lost, const struct opening_callbacks *callbacks)
{
    struct opening *opening = xcalloc(1, sizeof(*opening));

    *opening = (struct opening){
        .context = context,
        .callbacks = *callbacks,
        .partition = position->partition,
        .committed = is_lost ? KAFKA_OFFSET_NONE : position->offset,
        .metadata = {slice_dup(position->metadata), position->metadata.length},
    };
    loop_timer_init(&opening->timer, context->loop, begin, opening);
    loop_timer_start(&opening->timer, 0);
    return opening;
}
