#include "common/service/batch/batch_stage.h"

#include "common/base/alloc.h"
#include "common/base/bug.h"
#include "common/base/log.h"
#include "common/io/kafka_consumer.h"
#include "common/io/kafka_producer.h"
#include "common/io/kafka_reader.h"
#include "common/io/loop.h"
#include "common/io/offload.h"
#include "common/service/batch/context.h"
#include "common/service/batch/partition.h"
#include "common/service/batch/stage_view.h"
#include "common/service/dead_letters.h"
#include "common/service/kafka_setup.h"
#include "common/service/metrics.h"
#include "common/service/topic_watch.h"

#include <stdlib.h>

enum {
    STAGE_REVOKE_TIMEOUT_MS = 5000, /* below the session's; afterwards the process ends */
    STAGE_COMMITTED_RETRY_MS = 1000,
    STAGE_TICK_MS = 1000,
    STAGE_CLICKHOUSE_CONNECTIONS = 4,
};

/* A client that nothing is asked of any more; its end blocks, so it is met on the helper thread. */
struct retired {
    struct offload_job job; /* first: the job is this */
    struct retired *next;
    struct kafka_consumer *consumer;
};

struct batch_stage {
    struct service *service;
    struct batch_stage_description description;
    struct batch_context context;
    struct batch_load load;
    struct loop_turn turn;
    struct clickhouse *clickhouse;
    struct topic_watch *watch;
    struct stage_view *view;

    /* The assignment. */
    int32_t *assigned; /* partitions whose committed positions are being asked for; NULL: not now */
    size_t assigned_count;
    struct kafka_question *question;
    struct loop_timer committed_timer;
    struct partition **partitions;
    size_t partition_count;
    size_t next_for_slot;
    bool is_revoking;
    struct loop_timer revoke_timer;

    /* Revoked, but a report is still out; and clients that lost their assignment, whose records those still
     * hold. */
    struct partition **leaving;
    size_t leaving_count;
    struct retired *retired;

    bool is_draining;
    bool has_drained;
    struct loop_timer tick_timer;
};

static bool start_consumer(struct batch_stage *stage, struct err *err);

/* ---- assignment ---- */

static void forget_assigned(struct batch_stage *stage)
{
    if (stage->question != NULL)
        kafka_question_cancel(stage->question);
    stage->question = NULL;
    free(stage->assigned);
    stage->assigned = NULL;
    stage->assigned_count = 0;
    loop_timer_stop(&stage->committed_timer);
}

static void fail(struct batch_stage *stage, const struct err *err)
{
    service_fail(stage->service, err);
}

static void begin_partitions(struct batch_stage *stage, const struct kafka_position *positions, size_t count)
{
    stage->partitions = xcalloc(count, sizeof(struct partition *));
    stage->partition_count = count;
    for (size_t i = 0; i < count; i++)
        stage->partitions[i] = partition_new(&stage->context, &positions[i]);
    log_info("assigned: %zu partitions of %s", count, stage->description.source_topic);
    stage_view_set_partitions(stage->view, stage->partitions, count);
}

static void on_committed_positions(void *owner, const struct kafka_position *positions, size_t count,
                                   const struct err *err)
{
    struct batch_stage *stage = owner;

    stage->question = NULL;
    if (positions == NULL) {
        log_warning("ask the group for its positions: %s; asking again", err->text);
        loop_timer_start(&stage->committed_timer, STAGE_COMMITTED_RETRY_MS);
        return;
    }
    forget_assigned(stage);
    begin_partitions(stage, positions, count);
}

static void ask_committed(void *owner)
{
    struct batch_stage *stage = owner;

    stage->question = kafka_consumer_fetch_committed(stage->context.consumer, stage->assigned,
                                                     stage->assigned_count, on_committed_positions, stage);
}

static void on_assigned(void *owner, const int32_t *partitions, size_t count)
{
    struct batch_stage *stage = owner;

    BUG_ON(stage->assigned != NULL || stage->partition_count > 0);
    free(stage->partitions); /* of an assignment without any */
    stage->partitions = NULL;
    kafka_consumer_accept(stage->context.consumer);
    if (count == 0 || stage->is_draining) {
        begin_partitions(stage, NULL, 0);
        return;
    }
    stage->assigned = xcalloc(count, sizeof(*partitions));
    memcpy(stage->assigned, partitions, count * sizeof(*partitions));
    stage->assigned_count = count;
    ask_committed(stage);
}

