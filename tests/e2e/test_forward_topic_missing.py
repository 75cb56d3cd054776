"""One missing topic stops only what needs it: without events_post_processing all events are stored and read, the
topic is named wherever one looks, and what is owed is forwarded as soon as it exists. No restart."""

import time

from millrace.audit import FORWARDED
from millrace.load import Load, produce, record
from millrace.waiting import NotYet, wait_until

WORKER = "consumer-primary"
CATCH_UP_S = 5


def missing(stack):
    return stack.metric(WORKER, "millrace_topic_missing", topic=FORWARDED)


def wait_until_named(stack, within_s=20):
    def is_named():
        health = stack.health(WORKER)
        names = FORWARDED in health["details"]["missingTopics"]
        return (names and health["status"] == "DEGRADED") or NotYet(health)  # UNKNOWN until the group has assigned

    wait_until(is_named, within_s, f"health is DEGRADED and names {FORWARDED}")
    assert missing(stack) == 1
    assert f"topic {FORWARDED} is missing" in stack.log(WORKER)


def wait_until_nothing_is_named(stack, within_s=20):
    stack.wait_until_healthy(WORKER, within_s)
    assert stack.health(WORKER)["details"]["missingTopics"] == []
    assert missing(stack) == 0


def delete(stack):
    stack.kafka.delete_topic(FORWARDED)
    wait_until(lambda: FORWARDED not in stack.kafka.topics(), 20, f"{FORWARDED} is gone")


def test_missing_from_the_start_it_delays_forwarding_alone_and_is_caught_up_within_seconds(own_stack, own_audit):
    delete(own_stack)
    own_stack.start(WORKER)
    pid = own_stack.pid(WORKER)
    produce(own_stack.kafka, [record("t1", f"customer-{at % 100}") for at in range(5000)])
    own_audit.wait_until_stored()
    wait_until_named(own_stack)
    assert own_stack.clickhouse.value("SELECT uniqExact(id) FROM events FINAL WHERE tenant_id = 't1'") == 5000

    own_stack.ctl("topics", "init")
    made_at = time.monotonic()
    own_audit.wait_until_settled(CATCH_UP_S)
    print(f"caught up {time.monotonic() - made_at:.2f} s after the topic was made")
    own_audit.passes()
    wait_until_nothing_is_named(own_stack)
    assert own_stack.pid(WORKER) == pid


def test_deleted_in_mid_stream_and_made_again_it_gets_all_that_is_owed_in_order(stack, audit):
    stack.start(WORKER)
    pid = stack.pid(WORKER)
    with Load(stack.kafka, 1000) as load:
        wait_until(lambda: stack.metric(WORKER, "millrace_records_forwarded_total") > 1000, 30, "some are forwarded")
        delete(stack)
        wait_until_named(stack)
        audit.forwarding_begins_anew()
        rows = stack.metric(WORKER, "millrace_rows_stored_total")
        wait_until(lambda: stack.metric(WORKER, "millrace_rows_stored_total") > rows + 1000, 30, "storing goes on")
        stack.ctl("topics", "init")
        sent = load.sent
        wait_until(lambda: load.sent > sent + 1000, 30, "the stream goes on")
    audit.passes()
    wait_until_nothing_is_named(stack)
    assert stack.pid(WORKER) == pid
