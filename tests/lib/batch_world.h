/*
 * batch_world.h - what the parts of a batch stage need to run by themselves: a mock Kafka, a fake
 * ClickHouse, and between them the real clients. Topics "events", "next" and "events.dlq", 4 partitions each.
 *
 * The stage of these tests: a record is its row's id; a record "bad..." can't be decoded.
 */
#ifndef MILLRACE_TESTS_BATCH_WORLD_H
#define MILLRACE_TESTS_BATCH_WORLD_H

#include "common/io/loop.h"
#include "common/service/batch/context.h"
#include "common/service/health.h"
#include "common/service/metrics.h"
#include "tests/lib/each_decider.h"
#include "tests/lib/fake_clickhouse.h"
#include "tests/lib/mock_kafka.h"

enum { WORLD_PARTITIONS = 4 };

struct topic_watch;

struct batch_world {
    struct mock_kafka mock;
    struct fake_clickhouse fake;
    struct loop *loop;
    struct loop_turn turn;
    void (*on_turn)(void *owner); /* the stage's step; NULL: none */
    void *on_turn_owner;
    struct metrics *metrics;
    struct health *health;
    struct topic_watch *watch;
    struct each_decider decider;
    struct batch_stage_description stage;
    struct batch_load load;
    struct batch_context context;
};

/* forward_topic and dead letters are watched; the consumer is the test's own business. Producer properties of
 * mock.config may be set between batch_world_prepare and batch_world_start. */
void batch_world_prepare(struct batch_world *world);
void batch_world_start(struct batch_world *world);

/* Ends the threads and the producer, whose last reports come. Parts that wait for reports are freed after
 * it, and before batch_world_done. */
void batch_world_stop(struct batch_world *world);
void batch_world_done(struct batch_world *world);

#endif