static void on_revoked(void *owner)
{
    struct batch_stage *stage = owner;

    log_info("revoked: %zu partitions of %s", stage->partition_count, stage->description.source_topic);
    forget_assigned(stage);
    stage->is_revoking = true;
    for (size_t i = 0; i < stage->partition_count; i++)
        partition_close(stage->partitions[i]);
    loop_timer_start(&stage->revoke_timer, STAGE_REVOKE_TIMEOUT_MS);
    loop_turn_ask(&stage->turn);
}

static bool all_closed(const struct batch_stage *stage)
{
    for (size_t i = 0; i < stage->partition_count; i++)
        if (!partition_is_closed(stage->partitions[i]))
            return false;
    return true;
}

/* Frees those that are quiet. */
static void reap_leaving(struct batch_stage *stage)
{
    size_t kept = 0;

    for (size_t i = 0; i < stage->leaving_count; i++) {
        if (partition_is_quiet(stage->leaving[i]))
            partition_free(&stage->leaving[i]);
        else
            stage->leaving[kept++] = stage->leaving[i];
    }
    stage->leaving_count = kept;
}

static void forget_partitions(struct batch_stage *stage)
{
    stage_view_set_partitions(stage->view, NULL, 0);
    stage->leaving = xrealloc(stage->leaving,
                              (stage->leaving_count + stage->partition_count) * sizeof(struct partition *));
    for (size_t i = 0; i < stage->partition_count; i++)
        stage->leaving[stage->leaving_count++] = stage->partitions[i];
    free(stage->partitions);
    stage->partitions = NULL;
    stage->partition_count = 0;
}

static void release(struct batch_stage *stage)
{
    loop_timer_stop(&stage->revoke_timer);
    stage->is_revoking = false;
    forget_partitions(stage);
    kafka_consumer_release(stage->context.consumer);
    loop_turn_ask(&stage->turn);
}

/* The group gave our partitions away, as after a broker that was away for longer than the session. A commit
 * that the client still holds back would go out later under another name: the client is left to itself, a new
 * one joins. */
static void on_lost(void *owner)
{
    struct batch_stage *stage = owner;
    struct retired *retired = xcalloc(1, sizeof(*retired));
    struct err err;

    log_warning("lost: the group has given %zu partitions of %s away; joining again", stage->partition_count,
                stage->description.source_topic);
    loop_timer_stop(&stage->revoke_timer);
    stage->is_revoking = false;
    forget_assigned(stage);
    for (size_t i = 0; i < stage->partition_count; i++) {
        partition_abandon(stage->partitions[i]);
        partition_forget_commit(stage->partitions[i]);
    }
    forget_partitions(stage);
    kafka_consumer_retire(stage->context.consumer);
    *retired = (struct retired){.next = stage->retired, .consumer = stage->context.consumer};
    stage->retired = retired;
    stage->context.consumer = NULL;
    if (!start_consumer(stage, &err))
        fail(stage, &err);
    loop_turn_ask(&stage->turn);
}

static void stop_retired_on_thread(struct offload_job *job)
{
    kafka_consumer_stop(&((struct retired *)job)->consumer);
}

static void on_retired_stopped(struct offload_job *job)
{
    free(job);
}

static void on_retired_dropped(struct offload_job *job)
{
    kafka_consumer_stop(&((struct retired *)job)->consumer);
    free(job);
}

/* Nobody holds a record of theirs any more. */
static void end_retired(struct batch_stage *stage)
{
    while (stage->retired != NULL && stage->leaving_count == 0) {
        struct retired *retired = stage->retired;
        stage->retired = retired->next;
        retired->job = (struct offload_job){
            .work = stop_retired_on_thread, .on_done = on_retired_stopped, .on_dropped = on_retired_dropped};
        offload_run(stage->context.offload, &retired->job);
    }
}

/* What is still under way is the next owner's; a commit without an answer could reach the broker after the
 * next owner's, so then the process ends before the partitions move. */
static void on_revoke_timeout(void *owner)
{
    struct batch_stage *stage = owner;
    struct err err;

    for (size_t i = 0; i < stage->partition_count; i++)
        partition_abandon(stage->partitions[i]);
    if (all_closed(stage))
        return; /* the turn releases them */
    err_set(&err, ERR_FATAL, "commits were not answered within %d ms of a revocation",
            STAGE_REVOKE_TIMEOUT_MS);
    fail(stage, &err);
}

/* ---- turns ---- */

static void give_slot(struct batch_stage *stage)
{
    for (size_t i = 0; i < stage->partition_count; i++)
        if (partition_holds_slot(stage->partitions[i]))
            return;
    for (size_t i = 0; i < stage->partition_count; i++) {
        size_t at = (stage->next_for_slot + i) % stage->partition_count;
        if (!partition_needs_slot(stage->partitions[at]))
            continue;
        stage->next_for_slot = at + 1;
        partition_run(stage->partitions[at]);
        return;
    }
}

