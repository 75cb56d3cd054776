#include "common/io/kafka_conf.h"
#include "common/io/kafka_producer.h"
#include "common/io/loop.h"
#include "tests/lib/loop_until.h"
#include "tests/lib/mock_kafka.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { LETTERS_MAX = 200 };

/* A record on its way, with its report. */
struct letter {
    struct kafka_delivery delivery; /* first */
    struct world *world;
    int report_count;
    struct kafka_report report;
};

struct world {
    struct mock_kafka mock;
    struct loop *loop;
    struct kafka_producer *producer;
    struct letter letters[LETTERS_MAX];
    int sent_count;
    int reported_count;
    int room_count;
    struct letter *order[LETTERS_MAX]; /* of the reports */
};

static void start(struct world *world, rd_kafka_conf_t *conf)
{
    struct err err;

    if (!kafka_producer_start(world->loop, conf, &world->producer, &err))
        fail_msg("%s", err.text);
}

static int set_up(void **state)
{
    struct world *world = test_calloc(1, sizeof(*world));

    mock_kafka_start(&world->mock);
    mock_kafka_topic(&world->mock, "events", 2);
    world->loop = loop_new();
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    kafka_producer_stop(&world->producer);
    loop_free(&world->loop);
    mock_kafka_stop(&world->mock);
    test_free(world);
    return 0;
}

static void on_report(struct kafka_delivery *delivery, const struct kafka_report *report)
{
    struct letter *letter = (struct letter *)delivery;

    letter->report_count++;
    letter->report = *report;
    letter->world->order[letter->world->reported_count++] = letter;
}

static enum kafka_sending send_to(struct world *world, const char *topic, int32_t partition,
                                  struct slice value, struct err *err)
{
    struct letter *letter = &world->letters[world->sent_count];
    const struct kafka_record record = {
        .topic = topic, .partition = partition, .key = SLICE("acme:live:c1"), .value = value};

    *letter = (struct letter){.delivery = {.on_report = on_report}, .world = world};
    enum kafka_sending sending = kafka_producer_send(world->producer, &record, &letter->delivery, err);
    if (sending == KAFKA_SENT)
        world->sent_count++;
    return sending;
}

static void must_send(struct world *world, int32_t partition, struct slice value)
{
    struct err err = {0};

    if (send_to(world, "events", partition, value, &err) != KAFKA_SENT)
        fail_msg("not sent: %s", err.text);
}

/* ---- reports ---- */

