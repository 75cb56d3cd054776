"""A thousand events in one request: all of them or none, whatever the client, the resend and Kafka do."""

import json
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from millrace.load import now
from millrace.pages import all_pages
from millrace.waiting import NotYet, wait_until

WORKERS = ("ingest", "consumer-primary", "query")
TOPIC = "events"


@pytest.fixture
def name():
    """An event name that no other test uses."""
    return f"bulk-{uuid.uuid4()}"


def event(name, at, **more):
    return {
        "event_name": name,
        "external_customer_id": f"customer-{at % 50}",
        "event_id": f"{name}-{at}",
        "timestamp": now(),
        "properties": {"n": at},
        **more,
    }


def post(api, path, document, content_type="application/json", **headers):
    headers = {field.replace("_", "-"): value for field, value in headers.items()}
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return api.request("POST", path, body=body, headers={"Content-Type": content_type, **headers})


def post_bulk(api, events, **headers):
    """Answered with the ids, which go only to those who ask for them."""
    return post(api, "/v1/events/bulk", {"events": events}, **{"Prefer": "return=representation", **headers})


def ids_listed(stack, name):
    return Counter(found["id"] for found in all_pages(stack.api(keeps=True), event_name=name))


def wait_until_listed(stack, name, ids, within_s=20):
    """Each of the ids is listed, and each once."""
    expected = Counter(set(ids))

    def are_listed():
        listed = ids_listed(stack, name)
        return set(listed) >= set(expected) or NotYet(f"{len(listed)} of {len(expected)}")

    wait_until(are_listed, within_s, f"{len(expected)} events are listed")
    assert ids_listed(stack, name) == expected


def test_a_thousand_events_of_one_request_are_listed_once_each(pipeline, name):
    events = [event(name, at) for at in range(1000)]
    accepted = post_bulk(pipeline.api(), events)
    ids = [sent["event_id"] for sent in events]
    assert accepted.status == 202, str(accepted)
    assert accepted.json == {"message": "Events accepted for processing", "event_ids": ids}
    wait_until_listed(pipeline, name, ids)


def test_one_id_of_two_customers_is_two_events(pipeline, name):
    events = [event(name, 0, event_id="one", external_customer_id=customer) for customer in ("first", "second")]
    accepted = post_bulk(pipeline.api(), events)
    assert accepted.status == 202, str(accepted)
    customers = lambda: {found["external_customer_id"] for found in all_pages(pipeline.api(), event_name=name)}
    wait_until(lambda: customers() == {"first", "second"}, 20, "both are listed")


def test_events_without_ids_get_ids_in_the_order_of_the_request(pipeline, name):
    events = [{"event_name": name, "external_customer_id": f"customer-{at}"} for at in range(20)]
    accepted = post_bulk(pipeline.api(), events)
    assert accepted.status == 202, str(accepted)
    ids = accepted.json["event_ids"]
    wait_until_listed(pipeline, name, ids)
    customers = {found["id"]: found["external_customer_id"] for found in all_pages(pipeline.api(), event_name=name)}
    assert [customers[event_id] for event_id in ids] == [sent["external_customer_id"] for sent in events]


@pytest.mark.parametrize(
    "damage, errors",
    [
        ({"event_name": None}, [{"index": 7, "field": "event_name", "message": "is required"}]),
        ({"properties": []}, [{"index": 7, "field": "properties", "message": "must be an object"}]),
        (
            {"event_id": "{name}-3", "external_customer_id": "customer-3"},
            [{"index": 7, "field": "event_id", "message": "is that of event 3, which has other content"}],
        ),
    ],
)
def test_one_bad_event_keeps_all_of_them_out(pipeline, name, damage, errors):
    events = [event(name, at) for at in range(10)]
    damage = {field: text.format(name=name) if isinstance(text, str) else text for field, text in damage.items()}
    events[7].update(damage)
    before = pipeline.kafka.ends(TOPIC)
    refused = post_bulk(pipeline.api(), events)
    assert refused.status == 400, str(refused)
    assert refused.json["details"] == {"errors": errors}
    assert pipeline.kafka.ends(TOPIC) == before