static void report_drained(struct batch_stage *stage)
{
    if (!stage->has_drained)
        service_drained(stage->service);
    stage->has_drained = true;
}

static void on_turn(void *owner)
{
    struct batch_stage *stage = owner;
    uint32_t busy = 0;

    for (size_t i = 0; i < stage->partition_count; i++)
        busy += partition_is_busy(stage->partitions[i]) ? 1 : 0;
    stage->load.busy_partitions = busy;
    for (size_t i = 0; i < stage->partition_count; i++)
        partition_step(stage->partitions[i]);
    give_slot(stage);
    reap_leaving(stage);
    end_retired(stage);
    if (stage->is_revoking && all_closed(stage))
        release(stage);
    else if (stage->is_draining && !stage->is_revoking && all_closed(stage))
        report_drained(stage);
}

static void ask_turn(void *owner)
{
    struct batch_stage *stage = owner;

    loop_turn_ask(&stage->turn);
}

static void on_tick(void *owner)
{
    struct batch_stage *stage = owner;
    struct err err;

    stage_view_refresh(stage->view);
    loop_turn_ask(&stage->turn);
    if (kafka_producer_fatal(stage->context.producer) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        err_set(&err, ERR_FATAL, "the Kafka producer can't go on: %s",
                rd_kafka_err2str(kafka_producer_fatal(stage->context.producer)));
        fail(stage, &err);
    }
}

static void on_consumer_failed(void *owner, const struct err *err)
{
    fail(owner, err);
}

/* ---- start and stop ---- */

static bool start_consumer(struct batch_stage *stage, struct err *err)
{
    const struct config *all = service_config(stage->service);
    const struct kafka_client client = {&all->kafka, stage->description.name, all->instance};
    const struct kafka_consumer_settings settings = {
        .conf = kafka_setup_consumer(&client, stage->description.group, err),
        .group = stage->description.group,
        .topic = stage->description.source_topic,
        .on_assigned = on_assigned,
        .on_revoked = on_revoked,
        .on_lost = on_lost,
        .on_records = ask_turn,
        .on_failed = on_consumer_failed,
        .owner = stage,
    };

    return settings.conf != NULL &&
           kafka_consumer_start(stage->context.loop, &settings, &stage->context.consumer, err);
}

static bool start_clients(struct batch_stage *stage, struct err *err)
{
    const struct config *all = service_config(stage->service);
    const struct kafka_client client = {&all->kafka, stage->description.name, all->instance};
    struct loop *loop = stage->context.loop;
    rd_kafka_conf_t *conf = kafka_setup_producer(&client, 0, err);

    if (conf == NULL || !kafka_producer_start(loop, conf, &stage->context.producer, err))
        return false;
    conf = kafka_setup_reader(&client, err);
    if (conf == NULL || !kafka_reader_start(loop, conf, &stage->context.reader, err))
        return false;
    return start_consumer(stage, err);
}

static void watch_topics(struct batch_stage *stage)
{
    const struct topic_watch_settings settings = {
        .loop = stage->context.loop,
        .offload = stage->context.offload,
        .rk = kafka_producer_handle(stage->context.producer),
        .metrics = service_metrics(stage->service),
        .health = service_health(stage->service),
    };

    stage->watch = topic_watch_start(&settings);
    stage->context.source_topic = topic_watch_add(
        stage->watch,
        &(struct topic_need){stage->description.source_topic, "there is nothing to read", HEALTH_DOWN},
        ask_turn, stage);
    if (stage->description.forward_topic != NULL)
        stage->context.forward_topic = topic_watch_add(
            stage->watch,
            &(struct topic_need){stage->description.forward_topic,
                                 "rows are stored, what must be forwarded waits for it", HEALTH_DEGRADED},
            ask_turn, stage);
    stage->context.dead_letters = dead_letters_start(&(struct dead_letters_settings){
        .loop = stage->context.loop,
        .producer = stage->context.producer,
        .watch = stage->watch,
        .metrics = settings.metrics,
        .stage = stage->description.name,
        .source_topic = stage->description.source_topic,
    });
}

static struct stage_table table_of(const struct batch_stage *stage, const struct batch_table *table)
{
    const struct clickhouse_config *config = &service_config(stage->service)->clickhouse;

