/*
 * publish_topic_test.c - events to a topic of the mock cluster: each settles once, and readiness follows what
 * gets through.
 */
#include "common/io/loop.h"
#include "common/io/offload.h"
#include "common/service/metrics.h"
#include "common/service/topic_watch.h"
#include "ingest/publish_topic.h"
#include "tests/lib/loop_until.h"
#include "tests/lib/mock_kafka.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

struct world {
    struct mock_kafka mock;
    struct loop *loop;
    struct offload *offload;
    struct kafka_producer *producer;
    struct metrics *metrics;
    struct health *health;
    struct topic_watch *watch;
    struct publish_topic *topic;
};

static int set_up(void **state)
{
    struct world *world = test_calloc(1, sizeof(*world));
    struct err err;

    mock_kafka_start(&world->mock);
    mock_kafka_topic(&world->mock, "events", 1);
    world->loop = loop_new();
    world->offload = offload_start(world->loop);
    world->metrics = metrics_new();
    world->health = health_new();
    if (!kafka_producer_start(world->loop, mock_kafka_producer_conf(&world->mock), &world->producer, &err))
        fail_msg("%s", err.text);
    world->watch = topic_watch_start(&(struct topic_watch_settings){
        .loop = world->loop,
        .offload = world->offload,
        .producer = world->producer,
        .metrics = world->metrics,
        .health = world->health,
    });
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    offload_stop(&world->offload);
    publish_topic_stop(world->topic);
    kafka_producer_stop(&world->producer);
    topic_watch_stop(&world->watch);
    publish_topic_free(&world->topic);
    health_free(&world->health);
    metrics_free(&world->metrics);
    loop_free(&world->loop);
    mock_kafka_stop(&world->mock);
    test_free(world);
    return 0;
}

static bool is_up(void *context)
{
    return health_worst(((struct world *)context)->health) == HEALTH_UP;
}

/* The topic of a world, which is there: health is UP. */
static void begin(struct world *world, enum health_state when_missing)
{
    const struct publish_topic_settings settings = {.loop = world->loop,
                                                    .producer = world->producer,
                                                    .watch = world->watch,
                                                    .health = world->health,
                                                    .metrics = world->metrics};
    const struct topic_need need = {"events", "events are refused", when_missing};

    world->topic = publish_topic_new(&settings, &need);
    loop_until(world->loop, is_up, world, 20000, "the topic is found");
}

/* ---- sending ---- */

struct sent {
    struct publication publication; /* first */
    bool is_settled;
    struct publish_result result;
};

static void on_settled(struct publication *publication, const struct publish_result *result)
{
    struct sent *sent = (struct sent *)publication;

    assert_false(sent->is_settled);
    sent->is_settled = true;
    sent->result = *result;
}

static void start_sending(struct world *world, struct slice value, struct sent *sent)
{
    const struct publish_event event = {.key = SLICE("k"), .value = value, .envelope = SLICE("1;r=x")};

    *sent = (struct sent){.publication = {.on_settled = on_settled}};
    publish_send(world->topic, &event, &sent->publication);
}

static struct publish_result send_one(struct world *world)
{
    struct sent sent;

    start_sending(world, SLICE("value"), &sent);
    loop_until_true(world->loop, &sent.is_settled, "the event is settled");
    return sent.result;
}

/* One that Kafka refuses for no fault of the event. */
static struct publish_result send_in_vain(struct world *world)
{
    mock_kafka_fail(&world->mock, MOCK_KAFKA_PRODUCE, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, 1);
    return send_one(world);
}

static void assert_metric(const struct world *world, const char *text)
{
    AUTO_BUF page = {0};

    metrics_write(world->metrics, &page);
    if (strstr(buf_text(&page), text) == NULL)
        fail_msg("no %s in %s", text, buf_text(&page));
}

static void an_event_is_durable_once_kafka_says_so(void **state)
{
    struct world *world = *state;

    begin(world, HEALTH_DOWN);
    struct publish_result result = send_one(world);
    assert_true(result.is_durable);
    assert_int_equal(mock_kafka_end(&world->mock, "events", 0), 1);
    assert_int_equal(publish_topic_durable_count(world->topic), 1);
    assert_metric(world, "kafka_events_published_total{topic=\"events\",status=\"success\"} 1");
    assert_int_equal(health_worst(world->health), HEALTH_UP);
}

static void without_an_event_that_gets_through_it_is_not_ready_until_time_has_passed(void **state)
{
    struct world *world = *state;

    begin(world, HEALTH_DOWN);
    struct publish_result result = send_in_vain(world);
    assert_false(result.is_durable);
    assert_int_equal(result.fault, KAFKA_FAULT_FORBIDDEN);
    assert_non_null(strstr(result.err.text, "topic events"));
    assert_metric(world, "kafka_events_errors_total{topic=\"events\",error_type=\"not_authorized\"} 1");
    assert_false(health_is_ready(world->health));
    loop_until(world->loop, is_up, world, 20000, "it is ready again without an event");
}

static void an_event_that_gets_through_makes_it_ready_at_once(void **state)
{
    struct world *world = *state;

    begin(world, HEALTH_DOWN);
    (void)send_in_vain(world);
    assert_false(health_is_ready(world->health));
    while (!send_one(world).is_durable)
        ; /* the producer begins a new epoch behind the gap */
    AUTO_BUF json = {0};
    health_write(world->health, &json);
    if (strstr(buf_text(&json), "\"publishing-events\":{\"state\":\"DEGRADED\"") == NULL)
        fail_msg("%s", buf_text(&json));
    loop_until(world->loop, is_up, world, 20000, "all is well again");
}

static void a_declared_type_that_fails_leaves_the_rest_ready(void **state)
{
    struct world *world = *state;

    begin(world, HEALTH_DEGRADED);
    (void)send_in_vain(world);
    assert_int_equal(health_worst(world->health), HEALTH_DEGRADED);
    assert_true(health_is_ready(world->health));
}

static void an_event_that_is_too_large_is_its_own_fault(void **state)
{
    struct world *world = *state;
    char *large = calloc(1, 2000000);
    struct sent sent;

    begin(world, HEALTH_DOWN);
    start_sending(world, slice_of(large, 2000000), &sent);
    assert_true(sent.is_settled);
    assert_false(sent.result.is_durable);
    assert_false(sent.result.may_be_durable);
    assert_int_equal(sent.result.fault, KAFKA_FAULT_TOO_LARGE);
    assert_int_equal(health_worst(world->health), HEALTH_UP);
    free(large);
}

#define STAGE_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_TEST(an_event_is_durable_once_kafka_says_so),
        STAGE_TEST(without_an_event_that_gets_through_it_is_not_ready_until_time_has_passed),
        STAGE_TEST(an_event_that_gets_through_makes_it_ready_at_once),
        STAGE_TEST(a_declared_type_that_fails_leaves_the_rest_ready),
        STAGE_TEST(an_event_that_is_too_large_is_its_own_fault),
    };

    return cmocka_run_group_tests_name("publish_topic", tests, NULL, NULL);
}
