"""Lists are read whole: every event once, whatever it shares with others, in both directions."""

from collections import Counter

import pytest

from millrace.pages import pages
from millrace.tenant import Tenant

WORKER = "query"
A_TIME = "2026-11-20T12:00:00.123456Z"
AROUND_IT = {"start_time": "2026-11-20T00:00:00Z", "end_time": "2026-11-21T00:00:00Z"}


@pytest.fixture
def tenant(stack):
    stack.start(WORKER)
    made = Tenant(stack)
    yield made
    made.remove()


@pytest.fixture
def tied(tenant):
    """3,000 customers with an event of one id and time, and some around them."""
    tenant.insert(
        3000,
        external_customer_id="concat('customer-', toString(number))",
        id="'shared id: 0123456789abcdef:x'",
        timestamp=f"toDateTime64('{A_TIME[:-1]}', 6, 'UTC')",
    )
    for customer, time in (("newer", "12:00:00.123457"), ("older", "12:00:00.123455")):
        tenant.insert(
            10, external_customer_id=f"'{customer}'", timestamp=f"toDateTime64('2026-11-20T{time}', 6, 'UTC')"
        )
    return tenant.reads()


def walk(api, page_size, **parameters):
    """The customers, and the keys by which it went on; no page is longer than asked for, or empty."""
    customers, keys = [], []
    for page in pages(api, page_size=page_size, **AROUND_IT, **parameters):
        assert 0 < len(page["events"]) <= page_size
        customers += [event["external_customer_id"] for event in page["events"]]
        keys.append(page[parameters.get("key", "iter_last_key")])
    return customers, keys


EXPECTED = Counter({"newer": 10, "older": 10} | {f"customer-{at}": 1 for at in range(3000)})


def test_3000_events_of_one_time_and_id_are_each_listed_once_in_both_directions(tied):
    down, keys = walk(tied, 50)
    assert Counter(down) == EXPECTED
    assert (down[:10], down[-10:]) == (["newer"] * 10, ["older"] * 10)
    assert keys[-1].count(":") == 2 and "::" in keys[-1], "no tie is torn at the end"
    assert all(key.split(":")[1] for key in keys[:-1]), "each page but the last ends within the tie"

    up = []
    cursor = {"iter_first_key": "0::x"}
    while cursor:
        page = tied.get("/v1/events", page_size=37, order="asc", count_total="false", **AROUND_IT, **cursor).json
        assert len(page["events"]) <= 37
        up += [event["external_customer_id"] for event in page["events"]]
        cursor = {"iter_first_key": page["iter_first_key"]} if page["has_more"] else {}
    assert up == down[::-1]


def test_a_page_within_a_tie_leads_back_to_the_one_before_it(tied):
    first, second, third = (page for page, _ in zip(pages(tied, page_size=50, **AROUND_IT), range(3)))
    back = tied.get("/v1/events", page_size=50, iter_first_key=third["iter_first_key"], **AROUND_IT).json
    assert back["events"] == second["events"]
    assert (back["iter_first_key"], back["iter_last_key"]) == (second["iter_first_key"], second["iter_last_key"])
    between = {"iter_last_key": first["iter_last_key"], "iter_first_key": third["iter_first_key"]}
    assert tied.get("/v1/events", **between, **AROUND_IT).json["events"] == second["events"]


def test_pages_by_offset_lead_on_by_their_keys(tied):
    whole, _ = walk(tied, 50)
    by_offset = tied.get("/v1/events", offset=1000, page_size=20, **AROUND_IT).json
    assert [event["external_customer_id"] for event in by_offset["events"]] == whole[1000:1020]
    assert (by_offset["total_count"], by_offset["offset"]) == (3020, 1020)
    for key, expected in (("iter_first_key", whole[980:1000]), ("iter_last_key", whole[1020:1040])):
        page = tied.get("/v1/events", page_size=20, **{key: by_offset[key]}, **AROUND_IT).json
        assert [event["external_customer_id"] for event in page["events"]] == expected


def test_a_list_without_ties_has_the_keys_that_flexprice_has(tenant):
    tenant.insert(20, timestamp=f"toDateTime64('{A_TIME[:-1]}', 6, 'UTC')")
    seen = [page["iter_last_key"] for page in pages(tenant.reads(), page_size=5, **AROUND_IT)]
    expected = sorted((f"1795176000123456000::event-{at}" for at in range(20)), reverse=True)
    assert seen == expected[4::5]