@pytest.mark.parametrize(
    "document",
    [
        b'{"events":[]}',
        b"{}",
        b"[]",
        json.dumps({"events": [event("many", at) for at in range(1001)]}).encode(),
    ],
)
def test_a_request_without_1_to_1000_events_is_refused(pipeline, document):
    before = pipeline.kafka.ends(TOPIC)
    refused = post(pipeline.api(), "/v1/events/bulk", document)
    assert refused.status == 400, str(refused)
    assert "1 to 1000 events" in refused.json["details"]["events"]
    assert pipeline.kafka.ends(TOPIC) == before


def test_a_body_that_breaks_off_stores_none_of_the_events_before(pipeline, name):
    whole = json.dumps({"events": [event(name, at) for at in range(10)]}).encode()
    before = pipeline.kafka.ends(TOPIC)
    for headers in {}, {"Prefer": "handling=lenient"}:
        refused = post(pipeline.api(), "/v1/events/bulk", whole[:-10], **headers)
        assert refused.status == 400, str(refused)
    assert pipeline.kafka.ends(TOPIC) == before


def test_lenient_handling_takes_the_good_events_and_tells_each_ones_fate(pipeline, name):
    events = [event(name, 0), {"event_name": name}, event(name, 2)]
    accepted = post_bulk(pipeline.api(), events, Prefer="handling=lenient")
    assert accepted.status == 202, str(accepted)
    assert accepted.headers["Preference-Applied"] == "handling=lenient"
    assert accepted.json["event_ids"] == [f"{name}-0", None, f"{name}-2"]
    assert accepted.json["errors"] == [{"index": 1, "field": "external_customer_id", "message": "is required"}]
    wait_until_listed(pipeline, name, [f"{name}-0", f"{name}-2"])

    before = pipeline.kafka.ends(TOPIC)
    assert post_bulk(pipeline.api(), [{"event_name": name}], Prefer="handling=lenient").status == 400
    assert pipeline.kafka.ends(TOPIC) == before


def test_an_event_that_stands_twice_in_a_request_is_listed_once(pipeline, name):
    twin = event(name, 0)
    accepted = post_bulk(pipeline.api(), [twin, event(name, 1), twin])
    assert accepted.status == 202, str(accepted)
    assert accepted.json["event_ids"] == [f"{name}-0", f"{name}-1", f"{name}-0"]
    wait_until_listed(pipeline, name, [f"{name}-0", f"{name}-1"])


def without_id(sent):
    return {field: value for field, value in sent.items() if field != "event_id"}


def test_a_resend_with_its_idempotency_key_is_the_same_events(pipeline, name):
    events = [without_id(event(name, at)) for at in range(5)]
    headers = {"Idempotency-Key": f"key of {name}"}
    first = post_bulk(pipeline.api(), events, **headers)
    again = post_bulk(pipeline.api(), events, **headers)
    other = post_bulk(pipeline.api(), events, Idempotency_Key=f"other key of {name}")
    assert [first.status, again.status, other.status] == [202, 202, 202]
    assert first.json["event_ids"] == again.json["event_ids"]
    assert not set(first.json["event_ids"]) & set(other.json["event_ids"])
    wait_until_listed(pipeline, name, first.json["event_ids"] + other.json["event_ids"])


@pytest.mark.parametrize("key", ["", "\u00e9", "k" * 256])
def test_an_idempotency_key_that_is_none_is_refused(pipeline, name, key):
    refused = post(
        pipeline.api(), "/v1/events", without_id(event(name, 0)), Idempotency_Key=key.encode("latin-1").decode("latin-1")
    )
    assert refused.status == 400, str(refused)
    assert "Idempotency-Key" in refused.json["message"]


