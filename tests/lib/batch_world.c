#include "tests/lib/batch_world.h"

#include "common/io/kafka_producer.h"
#include "common/io/kafka_reader.h"
#include "common/io/offload.h"
#include "common/service/dead_letters.h"
#include "common/service/topic_watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void on_turn(void *owner)
{
    struct batch_world *world = owner;

    if (world->on_turn != NULL)
        world->on_turn(world->on_turn_owner);
}

static void ask_turn(void *owner)
{
    struct batch_world *world = owner;

    loop_turn_ask(&world->turn);
}

static bool decide(void *owner, const struct batch_record *record, struct buf *rows, struct err *err)
{
    (void)owner;
    if (slice_starts_with(record->value, SLICE("bad"))) {
        err_set(err, ERR_REJECT, "it says so itself");
        return false;
    }
    fake_clickhouse_write_row(rows, record->value, record->epoch, record->partition, record->offset);
    return true;
}

static bool identify(void *owner, const struct batch_record *record, struct buf *out_id)
{
    (void)owner;
    buf_append_slice(out_id, record->value);
    return true;
}

void batch_world_prepare(struct batch_world *world)
{
    memset(world, 0, sizeof(*world));
    mock_kafka_start(&world->mock);
    mock_kafka_topic(&world->mock, "events", WORLD_PARTITIONS);
    mock_kafka_topic(&world->mock, "next", WORLD_PARTITIONS);
    mock_kafka_topic(&world->mock, "events.dlq", WORLD_PARTITIONS);
    world->loop = loop_new();
    loop_turn_init(&world->turn, world->loop, on_turn, world);
    fake_clickhouse_start(&world->fake, world->loop);
    world->metrics = metrics_new();
    world->health = health_new();
    world->decider = (struct each_decider){.decide = decide};
    world->stage = (struct batch_stage_description){
        .name = "tester",
        .source_topic = "events",
        .group = "testers",
        .forward_topic = "next",
        .table = {"rows", fake_clickhouse_columns},
        .decider = &each_decider_class,
        .identify = identify,
        .owner = &world->decider,
    };
}

static void start_clients(struct batch_world *world)
{
    const struct kafka_client client = mock_kafka_client(&world->mock, "1");
    struct batch_context *context = &world->context;
    struct err err;

    if (!kafka_producer_start(world->loop, mock_kafka_producer_conf(&world->mock), &context->producer, &err))
        fail_msg("%s", err.text);
    kafka_producer_on_room(context->producer, ask_turn, world);
    rd_kafka_conf_t *conf = kafka_setup_reader(&client, &err);
    if (conf == NULL || !kafka_reader_start(world->loop, conf, &context->reader, &err))
        fail_msg("%s", err.text);
}

static void watch_topics(struct batch_world *world)
{
    struct batch_context *context = &world->context;

    world->watch = topic_watch_start(&(struct topic_watch_settings){
        .loop = world->loop,
        .offload = context->offload,
        .producer = context->producer,
        .metrics = world->metrics,
        .health = world->health,
    });
    context->forward_topic = topic_watch_add(
        world->watch, &(struct topic_need){"next", "forwarding waits for it", HEALTH_DEGRADED}, ask_turn,
        world);
    context->dead_letters = dead_letters_start(&(struct dead_letters_settings){
        .loop = world->loop,
        .producer = context->producer,
        .watch = world->watch,
        .metrics = world->metrics,
        .stage = world->stage.name,
        .source_topic = world->stage.source_topic,
    });
}

void batch_world_start(struct batch_world *world)
{
    world->context = (struct batch_context){
        .stage = &world->stage,
        .loop = world->loop,
        .turn = &world->turn,
        .offload = offload_start(world->loop),
        .table = fake_clickhouse_table(&world->fake),
        .flush = {.interval_ms = 1, .max_records = 1000, .max_bytes = 1 << 20},
        .held_max_bytes = 64 << 20,
        .stored_rows = metrics_counter(world->metrics, "stored_total", "", "Rows."),
        .forwarded_records = metrics_counter(world->metrics, "forwarded_total", "", "Records."),
        .insert_seconds = metrics_histogram(world->metrics, "insert_seconds", "", "Seconds.", 0.001, 10),
        .batch_records = metrics_histogram(world->metrics, "batch_records", "", "Records.", 1, 10),
        .load = &world->load,
    };
    start_clients(world);
    watch_topics(world);
}

void batch_world_stop(struct batch_world *world)
{
    offload_stop(&world->context.offload);
    kafka_producer_stop(&world->context.producer);
}

void batch_world_done(struct batch_world *world)
{
    dead_letters_stop(&world->context.dead_letters);
    topic_watch_stop(&world->watch);
    kafka_reader_stop(&world->context.reader);
    fake_clickhouse_stop(&world->fake);
    health_free(&world->health);
    metrics_free(&world->metrics);
    loop_turn_done(&world->turn);
    loop_free(&world->loop);
    mock_kafka_stop(&world->mock);
}