    return (struct stage_table){
        .clickhouse = stage->clickhouse,
        .name = table->name,
        .columns = table->columns,
        .insert_timeout_ms = (uint32_t)config->insert_timeout_ms,
        .question_timeout_ms = (uint32_t)config->query_timeout_ms,
    };
}

static void fill_context(struct batch_stage *stage, const struct batch_config *config)
{
    const struct config *all = service_config(stage->service);
    const struct clickhouse_settings clickhouse = {
        .url = all->clickhouse.url,
        .user = all->clickhouse.user,
        .password = all->clickhouse.password.text != NULL ? all->clickhouse.password.text : "",
        .database = all->clickhouse.database,
        .connect_timeout_ms = (uint32_t)all->clickhouse.connect_timeout_ms,
        .connections = STAGE_CLICKHOUSE_CONNECTIONS,
    };

    stage->context = (struct batch_context){
        .stage = &stage->description,
        .loop = service_loop(stage->service),
        .turn = &stage->turn,
        .flush =
            {
                .interval_ms = (uint32_t)config->flush_interval_ms,
                .max_records = (uint32_t)config->batch_max_records,
                .max_bytes = config->batch_max_bytes,
            },
        .held_max_bytes = config->held_max_bytes,
        .load = &stage->load,
    };
    stage->clickhouse = clickhouse_new(stage->context.loop, &clickhouse);
    stage->context.table = table_of(stage, &stage->description.table);
    for (size_t i = 0; i < BATCH_COMPANIONS_MAX; i++)
        stage->context.companions[i] = table_of(stage, &stage->description.companions[i]);
    stage->context.offload = offload_start(stage->context.loop);
}

static void init_timers(struct batch_stage *stage)
{
    struct loop *loop = stage->context.loop;

    loop_turn_init(&stage->turn, loop, on_turn, stage);
    loop_timer_init(&stage->committed_timer, loop, ask_committed, stage);
    loop_timer_init(&stage->revoke_timer, loop, on_revoke_timeout, stage);
    loop_timer_init(&stage->tick_timer, loop, on_tick, stage);
    loop_timer_start_every(&stage->tick_timer, STAGE_TICK_MS);
}

bool batch_stage_start(struct service *service, const struct batch_config *config,
                       const struct batch_stage_description *description, struct batch_stage **out_stage,
                       struct err *err)
{
    struct batch_stage *stage = xcalloc(1, sizeof(*stage));

    stage->service = service;
    stage->description = *description;
    fill_context(stage, config);
    init_timers(stage);
    stage->view = stage_view_new(&stage->context, service_metrics(service), service_health(service));
    if (!start_clients(stage, err)) {
        batch_stage_stop(&stage);
        return false;
    }
    watch_topics(stage);
    kafka_producer_on_room(stage->context.producer, ask_turn, stage);
    *out_stage = stage;
    return true;
}

void batch_stage_drain(struct batch_stage *stage)
{
    stage->is_draining = true;
    for (size_t i = 0; i < stage->partition_count; i++)
        partition_close(stage->partitions[i]);
    loop_turn_ask(&stage->turn);
}

static void stop_retired(struct batch_stage *stage)
{
    while (stage->retired != NULL) {
        struct retired *retired = stage->retired;
        stage->retired = retired->next;
        kafka_consumer_stop(&retired->consumer);
        free(retired);
    }
}

void batch_stage_stop(struct batch_stage **stage_p)
{
    struct batch_stage *stage = *stage_p;

    if (stage == NULL)
        return;
    loop_timer_stop(&stage->tick_timer);
    forget_assigned(stage);
    loop_timer_stop(&stage->revoke_timer);
    for (size_t i = 0; i < stage->partition_count; i++)
        partition_abandon(stage->partitions[i]);
    forget_partitions(stage);
    if (stage->context.consumer != NULL)
        kafka_consumer_retire(stage->context.consumer);
    offload_stop(&stage->context.offload);         /* it may be asking the producer */
    kafka_producer_stop(&stage->context.producer); /* the last reports */
    for (size_t i = 0; i < stage->leaving_count; i++)
        partition_free(&stage->leaving[i]);
    free(stage->leaving);
    stop_retired(stage);
    dead_letters_stop(&stage->context.dead_letters);
    topic_watch_stop(&stage->watch);
    kafka_reader_stop(&stage->context.reader);
    kafka_consumer_stop(&stage->context.consumer);
    clickhouse_free(&stage->clickhouse);
    stage_view_free(&stage->view);
    loop_turn_done(&stage->turn);
    free(stage);
    *stage_p = NULL;
}

void batch_stage_write_status(struct batch_stage *stage, char *text, size_t size)
{
    stage_view_write_status(stage->view, text, size);
}
