/*
 * forwarder_test.c - stored records onward, on a Kafka that fails: what counts is what a receiver takes that
 * follows envelope.h, so most tests end by asking one.
 */
#include "common/event/envelope.h"
#include "common/service/batch/forwarder.h"
#include "common/service/topic_watch.h"
#include "tests/lib/batch_world.h"
#include "tests/lib/loop_until.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { PARTITION = 1, EPOCH = 2, RECORDS_MAX = 200 };

struct world {
    struct batch_world base;
    struct mock_records source; /* of the partition, as consumed */
    struct forwarder *forwarder;
    int64_t wanted; /* for has_forwarded */
    bool is_next_missing;
};

static void on_turn(void *owner)
{
    struct world *world = owner;

    if (world->forwarder != NULL)
        forwarder_step(world->forwarder);
}

static int set_up(void **state)
{
    struct world *world = test_calloc(1, sizeof(*world));

    batch_world_prepare(&world->base);
    world->base.on_turn = on_turn;
    world->base.on_turn_owner = world;
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    if (world->forwarder != NULL)
        forwarder_close(world->forwarder);
    batch_world_stop(&world->base);
    forwarder_free(&world->forwarder);
    assert_int_equal(world->base.load.forward_held_bytes, 0);
    mock_records_done(&world->source);
    batch_world_done(&world->base);
    test_free(world);
    return 0;
}

static bool is_there(void *context)
{
    const struct world *world = context;

    return watched_topic_has(world->base.context.forward_topic, PARTITION);
}

static bool is_named(void *context)
{
    const struct world *world = context;
    AUTO_BUF json = {0};

    health_write(world->base.health, &json);
    return strstr(buf_text(&json), "\"missingTopics\":[\"next\"]") != NULL;
}

/* With `count` records in the source; forwarded and settled as given. */
static void start(struct world *world, int count, int64_t forwarded, int64_t settled_until)
{
    mock_kafka_fill(&world->base.mock, "events", PARTITION, 0, count);
    world->source = mock_kafka_read(&world->base.mock, "events", PARTITION);
    batch_world_start(&world->base);
    loop_until(world->base.loop, world->is_next_missing ? is_named : is_there, world, 20000,
               "that the topic is known");
    world->forwarder = forwarder_new(&world->base.context, PARTITION, EPOCH);
    forwarder_begin(world->forwarder, forwarded, settled_until);
}

/* Rows of the table for the records, so that what is owed can be found. */
static void add_rows(struct world *world, int64_t first, int64_t last, int64_t step)
{
    for (int64_t offset = first; offset <= last; offset += step)
        fake_clickhouse_add(&world->base.fake, EPOCH, PARTITION, offset);
}

/* A stage that decided for every `step`th record. */
static bool decide(void *owner, const struct batch_record *record, struct buf *rows, struct err *err)
{
    const int64_t *step = owner;

    if (record->offset % *step != 0) {
        err_set(err, ERR_REJECT, "not this one");
        return false;
    }
    buf_append_byte(rows, 'r');
    return true;
}

/* Hands the stored records over, as partition.c does. */
static void add(struct world *world, int64_t first, int64_t last, int64_t step)
{
    struct batch batch = {0};

    for (int64_t offset = first; offset <= last; offset++) {
        batch_add(&batch, world->source.messages[offset]);
        world->source.messages[offset] = NULL;
    }
    decide_each(&batch, EPOCH, decide, &step);
    forwarder_add(world->forwarder, &batch, last + 1);
    batch_done(&batch);
}

static bool has_forwarded(void *context)
{
    const struct world *world = context;

    return forwarder_position(world->forwarder) >= world->wanted &&
           forwarder_debt_since_ms(world->forwarder) == 0;
}

static void await_forwarded(struct world *world, int64_t offset)
{
    world->wanted = offset;
    loop_until(world->base.loop, has_forwarded, world, 20000, "that all is forwarded");
    assert_int_equal(forwarder_position(world->forwarder), offset);
    assert_int_equal(forwarder_debt_records(world->forwarder), 0);
    assert_null(forwarder_problem(world->forwarder));
    assert_true(forwarder_is_quiet(world->forwarder));
}

/* What a receiver takes that drops repeats and never goes past a gap. */
struct received {
    int64_t offsets[RECORDS_MAX];
    size_t count;
    size_t repeats;
    size_t gaps; /* seen and passed over; each must come again */
};

