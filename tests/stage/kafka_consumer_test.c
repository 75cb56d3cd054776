/*
 * kafka_consumer_test.c - a member of a group of librdkafka's mock cluster. Joining takes the mock 3 s, so
 * most tests share one member and have each a partition of their own; nothing is assigned twice.
 */
#include "common/io/kafka_consumer.h"
#include "common/io/offload.h"
#include "common/io/loop.h"
#include "tests/lib/loop_until.h"
#include "tests/lib/mock_kafka.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum {
    PARTITIONS = 8,
    RECORDS = 20, /* in each partition */
    P_COMMIT = 0,
    P_COMMIT_FAILS,
    P_COMMIT_OVER,
    P_SEEK,
    P_OUT_OF_RANGE,
    P_NOT_READ,
    P_READ_ALONG,
    P_LOG_END,
    TAKEN_MAX = 4 * RECORDS,
};

/* The mock takes nearly a session for a rebalance; and one below its 3 s for the first joining never joins.
 */
static struct settings_property member_properties[] = {
    {"session.timeout.ms", "4000"}, {"heartbeat.interval.ms", "200"}, {"fetch.wait.max.ms", "20"}};

struct answer {
    struct kafka_commit commit; /* first */
    int count;
    rd_kafka_resp_err_t code;
};

struct member {
    struct loop *loop;
    struct answer answers[2]; /* here, so that a late one after a failed test finds its place */
    struct kafka_consumer *consumer;
    int32_t assigned[PARTITIONS];
    size_t assigned_count;
    int assignment_count;
    int revocation_count;
    int lost_count;
    int failed_count;
    struct err err;
    bool answers_at_once; /* assigns from the beginning, and releases, as soon as it is told */

    bool has_positions; /* the answer to fetch_committed */
    struct kafka_position positions[PARTITIONS];
    char metadata[PARTITIONS][200];
    size_t position_count;
    bool has_failed_positions;
};

/* What all tests of the group share. */
struct world {
    struct mock_kafka mock;
    struct loop *loop;
    struct offload *offload;
    struct member member;
};

static void assign_all(struct member *member, int64_t offset)
{
    kafka_consumer_accept(member->consumer);
    for (size_t i = 0; i < member->assigned_count; i++)
        kafka_consumer_fetch(member->consumer, member->assigned[i], offset);
}

static void on_assigned(void *owner, const int32_t *partitions, size_t count)
{
    struct member *member = owner;

    memcpy(member->assigned, partitions, count * sizeof(*partitions));
    member->assigned_count = count;
    member->assignment_count++;
    if (member->answers_at_once)
        assign_all(member, RD_KAFKA_OFFSET_BEGINNING);
}

static void on_revoked(void *owner)
{
    struct member *member = owner;

    member->revocation_count++;
    if (member->answers_at_once)
        kafka_consumer_release(member->consumer);
}

static void on_lost(void *owner)
{
    ((struct member *)owner)->lost_count++;
}

static void on_records(void *owner)
{
    (void)owner;
}

static void on_failed(void *owner, const struct err *err)
{
    struct member *member = owner;

    member->failed_count++;
    member->err = *err;
}

static void join(struct world *world, struct member *member, const char *instance, const char *group)
{
    const struct kafka_client client = mock_kafka_client(&world->mock, instance);
    struct err err;

    world->mock.config.consumer = (struct settings_properties){member_properties, 3};
    rd_kafka_conf_t *conf = kafka_setup_consumer(&client, group, &err);
    if (conf == NULL)
        fail_msg("%s", err.text);
    const struct kafka_consumer_settings settings = {
        .conf = conf,
        .group = group,
        .topic = "events",
        .offload = world->offload,
        .on_assigned = on_assigned,
        .on_revoked = on_revoked,
        .on_lost = on_lost,
        .on_records = on_records,
        .on_failed = on_failed,
        .owner = member,
    };
    member->loop = world->loop;
    if (!kafka_consumer_start(world->loop, &settings, &member->consumer, &err))
        fail_msg("%s", err.text);
}

static void start(struct world *world)
{
    mock_kafka_start(&world->mock);
    mock_kafka_topic(&world->mock, "events", PARTITIONS);
    world->loop = loop_new();
    world->offload = offload_start(world->loop);
}

