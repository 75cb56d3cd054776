/*
 * partition_test.c - one partition from Kafka to the table, with its plans, on servers that fail. A member of
 * the group is joined once (the mock takes 3 s for it); each test has a partition of its own.
 */
#include "common/io/kafka_consumer.h"
#include "common/io/kafka_producer.h"
#include "common/service/batch/batch.h"
#include "common/service/batch/partition.h"
#include "common/service/batch/plan.h"
#include "tests/lib/batch_world.h"
#include "tests/lib/loop_until.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { PARTITIONS = 32, RECORDS = 8 };

static struct settings_property member_properties[] = {{"session.timeout.ms", "30000"},
                                                       {"fetch.wait.max.ms", "20"}};

struct world {
    struct batch_world base;
    bool is_assigned;
    struct partition *partition;
    int32_t number;      /* of the partition of this test */
    int32_t next_number; /* of the next test's */
    struct kafka_commit commit;
    int committed_count;
    rd_kafka_resp_err_t commit_code;
    bool has_positions;
    struct kafka_position position;
    char metadata[PLAN_METADATA_BYTES];
    const char *wanted_problem; /* for has_problem */
    int64_t missing;            /* the record that has_all expects no row of; -1: none */
};

/* ---- the stage around the partition ---- */

static void on_turn(void *owner)
{
    struct world *world = owner;

    if (world->partition == NULL)
        return;
    world->base.load.busy_partitions = 1;
    partition_step(world->partition);
    if (partition_needs_slot(world->partition) && !partition_holds_slot(world->partition))
        partition_run(world->partition);
}

static void on_assigned(void *owner, const int32_t *partitions, size_t count)
{
    struct world *world = owner;

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
    loop_turn_ask(&((struct world *)owner)->base.turn);
}

static void on_failed(void *owner, const struct err *err)
{
    (void)owner;
    fail_msg("%s", err->text);
}