static struct received receive(struct world *world, int64_t seen)
{
    struct received received = {0};
    AUTO_RECORDS next = mock_kafka_read(&world->base.mock, "next", PARTITION);

    for (size_t i = 0; i < next.count; i++) {
        struct envelope_forward forward;
        char value[64];
        assert_true(envelope_forward_read(mock_record_header(next.messages[i], ENVELOPE_HEADER), &forward));
        assert_int_equal(forward.epoch, EPOCH);
        assert_true(forward.previous < forward.offset);
        if (forward.offset <= seen) {
            received.repeats++;
            continue;
        }
        if (forward.previous > seen) {
            received.gaps++;
            continue;
        }
        (void)snprintf(value, sizeof(value), "%d:%lld", PARTITION, (long long)forward.offset);
        assert_true(slice_equals_text(mock_record_value(next.messages[i]), value));
        assert_true(slice_equals_text(slice_of(next.messages[i]->key, next.messages[i]->key_len), "k"));
        seen = forward.offset;
        assert_true(received.count < RECORDS_MAX);
        received.offsets[received.count++] = seen;
    }
    return received;
}

static void assert_received(const struct received *received, int64_t first, int64_t last, int64_t step)
{
    size_t at = 0;

    for (int64_t offset = first; offset <= last; offset += step) {
        if (at >= received->count || received->offsets[at] != offset)
            fail_msg("offset %lld did not come in its turn", (long long)offset);
        at++;
    }
    assert_int_equal(received->count, at);
}

/* ---- while all is well ---- */

static void forwards_in_order_each_behind_the_one_before(void **state)
{
    struct world *world = *state;

    start(world, 60, -1, 0);
    add(world, 0, 19, 1);
    add(world, 20, 49, 3); /* only each third has a row */
    add(world, 50, 59, 1);
    await_forwarded(world, 59);
    struct received received = receive(world, -1);
    assert_int_equal(received.repeats + received.gaps, 0);
    assert_int_equal(received.count, 20 + 10 + 10);
    assert_int_equal(received.offsets[20], 21);
    assert_int_equal(world->base.fake.question_count, 0);
    assert_int_equal(metric_count(world->base.context.forwarded_records), 40);
}

/* Downstream knows the record that stood before from the last worker. */
static void goes_on_behind_what_was_forwarded_before(void **state)
{
    struct world *world = *state;

    start(world, 20, 9, 10);
    add(world, 10, 19, 1);
    await_forwarded(world, 19);
    struct received received = receive(world, 9);
    assert_received(&received, 10, 19, 1);
}

static void owes_nothing_for_a_batch_without_rows(void **state)
{
    struct world *world = *state;

    start(world, 10, -1, 0);
    add(world, 1, 2, 7);
    assert_int_equal(forwarder_debt_records(world->forwarder), 0);
    assert_int_equal(forwarder_debt_since_ms(world->forwarder), 0);
}

static void waits_for_room_in_the_producers_queue(void **state)
{
    struct world *world = *state;
    static struct settings_property small[] = {{"queue.buffering.max.messages", "7"}};

    world->base.mock.config.producer = (struct settings_properties){small, 1};
    start(world, 100, -1, 0);
    add(world, 0, 99, 1);
    await_forwarded(world, 99);
    struct received received = receive(world, -1);
    assert_int_equal(received.repeats + received.gaps, 0);
    assert_received(&received, 0, 99, 1);
}

/* ---- what is owed ---- */

static void reads_again_what_the_last_worker_owed(void **state)
{
    struct world *world = *state;

    add_rows(world, 0, 39, 2);
    start(world, 50, 9, 40);
    assert_int_equal(forwarder_debt_records(world->forwarder), 30); /* at most: nobody knows the rows yet */
    assert_true(forwarder_debt_since_ms(world->forwarder) > 0);
    await_forwarded(world, 38);
    struct received received = receive(world, 9);
    assert_int_equal(received.repeats + received.gaps, 0);
    assert_received(&received, 10, 38, 2);
}

static void owes_nothing_where_no_rows_are(void **state)
{
    struct world *world = *state;

    start(world, 10, 4, 10);
    await_forwarded(world, 4);
    assert_int_equal(mock_kafka_end(&world->base.mock, "next", PARTITION), 0);
}

