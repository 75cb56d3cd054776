/*
 * kafka_fault_test.c - what librdkafka, with its mock cluster, says of records that Kafka does not take.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "common/io/kafka_conf.h"
#include "common/io/kafka_producer.h"
#include "common/io/loop.h"
#include "ingest/kafka_fault.h"
#include "tests/lib/loop_until.h"

#include <librdkafka/rdkafka_mock.h>

struct fixture {
    struct loop *loop;
    struct kafka_producer *producer;
    rd_kafka_mock_cluster_t *cluster; /* the producer's */
};

struct sent {
    struct kafka_delivery delivery; /* first */
    bool is_reported;
    struct kafka_report report;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    struct err err;

    kafka_conf_must_set(conf, "test.mock.num.brokers", "1");
    kafka_conf_must_set(conf, "enable.idempotence", "true");
    kafka_conf_must_set(conf, "message.timeout.ms", "3000");
    kafka_conf_must_set(conf, "topic.metadata.propagation.max.ms", "100");
    kafka_conf_set_log(conf);
    fixture->loop = loop_new();
    assert_true(kafka_producer_start(fixture->loop, conf, &fixture->producer, &err));
    fixture->cluster = rd_kafka_handle_mock_cluster(kafka_producer_handle(fixture->producer));
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    kafka_producer_stop(&fixture->producer);
    loop_free(&fixture->loop);
    free(fixture);
    return 0;
}

static void on_report(struct kafka_delivery *delivery, const struct kafka_report *report)
{
    struct sent *sent = (struct sent *)delivery;

    sent->report = *report;
    sent->is_reported = true;
}

static enum kafka_sending send_one(struct fixture *fixture, struct sent *sent, struct err *err)
{
    static const struct kafka_header header = {"millrace", {"1;r=x", 5}};
    const struct kafka_record record = {
        .topic = "events",
        .partition = KAFKA_PARTITION_BY_KEY,
        .key = SLICE("t:e:c"),
        .value = SLICE("{}"),
        .headers = &header,
        .header_count = 1,
    };

    *sent = (struct sent){.delivery = {on_report}};
    return kafka_producer_send(fixture->producer, &record, &sent->delivery, err);
}

static void a_record_is_written_when_its_report_says_so(void **state)
{
    struct fixture *fixture = *state;
    struct sent sent;
    struct err err;

    assert_int_equal(rd_kafka_mock_topic_create(fixture->cluster, "events", 3, 1), 0);
    assert_int_equal(send_one(fixture, &sent, &err), KAFKA_SENT);
    assert_false(sent.is_reported);
    assert_int_equal(kafka_producer_outstanding(fixture->producer), 1);
    loop_until_true(fixture->loop, &sent.is_reported, "the report");
    assert_true(sent.report.is_written);
    assert_int_equal(kafka_producer_outstanding(fixture->producer), 0);
}

/* librdkafka refuses further ones at once, and once freed their headers twice then. */
static void records_for_a_missing_topic_are_refused_again_and_again(void **state)
{
    struct fixture *fixture = *state;
    struct sent sent;
    struct err err;

    rd_kafka_mock_topic_set_error(fixture->cluster, "events", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    assert_int_equal(send_one(fixture, &sent, &err), KAFKA_SENT);
    loop_until_true(fixture->loop, &sent.is_reported, "the report");
    assert_false(sent.report.is_written);
    assert_false(sent.report.may_be_written);
    assert_int_equal(kafka_fault_of(sent.report.code), KAFKA_FAULT_UNKNOWN_TOPIC);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(send_one(fixture, &sent, &err), KAFKA_REFUSED);
        assert_int_equal(err.kind, ERR_RETRY);
        assert_non_null(strstr(err.text, "events"));
    }
    assert_int_equal(kafka_producer_outstanding(fixture->producer), 0);
}

static void a_broker_that_is_away_leaves_a_record_unwritten(void **state)
{
    struct fixture *fixture = *state;
    struct sent sent;
    struct err err;

    assert_int_equal(rd_kafka_mock_topic_create(fixture->cluster, "events", 3, 1), 0);
    assert_int_equal(rd_kafka_mock_broker_set_down(fixture->cluster, 1), 0);
    assert_int_equal(send_one(fixture, &sent, &err), KAFKA_SENT);
    loop_until_true(fixture->loop, &sent.is_reported, "the report");
    assert_false(sent.report.is_written);
    assert_int_equal(kafka_fault_of(sent.report.code), KAFKA_FAULT_TIMEOUT);
}

static void stopping_reports_what_is_still_out(void **state)
{
    struct fixture *fixture = *state;
    struct sent sent;
    struct err err;

    assert_int_equal(rd_kafka_mock_broker_set_down(fixture->cluster, 1), 0);
    assert_int_equal(send_one(fixture, &sent, &err), KAFKA_SENT);
    kafka_producer_stop(&fixture->producer);
    assert_true(sent.is_reported);
    assert_false(sent.report.is_written);
    assert_int_equal(kafka_fault_of(sent.report.code), KAFKA_FAULT_STOPPING);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_record_is_written_when_its_report_says_so),
        TEST(records_for_a_missing_topic_are_refused_again_and_again),
        TEST(a_broker_that_is_away_leaves_a_record_unwritten),
        TEST(stopping_reports_what_is_still_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