static int join_once(void **state)
{
    struct world *world = test_calloc(1, sizeof(*world));
    struct batch_world *base = &world->base;
    struct err err;

    batch_world_prepare(base);
    mock_kafka_topic(&base->mock, "source", PARTITIONS);
    base->stage.source_topic = "source";
    base->stage.forward_topic = NULL;
    base->on_turn = on_turn;
    base->on_turn_owner = world;
    base->mock.config.consumer = (struct settings_properties){member_properties, 2};
    batch_world_start(base);
    base->context.forward_topic = NULL;
    const struct kafka_client client = mock_kafka_client(&base->mock, "1");
    rd_kafka_conf_t *conf = kafka_setup_consumer(&client, "testers", &err);
    assert_non_null(conf);
    const struct kafka_consumer_settings settings = {.conf = conf,
                                                     .group = "testers",
                                                     .topic = "source",
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

static int leave_once(void **state)
{
    struct world *world = *state;

    batch_world_stop(&world->base);
    kafka_consumer_stop(&world->base.context.consumer);
    batch_world_done(&world->base);
    test_free(world);
    return 0;
}

/* ---- what a test does ---- */

static void on_committed(struct kafka_commit *commit, rd_kafka_resp_err_t code)
{
    struct world *world = (struct world *)((char *)commit - offsetof(struct world, commit));

    world->commit_code = code;
    world->committed_count++;
}

static int set_up(void **state)
{
    struct world *world = *state;
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
    return 0;
}

static bool is_quiet(void *context)
{
    return partition_is_quiet(((struct world *)context)->partition);
}

static void end_partition(struct world *world)
{
    partition_close(world->partition);
    loop_until(world->base.loop, is_quiet, world, 20000, "that it is closed");
    partition_free(&world->partition);
}

static int tear_down(void **state)
{
    struct world *world = *state;

    if (world->partition == NULL)
        return 0;
    partition_abandon(world->partition);
    loop_until(world->base.loop, is_quiet, world, 20000, "that it is closed");
    partition_free(&world->partition);
    return 0;
}

static void fill(struct world *world, int64_t first, int count)
{
    mock_kafka_fill(&world->base.mock, "source", world->number, first, count);
}

/* As if a worker before had committed this. */
static void commit(struct world *world, int64_t offset, const char *metadata)
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
    struct world *world = owner;

    if (positions == NULL)
        fail_msg("%s", err->text);
    assert_int_equal(count, 1);
    world->position = positions[0];
    (void)snprintf(world->metadata, sizeof(world->metadata), "%.*s", SLICE_ARG(positions[0].metadata));
    world->position.metadata = slice_from(world->metadata);
    world->has_positions = true;
}

static struct plan_state committed(struct world *world)
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

/* Takes the partition over, at what the group has. */
static void take_over(struct world *world)
{
    world->has_positions = false;
    (void)kafka_consumer_fetch_committed(world->base.context.consumer, &world->number, 1, on_positions,
                                         world);
    loop_until_true(world->base.loop, &world->has_positions, "the committed position");
    world->partition = partition_new(&world->base.context, &world->position);
}

static bool has_all(void *context)
{
    const struct world *world = context;

    for (int64_t offset = 0; offset < RECORDS; offset++)
        if (offset != world->missing &&
            fake_clickhouse_copies(&world->base.fake, 1, world->number, offset) == 0)
            return false;
    return !partition_is_busy(world->partition);
}

static void assert_each_once(const struct world *world, int64_t first, int64_t last)
{
    for (int64_t offset = first; offset <= last; offset++)
        assert_int_equal(fake_clickhouse_copies(&world->base.fake, 1, world->number, offset), 1);
}

static bool has_problem(void *context)
{
    const struct world *world = context;
    struct err problem;
    bool needs_person;

    return partition_has_problem(world->partition, &problem, &needs_person) &&
           strstr(problem.text, world->wanted_problem) != NULL;
}

/* All letters in all partitions. */
static int64_t count_letters(struct world *world)
{
    int64_t count = 0;

    for (int32_t i = 0; i < 4; i++)
        count += mock_kafka_end(&world->base.mock, "source.dlq", i);
    return count;
}

/* ---- while all is well ---- */

static void stores_each_record_once_and_commits_behind_them(void **state)
{
    struct world *world = *state;

    fill(world, 0, RECORDS);
    take_over(world);
    loop_until(world->base.loop, has_all, world, 20000, "that all are stored");
    assert_int_equal(world->base.fake.insert_count, 1);
    end_partition(world);
    assert_each_once(world, 0, RECORDS - 1);
    struct plan_state left = committed(world);
    assert_int_equal(left.next, RECORDS);
    assert_int_equal(left.epoch, 1);
    assert_false(left.has_plan);
    assert_int_equal(world->base.load.held_bytes, 0);
}

static bool is_held(void *context)
{
    return ((struct world *)context)->base.fake.held != NULL;
}

/* The plan is what makes a kill harmless: it must be in the group before the table sees a row. */
static void commits_the_plan_before_the_insert(void **state)
{
    struct world *world = *state;

    fill(world, 0, RECORDS);
    fake_clickhouse_plan(&world->base.fake, FAKE_HOLD, 0);
    take_over(world);
    loop_until(world->base.loop, is_held, world, 20000, "the insert");
    struct plan_state found = committed(world);
    assert_int_equal(found.next, 0);
    assert_true(found.has_plan);
    assert_int_equal(found.plan.last, RECORDS - 1);
    assert_int_equal(found.plan.count, RECORDS);
    assert_int_equal(found.plan.starts, 1);
    fake_clickhouse_let_go(&world->base.fake);
    loop_until(world->base.loop, has_all, world, 20000, "that all are stored");
    assert_each_once(world, 0, RECORDS - 1);
}

static void does_not_insert_while_the_plan_can_not_be_committed(void **state)
{
    struct world *world = *state;

    fill(world, 0, RECORDS);
    take_over(world);
    mock_kafka_fail(&world->base.mock, MOCK_KAFKA_OFFSET_COMMIT, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
                    1);
    world->wanted_problem = "commit";
    loop_until(world->base.loop, has_problem, world, 20000, "the problem");
    assert_int_equal(world->base.fake.insert_count, 0);
    loop_until(world->base.loop, has_all, world, 20000, "that all are stored in the end");
    assert_each_once(world, 0, RECORDS - 1);
}

/* ---- answers that get lost ---- */

static void does_not_repeat_an_insert_whose_rows_are_there(void **state)
{
    struct world *world = *state;

    fill(world, 0, RECORDS);
    fake_clickhouse_plan(&world->base.fake, FAKE_STORE_SILENTLY, 0);
    take_over(world);
    loop_until(world->base.loop, has_all, world, 20000, "that all are stored");
    assert_each_once(world, 0, RECORDS - 1);
    assert_int_equal(world->base.fake.insert_count, 1);
}

/* The token is there and the rows are not: the second insert is swallowed, the third has a name of its own.
 */
static void inserts_under_a_new_token_when_the_old_one_has_no_rows(void **state)
{
    struct world *world = *state;
    const struct fake_clickhouse *fake = &world->base.fake;
    AUTO_BUF renamed = {0};

    fill(world, 0, RECORDS);
    fake_clickhouse_plan(&world->base.fake, FAKE_TOKEN_ONLY, 0);
    take_over(world);
    loop_until(world->base.loop, has_all, world, 20000, "that all are stored");
    assert_each_once(world, 0, RECORDS - 1);
    assert_int_equal(fake->insert_count, 3);
    assert_string_equal(fake->tokens[0], fake->tokens[1]);
    buf_printf(&renamed, "%s:r1", fake->tokens[0]);
    assert_string_equal(fake->tokens[2], buf_text(&renamed));
    assert_string_equal(fake->query_ids[0], fake->query_ids[2]); /* never two at once */
}

static void waits_for_a_table_that_is_away_and_says_so(void **state)
{
    struct world *world = *state;

    fill(world, 0, RECORDS);
    fake_clickhouse_plan(&world->base.fake, FAKE_REFUSE, 60);
    fake_clickhouse_plan(&world->base.fake, FAKE_REFUSE, 252);
    take_over(world);
    world->wanted_problem = "code 60";
    loop_until(world->base.loop, has_problem, world, 20000, "the problem");
    loop_until(world->base.loop, has_all, world, 20000, "that all are stored");
    assert_int_equal(world->base.fake.insert_count, 3);
    assert_string_equal(world->base.fake.tokens[0], world->base.fake.tokens[2]);
    assert_each_once(world, 0, RECORDS - 1);
    world->wanted_problem = "";
    assert_false(has_problem(world));
    assert_int_equal(count_letters(world), 0);
}

/* ---- taking over ---- */

/* The text of a plan over the first RECORDS records, as a worker before would have committed it. */
static void commit_plan(struct world *world, int64_t last, uint32_t starts)
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
    commit(world, 0, text);
}

