#include "common/service/batch/batch_stage.h"

#include "common/base/alloc.h"
#include "common/io/kafka_producer.h"
#include "common/io/kafka_reader.h"
#include "common/io/loop.h"
#include "common/io/offload.h"
#include "common/service/batch/assignment.h"
#include "common/service/batch/context.h"
#include "common/service/batch/stage_view.h"
#include "common/service/dead_letters.h"
#include "common/service/kafka_setup.h"
#include "common/service/metrics.h"
#include "common/service/topic_watch.h"

#include <stdlib.h>

enum {
    STAGE_TICK_MS = 1000,
    STAGE_CLICKHOUSE_CONNECTIONS = 4,
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

    struct assignment *assignment;
    bool has_drained;
    struct loop_timer tick_timer;
};

/* ---- turns ---- */

static void report_drained(struct batch_stage *stage)
{
    if (!stage->has_drained)
        service_drained(stage->service);
    stage->has_drained = true;
}

static void on_turn(void *owner)
{
    struct batch_stage *stage = owner;

    assignment_step(stage->assignment);
    if (assignment_is_closed(stage->assignment))
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
        service_fail(stage->service, &err);
    }
}

/* ---- start and stop ---- */

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
    return assignment_start(stage->service, &stage->context, stage->view, &stage->assignment, err);
}

static void watch_topics(struct batch_stage *stage)
{
    const struct topic_watch_settings settings = {
        .loop = stage->context.loop,
        .offload = stage->context.offload,
        .producer = stage->context.producer,
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
        .ca_file = all->clickhouse.ca_file,
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
    assignment_close(stage->assignment);
}

void batch_stage_stop(struct batch_stage **stage_p)
{
    struct batch_stage *stage = *stage_p;

    if (stage == NULL)
        return;
    loop_timer_stop(&stage->tick_timer);
    if (stage->assignment != NULL)
        assignment_abandon(stage->assignment);
    offload_stop(&stage->context.offload);         /* it may be asking the producer */
    kafka_producer_stop(&stage->context.producer); /* the last reports */
    dead_letters_stop(&stage->context.dead_letters);
    topic_watch_stop(&stage->watch);
    kafka_reader_stop(&stage->context.reader);
    assignment_stop(&stage->assignment);
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