static void stop(struct world *world)
{
    offload_stop(&world->offload);
    kafka_consumer_stop(&world->member.consumer);
    loop_free(&world->loop);
    mock_kafka_stop(&world->mock);
}

/* ---- taking ---- */

struct taking {
    struct member *member;
    int32_t partition;
    size_t wanted;
    size_t count;
    int64_t offsets[TAKEN_MAX];
    rd_kafka_resp_err_t fault; /* of an element that was none */
};

static void take_once(struct taking *taking)
{
    rd_kafka_message_t *messages[7]; /* so that several rounds are needed */
    size_t count;

    do {
        count = kafka_consumer_take(taking->member->consumer, taking->partition, messages, 7);
        for (size_t i = 0; i < count; i++) {
            if (messages[i]->err != RD_KAFKA_RESP_ERR_NO_ERROR)
                taking->fault = messages[i]->err;
            else
                taking->offsets[taking->count++] = messages[i]->offset;
            assert_int_equal(messages[i]->partition, taking->partition);
            rd_kafka_message_destroy(messages[i]);
        }
    } while (count == 7);
}

static bool has_taken(void *context)
{
    struct taking *taking = context;

    take_once(taking);
    return taking->count >= taking->wanted || taking->fault != RD_KAFKA_RESP_ERR_NO_ERROR;
}

static struct taking take(struct member *member, int32_t partition, size_t wanted, const char *what)
{
    struct taking taking = {.member = member, .partition = partition, .wanted = wanted};

    loop_until(member->loop, has_taken, &taking, 20000, what);
    return taking;
}