def cloud_event(name, at, **more):
    return {
        "specversion": "1.0",
        "type": name,
        "source": "/tests",
        "subject": f"customer-{at}",
        "id": f"{name}-{at}",
        "time": now(),
        "data": {"n": at},
        **more,
    }


def test_cloud_events_are_events(pipeline, name):
    one = post(pipeline.api(), "/v1/events", cloud_event(name, 0), "application/cloudevents+json")
    assert one.status == 202, str(one)
    batch = [cloud_event(name, at) for at in range(1, 4)]
    many = post(pipeline.api(), "/v1/events/bulk", batch, "application/cloudevents-batch+json", Prefer="return=representation")
    assert many.status == 202, str(many)
    assert many.json["event_ids"] == [sent["id"] for sent in batch]
    wait_until_listed(pipeline, name, [f"{name}-{at}" for at in range(4)])
    [found] = all_pages(pipeline.api(), event_name=name, event_id=f"{name}-2")
    expected = {"external_customer_id": "customer-2", "source": "/tests", "properties": {"n": 2}}
    assert {field: found[field] for field in expected} == expected


def test_a_bad_cloud_event_is_refused_by_its_attribute(pipeline, name):
    refused = post(
        pipeline.api(), "/v1/events", cloud_event(name, 0, specversion="0.3"), "application/cloudevents+json"
    )
    assert refused.status == 400, str(refused)
    assert refused.json["details"] == {"specversion": 'must be "1.0"'}


class Sender:
    """Sends one request of a thousand events after the other, each until it is accepted, as a client should."""

    def __init__(self, stack, name):
        self._api = stack.api(keeps=True)
        self._name = name
        self.is_stopping = False
        self.accepted_ids, self.refused = [], []

    def run(self):
        while not self.is_stopping:
            events = [without_id(event(self._name, at)) for at in range(1000)]
            self.accepted_ids += wait_until(lambda sent=events: self._try(sent), 60, "Kafka takes the events")

    def _try(self, events):
        answer = post_bulk(self._api, events)
        if answer.status == 202:
            return answer.json["event_ids"]
        assert answer.status == 503 and answer.headers["Retry-After"], str(answer)
        self.refused.append(answer.json["message"])
        for sent, event_id in zip(events, answer.json["details"]["event_ids"], strict=True):
            sent["event_id"] = event_id
        return NotYet(str(answer))


def test_requests_that_kafka_was_killed_under_are_sent_again_and_each_event_is_stored_once(own_stack, own_audit):
    own_stack.start(*WORKERS)
    for worker in WORKERS:
        own_stack.wait_until_healthy(worker)
    senders = [Sender(own_stack, "interrupted") for _ in range(2)]
    with ThreadPoolExecutor(len(senders)) as threads:
        running = [threads.submit(sender.run) for sender in senders]
        try:
            for _ in range(2):
                wait_until_more_is_accepted(senders)
                own_stack.kill("kafka")
                own_stack.start("kafka")
            wait_until_more_is_accepted(senders)
        finally:
            for sender in senders:
                sender.is_stopping = True
        for result in running:
            result.result()
    refused = [message for sender in senders for message in sender.refused]
    assert any("known to be stored" in message for message in refused), refused
    own_audit.wait_until_stored()
    ids = [event_id for sender in senders for event_id in sender.accepted_ids]
    stored = own_stack.clickhouse.rows("SELECT id FROM events FINAL WHERE event_name = 'interrupted'")
    assert Counter(row[0] for row in stored) == Counter(ids)


def wait_until_more_is_accepted(senders):
    before = [len(sender.accepted_ids) for sender in senders]

    def is_accepted():
        return all(len(sender.accepted_ids) > seen + 2000 for sender, seen in zip(senders, before, strict=True))

    wait_until(is_accepted, 60, "more requests are accepted")