/* The worker before was killed in mid-insert, which then came true after all. */
static void does_a_found_plan_with_the_same_boundaries_and_only_what_is_absent(void **state)
{
    struct world *world = *state;

    fill(world, 0, RECORDS);
    commit_plan(world, 4, 1);
    for (int64_t offset = 0; offset < 3; offset++)
        fake_clickhouse_add(&world->base.fake, 1, world->number, offset);
    take_over(world);
    loop_until(world->base.loop, has_all, world, 20000, "that all are stored");
    assert_each_once(world, 0, RECORDS - 1);
    assert_int_equal(world->base.fake.insert_rows[0], 2); /* 3 and 4; not 5 to 7, which are another plan's */
    assert_non_null(strstr(world->base.fake.tokens[0], "/0-4/"));
}

static void stops_when_the_log_has_other_records_than_the_plan(void **state)
{
    struct world *world = *state;
    struct err problem;
    bool needs_person = false;

    fill(world, 0, RECORDS);
    commit(world, 0,
           "millrace/1 epoch=1 forwarded=-1 suspect=-1 last=4 count=5 sum=00000000000000ff starts=1");
    take_over(world);
    world->wanted_problem = "other records";
    loop_until(world->base.loop, has_problem, world, 20000, "the problem");
    assert_true(partition_has_problem(world->partition, &problem, &needs_person));
    assert_true(needs_person);
    assert_int_equal(world->base.fake.insert_count, 0);
}

