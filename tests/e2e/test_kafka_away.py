"""Kafka may stop, come back and be killed: the worker keeps its place and goes on by itself."""

import time

from millrace.load import Load, produce, record
from millrace.waiting import NotYet, wait_until

WORKER = "consumer-primary"

# Longer than session.timeout.ms, after which the worker must take its partitions for lost, and than the 5 s in
# which it then expects an answer to what it has committed.
LONG_S = 17


def wait_until_not_up(stack, within_s=30):
    def says_so():
        health = stack.health(WORKER)
        return health["status"] != "UP" or NotYet(health)

    wait_until(says_so, within_s, "health says that Kafka is away")


def test_killed_under_load_kafka_comes_back_and_each_record_is_stored_once(stack, audit):
    stack.start(WORKER)
    pid = stack.pid(WORKER)
    with Load(stack.kafka, 2000) as load:
        for _ in range(2):
            before = load.acknowledged
            wait_until(lambda: load.acknowledged > before + 2000, 60, "records are written")
            stack.kill("kafka")
            stack.start("kafka")
            assert stack.pid(WORKER) == pid, "the worker has ended"
    audit.passes()
    assert stack.pid(WORKER) == pid
    stack.wait_until_healthy(WORKER)


def test_away_for_longer_than_the_group_waits_kafka_finds_the_same_worker_going_on(stack, audit):
    stack.start(WORKER)
    pid = stack.pid(WORKER)
    with Load(stack.kafka, 2000) as load:
        wait_until(lambda: load.acknowledged > 4000, 60, "records are written")
        stack.kill("kafka")
        time.sleep(LONG_S)
        assert stack.pid(WORKER) == pid, "the worker has ended"
        stack.start("kafka")
    audit.passes()
    assert stack.pid(WORKER) == pid


def test_stopped_and_started_while_the_worker_idles_kafka_is_found_again_by_itself(stack, audit):
    stack.start(WORKER)
    stack.wait_until_healthy(WORKER)
    pid = stack.pid(WORKER)
    stack.stop("kafka")
    wait_until_not_up(stack)
    stack.start("kafka")
    stack.wait_until_healthy(WORKER)
    produce(stack.kafka, [record("idle", f"customer-{at}") for at in range(100)])
    assert audit.passes().rows == 100
    assert stack.pid(WORKER) == pid
