#include "tests/lib/partition_world.h"

#include "common/io/kafka_producer.h"
#include "common/service/batch/batch.h"
#include "tests/lib/loop_until.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { PARTITIONS = 32 };

static struct settings_property member_properties[] = {{"session.timeout.ms", "30000"},
                                                       {"fetch.wait.max.ms", "20"}};

/* ---- the stage around the partition ---- */

static void on_turn(void *owner)
{
    struct partition_world *world = owner;

    if (world->partition == NULL)
        return;
    world->base.load.busy_partitions = 1;
    partition_step(world->partition);
    if (partition_needs_slot(world->partition) && !partition_holds_slot(world->partition))
        partition_run(world->partition);
}

static void on_assigned(void *owner, const int32_t *partitions, size_t count)
{
    struct partition_world *world = owner;

    (void)partitions;
    assert_int_equal(count, PARTITIONS);
    kafka_consumer_accept(world->base.context.consumer);
    world->is_assigned = true;
}

static void on_revoked(void *owner)
{
    (void)owner;
    fail_msg("the group took the partitions away");
}

static void on_records(void *owner)
{
    loop_turn_ask(&((struct partition_world *)owner)->base.turn);
}

static void on_failed(void *owner, const struct err *err)
{
    (void)owner;
    fail_msg("%s", err->text);
}

static void on_reject(void *owner, const struct batch_record *record, const struct batch_reject *reject,
                      struct batch *batch)
{
    (void)owner;
    buf_printf(&batch->companions[1], "%s:%lld;", reject->kind, (long long)record->offset);
}

int partition_world_join(void **state)
{
    struct partition_world *world = test_calloc(1, sizeof(*world));
    struct batch_world *base = &world->base;
    struct err err;

    batch_world_prepare(base);
    mock_kafka_topic(&base->mock, "source", PARTITIONS);
    /* While a producer does not know a topic yet, records that are written together arrive one by one. */
    mock_kafka_fill(&base->mock, "source", PARTITIONS - 1, 0, 1);
    base->stage.source_topic = "source";
    base->stage.forward_topic = NULL;
    base->stage.on_reject = on_reject;
    base->on_turn = on_turn;
    base->on_turn_owner = world;
    base->mock.config.consumer = (struct settings_properties){member_properties, 2};
    batch_world_start(base);
    base->context.forward_topic = NULL;
    scripted_clickhouse_start(&world->script, base->loop);
    base->context.companions[0] = scripted_clickhouse_table(&world->script, "ids", "id");
    base->context.companions[1] = scripted_clickhouse_table(&world->script, "outcomes", "outcome");
    const struct kafka_client client = mock_kafka_client(&base->mock, "1");
    rd_kafka_conf_t *conf = kafka_setup_consumer(&client, "testers", &err);
    assert_non_null(conf);
    const struct kafka_consumer_settings settings = {.conf = conf,
                                                     .group = "testers",
                                                     .topic = "source",
                                                     .offload = base->context.offload,
                                                     .on_assigned = on_assigned,
                                                     .on_revoked = on_revoked,
                                                     .on_lost = on_revoked,
                                                     .on_records = on_records,
                                                     .on_failed = on_failed,
                                                     .owner = world};
    if (!kafka_consumer_start(base->loop, &settings, &base->context.consumer, &err))
        fail_msg("%s", err.text);
    loop_until_true(base->loop, &world->is_assigned, "the assignment");
    *state = world;
    return 0;
}

int partition_world_leave(void **state)
{
    struct partition_world *world = *state;

    batch_world_stop(&world->base);
    kafka_consumer_stop(&world->base.context.consumer);
    scripted_clickhouse_stop(&world->script);
    batch_world_done(&world->base);
    test_free(world);
    return 0;
}

/* ---- what a test does ---- */

static void on_committed(struct kafka_commit *commit, rd_kafka_resp_err_t code)
{
    struct partition_world *world =
        (struct partition_world *)((char *)commit - offsetof(struct partition_world, commit));

    world->commit_code = code;
    world->committed_count++;
}

int partition_world_begin(void **state)
{
    struct partition_world *world = *state;
    struct fake_clickhouse *fake = &world->base.fake;

    world->number = world->next_number++;
    world->wanted_problem = NULL;
    world->missing = -1;
    world->base.context.flush =
        (struct flush_policy){.interval_ms = 1, .max_records = 1000, .max_bytes = 1 << 20};
    fake->row_count = 0;
    fake->insert_count = 0;
    fake->question_count = 0;
    fake->known_token_count = 0;
    fake->next_count = 0;
    fake->next_at = 0;
    fake->failing_questions = 0;
    fake->poison_id = NULL;
    scripted_clickhouse_begin_anew(&world->script);
    scripted_clickhouse_add(&world->script, &(struct script_rule){.sql = "INSERT INTO"});
    return 0;
}