static void halves_a_plan_that_was_begun_three_times(void **state)
{
    struct world *world = *state;

    fill(world, 0, RECORDS);
    commit_plan(world, RECORDS - 1, PLAN_STARTS_MAX);
    fake_clickhouse_plan(&world->base.fake, FAKE_HOLD, 0);
    take_over(world);
    loop_until(world->base.loop, is_held, world, 20000, "the first insert");
    struct plan_state found = committed(world);
    assert_int_equal(found.plan.count, RECORDS / 2);
    assert_int_equal(found.plan.starts, PLAN_STARTS_MAX); /* ends this worker too: halved at once */
    assert_int_equal(found.suspect_until, RECORDS - 1);
    fake_clickhouse_let_go(&world->base.fake);
    loop_until(world->base.loop, has_all, world, 20000, "that all are stored");
    assert_each_once(world, 0, RECORDS - 1);
    end_partition(world);
    assert_int_equal(committed(world).next, RECORDS);
}

static void gives_the_record_that_ends_workers_to_the_dead_letters(void **state)
{
    struct world *world = *state;

    fill(world, 0, RECORDS);
    commit_plan(world, 0, PLAN_STARTS_MAX);
    int64_t before = count_letters(world);
    world->missing = 0;
    take_over(world);
    loop_until(world->base.loop, has_all, world, 20000, "that the others are stored");
    assert_int_equal(fake_clickhouse_copies(&world->base.fake, 1, world->number, 0), 0);
    assert_each_once(world, 1, RECORDS - 1);
    assert_int_equal(count_letters(world), before + 1);
    AUTO_RECORDS letters = mock_kafka_read(&world->base.mock, "source.dlq", 0);
    for (int32_t i = 1; letters.count == 0; i++) {
        mock_records_done(&letters);
        letters = mock_kafka_read(&world->base.mock, "source.dlq", i);
    }
    const rd_kafka_message_t *letter = letters.messages[letters.count - 1];
    assert_true(slice_equals_text(mock_record_header(letter, "dlq-kind"), "crash"));
    assert_true(slice_equals_text(mock_record_header(letter, "dlq-offset"), "0"));
}

/* Not twice, as a row and as a dead letter: the books would count it twice. */
static void gives_up_no_record_whose_row_is_there(void **state)
{
    struct world *world = *state;

    fill(world, 0, RECORDS);
    commit_plan(world, 0, PLAN_STARTS_MAX);
    fake_clickhouse_add(&world->base.fake, 1, world->number, 0);
    int64_t before = count_letters(world);
    take_over(world);
    loop_until(world->base.loop, has_all, world, 20000, "that all are stored");
    assert_each_once(world, 0, RECORDS - 1);
    assert_int_equal(count_letters(world), before);
}

/* An outage with restarts must not make dead letters of good events. */
static void does_not_count_starts_that_the_table_hindered(void **state)
{
    struct world *world = *state;

    fill(world, 0, RECORDS);
    fake_clickhouse_plan(&world->base.fake, FAKE_HOLD, 0);
    take_over(world);
    loop_until(world->base.loop, is_held, world, 20000, "the insert");
    assert_int_equal(committed(world).plan.starts, 1);
    world->base.fake.failing_questions = 1000;
    fake_clickhouse_lose(&world->base.fake);
    world->wanted_problem = "ClickHouse";
    loop_until(world->base.loop, has_problem, world, 20000, "the problem");
    end_partition(world); /* a stop while it waits */
    struct plan_state left = committed(world);
    assert_true(left.has_plan);
    assert_int_equal(left.plan.starts, 0);
    assert_int_equal(left.next, 0);
}

/* ---- bad records ---- */

static void splits_a_batch_until_the_row_that_the_table_refuses_stands_alone(void **state)
{
    struct world *world = *state;
    char poison[64];

    fill(world, 0, RECORDS);
    (void)snprintf(poison, sizeof(poison), "%d:%d", (int)world->number, 5);
    world->base.fake.poison_id = poison;
    int64_t before = count_letters(world);
    world->missing = 5;
    take_over(world);
    loop_until(world->base.loop, has_all, world, 20000, "that the others are stored");
    assert_int_equal(count_letters(world), before + 1);
    assert_each_once(world, 0, 4);
    assert_int_equal(fake_clickhouse_copies(&world->base.fake, 1, world->number, 5), 0);
    assert_each_once(world, 6, RECORDS - 1);
    end_partition(world);
    assert_int_equal(committed(world).next, RECORDS);
}

