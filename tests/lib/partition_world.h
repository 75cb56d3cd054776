/*
 * partition_world.h - one partition of the topic "source", from a mock Kafka to a fake ClickHouse, whose
 * group is joined once for all tests (the mock takes 3 s for it): each test has a partition of its own.
 *
 * Its companions are the tables "ids" and "outcomes" on a scripted ClickHouse. Of a rejected record
 * "outcomes" gets "<kind>:<offset>;", which ClickHouse would not take for a row.
 */
#ifndef MILLRACE_TESTS_PARTITION_WORLD_H
#define MILLRACE_TESTS_PARTITION_WORLD_H

#include "common/io/kafka_consumer.h"
#include "common/service/batch/partition.h"
#include "common/service/batch/plan.h"
#include "tests/lib/batch_world.h"
#include "tests/lib/scripted_clickhouse.h"

enum { PARTITION_WORLD_RECORDS = 8 }; /* of a test that does not say otherwise: offsets 0 to 7 */

#define PARTITION_WORLD_OUTCOMES "INSERT INTO outcomes"

struct partition_world {
    struct batch_world base;
    struct scripted_clickhouse script; /* of the companions; a test that says nothing gets yes */
    bool is_assigned;
    struct partition *partition; /* NULL: nobody has taken it over */
    int32_t number;              /* of the partition of this test */
    int32_t next_number;         /* of the next test's */
    struct kafka_commit commit;
    int committed_count;
    rd_kafka_resp_err_t commit_code;
    bool has_positions;
    struct kafka_position position;
    char metadata[PLAN_METADATA_BYTES];
    const char *wanted_problem; /* for partition_world_has_problem */
    int64_t missing;            /* the record that partition_world_has_all expects no row of; -1: none */
};

/* For the group of tests; *state is a struct partition_world. */
int partition_world_join(void **state);
int partition_world_leave(void **state);

/* Before and after each test. */
int partition_world_begin(void **state);
int partition_world_end(void **state);

#define PARTITION_TEST(test) cmocka_unit_test_setup_teardown(test, partition_world_begin, partition_world_end)

/* Appends `count` records; their rows' ids are "<partition>:<offset>". */
void partition_world_fill(struct partition_world *world, int64_t first, int count);

/* As if a worker before had committed this, or a plan over the records from 0 to `last`. */
void partition_world_commit(struct partition_world *world, int64_t offset, const char *metadata);
void partition_world_commit_plan(struct partition_world *world, int64_t last, uint32_t starts);

/* What the group has now. */
struct plan_state partition_world_committed(struct partition_world *world);

/* Takes the partition over, at what the group has; closes it in good order. */
void partition_world_take_over(struct partition_world *world);
void partition_world_close(struct partition_world *world);

/* Conditions for loop_until, about a struct partition_world. */
bool partition_world_is_quiet(void *world);
bool partition_world_has_all(void *world);
bool partition_world_has_problem(void *world);
bool partition_world_holds_insert(void *world);

void partition_world_assert_each_once(const struct partition_world *world, int64_t first, int64_t last);

/* All dead letters in all partitions. */
int64_t partition_world_count_letters(struct partition_world *world);

#endif
