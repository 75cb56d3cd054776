"""A partition that waits for a person: what `millrace offsets show` says of it, and what `accept` makes of it."""

import json

import pytest
from confluent_kafka import KafkaException

from millrace.audit import FORWARDED
from millrace.load import TOPIC, produce, record
from millrace.waiting import NotYet, wait_until

WORKER = "consumer-primary"
GROUP = "millrace-primary"
SESSION_S = 20  # a static member that has ended stays in the group for session.timeout.ms, 10 s


@pytest.fixture(scope="module")
def stores(make_stack):
    """Records and positions are taken away: nothing for other tests."""
    return make_stack("offsets")


@pytest.fixture
def stage(stores):
    stores.start(WORKER)
    stores.wait_until_healthy(WORKER)
    yield stores
    stores.stop(WORKER)


def send(stack, customer, count):
    """To one partition, which it gives, with the offset of the first."""
    return produce(stack.kafka, [record("offsets", customer) for _ in range(count)])[0]


def rows(stack, partition):
    """{offset: rows of it}, each of which must be 1"""
    sql = "SELECT kafka_offset, count() FROM events WHERE kafka_partition = {p:UInt32} GROUP BY kafka_offset"
    return dict(stack.clickhouse.rows(sql, p=partition))


def wait_until_stored(stack, partition, offsets):
    def are_stored():
        found = rows(stack, partition)
        return set(offsets) <= set(found) or NotYet(f"{len(found)} rows, to {max(found, default=None)}")

    wait_until(are_stored, 30, f"rows {offsets} of partition {partition}")
    assert set(rows(stack, partition).values()) == {1}


def shown(stack, partition):
    _, text = stack.try_ctl("offsets", "show", "--json")
    [line] = [line for line in text.splitlines() if line.startswith("{")]
    return json.loads(line)["partitions"][partition]


def wait_until_health_says(stack, text, within_s=30):
    def is_said():
        health = stack.health(WORKER)
        return text in json.dumps(health) or NotYet(health)

    wait_until(is_said, within_s, f"health says {text}")


def accept(stack, partition, *more):
    is_good, text = stack.try_ctl("offsets", "accept", "--partition", str(partition), *more)
    return is_good, text


def test_a_log_that_starts_above_the_newest_row_is_gone_on_with_after_accept(stage):
    partition, first = send(stage, "lost", 10)
    wait_until_stored(stage, partition, range(first, first + 10))
    stage.stop(WORKER)
    assert send(stage, "lost", 20) == (partition, first + 10)
    stage.kafka.delete_records(TOPIC, partition, first + 15)
    stage.start(WORKER)
    wait_until_health_says(stage, "the records between are gone")

    seen = shown(stage, partition)
    assert (seen["state"], seen["newest_row"], seen["log_start"]) == ("lost", first + 9, first + 15)
    pid = stage.pid(WORKER)
    is_good, text = accept(stage, partition)
    assert not is_good and "add --yes" in text, text
    assert shown(stage, partition)["state"] == "lost"
    assert f"Skips offsets {first + 10} to {first + 14}, 5 of them; 5 are gone from the log" in text
    is_good, text = accept(stage, partition, "--yes")
    assert is_good and "offsets accept by" in text, text
    assert shown(stage, partition)["state"] == "good"
    is_good, text = accept(stage, partition, "--yes")
    assert is_good and "is as it should be" in text, "it can be repeated"

    wait_until_stored(stage, partition, range(first + 15, first + 30))
    stage.wait_until_healthy(WORKER)
    assert stage.pid(WORKER) == pid, "the worker goes on by itself"
    assert not set(rows(stage, partition)) & set(range(first + 10, first + 15))


def move_when_it_is_taken(stack, partition, offset):
    def is_moved():
        try:
            stack.kafka.move_position(GROUP, TOPIC, partition, offset)
        except KafkaException as refused:
            return NotYet(refused)
        return True

    wait_until(is_moved, SESSION_S, "the group has no members")


