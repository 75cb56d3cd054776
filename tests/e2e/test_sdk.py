"""FlexPrice's own SDK, as its package is, with nothing changed but address and key."""

import uuid
from datetime import datetime, timedelta, timezone

import pytest
from flexprice import Flexprice, models

from millrace.waiting import NotYet, wait_until


def sdk_of(stack, key=None):
    return Flexprice(server_url=stack.env["INGEST_URL"] + "/v1", api_key_auth=key or stack.env["API_KEY"])


@pytest.fixture
def sdk(pipeline):
    with sdk_of(pipeline) as client:
        yield client


@pytest.fixture
def name():
    """An event name that no other test uses."""
    return f"sdk-{uuid.uuid4()}"


def an_event(name, at, **more):
    return {
        "event_name": name,
        "external_customer_id": f"customer-{at % 2}",
        "event_id": f"{name}/{at}",
        "timestamp": (datetime.now(timezone.utc) - timedelta(seconds=at)).isoformat(),
        "properties": {"n": str(at)},
        "source": "sdk",
        **more,
    }


def wait_until_listed(sdk, name, count):
    def are_listed():
        found = sdk.events.list_raw_events(event_name=name).total_count
        return found == count or NotYet(f"{found} of {count}")

    wait_until(are_listed, 20, f"{count} events are listed")


def test_one_event_goes_in_and_comes_out(sdk, name):
    accepted = sdk.events.ingest_event(**an_event(name, 0, customer_id="c-0"))
    assert accepted == {"message": "Event accepted for processing", "event_id": f"{name}/0"}
    wait_until_listed(sdk, name, 1)
    [found] = sdk.events.list_raw_events(event_name=name).events
    assert (found.id, found.external_customer_id, found.customer_id) == (f"{name}/0", "customer-0", "c-0")
    assert (found.source, found.properties) == ("sdk", {"n": "0"})
    assert abs(datetime.fromisoformat(found.timestamp) - datetime.now(timezone.utc)) < timedelta(minutes=1)


def test_an_event_without_an_id_is_told_its_own(sdk, name):
    accepted = sdk.events.ingest_event(event_name=name, external_customer_id="customer-0")
    wait_until_listed(sdk, name, 1)
    [found] = sdk.events.list_raw_events(event_name=name).events
    assert found.id == accepted["event_id"]


def test_bulk_events_come_out_page_by_page(sdk, name):
    accepted = sdk.events.ingest_events_bulk(events=[an_event(name, at) for at in range(25)])
    assert accepted == {"message": "Events accepted for processing"}
    wait_until_listed(sdk, name, 25)
    newest_first = [f"{name}/{at}" for at in range(25)]
    assert walk_by_key(sdk, name) == newest_first
    assert walk_by_offset(sdk, name) == newest_first


def walk_by_key(sdk, name):
    ids, key = [], None
    while True:
        page = sdk.events.list_raw_events(event_name=name, page_size=10, iter_last_key=key)
        ids += [found.id for found in page.events]
        if not page.has_more:
            return ids
        key = page.iter_last_key


def walk_by_offset(sdk, name):
    ids, offset = [], 0
    while True:
        page = sdk.events.list_raw_events(event_name=name, page_size=10, offset=offset)
        ids += [found.id for found in page.events]
        if not page.has_more:
            return ids
        assert page.offset == len(ids)
        offset = page.offset


def test_events_are_found_by_everything_that_the_sdk_asks_for(sdk, name):
    sdk.events.ingest_events_bulk(events=[an_event(name, at) for at in range(4)])
    wait_until_listed(sdk, name, 4)
    now = datetime.now(timezone.utc)
    asked = [
        ({"event_id": f"{name}/2"}, [2]),
        ({"external_customer_id": "customer-1"}, [1, 3]),
        ({"property_filters": {"n": ["0", "3"]}}, [0, 3]),
        ({"source": "sdk", "order": "asc"}, [3, 2, 1, 0]),
        ({"source": "other"}, []),
        ({"start_time": now - timedelta(minutes=5), "end_time": now + timedelta(minutes=5)}, [0, 1, 2, 3]),
        ({"end_time": now - timedelta(minutes=5)}, []),
    ]
    for question, expected in asked:
        found = sdk.events.list_raw_events(event_name=name, **question).events
        assert [event.id for event in found] == [f"{name}/{at}" for at in expected], question


def test_an_event_is_looked_up(sdk, name):
    sdk.events.ingest_event(**an_event(name, 0))
    wait_until_listed(sdk, name, 1)
    [found] = sdk.events.get_event(id=f"{name}/0", external_customer_id="customer-0").events
    assert (found.external_customer_id, found.event_name) == ("customer-0", name)
    with pytest.raises(models.errors.ErrorResponse, match="nothing is known of an event with this id") as refused:
        sdk.events.get_event(id=f"{name}/1", external_customer_id="customer-0")
    assert (refused.value.status_code, refused.value.data.code) == (404, "not_found")


def test_a_refusal_is_the_sdks_own_error_with_our_words(sdk, pipeline, name):
    with pytest.raises(models.errors.ErrorResponse) as refused:
        sdk.events.ingest_events_bulk(events=[an_event(name, 0), an_event("", 1)])
    assert refused.value.status_code == 400
    assert refused.value.data.code == "validation_error"
    assert "event 1: event_name is required" in str(refused.value)
    with pytest.raises(models.errors.ErrorResponse, match="iter_last_key must be a key"):
        sdk.events.list_raw_events(iter_last_key="x")
    with sdk_of(pipeline, "sk_unknown") as stranger:
        with pytest.raises(models.errors.FlexpriceDefaultError, match="this key is unknown") as refused:
            stranger.events.ingest_event(event_name=name, external_customer_id="customer-0")
    assert refused.value.status_code == 401