bool partition_world_is_quiet(void *context)
{
    return partition_is_quiet(((struct partition_world *)context)->partition);
}

void partition_world_close(struct partition_world *world)
{
    partition_close(world->partition);
    loop_until(world->base.loop, partition_world_is_quiet, world, 20000, "that it is closed");
    partition_free(&world->partition);
}

int partition_world_end(void **state)
{
    struct partition_world *world = *state;

    if (world->partition == NULL)
        return 0;
    partition_abandon(world->partition);
    loop_until(world->base.loop, partition_world_is_quiet, world, 20000, "that it is closed");
    partition_free(&world->partition);
    return 0;
}

void partition_world_fill(struct partition_world *world, int64_t first, int count)
{
    mock_kafka_fill(&world->base.mock, "source", world->number, first, count);
}

void partition_world_commit(struct partition_world *world, int64_t offset, const char *metadata)
{
    const struct kafka_position position = {
        .partition = world->number, .offset = offset, .metadata = slice_from(metadata)};

    world->commit.on_committed = on_committed;
    world->committed_count = 0;
    kafka_consumer_commit(world->base.context.consumer, &position, &world->commit);
    loop_until_count(world->base.loop, &world->committed_count, 1, "the commit");
    assert_int_equal(world->commit_code, 0);
}

static void on_positions(void *owner, const struct kafka_position *positions, size_t count,
                         const struct err *err)
{
    struct partition_world *world = owner;

    if (positions == NULL)
        fail_msg("%s", err->text);
    assert_int_equal(count, 1);
    world->position = positions[0];
    (void)snprintf(world->metadata, sizeof(world->metadata), "%.*s", SLICE_ARG(positions[0].metadata));
    world->position.metadata = slice_from(world->metadata);
    world->has_positions = true;
}

struct plan_state partition_world_committed(struct partition_world *world)
{
    struct plan_state found;
    struct err err;

    world->has_positions = false;
    (void)kafka_consumer_fetch_committed(world->base.context.consumer, &world->number, 1, on_positions,
                                         world);
    loop_until_true(world->base.loop, &world->has_positions, "the committed position");
    if (plan_metadata_read(world->position.metadata, world->position.offset, &found, &err) != PLAN_READ)
        fail_msg("%s", err.text);
    return found;
}

void partition_world_take_over(struct partition_world *world)
{
    world->has_positions = false;
    (void)kafka_consumer_fetch_committed(world->base.context.consumer, &world->number, 1, on_positions,
                                         world);
    loop_until_true(world->base.loop, &world->has_positions, "the committed position");
    world->partition = partition_new(&world->base.context, &world->position);
}

bool partition_world_has_all(void *context)
{
    const struct partition_world *world = context;

    for (int64_t offset = 0; offset < PARTITION_WORLD_RECORDS; offset++)
        if (offset != world->missing &&
            fake_clickhouse_copies(&world->base.fake, 1, world->number, offset) == 0)
            return false;
    return !partition_is_busy(world->partition);
}

void partition_world_assert_each_once(const struct partition_world *world, int64_t first, int64_t last)
{
    for (int64_t offset = first; offset <= last; offset++)
        assert_int_equal(fake_clickhouse_copies(&world->base.fake, 1, world->number, offset), 1);
}

bool partition_world_has_problem(void *context)
{
    const struct partition_world *world = context;
    struct err problem;
    bool needs_person;

    return partition_has_problem(world->partition, &problem, &needs_person) &&
           strstr(problem.text, world->wanted_problem) != NULL;
}

int64_t partition_world_count_letters(struct partition_world *world)
{
    int64_t count = 0;

    for (int32_t i = 0; i < 4; i++)
        count += mock_kafka_end(&world->base.mock, "source.dlq", i);
    return count;
}

bool partition_world_holds_insert(void *context)
{
    return ((struct partition_world *)context)->base.fake.held != NULL;
}

void partition_world_commit_plan(struct partition_world *world, int64_t last, uint32_t starts)
{
    AUTO_RECORDS records = mock_kafka_read(&world->base.mock, "source", world->number);
    struct plan_state before = {
        .epoch = 1, .next = 0, .forwarded = -1, .suspect_until = -1, .has_plan = true};
    struct batch batch = {0};
    char text[PLAN_METADATA_BYTES];

    for (int64_t i = 0; i <= last; i++) {
        batch_add(&batch, records.messages[i]);
        records.messages[i] = NULL;
    }
    before.plan = (struct plan){.first = 0,
                                .last = last,
                                .count = (uint32_t)last + 1,
                                .checksum = batch_checksum(&batch, (uint32_t)last + 1),
                                .starts = starts};
    batch_done(&batch);
    (void)plan_metadata_write(&before, text);
    partition_world_commit(world, 0, text);
}