def test_a_position_that_somebody_moved_is_gone_on_with_after_accept_and_nothing_is_stored_twice(stage):
    partition, first = send(stage, "foreign", 10)
    wait_until_stored(stage, partition, range(first, first + 10))
    stage.stop(WORKER)
    move_when_it_is_taken(stage, partition, first + 5)
    stage.start(WORKER)
    wait_until_health_says(stage, "somebody else moved it")
    seen = shown(stage, partition)
    assert (seen["state"], seen["committed"], seen["epoch"]) == ("foreign", first + 5, None)
    assert "no metadata of ours" in seen["notes"]

    is_good, text = accept(stage, partition, "--yes")
    assert is_good and f"Goes back: offsets {first + 5} to {first + 9}" in text, text
    seen = shown(stage, partition)
    assert (seen["state"], seen["epoch"], seen["forwarded"]) == ("good", 1, first + 4)
    assert send(stage, "foreign", 10) == (partition, first + 10)
    wait_until_stored(stage, partition, range(first, first + 20))
    stage.wait_until_healthy(WORKER)


def test_a_partition_that_a_worker_is_at_work_on_is_not_moved_under_it(stage):
    partition, first = send(stage, "working", 10)
    wait_until_stored(stage, partition, range(first, first + 10))
    stage.wait_until_healthy(WORKER)
    is_good, text = accept(stage, partition, "--offset", str(first), "--yes", "--timeout", "1s")
    assert not is_good and "the group still has members, millrace-consumer-primary-1" in text, text
    assert "systemctl stop 'millrace-consumer-primary@*'" in text
    assert shown(stage, partition)["committed"] == first + 10
    stage.stop(WORKER)
    is_good, text = accept(stage, partition, "--offset", str(first), "--yes")
    assert is_good, text
    stage.start(WORKER)
    stage.wait_until_healthy(WORKER)
    wait_until_stored(stage, partition, range(first, first + 10))


def test_a_plan_that_a_killed_worker_left_is_shown_and_needs_nobody(stage):
    stage.kill("clickhouse")
    partition, first = send(stage, "begun", 10)

    def is_planned():
        position = stage.kafka.positions(GROUP, TOPIC).get(partition)
        return (position is not None and position.has_plan) or NotYet(position)

    wait_until(is_planned, 20, "the plan is committed")
    stage.kill(WORKER)
    stage.start("clickhouse")
    seen = shown(stage, partition)
    assert (seen["state"], seen["committed"], seen["plan"]["first"]) == ("good", first, first), seen
    stage.start(WORKER)
    wait_until_stored(stage, partition, range(first, first + 10))


def test_forwarding_that_is_owed_and_gone_is_given_up_by_accept(stage):
    stage.kafka.delete_topic(FORWARDED)
    wait_until(lambda: FORWARDED not in stage.kafka.topics(), 20, f"{FORWARDED} is gone")
    partition, first = send(stage, "owed", 10)
    wait_until_stored(stage, partition, range(first, first + 10))
    stage.stop(WORKER)
    stage.kafka.delete_records(TOPIC, partition, first + 8)
    stage.ctl("topics", "init")
    stage.start(WORKER)
    wait_until_health_says(stage, f"read {TOPIC}[{partition}] again from offset {first}")
    stage.stop(WORKER)
    seen = shown(stage, partition)
    assert seen["state"] == "debt-lost" and "8 rows were not forwarded" in seen["notes"], seen
    is_good, text = accept(stage, partition, "--forwarded", "--yes")
    assert is_good and "Skips nothing" in text and "count as forwarded" in text, text
    assert shown(stage, partition)["state"] == "good"
    stage.start(WORKER)
    stage.wait_until_healthy(WORKER)
    send(stage, "owed", 5)
    wait_until(lambda: len(stage.kafka.read(FORWARDED)) >= 5, 20, "what comes later is forwarded")
