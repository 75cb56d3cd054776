"""Workers share the partitions of the topic, and partitions move from one to another."""

import re

from millrace.load import Load
from millrace.waiting import NotYet, wait_until

RATE = 2000
FIRST, SECOND = "consumer-primary", "consumer-primary@2"


def rows_stored_by(stack, worker):
    return stack.metric(worker, "millrace_rows_stored_total")


def partitions_of(stack, worker):
    metrics = stack.admin(worker).get("/metrics").body.decode()
    return len(re.findall(r"^millrace_lag_records\{", metrics, re.MULTILINE))


def wait_until_it_stores_more(stack, worker, within_s=30):
    before = rows_stored_by(stack, worker)
    wait_until(lambda: rows_stored_by(stack, worker) > before, within_s, f"{worker} stores rows")


def wait_until_it_has(stack, worker, count, within_s=30):
    def has_them():
        found = partitions_of(stack, worker)
        return found == count or NotYet(f"{found} partitions")

    wait_until(has_them, within_s, f"{worker} has {count} partitions")


def test_a_second_worker_joins_and_leaves_under_load_and_each_record_is_stored_once(stack, audit):
    stack.start(FIRST)
    with Load(stack.kafka, RATE):
        wait_until_it_has(stack, FIRST, 6)
        wait_until_it_stores_more(stack, FIRST)
        stack.start(SECOND)
        wait_until_it_has(stack, SECOND, 3)
        wait_until_it_stores_more(stack, SECOND)
        wait_until_it_stores_more(stack, FIRST)
        stack.stop(SECOND)
        wait_until_it_has(stack, FIRST, 6)
        wait_until_it_stores_more(stack, FIRST)
    audit.passes()


def test_a_worker_killed_beside_another_leaves_nothing_undone(stack, audit):
    stack.start(FIRST, SECOND)
    with Load(stack.kafka, RATE):
        for worker in (FIRST, SECOND):
            wait_until_it_has(stack, worker, 3)
            wait_until_it_stores_more(stack, worker)
        stack.kill(SECOND)
        wait_until_it_has(stack, FIRST, 6)
        wait_until_it_stores_more(stack, FIRST)
    audit.passes()
