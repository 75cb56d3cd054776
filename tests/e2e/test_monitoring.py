"""GET /v1/events/monitoring: exact counts, and a lag that is true, or null with the reason."""

import time
from concurrent.futures import ThreadPoolExecutor

from millrace.load import produce, record
from millrace.tenant import Tenant
from millrace.waiting import NotYet, wait_until

CONSUMER = "consumer-primary"


def monitor(api, **parameters):
    answer = api.get("/v1/events/monitoring", **parameters)
    assert answer.status == 200, str(answer)
    return answer.json


def wait_for_lag(api, records, within_s=20):
    def has_lag():
        seen = monitor(api)
        return seen if seen["consumption_lag"] == records else NotYet(seen)

    return wait_until(has_lag, within_s, f"the lag is {records}")


def test_lag_grows_while_the_consumer_is_stopped_and_is_0_once_it_has_caught_up(stack, audit):
    stack.start("query", CONSUMER)
    tenant = Tenant(stack)
    api = tenant.reads()
    produce(stack.kafka, [record(tenant.name, f"c{at}") for at in range(20)])
    audit.passes()
    seen = wait_for_lag(api, 0)
    assert seen["consumption_lag_seconds"] == 0
    assert seen["total_count"] == 20
    assert (seen["post_processing_lag"], seen["post_processing_lag_seconds"]) == (None, None)
    assert "has not read" in seen["post_processing_lag_reason"]

    stack.stop(CONSUMER)
    begun = time.time()
    produce(stack.kafka, [record(tenant.name, f"c{at}") for at in range(300)])
    seen = wait_for_lag(api, 300)
    assert 0 < seen["consumption_lag_seconds"] < time.time() - begun + 1
    later = wait_until(
        lambda: monitor(api)["consumption_lag_seconds"] > seen["consumption_lag_seconds"] + 1, 10, "the lag ages"
    )
    assert later and seen["total_count"] == 20

    stack.start(CONSUMER)
    audit.passes()
    assert wait_for_lag(api, 0)["total_count"] == 320


def test_without_kafka_the_lag_is_null_with_the_reason_and_the_count_is_there(stack):
    stack.start("query")
    tenant = Tenant(stack)
    tenant.insert(10)
    api = tenant.reads()
    wait_until(lambda: monitor(api)["consumption_lag"] is not None, 30, "the lag is known")
    stack.kill("kafka")
    try:

        def is_unknown():
            begun = time.monotonic()
            seen = monitor(api)
            assert time.monotonic() - begun < 3
            return seen if seen["consumption_lag"] is None else NotYet(seen)

        seen = wait_until(is_unknown, 10, "the lag is unknown")
        assert seen["total_count"] == 10
        assert seen["consumption_lag_seconds"] is None
        assert "Kafka" in seen["consumption_lag_reason"] and "Kafka" in seen["post_processing_lag_reason"]
        assert len(api.get("/v1/events").json["events"]) == 10
        assert stack.health("query")["status"] == "UP"
    finally:
        stack.start("kafka")
    wait_until(lambda: monitor(api)["consumption_lag"] is not None, 60, "the lag is known again")
    tenant.remove()


def test_whatever_the_load_kafka_is_asked_once_a_second(stack):
    stack.start("query")
    tenant = Tenant(stack)
    api = tenant.reads()
    wait_until(lambda: monitor(api)["consumption_lag"] is not None, 30, "the lag is known")

    def ask(_):
        return monitor(stack.http("QUERY_URL", tenant.key))["consumption_lag"]

    begun = time.monotonic()
    with ThreadPoolExecutor(8) as clients:
        lags = list(clients.map(ask, range(200)))
    assert None not in lags
    assert time.monotonic() - begun < 10


def test_counts_are_split_by_windows_and_are_the_tenants_own(stack):
    stack.start("query")
    tenant, stranger = Tenant(stack), Tenant(stack)
    tenant.insert(3000, timestamp="toDateTime64('2026-10-30 23:00:00', 6, 'UTC') + INTERVAL number MINUTE")
    tenant.insert(3000, timestamp="toDateTime64('2026-10-30 23:00:00', 6, 'UTC') + INTERVAL number MINUTE")
    api, span = tenant.reads(), {"start_time": "2026-10-30T23:30:00Z", "end_time": "2026-11-02T00:00:00Z"}
    assert monitor(api, **span)["total_count"] == 2910

    def points(window):
        seen = monitor(api, window_size=window, **span)
        assert sum(point["event_count"] for point in seen["points"]) == seen["total_count"] == 2910
        return [(point["timestamp"], point["event_count"]) for point in seen["points"]]

    assert points("HOUR")[:2] == [("2026-10-30T23:00:00Z", 30), ("2026-10-31T00:00:00Z", 60)]
    assert points("15MIN")[0] == ("2026-10-30T23:30:00Z", 15)
    assert points("12HOUR")[0] == ("2026-10-30T12:00:00Z", 30)
    assert points("DAY") == [
        ("2026-10-30T00:00:00Z", 30),
        ("2026-10-31T00:00:00Z", 1440),
        ("2026-11-01T00:00:00Z", 1440),
    ]
    assert points("WEEK") == [("2026-10-26T00:00:00Z", 2910)]
    assert points("MONTH") == [("2026-10-01T00:00:00Z", 1470), ("2026-11-01T00:00:00Z", 1440)]
    seen = monitor(stranger.reads(), window_size="DAY", **span)
    assert (seen["total_count"], "points" in seen) == (0, False)
    tenant.remove()
