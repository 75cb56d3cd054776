"""Lists are read whole: every event once, whatever it shares with others, in both directions, and by any filter."""

import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from millrace.load import produce, record
from millrace.pages import all_pages, pages
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


def query_pages(api, **request):
    """The answers of POST /v1/events/query, by iter_last_key."""
    while True:
        answer = api.post_json("/v1/events/query", {"count_total": False, **request})
        assert answer.status == 200, str(answer)
        yield answer.json
        if not answer.json["has_more"]:
            return
        request["iter_last_key"] = answer.json["iter_last_key"]


def test_a_thousand_events_come_at_once_by_post_and_large_ones_in_shorter_pages(tenant):
    tenant.insert(2500, external_customer_id="'small'")
    tenant.insert(130, external_customer_id="'large'", properties="concat('{\"x\":\"', repeat('x', 500000), '\"}')")
    api = tenant.reads()
    small = list(query_pages(api, external_customer_id="small", page_size=1000))
    assert [len(page["events"]) for page in small] == [1000, 1000, 500]
    assert len({event["id"] for page in small for event in page["events"]}) == 2500
    large = list(query_pages(api, external_customer_id="large", page_size=1000))
    assert [len(page["events"]) for page in large] == [55, 55, 20]
    assert len({event["id"] for page in large for event in page["events"]}) == 130
    assert len(api.get("/v1/events", external_customer_id="large").json["events"]) == 50


# ---- property filters ----

NAMES = ("model", "region", "tokens", "a.b", "Größe", "with 'quote\\")
TEXTS = ("eu", "EU", "", "1.5", "true", "null", "a:b,c;d", "50%", "ä\n\t\"\\", "it's", "{x:String}", "[1]", "🙂")
NUMBERS = (
    ("0", "-0", "1", "1.0", "1.5", "1.50", "1e3", "1000", "1E+3", "0.0000001", "12345678901234567.890")
    + ("9007199254740993", "9223372036854775808", "18446744073709551615", "18446744073709551616")
    + ("0.1", "123456.789", "-1234567", "1000000", "100000000000000000000.25")
)
OTHERS = ("true", "false", "null", "{}", '{"model":"eu"}', "[]", '["eu"]')


def random_value(chance):
    """JSON text, and the text that a filter finds it by; None: it is never found."""
    kind = chance.random()
    if kind < 0.4:
        text = chance.choice(TEXTS)
        return json.dumps(text, ensure_ascii=chance.random() < 0.5), text
    if kind < 0.8:
        number = chance.choice(NUMBERS)
        return number, number
    other = chance.choice(OTHERS)
    return other, other if other in ("true", "false") else None


def random_properties(chance):
    """JSON text, and {name: text}."""
    members, texts = [], {}
    for name in chance.sample(NAMES, chance.randrange(len(NAMES) + 1)):
        value, texts[name] = random_value(chance)
        members.append(f"{json.dumps(name)}: {value}")
    return "{" + ", ".join(members) + "}", texts


def random_filters(chance):
    names = chance.sample(NAMES, chance.choice((1, 1, 1, 2)))
    return {name: chance.sample(TEXTS + NUMBERS + ("true", "false"), chance.choice((1, 2, 8, 20))) for name in names}


def matches(texts, filters):
    return all(texts.get(name) is not None and texts[name] in values for name, values in filters.items())


def test_property_filters_find_what_python_finds(stack, audit, tenant, chance):
    stack.start("consumer-primary")
    events = {f"event-{at}": random_properties(chance) for at in range(3000)}
    produce(
        stack.kafka,
        [record(tenant.name, f"c{at % 7}", name, properties=text) for at, (name, (text, _)) in enumerate(events.items())],
    )
    audit.passes()
    api = tenant.reads()
    found = 0
    for _ in range(60):
        filters = random_filters(chance)
        expected = {name for name, (_, texts) in events.items() if matches(texts, filters)}
        seen = [e["id"] for page in query_pages(api, property_filters=filters, page_size=1000) for e in page["events"]]
        assert len(seen) == len(set(seen)) and set(seen) == expected, filters
        found += len(expected)
        text = ";".join(f"{name}:{','.join(values)}" for name, values in filters.items())
        if not any(mark in value for values in filters.values() for value in values for mark in ":,;"):
            counted = api.get("/v1/events", property_filters=text, page_size=1)
            assert counted.json["total_count"] == len(expected), text
    assert found > 1000


# ---- sharing ----


def test_a_slow_reader_never_holds_up_another(stack, tenant):
    """One key keeps more reads under way than a tenant may have; the other's lists come as if it were alone."""
    tenant.insert(100000, external_customer_id="'slow'", properties="concat('{\"k\":\"', toString(number), '\"}')")
    other = Tenant(stack)
    other.insert(10)
    fast = other.reads()
    slow = tenant.reads()
    begun = time.monotonic()
    assert slow.get("/v1/events", property_filters="k:none").json["total_count"] == 0
    alone_s = time.monotonic() - begun

    def read_slowly(_):
        return stack.http("QUERY_URL", tenant.key).get("/v1/events", property_filters="k:none").status

    with ThreadPoolExecutor(24) as clients:
        reads = [clients.submit(read_slowly, at) for at in range(48)]
        while not all(read.done() for read in reads[:24]):
            begun = time.monotonic()
            assert len(all_pages(fast)) == 10
            took_s = time.monotonic() - begun
            assert took_s < 2, f"a list of ten events took {took_s:.1f} s; a slow one alone {alone_s:.1f} s"
    assert {read.result() for read in reads} <= {200, 503}
    other.remove()


def test_another_tenant_sees_nothing_by_any_way(stack, tenant):
    tenant.insert(10, properties="'{\"k\":\"v\"}'")
    own = {"event_id": "event-1", "external_customer_id": "customer", "property_filters": {"k": ["v"]}}
    assert tenant.reads().post_json("/v1/events/query", own).json["total_count"] == 1
    stranger = Tenant(stack).reads()
    for parameters in ({}, {"event_id": "event-1"}, {"sort": "event_name"}, {"iter_first_key": "0::x"}):
        answer = stranger.get("/v1/events", **parameters).json
        assert (answer["events"], answer["total_count"]) == ([], 0)
    assert stranger.post_json("/v1/events/query", own).json["total_count"] == 0
