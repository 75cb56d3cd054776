"""An event that is sent again is not stored again: whatever its time or content, in whatever order, after restarts and
rebalances, and however often workers are killed between the decision and the insert."""

import os
import uuid
from pathlib import Path

from millrace.audit import AuditFailed
from millrace.killing import kill_again_and_again
from millrace.load import CUSTOMERS, Load, produce, record
from millrace.waiting import NotYet, wait_until

WORKER = "consumer-primary"
RATE = 2000
KILLS = 12
SAME, OTHER = '"00112233445566778899aabbccddeeff"', '"ffeeddccbbaa99887766554433221100"'


class LoadWithResends(Load):
    """Every third record is an earlier event again, with another time; every other of these with other content."""

    def __init__(self, kafka, rate, chance, tenant="resends"):
        super().__init__(kafka, rate, tenant)
        self._chance = chance
        self._ids = []

    def next_record(self):
        if self._ids and self.sent % 3 == 0:
            # Mostly of just now, sometimes of long ago.
            back = min(len(self._ids), int(self._chance.paretovariate(0.5)))
            customer, event_id = self._ids[-back]
            return record(self._tenant, customer, event_id, content_hash=self._chance.choice((SAME, OTHER)))
        self._ids.append((f"customer-{self.sent % CUSTOMERS}", str(uuid.uuid4())))
        return record(self._tenant, *self._ids[-1])


def outcomes(stack, tenant):
    return stack.clickhouse.rows(
        "SELECT outcome, count() FROM event_outcomes FINAL WHERE tenant_id = {tenant:String} GROUP BY 1 ORDER BY 1",
        tenant=tenant,
    )


def test_of_an_event_that_is_sent_again_only_the_first_is_stored_and_the_others_are_told_apart(stack, audit):
    stack.start(WORKER)
    produce(stack.kafka, [record("again", "c", "a"), record("again", "c", "a"), record("again", "c", "b")])
    audit.wait_until_stored()
    produce(stack.kafka, [record("again", "c", "a"), record("again", "c", "b", content_hash=OTHER)])
    produce(stack.kafka, [record("again", "other customer", "a"), record("another tenant", "c", "a")])
    findings = audit.passes()
    assert (findings.rows, findings.resends) == (4, 3)
    assert outcomes(stack, "again") == [["conflict", 1], ["duplicate", 2]]
    counted = [stack.metric(WORKER, "millrace_resends_total", outcome=name) for name in ("duplicate", "conflict")]
    assert counted == [2, 1]


def test_what_was_stored_before_a_restart_is_known_after_it(stack, audit):
    events = [record("restart", f"customer-{at % 50}", f"event-{at}") for at in range(500)]
    stack.start(WORKER)
    produce(stack.kafka, events)
    audit.wait_until_stored()
    stack.kill(WORKER)
    produce(stack.kafka, events + [record("restart", "customer-1", "new")])
    stack.start(WORKER)
    findings = audit.passes()
    assert (findings.rows, findings.resends) == (501, 500)


def test_partitions_that_move_to_another_worker_take_their_memory_along(stack, audit, chance):
    stack.start(WORKER)
    with LoadWithResends(stack.kafka, RATE, chance):
        stack.start(f"{WORKER}@2")

        def stores():
            return (stack.metric(f"{WORKER}@2", "millrace_rows_stored_total") or 0) > 0 or NotYet("none")

        wait_until(stores, 30, "the second worker stores rows")
        stack.stop(f"{WORKER}@2")
        wait_until(lambda: "assigned: 6" in stack.log(WORKER).split("revoked")[-1], 30, "the first has all again")
    assert audit.passes().resends > 0


def run_with_kills(stack, chance, kills, programs=None):
    stack.start(WORKER, programs=programs)
    with LoadWithResends(stack.kafka, RATE, chance):
        kill_again_and_again(stack, chance, kills, programs)


def test_killed_again_and_again_the_workers_decide_as_if_nothing_had_happened(stack, audit, chance):
    run_with_kills(stack, chance, KILLS)
    findings = audit.passes()
    assert findings.resends > KILLS


def test_it_is_red_for_a_worker_that_remembers_no_ids(stack, audit, chance):
    programs = Path(os.environ["MILLRACE_TEST_SABOTAGE"]) / "no_memory"
    run_with_kills(stack, chance, 2, programs)
    try:
        audit.passes()
    except AuditFailed as failed:
        assert failed.findings.repeated
        return
    raise AssertionError("the audit found nothing")


def test_a_topic_that_has_grown_still_knows_the_events_of_customers_who_moved(own_stack, own_audit):
    events = [record("grown", f"customer-{at}", f"event-{at}") for at in range(300)]
    own_stack.start(WORKER)
    before = produce(own_stack.kafka, events)
    own_audit.wait_until_stored()
    own_stack.kafka.grow("events", 9)
    own_stack.kafka.grow("events_post_processing", 9)
    after = wait_until(lambda: _moved(before, produce(own_stack.kafka, events)), 30, "customers lead elsewhere")
    own_audit.wait_until_stored()
    assert own_stack.clickhouse.value("SELECT count() FROM events") == len(events)
    assert own_stack.clickhouse.value("SELECT uniqExact(id) FROM events") == len(events)
    print(f"{after} of {len(events)} customers moved")


def _moved(before, after):
    return sum(old != new for (old, _), (new, _) in zip(before, after, strict=True)) or NotYet("all as before")


def test_while_clickhouse_can_not_say_what_is_new_nothing_is_stored_and_health_says_why(own_stack, own_audit):
    own_stack.start(WORKER)
    events = [record("away", f"customer-{at}", f"event-{at}") for at in range(20)]
    produce(own_stack.kafka, events)
    own_audit.wait_until_stored()
    own_stack.clickhouse.run("RENAME TABLE event_ids TO event_ids_away")
    try:
        produce(own_stack.kafka, events)

        def is_said():
            storing = own_stack.health(WORKER)["details"]["checks"]["storing"]
            return "event_ids" in storing.get("reason", "") or NotYet(storing)

        wait_until(is_said, 30, "health names the table")
    finally:
        own_stack.clickhouse.run("RENAME TABLE event_ids_away TO event_ids")
    findings = own_audit.passes()
    assert (findings.rows, findings.resends) == (20, 20)