static bool has_problem(void *context)
{
    const struct world *world = context;

    return forwarder_problem(world->forwarder) != NULL;
}

static void asks_again_when_the_table_does_not_answer(void **state)
{
    struct world *world = *state;

    world->base.fake.failing_questions = 1;
    add_rows(world, 0, 9, 1);
    start(world, 10, -1, 10);
    loop_until(world->base.loop, has_problem, world, 20000, "the problem");
    assert_non_null(strstr(forwarder_problem(world->forwarder)->text, "ClickHouse"));
    await_forwarded(world, 9);
    struct received received = receive(world, -1);
    assert_received(&received, 0, 9, 1);
}

/* More than may be held: what does not fit is read again when there is room. */
static void reads_again_what_did_not_fit_into_memory(void **state)
{
    struct world *world = *state;

    start(world, 30, -1, 0);
    add_rows(world, 0, 29, 1);
    world->base.context.held_max_bytes = 1;
    add(world, 0, 9, 1);
    world->base.context.held_max_bytes = 64 << 20;
    add(world, 10, 29, 1); /* in order: not before the ten that are owed */
    await_forwarded(world, 29);
    struct received received = receive(world, -1);
    assert_int_equal(received.repeats + received.gaps, 0);
    assert_received(&received, 0, 29, 1);
}

/* Retention was faster. Going past them would lose them in silence. */
static void never_passes_over_owed_records_that_are_gone(void **state)
{
    struct world *world = *state;

    fake_clickhouse_add(&world->base.fake, EPOCH, PARTITION, 0);
    int64_t low = mock_kafka_lose_old(&world->base.mock, "events", PARTITION);
    fake_clickhouse_add(&world->base.fake, EPOCH, PARTITION, low);
    batch_world_start(&world->base);
    world->forwarder = forwarder_new(&world->base.context, PARTITION, EPOCH);
    forwarder_begin(world->forwarder, -1, low + 1);
    loop_until(world->base.loop, has_problem, world, 20000, "the problem");
    assert_int_equal(forwarder_position(world->forwarder), -1);
    assert_true(forwarder_debt_records(world->forwarder) > 0);
    assert_int_equal(mock_kafka_end(&world->base.mock, "next", PARTITION), 0);
}

/* ---- failures ---- */

/* Requests of ten records, so that a failure is in mid-stream. */
static struct settings_property small_requests[] = {{"batch.num.messages", "10"}};

/* The failure that without `prev` lost 1,403 of 6,000: one request fails, later ones succeed. */
static void sends_again_in_order_from_the_first_that_failed(void **state)
{
    struct world *world = *state;

    world->base.mock.config.producer = (struct settings_properties){small_requests, 1};
    add_rows(world, 0, 99, 1);
    start(world, 100, -1, 0);
    mock_kafka_fail(&world->base.mock, MOCK_KAFKA_PRODUCE, RD_KAFKA_RESP_ERR_NO_ERROR, 3);
    mock_kafka_fail(&world->base.mock, MOCK_KAFKA_PRODUCE, RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, 1);
    add(world, 0, 99, 1);
    await_forwarded(world, 99);
    struct received received = receive(world, -1);
    assert_received(&received, 0, 99, 1);
    assert_true(received.gaps > 0); /* the later ones did succeed, or nothing was tested */
    assert_true(world->base.fake.question_count > 0);
}

/* The answer is lost, not the records: they come twice, and are told apart. */
static void repeats_what_nobody_acknowledged(void **state)
{
    struct world *world = *state;

    world->base.mock.config.producer = (struct settings_properties){small_requests, 1};
    add_rows(world, 0, 49, 1);
    start(world, 50, -1, 0);
    mock_kafka_fail(&world->base.mock, MOCK_KAFKA_PRODUCE, RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, 2);
    add(world, 0, 49, 1);
    await_forwarded(world, 49);
    struct received received = receive(world, -1);
    assert_received(&received, 0, 49, 1);
}