static void assert_taken(const struct taking *taking, int64_t first, size_t count)
{
    assert_int_equal(taking->fault, RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(taking->count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(taking->offsets[i], first + (int64_t)i);
}

/* ---- commits ---- */

static void on_committed(struct kafka_commit *commit, rd_kafka_resp_err_t code)
{
    struct answer *answer = (struct answer *)commit;

    answer->count++;
    answer->code = code;
}

static rd_kafka_resp_err_t commit(struct member *member, int32_t partition, int64_t offset,
                                  const char *metadata)
{
    struct answer *answer = &member->answers[0];

    *answer = (struct answer){.commit = {.on_committed = on_committed}};
    kafka_consumer_commit(
        member->consumer,
        &(struct kafka_position){.partition = partition, .offset = offset, .metadata = slice_from(metadata)},
        &answer->commit);
    assert_int_equal(answer->count, 0); /* never from within */
    loop_until_count(member->loop, &answer->count, 1, "the answer to the commit");
    return answer->code;
}

static void on_positions(void *owner, const struct kafka_position *positions, size_t count,
                         const struct err *err)
{
    struct member *member = owner;

    member->has_positions = positions != NULL;
    member->has_failed_positions = positions == NULL;
    if (positions == NULL) {
        member->err = *err;
        return;
    }
    member->position_count = count;
    for (size_t i = 0; i < count; i++) {
        member->positions[i] = positions[i];
        (void)snprintf(member->metadata[i], sizeof(member->metadata[i]), "%.*s",
                       SLICE_ARG(positions[i].metadata));
    }
}

static void fetch(struct member *member, const int32_t *partitions, size_t count)
{
    member->has_positions = false;
    member->has_failed_positions = false;
    (void)kafka_consumer_fetch_committed(member->consumer, partitions, count, on_positions, member);
}

/* ---- the shared member ---- */

static int join_once(void **state)
{
    struct world *world = test_calloc(1, sizeof(*world));

    start(world);
    for (int32_t i = 0; i < PARTITIONS; i++)
        mock_kafka_fill(&world->mock, "events", i, 0, RECORDS);
    join(world, &world->member, "1", "readers");
    *state = world;
    return 0;
}

static int leave_once(void **state)
{
    struct world *world = *state;

    stop(world);
    test_free(world);
    return 0;
}

/* Runs first: what is assigned is not read before the owner knows from where. */
static void reads_nothing_of_a_partition_until_it_is_told_from_where(void **state)
{
    struct world *world = *state;
    struct member *member = &world->member;

    loop_until_count(world->loop, &member->assignment_count, 1, "the assignment");
    assert_int_equal(member->assigned_count, PARTITIONS);
    kafka_consumer_accept(member->consumer);
    kafka_consumer_fetch(member->consumer, P_COMMIT, 3);
    struct taking taking = take(member, P_COMMIT, RECORDS - 3, "records from the offset given");
    assert_taken(&taking, 3, RECORDS - 3);
    taking = (struct taking){.member = member, .partition = P_SEEK};
    take_once(&taking);
    assert_int_equal(taking.count, 0);
    for (int32_t i = P_COMMIT + 1; i < PARTITIONS; i++)
        kafka_consumer_fetch(member->consumer, i, i == P_OUT_OF_RANGE ? 5000 : 3);
}

static void says_that_nothing_was_ever_committed(void **state)
{
    struct member *member = &((struct world *)*state)->member;
    const int32_t partitions[] = {P_SEEK, P_LOG_END};

    fetch(member, partitions, 2);
    loop_until_true(member->loop, &member->has_positions, "the committed positions");
    assert_int_equal(member->position_count, 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(member->positions[i].partition, partitions[i]);
        assert_int_equal(member->positions[i].offset, KAFKA_OFFSET_NONE);
        assert_int_equal(member->positions[i].metadata.length, 0);
    }
}

static void gives_back_the_metadata_that_was_committed(void **state)
{
    struct member *member = &((struct world *)*state)->member;
    const int32_t partition = P_COMMIT;
    static const char metadata[] =
        "millrace/1 epoch=1 forwarded=2 suspect=-1 last=9 count=7 sum=00000000000000ff starts=1";

    assert_int_equal(commit(member, P_COMMIT, 3, "millrace/1 epoch=1 forwarded=-1 suspect=-1"), 0);
    assert_int_equal(commit(member, P_COMMIT, 3, metadata), 0); /* the same offset: the plan is what is new */
    fetch(member, &partition, 1);
    loop_until_true(member->loop, &member->has_positions, "the committed position");
    assert_int_equal(member->positions[0].offset, 3);
    assert_string_equal(member->metadata[0], metadata);
}

/* Each commit is for one partition, so that a refusal says which. */
static void reports_a_commit_that_fails_and_leaves_the_position(void **state)
{
    struct world *world = *state;
    struct member *member = &world->member;
    const int32_t partition = P_COMMIT_FAILS;

    assert_int_equal(commit(member, P_COMMIT_FAILS, 5, "millrace/1 before"), 0);
    mock_kafka_fail(&world->mock, MOCK_KAFKA_OFFSET_COMMIT, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, 1);
    assert_int_equal(commit(member, P_COMMIT_FAILS, 9, "millrace/1 lost"),
                     RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED);
    fetch(member, &partition, 1);
    loop_until_true(member->loop, &member->has_positions, "the committed position");
    assert_int_equal(member->positions[0].offset, 5);
    assert_string_equal(member->metadata[0], "millrace/1 before");
    assert_int_equal(commit(member, P_COMMIT_FAILS, 9, "millrace/1 again"), 0);
}

static void answers_each_of_several_commits(void **state)
{
    struct member *member = &((struct world *)*state)->member;
    struct answer *answers = member->answers;
    const int32_t partitions[] = {P_COMMIT_OVER, P_NOT_READ};

    for (int i = 0; i < 2; i++) {
        answers[i] = (struct answer){.commit = {.on_committed = on_committed}};
        kafka_consumer_commit(member->consumer,
                              &(struct kafka_position){.partition = partitions[i],
                                                       .offset = 4 + i,
                                                       .metadata = SLICE("millrace/1 x")},
                              &answers[i].commit);
    }
    for (int i = 0; i < 2; i++) {
        loop_until_count(member->loop, &answers[i].count, 1, "an answer");
        assert_int_equal(answers[i].code, 0);
        assert_int_equal(answers[i].count, 1);
    }
    fetch(member, partitions, 2);
    loop_until_true(member->loop, &member->has_positions, "the committed positions");
    assert_int_equal(member->positions[0].offset, 4);
    assert_int_equal(member->positions[1].offset, 5);
}

static void says_when_the_positions_can_not_be_had(void **state)
{
    struct world *world = *state;
    struct member *member = &world->member;
    const int32_t partition = P_LOG_END;

    mock_kafka_fail(&world->mock, MOCK_KAFKA_OFFSET_FETCH, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, 1);
    fetch(member, &partition, 1);
    loop_until_true(world->loop, &member->has_failed_positions, "the failure");
    assert_int_equal(member->err.kind, ERR_RETRY);
    fetch(member, &partition, 1);
    loop_until_true(world->loop, &member->has_positions, "the next answer");
}

static void on_end_of_turn(void *owner)
{
    *(bool *)owner = true;
}

/* A change of what is fetched is done at the end of a turn. */
static void await_turn(struct member *member)
{
    struct loop_timer timer;
    bool is_over = false;

    loop_timer_init(&timer, member->loop, on_end_of_turn, &is_over);
    loop_timer_start(&timer, 1);
    loop_until_true(member->loop, &is_over, "the end of the turn");
}

static void is_silent_about_a_question_that_was_cancelled(void **state)
{
    struct member *member = &((struct world *)*state)->member;
    const int32_t partition = P_LOG_END;
    struct member silent = {.loop = member->loop};

    kafka_question_cancel(
        kafka_consumer_fetch_committed(member->consumer, &partition, 1, on_positions, &silent));
    fetch(member, &partition, 1);
    loop_until_true(member->loop, &member->has_positions, "the answer to the question behind it");
    assert_false(silent.has_positions);
    assert_false(silent.has_failed_positions);
}

static void goes_on_where_it_is_told_to(void **state)
{
    struct member *member = &((struct world *)*state)->member;

    struct taking taking = take(member, P_SEEK, RECORDS - 3, "the first reading");
    assert_taken(&taking, 3, RECORDS - 3);
    kafka_consumer_fetch(member->consumer, P_SEEK, 0);
    await_turn(member);
    taking = take(member, P_SEEK, RECORDS, "from the beginning");
    assert_taken(&taking, 0, RECORDS);
    kafka_consumer_fetch(member->consumer, P_SEEK, 15);
    await_turn(member);
    taking = take(member, P_SEEK, 5, "from the middle");
    assert_taken(&taking, 15, 5);
}

/* Never guessed: the stage asks the table, then says where to go on. librdkafka ignores a plain seek then.
 * The other partitions lose and repeat nothing: P_READ_ALONG is in mid-reading. */
static void tells_of_a_position_that_is_not_in_the_log_and_goes_on_elsewhere(void **state)
{
    struct world *world = *state;
    struct member *member = &world->member;
    rd_kafka_message_t *messages[4];

    struct taking taking = take(member, P_OUT_OF_RANGE, 1, "the fault");
    assert_int_equal(kafka_consumer_take(member->consumer, P_READ_ALONG, messages, 4), 4);
    for (int i = 0; i < 4; i++)
        rd_kafka_message_destroy(messages[i]);
    assert_int_equal(taking.count, 0);
    assert_true(taking.fault == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
                taking.fault == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE);
    kafka_consumer_fetch(member->consumer, P_OUT_OF_RANGE, 10);
    await_turn(member);
    taking = take(member, P_OUT_OF_RANGE, RECORDS - 10, "records from there on");
    assert_taken(&taking, 10, RECORDS - 10);
    mock_kafka_fill(&world->mock, "events", P_OUT_OF_RANGE, RECORDS, 5);
    taking = take(member, P_OUT_OF_RANGE, 5, "records written afterwards");
    assert_taken(&taking, RECORDS, 5);
    taking = take(member, P_READ_ALONG, RECORDS - 3 - 4, "the rest of another partition");
    assert_taken(&taking, 7, RECORDS - 3 - 4);
}

static void lets_records_of_a_partition_wait_that_is_not_read(void **state)
{
    struct world *world = *state;
    struct member *member = &world->member;

    mock_kafka_fill(&world->mock, "events", P_NOT_READ, RECORDS, RECORDS);
    mock_kafka_fill(&world->mock, "events", P_READ_ALONG, RECORDS, RECORDS);
    struct taking along = take(member, P_READ_ALONG, RECORDS, "the partition that is read");
    assert_taken(&along, RECORDS, RECORDS);
    struct taking waiting = take(member, P_NOT_READ, 2 * RECORDS - 3, "the partition that waited");
    assert_taken(&waiting, 3, 2 * RECORDS - 3);
}

static bool knows_end(void *context)
{
    struct member *member = context;
    struct taking taking = {.member = member, .partition = P_LOG_END};

    take_once(&taking);
    return kafka_consumer_log_end(member->consumer, P_LOG_END) == RECORDS;
}

static void knows_the_end_of_the_log_from_fetching(void **state)
{
    struct member *member = &((struct world *)*state)->member;

    loop_until(member->loop, knows_end, member, 20000, "the end of the log");
    assert_int_equal(kafka_consumer_log_end(member->consumer, 77), KAFKA_OFFSET_NONE);
}

static void gives_nothing_of_a_partition_that_it_does_not_have(void **state)
{
    struct member *member = &((struct world *)*state)->member;
    rd_kafka_message_t *message;

    assert_int_equal(kafka_consumer_take(member->consumer, 77, &message, 1), 0);
}

/* ---- two members ---- */

static bool both_are_assigned(void *context)
{
    struct member *members = context;

    return members[0].assigned_count + members[1].assigned_count == PARTITIONS &&
           members[0].assigned_count > 0 && members[1].assigned_count > 0 && members[0].assignment_count == 2;
}

static bool is_revoked(void *context)
{
    return ((struct member *)context)->revocation_count > 0;
}

/* The first member has work to finish when the second comes: the partitions move only after its release, and
 * the second finds what the first committed. (The mock takes no commits during a rebalance; Kafka does.) */
static void hands_partitions_over_when_the_owner_lets_go(void **state)
{
    struct world world = {0};
    struct member members[2] = {{.answers_at_once = true}, {.answers_at_once = true}};

    (void)state;
    start(&world);
    for (int32_t i = 0; i < PARTITIONS; i++)
        mock_kafka_fill(&world.mock, "events", i, 0, RECORDS);
    join(&world, &members[0], "1", "movers");
    loop_until_count(world.loop, &members[0].assignment_count, 1, "the first assignment");
    struct taking taking = take(&members[0], 7, RECORDS, "records of the first owner");
    assert_taken(&taking, 0, RECORDS);
    for (int32_t i = 0; i < PARTITIONS; i++)
        assert_int_equal(commit(&members[0], i, 5 + i, "millrace/1 handed over"), 0);
    members[0].answers_at_once = false;
    join(&world, &members[1], "2", "movers");
    loop_until(world.loop, is_revoked, &members[0], 20000, "the revocation");
    assert_int_equal(members[0].lost_count, 0);
    assert_int_equal(members[1].assignment_count, 0);
    /* Its own work goes on meanwhile: a question is answered, and what it reads is still its own. */
    fetch(&members[0], members[0].assigned, members[0].assigned_count);
    loop_until_true(world.loop, &members[0].has_positions, "an answer while the revocation waits");
    assert_int_equal(members[1].assignment_count, 0);
    members[0].answers_at_once = true;
    kafka_consumer_release(members[0].consumer);
    loop_until(world.loop, both_are_assigned, members, 20000, "both assignments");
    fetch(&members[1], members[1].assigned, members[1].assigned_count);
    loop_until_true(world.loop, &members[1].has_positions, "what the first had committed");
    for (size_t i = 0; i < members[1].position_count; i++) {
        assert_int_equal(members[1].positions[i].offset, 5 + members[1].positions[i].partition);
        assert_string_equal(members[1].metadata[i], "millrace/1 handed over");
    }
    for (int i = 0; i < 2; i++) { /* and both read what they have now, through queues opened anew */
        taking = take(&members[i], members[i].assigned[0], RECORDS, "records after the move");
        assert_taken(&taking, 0, RECORDS);
    }
    assert_int_equal(members[0].failed_count + members[1].failed_count, 0);
    kafka_consumer_stop(&members[1].consumer);
    kafka_consumer_stop(&members[0].consumer);
    loop_free(&world.loop);
    mock_kafka_stop(&world.mock);
}

static bool is_lost(void *context)
{
    return ((struct member *)context)->lost_count > 0;
}

/* The group does not know the member any more: what it has is others' by now. The old client is put away in
 * mid-commit, and a new one gets the partitions. */
static void is_told_that_its_partitions_are_lost_and_begins_anew_with_another_client(void **state)
{
    struct world world = {0};
    struct member members[2] = {{.answers_at_once = true}, {.answers_at_once = true}};
    struct kafka_consumer *retired;

    (void)state;
    start(&world);
    mock_kafka_fill(&world.mock, "events", 7, 0, RECORDS);
    join(&world, &members[0], "1", "losers");
    loop_until_count(world.loop, &members[0].assignment_count, 1, "the assignment");
    mock_kafka_fail(&world.mock, MOCK_KAFKA_HEARTBEAT, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, 1);
    loop_until(world.loop, is_lost, &members[0], 20000, "that the partitions are lost");
    assert_int_equal(members[0].revocation_count, 0);
    members[0].answers[0].commit.on_committed = on_committed;
    kafka_consumer_commit(
        members[0].consumer,
        &(struct kafka_position){.partition = 7, .offset = 1, .metadata = SLICE("millrace/1 x")},
        &members[0].answers[0].commit);
    kafka_consumer_retire(members[0].consumer);
    retired = members[0].consumer;
    join(&world, &members[1], "1", "losers");
    loop_until_count(world.loop, &members[1].assignment_count, 1, "the assignment of the new client");
    struct taking taking = take(&members[1], 7, RECORDS, "records of the new client");
    assert_taken(&taking, 0, RECORDS);
    assert_int_equal(members[0].answers[0].count, 0);
    assert_int_equal(members[0].assignment_count, 1);
    kafka_consumer_stop(&retired);
    kafka_consumer_stop(&members[1].consumer);
    loop_free(&world.loop);
    mock_kafka_stop(&world.mock);
}

static void refuses_a_configuration_that_it_does_not_know(void **state)
{
    struct world *world = *state;
    const struct kafka_client client = mock_kafka_client(&world->mock, "3");
    struct kafka_consumer *consumer = NULL;
    struct err err = {0};
    rd_kafka_conf_t *conf = kafka_setup_consumer(&client, "g", &err);

    assert_non_null(conf);
    assert_int_equal(rd_kafka_conf_set(conf, "max.poll.interval.ms", "100", NULL, 0),
                     0); /* below the session */
    const struct kafka_consumer_settings settings = {.conf = conf, .group = "g", .topic = "events"};
    assert_false(kafka_consumer_start(world->loop, &settings, &consumer, &err));
    assert_int_equal(err.kind, ERR_FATAL);
    assert_null(consumer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_nothing_of_a_partition_until_it_is_told_from_where),
        cmocka_unit_test(says_that_nothing_was_ever_committed),
        cmocka_unit_test(gives_back_the_metadata_that_was_committed),
        cmocka_unit_test(reports_a_commit_that_fails_and_leaves_the_position),
        cmocka_unit_test(answers_each_of_several_commits),
        cmocka_unit_test(says_when_the_positions_can_not_be_had),
        cmocka_unit_test(is_silent_about_a_question_that_was_cancelled),
        cmocka_unit_test(goes_on_where_it_is_told_to),
        cmocka_unit_test(tells_of_a_position_that_is_not_in_the_log_and_goes_on_elsewhere),
        cmocka_unit_test(lets_records_of_a_partition_wait_that_is_not_read),
        cmocka_unit_test(knows_the_end_of_the_log_from_fetching),
        cmocka_unit_test(gives_nothing_of_a_partition_that_it_does_not_have),
        cmocka_unit_test(refuses_a_configuration_that_it_does_not_know),
        cmocka_unit_test(hands_partitions_over_when_the_owner_lets_go),
        cmocka_unit_test(is_told_that_its_partitions_are_lost_and_begins_anew_with_another_client),
    };

    return cmocka_run_group_tests_name("kafka_consumer", tests, join_once, leave_once);
}