static void sends_what_can_not_be_decoded_to_the_dead_letters_and_goes_on(void **state)
{
    struct world *world = *state;

    for (int i = 0; i < RECORDS; i++)
        mock_kafka_write(&world->base.mock, "source", world->number, SLICE("k"),
                         i == 2 ? SLICE("bad one") : SLICE("good"), NULL);
    int64_t before = count_letters(world);
    world->missing = 2;
    take_over(world);
    loop_until(world->base.loop, has_all, world, 20000, "that the others are stored");
    assert_int_equal(count_letters(world), before + 1);
    assert_each_once(world, 3, RECORDS - 1);
}

/* ---- closing ---- */

static void leaves_a_plan_to_the_next_owner_when_it_is_abandoned(void **state)
{
    struct world *world = *state;

    fill(world, 0, RECORDS);
    fake_clickhouse_plan(&world->base.fake, FAKE_HOLD, 0);
    take_over(world);
    loop_until(world->base.loop, is_held, world, 20000, "the insert");
    partition_abandon(world->partition);
    assert_true(partition_is_closed(world->partition));
    partition_free(&world->partition);
    assert_int_equal(world->base.load.held_bytes, 0);
    fake_clickhouse_let_go(&world->base.fake); /* it comes true after all */
    struct plan_state left = committed(world);
    assert_true(left.has_plan);
    take_over(world);
    loop_until(world->base.loop, has_all, world, 20000, "that the next owner has done it");
    assert_each_once(world, 0, RECORDS - 1);
}

static void finishes_the_insert_under_way_when_it_is_closed(void **state)
{
    struct world *world = *state;

    fill(world, 0, RECORDS);
    fake_clickhouse_plan(&world->base.fake, FAKE_HOLD, 0);
    take_over(world);
    loop_until(world->base.loop, is_held, world, 20000, "the insert");
    partition_close(world->partition);
    fake_clickhouse_let_go(&world->base.fake);
    loop_until(world->base.loop, is_quiet, world, 20000, "that it is closed");
    partition_free(&world->partition);
    assert_each_once(world, 0, RECORDS - 1);
    struct plan_state left = committed(world);
    assert_int_equal(left.next, RECORDS);
    assert_false(left.has_plan);
}

#define PARTITION_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PARTITION_TEST(stores_each_record_once_and_commits_behind_them),
        PARTITION_TEST(commits_the_plan_before_the_insert),
        PARTITION_TEST(does_not_insert_while_the_plan_can_not_be_committed),
        PARTITION_TEST(does_not_repeat_an_insert_whose_rows_are_there),
        PARTITION_TEST(inserts_under_a_new_token_when_the_old_one_has_no_rows),
        PARTITION_TEST(waits_for_a_table_that_is_away_and_says_so),
        PARTITION_TEST(does_a_found_plan_with_the_same_boundaries_and_only_what_is_absent),
        PARTITION_TEST(stops_when_the_log_has_other_records_than_the_plan),
        PARTITION_TEST(halves_a_plan_that_was_begun_three_times),
        PARTITION_TEST(gives_the_record_that_ends_workers_to_the_dead_letters),
        PARTITION_TEST(gives_up_no_record_whose_row_is_there),
        PARTITION_TEST(does_not_count_starts_that_the_table_hindered),
        PARTITION_TEST(splits_a_batch_until_the_row_that_the_table_refuses_stands_alone),
        PARTITION_TEST(sends_what_can_not_be_decoded_to_the_dead_letters_and_goes_on),
        PARTITION_TEST(leaves_a_plan_to_the_next_owner_when_it_is_abandoned),
        PARTITION_TEST(finishes_the_insert_under_way_when_it_is_closed),
    };

    return cmocka_run_group_tests_name("partition", tests, join_once, leave_once);
}
