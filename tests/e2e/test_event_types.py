"""Declared event types: an event is in its own topic, as its envelope, and nothing else is let in there."""

import json
import uuid

import pytest

from millrace.pages import all_pages
from millrace.waiting import NotYet, wait_until

# Declared by dev/stack; the second only for another tenant than its demo key's.
TYPE = "casino.player.registered.v1"
FOREIGN_TYPE = "casino.bet.placed.v1"


@pytest.fixture
def ingest(stack):
    stack.start("ingest")
    stack.wait_until_healthy("ingest")
    return stack


def envelope(**more):
    return {"userId": "player-7", "payload": {"points": 10}, **more}


def post(api, topic, document, **headers):
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    headers = {field.replace("_", "-"): value for field, value in headers.items()}
    return api.request(
        "POST", f"/v1/topics/{topic}/events", body=body, headers={"Content-Type": "application/json", **headers}
    )


def key_of(stack, tenant):
    made = stack.ctl("key", "create", f"--tenant={tenant}", "--environment=e1", "--name=test", "--json")
    return json.loads(made[made.index("{") :])["key"]


def test_an_event_is_read_back_from_its_topic_with_key_and_envelope(ingest):
    before = ingest.kafka.ends(TYPE)
    sent = (
        b'{"eventId":"reg-1","eventTimestamp":"2026-01-02T03:04:05+01:00","brandId":"brand","userId":"player-7",'
        b'"metadata":{"trace": 1.0},"payload":{ "exact":12345678901234567890.10 }}'
    )
    accepted = post(ingest.api(), TYPE, sent, X_Request_Id="the-request")
    assert accepted.status == 202, str(accepted)
    assert accepted.json == {"message": "Event accepted for processing", "event_id": "reg-1"}

    [record] = ingest.kafka.read(TYPE, before)
    assert record.key == b"player-7"
    assert record.header("millrace") == "1;r=the-request"
    value = json.loads(record.value)
    assert value.pop("ingestedAt")
    assert value == {
        "v": 1,
        "eventId": "reg-1",
        "eventType": TYPE,
        "eventTimestamp": "2026-01-02T02:04:05Z",
        "brandId": "brand",
        "userId": "player-7",
        "tenantId": "00000000-0000-0000-0000-000000000000",
        "environmentId": "00000000-0000-0000-0000-000000000000",
        "metadata": {"trace": 1.0},
        "payload": {"exact": 12345678901234567890.10},
    }
    assert b'"metadata":{"trace": 1.0},"payload":{ "exact":12345678901234567890.10 }' in record.value


def test_events_of_one_user_are_in_one_partition_in_order(ingest):
    before = ingest.kafka.ends(TYPE)
    ids = [str(uuid.uuid4()) for _ in range(20)]
    for event_id in ids:
        assert post(ingest.api(keeps=True), TYPE, envelope(eventId=event_id)).status == 202
    records = ingest.kafka.read(TYPE, before)
    assert len({record.partition for record in records}) == 1
    assert [json.loads(record.value)["eventId"] for record in records] == ids


@pytest.mark.parametrize("topic", ["events", "events.dlq", "events_post_processing", "system_events", TYPE + ".dlq", "x"])
def test_a_topic_that_is_not_declared_is_not_found(ingest, topic):
    before = ingest.kafka.ends("events")
    refused = post(ingest.api(), topic, envelope())
    assert refused.status == 404, str(refused)
    assert topic in refused.json["message"]
    assert ingest.kafka.ends("events") == before
    assert post(ingest.api(" "), topic, envelope()).status == 401


def test_only_tenants_that_are_named_write_a_topic_that_names_them(ingest):
    before = ingest.kafka.ends(FOREIGN_TYPE)
    refused = post(ingest.api(), FOREIGN_TYPE, envelope())
    assert refused.status == 403, str(refused)
    assert FOREIGN_TYPE in refused.json["message"]
    assert ingest.kafka.ends(FOREIGN_TYPE) == before
    named = ingest.api(key_of(ingest, "tenant_1"))
    wait_until(lambda: post(named, FOREIGN_TYPE, envelope()).status == 202, 5, "the new key is known")
    assert len(ingest.kafka.read(FOREIGN_TYPE, before)) == 1


@pytest.mark.parametrize(
    "document, field",
    [
        ({"payload": {}}, "userId"),
        ({"userId": "u"}, "payload"),
        ({"userId": "u", "payload": {}, "metadata": []}, "metadata"),
        ({"userId": "u", "payload": {}, "eventTimestamp": "today"}, "eventTimestamp"),
    ],
)
def test_a_bad_envelope_is_refused_by_its_field(ingest, document, field):
    before = ingest.kafka.ends(TYPE)
    refused = post(ingest.api(), TYPE, document)
    assert refused.status == 400, str(refused)
    assert list(refused.json["details"]) == [field]
    assert ingest.kafka.ends(TYPE) == before


def test_a_resend_with_its_idempotency_key_has_the_same_id(ingest):
    ids = {post(ingest.api(), TYPE, envelope(), Idempotency_Key="again").json["event_id"] for _ in range(2)}
    assert len(ids) == 1


def test_a_missing_topic_refuses_only_its_own_events_until_it_is_made(own_stack):
    own_stack.start("ingest", "consumer-primary", "query")
    own_stack.wait_until_healthy("ingest")
    own_stack.kafka.delete_topic(TYPE)

    def is_refused():
        refused = post(own_stack.api(), TYPE, envelope())
        return refused if refused.status == 503 else NotYet(str(refused))

    refused = wait_until(is_refused, 30, "events of the type are refused")
    assert TYPE in refused.json["message"]
    assert refused.headers["Retry-After"]
    health = wait_until(lambda: is_missing(own_stack), 30, "health names the topic")
    assert health["status"] == "DEGRADED"
    assert own_stack.admin("ingest").get("/health/ready").status == 200
    usage = {"event_name": "during", "external_customer_id": "c", "event_id": "during-1"}
    body = json.dumps(usage).encode()
    assert own_stack.api().request("POST", "/v1/events", body=body, headers={"Content-Type": "application/json"}).status == 202
    wait_until(lambda: all_pages(own_stack.api(), event_name="during"), 20, "usage events go on")

    own_stack.ctl("topics", "init")
    wait_until(lambda: post(own_stack.api(), TYPE, envelope()).status == 202, 30, "events of the type are taken again")
    own_stack.wait_until_healthy("ingest")


def is_missing(stack):
    health = stack.health("ingest")
    return health if TYPE in health["details"]["missingTopics"] else NotYet(health)