static void reports_where_a_record_was_written(void **state)
{
    struct world *world = *state;

    start(world, mock_kafka_producer_conf(&world->mock));
    must_send(world, 1, SLICE("one"));
    assert_int_equal(kafka_producer_outstanding(world->producer), 1);
    loop_until_count(world->loop, &world->reported_count, 1, "the report");
    assert_int_equal(kafka_producer_outstanding(world->producer), 0);
    must_send(world, 1, SLICE("two"));
    loop_until_count(world->loop, &world->reported_count, 2, "the second report");
    const struct kafka_report *report = &world->letters[1].report;
    assert_true(report->is_written && report->may_be_written);
    assert_int_equal(report->code, RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(report->partition, 1);
    assert_int_equal(report->offset, 1);
    assert_true(report->round_trip_us > 0);
}

static void writes_key_value_and_headers_as_they_are(void **state)
{
    struct world *world = *state;
    struct err err;
    const struct kafka_header headers[] = {{"millrace", SLICE("1;r=7")}, {"bytes", {"\0\xff", 2}}};
    const struct kafka_record record = {.topic = "events",
                                        .partition = 0,
                                        .key = {"k\0y", 3},
                                        .value = {"v\0\xfe", 3},
                                        .headers = headers,
                                        .header_count = 2};
    const struct kafka_record bare = {.topic = "events", .partition = 0};

    start(world, mock_kafka_producer_conf(&world->mock));
    for (int i = 0; i < 2; i++)
        world->letters[i] = (struct letter){.delivery = {.on_report = on_report}, .world = world};
    assert_int_equal(kafka_producer_send(world->producer, &record, &world->letters[0].delivery, &err),
                     KAFKA_SENT);
    assert_int_equal(kafka_producer_send(world->producer, &bare, &world->letters[1].delivery, &err),
                     KAFKA_SENT);
    loop_until_count(world->loop, &world->reported_count, 2, "the reports");
    AUTO_RECORDS read = mock_kafka_read(&world->mock, "events", 0);
    assert_int_equal(read.count, 2);
    assert_true(slice_equals(slice_of(read.messages[0]->key, read.messages[0]->key_len), record.key));
    assert_true(slice_equals(mock_record_value(read.messages[0]), record.value));
    assert_true(slice_equals_text(mock_record_header(read.messages[0], "millrace"), "1;r=7"));
    assert_true(slice_equals(mock_record_header(read.messages[0], "bytes"), headers[1].value));
    assert_null(read.messages[1]->key);
    assert_null(read.messages[1]->payload);
}

static void reports_and_writes_in_the_order_of_sending(void **state)
{
    struct world *world = *state;
    static const char digits[] = "0123456789";

    start(world, mock_kafka_producer_conf(&world->mock));
    for (int i = 0; i < LETTERS_MAX; i++)
        must_send(world, 0, slice_of(&digits[i % 10], 1));
    loop_until_count(world->loop, &world->reported_count, LETTERS_MAX, "all reports");
    AUTO_RECORDS read = mock_kafka_read(&world->mock, "events", 0);
    assert_int_equal(read.count, LETTERS_MAX);
    for (int i = 0; i < LETTERS_MAX; i++) {
        assert_ptr_equal(world->order[i], &world->letters[i]);
        assert_int_equal(world->letters[i].report.offset, i);
        assert_true(slice_equals(mock_record_value(read.messages[i]), slice_of(&digits[i % 10], 1)));
    }
}

static void reports_what_the_broker_refuses_and_goes_on(void **state)
{
    struct world *world = *state;

    start(world, mock_kafka_producer_conf(&world->mock));
    mock_kafka_fail(&world->mock, MOCK_KAFKA_PRODUCE, RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, 1);
    must_send(world, 0, SLICE("refused"));
    loop_until_count(world->loop, &world->reported_count, 1, "the report of the failure");
    const struct kafka_report *report = &world->letters[0].report;
    assert_false(report->is_written);
    assert_false(report->may_be_written);
    assert_int_equal(report->code, RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP);
    must_send(world, 0, SLICE("taken"));
    loop_until_count(world->loop, &world->reported_count, 2, "the report behind the failure");
    assert_true(world->letters[1].report.is_written);
    assert_int_equal(kafka_producer_fatal(world->producer), RD_KAFKA_RESP_ERR_NO_ERROR);
}

static bool is_taken(void *context)
{
    struct world *world = context;
    struct err err = {0};

    if (world->sent_count < 2)
        (void)send_to(world, "events", 0, SLICE("again"), &err);
    return world->reported_count == 2;
}

/* librdkafka then fails the topic locally until it asks for it again. */
static void takes_records_again_once_the_topic_is_allowed(void **state)
{
    struct world *world = *state;
    struct err err = {0};

    start(world, mock_kafka_producer_conf(&world->mock));
    mock_kafka_fail(&world->mock, MOCK_KAFKA_PRODUCE, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, 1);
    must_send(world, 0, SLICE("refused"));
    loop_until_count(world->loop, &world->reported_count, 1, "the report of the failure");
    assert_int_equal(world->letters[0].report.code, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    assert_int_equal(send_to(world, "events", 0, SLICE("again"), &err), KAFKA_REFUSED);
    assert_int_equal(err.kind, ERR_RETRY);
    loop_until(world->loop, is_taken, world, 20000, "a record taken after the refusal");
    assert_true(world->letters[1].report.is_written);
}

/* What passes by itself is librdkafka's business: idempotence makes its repeats harmless. */
static void lets_passing_errors_pass(void **state)
{
    struct world *world = *state;

    start(world, mock_kafka_producer_conf(&world->mock));
    mock_kafka_fail(&world->mock, MOCK_KAFKA_PRODUCE, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, 2);
    must_send(world, 0, SLICE("late"));
    loop_until_count(world->loop, &world->reported_count, 1, "the report");
    assert_true(world->letters[0].report.is_written);
    AUTO_RECORDS read = mock_kafka_read(&world->mock, "events", 0);
    assert_int_equal(read.count, 1);
}

/* ---- refusals ---- */

static void refuses_a_record_that_is_too_large_at_once(void **state)
{
    struct world *world = *state;
    struct err err = {0};
    AUTO_BUF large = {0};

    memset(buf_reserve(&large, 2 << 20), 'x', 2 << 20);
    large.length = 2 << 20;
    start(world, mock_kafka_producer_conf(&world->mock));
    assert_int_equal(send_to(world, "events", 0, buf_slice(&large), &err), KAFKA_REFUSED);
    assert_int_equal(err.kind, ERR_REJECT);
    assert_non_null(strstr(err.text, "events"));
    assert_int_equal(kafka_producer_outstanding(world->producer), 0);
}

/* The caller keeps the headers of a record that was not sent: the sanitizer sees a second free or a leak. */
static void leaves_the_headers_of_a_refused_record_to_the_caller(void **state)
{
    struct world *world = *state;
    struct err err = {0};
    AUTO_BUF large = {0};
    rd_kafka_headers_t *headers = rd_kafka_headers_new(1);
    struct letter *letter = &world->letters[0];

    memset(buf_reserve(&large, 2 << 20), 'x', 2 << 20);
    assert_int_equal(rd_kafka_header_add(headers, "a", -1, "b", -1), 0);
    *letter = (struct letter){.delivery = {.on_report = on_report}, .world = world};
    start(world, mock_kafka_producer_conf(&world->mock));
    const struct kafka_record record = {
        .topic = "events", .partition = 0, .value = slice_of(large.data, 2 << 20), .all_headers = headers};
    assert_int_equal(kafka_producer_send(world->producer, &record, &letter->delivery, &err), KAFKA_REFUSED);
    rd_kafka_headers_destroy(headers);
}

static void on_room(void *owner)
{
    ((struct world *)owner)->room_count++;
}

static void says_when_its_queue_is_full_and_when_there_is_room_again(void **state)
{
    struct world *world = *state;
    rd_kafka_conf_t *conf = mock_kafka_producer_conf(&world->mock);
    enum kafka_sending sending = KAFKA_SENT;
    struct err err = {0};

    kafka_conf_must_set(conf, "queue.buffering.max.messages", "10");
    mock_kafka_delay(&world->mock, 200); /* so that none is reported while the queue fills */
    start(world, conf);
    kafka_producer_on_room(world->producer, on_room, world);
    while (sending == KAFKA_SENT && world->sent_count < LETTERS_MAX)
        sending = send_to(world, "events", 0, SLICE("x"), &err);
    assert_int_equal(sending, KAFKA_QUEUE_FULL);
    assert_int_equal(world->sent_count, 10);
    mock_kafka_delay(&world->mock, 0);
    loop_until_count(world->loop, &world->room_count, 1, "room");
    loop_until_count(world->loop, &world->reported_count, 10, "the reports");
    must_send(world, 0, SLICE("fits"));
    loop_until_count(world->loop, &world->reported_count, 11, "the report of the one that fits now");
}

static void refuses_a_configuration_that_contradicts_itself(void **state)
{
    struct world *world = *state;
    struct err err = {0};
    rd_kafka_conf_t *conf = mock_kafka_producer_conf(&world->mock);

    kafka_conf_must_set(conf, "acks", "1"); /* with enable.idempotence */
    assert_false(kafka_producer_start(world->loop, conf, &world->producer, &err));
    assert_int_equal(err.kind, ERR_FATAL);
    assert_null(world->producer);
}

/* ---- stop ---- */

/* Those in our queue were never sent; those under way may be there: both must be told, each once. */
static void reports_each_record_exactly_once_when_it_stops(void **state)
{
    struct world *world = *state;

    start(world, mock_kafka_producer_conf(&world->mock));
    must_send(world, 0, SLICE("first"));
    loop_until_count(world->loop, &world->reported_count, 1, "the first report");
    mock_kafka_delay(&world->mock, 10000);
    for (int i = 1; i < 100; i++)
        must_send(world, i % 2, SLICE("x"));
    kafka_producer_stop(&world->producer);
    assert_null(world->producer);
    assert_int_equal(world->reported_count, 100);
    for (int i = 0; i < 100; i++)
        assert_int_equal(world->letters[i].report_count, 1);
    for (int i = 1; i < 100; i++) {
        assert_false(world->letters[i].report.is_written);
        assert_true(world->letters[i].report.code == RD_KAFKA_RESP_ERR__PURGE_QUEUE ||
                    world->letters[i].report.code == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT);
        assert_int_equal(world->letters[i].report.may_be_written,
                         world->letters[i].report.code == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT);
    }
    mock_kafka_delay(&world->mock, 0);
}

static void says_that_what_was_under_way_may_be_written(void **state)
{
    struct world *world = *state;

    start(world, mock_kafka_producer_conf(&world->mock));
    must_send(world, 0, SLICE("first"));
    loop_until_count(world->loop, &world->reported_count, 1, "the first report");
    mock_kafka_delay_next(&world->mock, MOCK_KAFKA_PRODUCE, 20000);
    must_send(world, 0, SLICE("under way"));
    /* The mock appends at once and answers late: when the log has it, it is under way for sure. */
    while (mock_kafka_end(&world->mock, "events", 0) < 2)
        continue;
    kafka_producer_stop(&world->producer);
    assert_int_equal(world->reported_count, 2);
    assert_false(world->letters[1].report.is_written);
    assert_true(world->letters[1].report.may_be_written);
}

static void stops_without_a_broker(void **state)
{
    struct world *world = *state;

    assert_int_equal(rd_kafka_mock_broker_set_down(world->mock.cluster, 1), 0);
    start(world, mock_kafka_producer_conf(&world->mock));
    must_send(world, 0, SLICE("x"));
    kafka_producer_stop(&world->producer);
    assert_int_equal(world->letters[0].report_count, 1);
    assert_false(world->letters[0].report.may_be_written);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reports_where_a_record_was_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(writes_key_value_and_headers_as_they_are, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reports_and_writes_in_the_order_of_sending, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reports_what_the_broker_refuses_and_goes_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(takes_records_again_once_the_topic_is_allowed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lets_passing_errors_pass, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_a_record_that_is_too_large_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(leaves_the_headers_of_a_refused_record_to_the_caller, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(says_when_its_queue_is_full_and_when_there_is_room_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(refuses_a_configuration_that_contradicts_itself, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reports_each_record_exactly_once_when_it_stops, set_up, tear_down),
        cmocka_unit_test_setup_teardown(says_that_what_was_under_way_may_be_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stops_without_a_broker, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("kafka_producer", tests, NULL, NULL);
}
