"""What one key may send, and that ingest says at once when it takes nothing."""

import contextlib
import gzip
import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from millrace.waiting import NotYet, wait_until

TOPIC = "events"


def bulk(count, width, name="limited"):
    event = {"event_name": name, "external_customer_id": "c", "properties": {"wide": "x" * width}}
    return json.dumps({"events": [event] * count}).encode()


def post_bulk(api, body):
    return api.request("POST", "/v1/events/bulk", body=body, headers={"Content-Type": "application/json"})


def key_of(stack, tenant):
    made = stack.ctl("key", "create", f"--tenant={tenant}", "--environment=e1", "--name=test", "--json")
    return json.loads(made[made.index("{") :])["key"]


def wait_until_known(stack, key):
    wait_until(lambda: stack.api(key).get("/v1/events").status not in (401, 429), 5, "the new key is known")


@contextlib.contextmanager
def stopped(pid):
    """Neither answers nor ends."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize(
    "settings, name, requests",
    [
        ({"ingest.key_events_per_second": "100"}, "ingest.key_events_per_second", [bulk(300, 1), bulk(1, 1)]),
        ({"ingest.key_bytes_per_second": "1KiB"}, "ingest.key_bytes_per_second", [bulk(3, 1000), bulk(1, 1)]),
    ],
)
def test_a_key_that_sends_too_much_has_to_wait_and_no_other(stack, settings, name, requests):
    stack.start("ingest", settings={**settings, "ingest.key_burst": "1s"})
    stack.wait_until_healthy("ingest")
    other = key_of(stack, "tenant-2")
    wait_until_known(stack, other)
    first, second = requests
    assert post_bulk(stack.api(), first).status == 202
    before = stack.kafka.ends(TOPIC)
    refused = post_bulk(stack.api(), second)
    assert refused.status == 429, str(refused)
    assert list(refused.json["details"]) == [name]
    assert 1 <= int(refused.headers["Retry-After"]) <= 3
    broken = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    unread = stack.api().request("POST", "/v1/events/bulk", body=b"no gzip", headers=broken)
    assert (unread.status, list(unread.json["details"])) == (429, [name]), "its body is not even decoded"
    assert stack.kafka.ends(TOPIC) == before
    assert post_bulk(stack.api(other), second).status == 202

    def is_taken():
        answer = post_bulk(stack.api(), second)
        return answer.status == 202 or NotYet(str(answer))

    wait_until(is_taken, 5, "the key may send again")


def test_a_body_that_is_decoded_for_nothing_is_paid_for(stack):
    stack.start("ingest", settings={"ingest.key_bytes_per_second": "64KiB", "ingest.key_burst": "1s"})
    stack.wait_until_healthy("ingest")
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    bomb = gzip.compress(b" " * 4_000_000)
    answers = [stack.api().request("POST", "/v1/events/bulk", body=bomb, headers=headers) for _ in range(2)]
    assert [answer.status for answer in answers] == [413, 429]
    assert int(answers[1].headers["Retry-After"]) > 10, "a mebibyte was decoded before it was told"


def test_a_key_leaves_half_of_the_room_to_others_while_they_want_some(stack):
    settings = {"ingest.in_flight_max": "2MiB", "ingest.body_max": "2MiB", "ingest.message_timeout": "6s"}
    stack.start("ingest", settings=settings)
    stack.wait_until_healthy("ingest")
    greedy, modest = (key_of(stack, tenant) for tenant in ("greedy", "modest"))
    wait_until_known(stack, greedy)
    wait_until_known(stack, modest)
    large = bulk(300, 1000)  # takes a third of the room: its body and its records

    def in_flight_is_more_than(size):
        return stack.metric("ingest", "millrace_in_flight_bytes") > size

    with ThreadPoolExecutor(3) as clients:
        with stopped(stack.pid("kafka")):
            held = clients.submit(post_bulk, stack.api(greedy), large)
            wait_until(lambda: in_flight_is_more_than(600_000), 3, "the first request waits for Kafka")
            small = clients.submit(post_bulk, stack.api(modest), bulk(1, 1))
            wait_until(lambda: stack.metric("ingest", "millrace_in_flight_bytes") > 600_000, 3, "so does the other's")
            refused = wait_until(lambda: refused_for_its_share(stack, greedy, large), 3, "the key is at its share")
            other = clients.submit(post_bulk, stack.api(modest), large)
            wait_until(lambda: in_flight_is_more_than(1_200_000), 3, "the other key's request waits for Kafka")
        assert [waiting.result().status for waiting in (held, small, other)] == [202, 202, 202]
    assert "ingest.in_flight_max" in refused.json["details"]
    assert refused.headers["Retry-After"]


def refused_for_its_share(stack, key, body):
    answer = post_bulk(stack.api(key), body)
    return answer if answer.status == 429 else NotYet(str(answer))


def test_ingest_is_not_ready_as_soon_as_events_are_refused_because_kafka_is_away(stack):
    stack.start("ingest")
    stack.wait_until_healthy("ingest")
    api, admin = stack.api(), stack.admin("ingest")
    assert post_bulk(api, bulk(1, 1)).status == 202
    assert admin.get("/health/ready").status == 200
    with stopped(stack.pid("kafka")):
        refused = post_bulk(api, bulk(1, 1))
        assert refused.status == 503, str(refused)
        assert admin.get("/health/ready").status == 503
        assert stack.health("ingest")["status"] == "DOWN"

    def is_ready():
        ready = admin.get("/health/ready")
        return ready.status == 200 or NotYet(str(ready))

    wait_until(is_ready, 30, "ingest is ready again, though nobody sends")
    assert post_bulk(api, bulk(1, 1)).status == 202
    stack.wait_until_healthy("ingest")


def test_reads_are_handed_on_with_their_body_and_their_refusals_come_back(stack):
    stack.start("ingest", "query")
    stack.wait_until_healthy("query")
    api = stack.api()

    def query(body):
        return api.request("POST", "/v1/events/query", body=body, headers={"Content-Type": "application/json"})

    asked = query(b'{"event_name":"no such event"}')
    assert asked.status == 200, str(asked)
    assert asked.json["events"] == []
    assert query(b"[]").status == 400
    plain = {"Content-Type": "text/plain"}
    assert api.request("POST", "/v1/events/query", body=b"{}", headers=plain).status == 415
    direct = stack.query()
    for path in "/v1/events/monitoring", "/v1/events/lookup":
        here, there = (server.get(path, id="no-such-event") for server in (api, direct))
        assert here.status == there.status
        assert list(here.json) == list(there.json)
