"""GET /v1/events/lookup: where an event is, step by step, and why it got no further."""

import json

from millrace.audit import FORWARDED
from millrace.load import produce, record
from millrace.tenant import Tenant
from millrace.waiting import NotYet, wait_until

CONSUMER = "consumer-primary"
AN_ID = "a/b+c %25?&=#ü".replace("ü", "~")


def look_up(api, event_id, **parameters):
    return api.get("/v1/events/lookup", id=event_id, **parameters)


def wait_until_found(api, event_id, is_right, **parameters):
    def is_found():
        answer = look_up(api, event_id, **parameters)
        return answer.json if answer.status == 200 and is_right(answer.json) else NotYet(answer)

    return wait_until(is_found, 30, f"{event_id} is found so")


def steps_of(event):
    return {step["step"]: step for step in event["steps"]}


def is_forwarded(answer):
    return all(event["status"] == "forwarded" for event in answer["events"])


def test_an_event_is_followed_from_its_receipt_to_its_forwarding(stack, audit):
    stack.start("ingest", "query", CONSUMER)
    tenant = Tenant(stack)
    reads, api = tenant.reads(), stack.api(tenant.key)
    event = {"event_name": "n", "external_customer_id": "c", "event_id": AN_ID, "timestamp": "2026-11-20T10:00:00Z"}
    wait_until(lambda: api.post_json("/v1/events", event).status == 202, 10, "the event is accepted")
    audit.passes()
    answer = wait_until_found(reads, AN_ID, is_forwarded)
    assert answer["id"] == AN_ID
    [found] = answer["events"]
    [[epoch, partition, offset]] = stack.clickhouse.rows(
        "SELECT source_epoch, kafka_partition, kafka_offset FROM events FINAL WHERE tenant_id = {tenant:String}",
        tenant=tenant.name,
    )
    assert (found["external_customer_id"], found["event_name"]) == ("c", "n")
    assert found["timestamp"] == "2026-11-20T10:00:00Z"
    steps = steps_of(found)
    assert all(step["done"] is True for step in steps.values())
    assert steps["in_kafka"] == {
        **{"step": "in_kafka", "done": True, "topic": "events"},
        **{"epoch": epoch, "partition": partition, "offset": offset},
    }
    assert steps["received"]["at"] <= steps["stored"]["at"]
    assert steps["forwarded"]["topic"] == FORWARDED
    assert look_up(reads, AN_ID, external_customer_id="c").json == answer
    assert look_up(reads, AN_ID, external_customer_id="other").status == 404
    assert look_up(Tenant(stack).reads(), AN_ID).status == 404


def test_copies_dead_letters_and_other_customers_are_told(stack, audit):
    stack.start("query", CONSUMER)
    tenant = Tenant(stack)
    reads = tenant.reads()
    produce(stack.kafka, [record(tenant.name, customer, "one-id") for customer in ("c1", "c2")])
    produce(stack.kafka, [record(tenant.name, "c1", "one-id")])
    other = '"ffffffffffffffffffffffffffffffff"'
    produce(stack.kafka, [record(tenant.name, "c1", "one-id", content_hash=other)])
    answer = wait_until_found(
        reads, "one-id", lambda seen: is_forwarded(seen) and len(seen["events"][0]["outcomes"]) == 2
    )
    first, second = answer["events"]
    assert (first["external_customer_id"], second["external_customer_id"]) == ("c1", "c2")
    assert [outcome["outcome"] for outcome in first["outcomes"]] == ["duplicate", "conflict"]
    place = {name: steps_of(first)["in_kafka"][name] for name in ("epoch", "partition", "offset")}
    assert all(outcome["first"] == place and outcome["reason"] for outcome in first["outcomes"])
    assert second["outcomes"] == []

    stack.clickhouse.run(
        "INSERT INTO event_outcomes (tenant_id, environment_id, external_customer_id, id, stage, outcome, reason,"
        f" source_topic, source_epoch, kafka_partition, kafka_offset) VALUES ('{tenant.name}', 'e1', 'c', 'bad',"
        " 'consumer-primary', 'dead_letter', 'it is bad', 'events', 1, 2, 3)"
    )
    [dead] = look_up(reads, "bad").json["events"]
    assert (dead["status"], steps_of(dead)["stored"]["reason"]) == ("dead_letter", "it is bad")
    assert steps_of(dead)["in_kafka"]["offset"] == 3


def test_what_is_on_its_way_is_not_found_and_told_with_the_lag(stack, audit):
    stack.start("query", CONSUMER)
    tenant = Tenant(stack)
    reads = tenant.reads()
    produce(stack.kafka, [record(tenant.name, "c", "earlier")])
    audit.passes()
    stack.stop(CONSUMER)
    produce(stack.kafka, [record(tenant.name, "c", f"later-{at}") for at in range(3)])

    def is_told():
        answer = look_up(reads, "later-0")
        assert answer.status == 404
        return "3 records wait to be stored" in answer.json["message"] or NotYet(answer)

    wait_until(is_told, 10, "the lag is told")
    stack.start(CONSUMER)
    audit.passes()
    wait_until_found(reads, "later-0", is_forwarded)
    assert look_up(reads, "").status == 400
    assert json.loads(look_up(reads, "").body)["details"].keys() == {"id"}


def test_what_is_stored_and_not_forwarded_is_told_with_the_missing_topic(own_stack):
    own_stack.kafka.delete_topic(FORWARDED)
    wait_until(lambda: FORWARDED not in own_stack.kafka.topics(), 20, f"{FORWARDED} is gone")
    own_stack.start("query", CONSUMER)
    tenant = Tenant(own_stack)
    reads = tenant.reads()
    produce(own_stack.kafka, [record(tenant.name, "c", "owed")])

    def is_owed(seen):
        return steps_of(seen["events"][0])["forwarded"].get("reason") == f"topic {FORWARDED} is missing"

    [found] = wait_until_found(reads, "owed", is_owed)["events"]
    assert (found["status"], steps_of(found)["forwarded"]["done"]) == ("stored", False)
    own_stack.ctl("topics", "init")
    wait_until_found(reads, "owed", is_forwarded)

    own_stack.kill("kafka")
    unknown = wait_until_found(reads, "owed", lambda seen: steps_of(seen["events"][0])["forwarded"]["done"] is None)
    assert "Kafka" in steps_of(unknown["events"][0])["forwarded"]["reason"]