static void stores_on_while_the_topic_is_missing_and_pays_its_debt_afterwards(void **state)
{
    struct world *world = *state;

    mock_kafka_set_missing(&world->base.mock, "next", true);
    world->is_next_missing = true;
    start(world, 60, -1, 0);
    add(world, 0, 39, 2);
    add_rows(world, 0, 39, 2);
    add(world, 40, 59, 1);
    add_rows(world, 40, 59, 1);
    assert_int_equal(forwarder_debt_records(world->forwarder), 60);
    assert_false(forwarder_has_work_at_hand(world->forwarder)); /* nothing a stop should wait for */
    assert_int_equal(world->base.load.forward_held_bytes, 0);   /* the debt takes no memory */
    mock_kafka_set_missing(&world->base.mock, "next", false);
    await_forwarded(world, 59);
    struct received received = receive(world, -1);
    assert_int_equal(received.repeats + received.gaps, 0);
    assert_int_equal(received.count, 20 + 20);
    assert_int_equal(received.offsets[1], 2);
    assert_int_equal(received.offsets[20], 40);
}

static void goes_on_when_a_topic_that_vanished_in_mid_stream_is_back(void **state)
{
    struct world *world = *state;

    world->base.mock.config.producer = (struct settings_properties){small_requests, 1};
    add_rows(world, 0, 99, 1);
    start(world, 100, -1, 0);
    mock_kafka_fail(&world->base.mock, MOCK_KAFKA_PRODUCE, RD_KAFKA_RESP_ERR_NO_ERROR, 2);
    mock_kafka_fail(&world->base.mock, MOCK_KAFKA_PRODUCE, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, 1);
    mock_kafka_set_missing(&world->base.mock, "next", true);
    add(world, 0, 49, 1);
    loop_until(world->base.loop, is_named, world, 20000, "that health names the topic");
    add(world, 50, 99, 1);
    assert_int_equal(forwarder_debt_records(world->forwarder), 50);
    mock_kafka_set_missing(&world->base.mock, "next", false);
    await_forwarded(world, 99);
    struct received received = receive(world, -1);
    assert_received(&received, 0, 99, 1);
}

/* ---- the end ---- */

static bool is_quiet(void *context)
{
    return forwarder_is_quiet(((struct world *)context)->forwarder);
}

static bool is_busy(void *context)
{
    return !is_quiet(context);
}

static void is_quiet_only_when_all_reports_are_in(void **state)
{
    struct world *world = *state;

    start(world, 20, -1, 0);
    mock_kafka_delay_next(&world->base.mock, MOCK_KAFKA_PRODUCE, 200);
    add(world, 0, 19, 1);
    assert_true(forwarder_has_work_at_hand(world->forwarder));
    loop_until(world->base.loop, is_busy, world, 20000, "that records are on their way");
    forwarder_close(world->forwarder);
    assert_false(forwarder_is_quiet(world->forwarder));
    loop_until(world->base.loop, is_quiet, world, 20000, "the reports");
    assert_int_equal(forwarder_position(world->forwarder), -1); /* not committed, so not acknowledged */
}

static void gives_up_a_question_when_it_is_closed(void **state)
{
    struct world *world = *state;

    add_rows(world, 0, 9, 1);
    start(world, 10, -1, 10);
    forwarder_step(world->forwarder);
    forwarder_close(world->forwarder);
    assert_true(forwarder_is_quiet(world->forwarder));
    forwarder_free(&world->forwarder);
    assert_null(world->forwarder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(forwards_in_order_each_behind_the_one_before, set_up, tear_down),
        cmocka_unit_test_setup_teardown(goes_on_behind_what_was_forwarded_before, set_up, tear_down),
        cmocka_unit_test_setup_teardown(owes_nothing_for_a_batch_without_rows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(waits_for_room_in_the_producers_queue, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_again_what_the_last_worker_owed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(owes_nothing_where_no_rows_are, set_up, tear_down),
        cmocka_unit_test_setup_teardown(asks_again_when_the_table_does_not_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_again_what_did_not_fit_into_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(never_passes_over_owed_records_that_are_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sends_again_in_order_from_the_first_that_failed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(repeats_what_nobody_acknowledged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stores_on_while_the_topic_is_missing_and_pays_its_debt_afterwards,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(goes_on_when_a_topic_that_vanished_in_mid_stream_is_back, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(is_quiet_only_when_all_reports_are_in, set_up, tear_down),
        cmocka_unit_test_setup_teardown(gives_up_a_question_when_it_is_closed, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("forwarder", tests, NULL, NULL);
}
