/*
 * positions_test.c - where a group stands, asked of a cluster that answers, or does not.
 */
#include "common/io/kafka_conf.h"
#include "query/positions.h"
#include "tests/lib/mock_kafka.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { PATIENT_MS = 10000, IMPATIENT_MS = 300 };

static const struct positions_of whose = {"group", "events"};

struct world {
    struct mock_kafka mock;
    rd_kafka_t *rk;
    struct positions positions;
};

static int set_up(void **state)
{
    struct world *world = test_calloc(1, sizeof(*world));
    char text[256];
    struct err err;

    mock_kafka_start(&world->mock);
    mock_kafka_topic(&world->mock, "events", 2);
    const struct kafka_client client = mock_kafka_client(&world->mock, "1");
    rd_kafka_conf_t *conf = kafka_setup_reader(&client, &err);
    assert_non_null(conf);
    kafka_conf_must_set(conf, "group.id", whose.group);
    world->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
    assert_non_null(world->rk);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    positions_done(&world->positions);
    rd_kafka_destroy(world->rk);
    mock_kafka_stop(&world->mock);
    test_free(world);
    return 0;
}

static void commit(struct world *world, int32_t partition, int64_t offset, const char *metadata)
{
    const struct kafka_client client = mock_kafka_client(&world->mock, "1");
    char text[256];
    struct err err;
    rd_kafka_t *rk =
        rd_kafka_new(RD_KAFKA_CONSUMER, kafka_setup_consumer(&client, "group", &err), text, sizeof(text));
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *element = rd_kafka_topic_partition_list_add(list, "events", partition);

    assert_non_null(rk);
    element->offset = offset;
    element->metadata = strdup(metadata);
    element->metadata_size = strlen(metadata);
    assert_int_equal(rd_kafka_commit(rk, list, 0), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(rk);
}

static void are_the_commits_and_the_ends_of_all_partitions(void **state)
{
    struct world *world = *state;

    mock_kafka_fill(&world->mock, "events", 0, 0, 5);
    mock_kafka_fill(&world->mock, "events", 1, 0, 3);
    commit(world, 0, 2, "some metadata");
    positions_ask(world->rk, &whose, PATIENT_MS, &world->positions);
    assert_true(world->positions.is_known);
    assert_int_equal(world->positions.count, 2);
    assert_int_equal(world->positions.items[0].committed, 2);
    assert_int_equal(world->positions.items[0].next, 2);
    assert_int_equal(world->positions.items[0].end, 5);
    assert_string_equal(world->positions.items[0].metadata, "some metadata");
    assert_int_equal(world->positions.items[1].committed, -1);
    assert_int_equal(world->positions.items[1].next, 0);
    assert_int_equal(world->positions.items[1].end, 3);
    assert_string_equal(world->positions.items[1].metadata, "");
}

static void a_missing_topic_is_named(void **state)
{
    struct world *world = *state;

    mock_kafka_set_missing(&world->mock, "events", true);
    positions_ask(world->rk, &whose, PATIENT_MS, &world->positions);
    assert_false(world->positions.is_known);
    assert_string_equal(world->positions.why, "topic events is missing");
}

static void what_is_not_answered_in_time_is_unknown_and_found_out_later(void **state)
{
    static const enum mock_kafka_api apis[] = {MOCK_KAFKA_OFFSET_FETCH, MOCK_KAFKA_LIST_OFFSETS};
    struct world *world = *state;

    positions_ask(world->rk, &whose, PATIENT_MS, &world->positions);
    for (int round = 0; round < 6; round++) {
        mock_kafka_delay_next(&world->mock, apis[round % 2], 3 * IMPATIENT_MS);
        positions_ask(world->rk, &whose, IMPATIENT_MS, &world->positions);
        assert_false(world->positions.is_known);
        assert_non_null(strstr(world->positions.why, "group"));
        positions_ask(world->rk, &whose, PATIENT_MS, &world->positions);
        assert_true(world->positions.is_known);
    }
}

static void what_is_refused_is_unknown_with_the_reason(void **state)
{
    struct world *world = *state;

    mock_kafka_fail(&world->mock, MOCK_KAFKA_OFFSET_FETCH, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, 1);
    positions_ask(world->rk, &whose, PATIENT_MS, &world->positions);
    assert_false(world->positions.is_known);
    assert_non_null(strstr(world->positions.why, "authoriz"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(are_the_commits_and_the_ends_of_all_partitions),
        TEST(a_missing_topic_is_named),
        TEST(what_is_not_answered_in_time_is_unknown_and_found_out_later),
        TEST(what_is_refused_is_unknown_with_the_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
