"""From POST to GET: what is accepted is stored once, can be read, and by nobody else."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from millrace.pages import all_pages
from millrace.waiting import NotYet, wait_until

CLIENTS = 16

# The example of the README.
THE_EVENT = b"""{
  "event_name": "test.event",
  "external_customer_id": "test-customer",
  "properties": {
    "test": "value"
  },
  "source": "api"
}"""


def post(api, body):
    return api.request("POST", "/v1/events", body=body, headers={"Content-Type": "application/json"})


def wait_until_listed(api, count, within_s=10, **parameters):
    def are_listed():
        answer = api.get("/v1/events", **parameters)
        return answer if answer.status == 200 and len(answer.json["events"]) >= count else NotYet(answer)

    return wait_until(are_listed, within_s, f"{count} events are listed").json


def test_the_first_event_is_accepted_stored_and_listed(pipeline):
    api = pipeline.api()
    accepted = post(api, THE_EVENT)
    assert accepted.status == 202, str(accepted)
    event_id = accepted.json["event_id"]
    assert accepted.json == {"message": "Event accepted for processing", "event_id": event_id}

    [listed] = wait_until_listed(api, 1, external_customer_id="test-customer")["events"]
    stored = pipeline.clickhouse.rows(
        "SELECT id, event_name, external_customer_id FROM events WHERE external_customer_id = 'test-customer'"
    )
    assert stored == [[event_id, "test.event", "test-customer"]]
    expected = {
        "id": event_id,
        "event_name": "test.event",
        "external_customer_id": "test-customer",
        "properties": {"test": "value"},
        "source": "api",
    }
    assert {name: listed[name] for name in expected} == expected


def test_an_event_is_visible_within_a_second_of_its_answer(pipeline):
    api = pipeline.api()
    for at in range(10):
        event_id = f"fresh-{at}"
        body = json.dumps({"event_name": "fresh", "external_customer_id": "fresh", "event_id": event_id})
        assert post(api, body.encode()).status == 202
        wait_until_listed(api, 1, within_s=1, event_id=event_id)


def event_body(at):
    event = '{"event_id":"many-%d","event_name":"many","external_customer_id":"many-%d","properties":%s}'
    return (event % (at, at % 100, properties_of(at))).encode()


def properties_of(at):
    """With blanks and digits that only untouched bytes keep."""
    return '{ "n": %d, "exact": 12345678901234567890.10 }' % at


def post_all(stack, numbers):
    """By one client, over one connection; each must be accepted."""
    api = stack.api(keeps=True)
    for at in numbers:
        answer = post(api, event_body(at))
        assert answer.status == 202, str(answer)
        assert answer.json["event_id"] == f"many-{at}"


def test_each_of_ten_thousand_events_is_listed_once_and_stored_once_with_its_bytes(pipeline, audit):
    count = 10000
    with ThreadPoolExecutor(CLIENTS) as clients:
        parts = [range(first, count, CLIENTS) for first in range(CLIENTS)]
        list(clients.map(post_all, [pipeline] * CLIENTS, parts))
    assert audit.passes().rows == count

    listed = Counter(event["id"] for event in all_pages(pipeline.api(keeps=True), event_name="many"))
    assert listed == Counter(f"many-{at}" for at in range(count))
    stored = pipeline.clickhouse.rows("SELECT id, properties FROM events WHERE event_name = 'many'")
    assert sorted(stored) == sorted([f"many-{at}", properties_of(at)] for at in range(count))


def key_of(stack, tenant):
    made = stack.ctl("key", "create", f"--tenant={tenant}", "--environment=e1", "--name=test", "--json")
    return json.loads(made[made.index("{") :])["key"]


def test_a_second_tenant_sees_nothing_of_the_first(pipeline):
    first, second = (pipeline.api(key_of(pipeline, tenant)) for tenant in ("tenant-1", "tenant-2"))
    body = b'{"event_name":"private","external_customer_id":"shared-name","event_id":"of-first"}'
    wait_until(lambda: post(first, body).status == 202, 5, "the new key is known")
    wait_until_listed(first, 1, external_customer_id="shared-name")
    own = b'{"event_name":"private","external_customer_id":"shared-name","event_id":"of-second"}'
    wait_until(lambda: post(second, own).status == 202, 5, "the new key is known")
    wait_until_listed(second, 1, external_customer_id="shared-name")

    assert [event["id"] for event in all_pages(second)] == ["of-second"]
    assert [event["id"] for event in all_pages(first)] == ["of-first"]
    assert all_pages(second, event_id="of-first") == []


def test_a_body_that_names_another_tenant_is_refused(pipeline):
    api = pipeline.api()
    body = b'{"event_name":"x","external_customer_id":"intruder","tenant_id":"tenant-2"}'
    assert post(api, body).status == 403
    assert all_pages(api, external_customer_id="intruder") == []


@pytest.mark.parametrize("key", ["", "sk_00000000000000000000000000"])
def test_nobody_gets_in_without_a_key_that_is_known(pipeline, key):
    api = pipeline.api(key or " ")
    assert post(api, THE_EVENT).status == 401
    assert api.get("/v1/events").status == 401
