"""Sound HTTP whose body is no strict JSON or no event: refused with the field or the rule, and nothing of it is kept.
And what only looks bad: accepted, and read back byte for byte. Numbers as in test_bad_input.py."""

import json
import re
from datetime import datetime, timedelta, timezone

import pytest

from millrace.door import EVENT, HEAD, KEY, Door, Row, event, faults_of, sized
from millrace.pages import all_pages
from millrace.tenant import Tenant
from millrace.waiting import NotYet, wait_until

MEMORY_OF_A_BODY = 32 * 1024 * 1024


@pytest.fixture
def door(stack):
    stack.start("ingest")
    stack.wait_until_healthy("ingest")
    return Door(stack)


def with_value(text):
    """An event with this JSON as the value of a property."""
    return event(properties='{"value":%s}' % text)


def with_raw(data):
    """The same with bytes that are no text."""
    return sized(EVENT[:-1] + b',"properties":{"value":"' + data + b'"}}')


def nested(depth):
    """Containers in containers, so many in all."""
    return event(properties="{" + '"a":{' * (depth - 2) + "}" * (depth - 1))


def many_members(count):
    return event(properties="{" + ",".join(f'"k{at}":0' for at in range(count)) + "}")


DOCUMENTS = [
    Row(60, "an empty body", sized(b""), 400),
    Row(60, "white space", sized(b" \n"), 400),
    Row(62, "a byte behind the document", sized(EVENT + b"x"), 400),
    Row(62, "a second document", sized(EVENT + EVENT), 400),
    Row(63, "a byte order mark", sized(b"\xef\xbb\xbf" + EVENT), 400),
    Row(64, "UTF-16", sized(EVENT.decode().encode("utf-16")), 400),
    Row(64, "UTF-16 without a mark", sized(EVENT.decode().encode("utf-16-le")), 400),
    Row(64, "Latin-1", with_raw("ä".encode("latin-1")), 400),
    Row(70, "a comment", sized(b"/* a */" + EVENT), 400),
    Row(70, "a comment to the end of the line", sized(EVENT + b"// a"), 400),
    Row(70, "single quotes", sized(EVENT.replace(b'"', b"'")), 400),
    Row(70, "a comma behind the last member", sized(EVENT[:-1] + b",}"), 400),
    *[Row(76, text, sized(text.encode()), 400) for text in ("[]", "1", "null", '"a"', "true", "[{}]")],
]

STRINGS = [
    *[
        Row(65, name, with_raw(data), 400)
        for name, data in {
            "an overlong slash": b"\xc0\xaf",
            "an overlong NUL": b"\xc0\x80",
            "a surrogate": b"\xed\xa0\x80",
            "above U+10FFFF": b"\xf4\x90\x80\x80",
            "a lone continuation": b"\x80",
            "half a character": b"\xe2\x82",
        }.items()
    ],
    Row(66, "NUL", with_raw(b"\0"), 400),
    Row(66, "a control character", with_raw(b"\x01"), 400),
    Row(66, "a line feed", with_raw(b"\n"), 400),
    Row(67, "half a surrogate pair", with_value(r'"\ud800"'), 400),
    Row(67, "the wrong half", with_value(r'"\udc00\ud800"'), 400),
    Row(67, "half a pair in a key", event(properties=r'{"\ud800":1}'), 400),
    Row(68, "an escaped NUL", with_value(r'"\u0000"'), 400),
    Row(68, "an escaped NUL in a key", event(properties=r'{"\u0000":1}'), 400),
    Row(68, "an escaped NUL in a name", event(event_name=r'"\u0000"'), 400),
    Row(69, "a form feed", with_value("\f1"), 400),
    Row(69, "a no-break space", with_value("\u00a01"), 400),
    Row(70, "an unknown escape", with_value(r'"\x41"'), 400),
]

NUMBERS = [
    *[
        Row(70, text, with_value(text), 400)
        for text in ("NaN", "Infinity", "-Infinity", "01", "-01", "1.", ".5", "+1", "1e", "0x1", "1_0", "-")
    ],
    Row(77, "39 digits", with_value("1" * 39), 400),
    *[Row(78, text, with_value(text), 400) for text in ("1e400", "1e-400", "-1e400", "1E+40")],
]

SIZES = [
    Row(71, "a key twice", event(event_name='"a","event_name":"b"'), 400, says="already"),
    Row(71, "a key twice by an escape", event(properties=r'{"a":1,"\u0061":2}'), 400, says="already"),
    Row(72, "a depth of 33", nested(33), 400, says="32"),
    Row(73, "1,025 members", many_members(1025), 400, says="1024"),
    Row(73, "1,025 elements", with_value("[" + ",".join("0" * 1025) + "]"), 400, says="1024"),
    Row(74, "a key of 129 bytes", event(properties='{"%s":1}' % ("k" * 129)), 400, says="128"),
    Row(75, "a string of 65,537 bytes", with_value('"%s"' % ("s" * 65537)), 400, says="65536"),
    Row(72, "a depth of 32", nested(32), 202),
    Row(73, "1,024 members", many_members(1024), 202),
    Row(74, "a key of 128 bytes", event(properties='{"%s":1}' % ("k" * 128)), 202),
    Row(75, "a string of 65,536 bytes", with_value('"%s"' % ("s" * 65536)), 202),
]


def hours_from_now(hours):
    return (datetime.now(timezone.utc) + timedelta(hours=hours)).strftime('"%Y-%m-%dT%H:%M:%SZ"')


FIELDS = [
    *[
        Row(82, f"event_name {text[:20]}", event(event_name=text), 400, field="event_name")
        for text in ("null", '""', '"%s"' % ("n" * 257), '"a\\u0001"', '"a\\u007f"', "1", "{}")
    ],
    Row(82, "no event_name", event(event_name=None), 400, field="event_name"),
    *[
        Row(83, f"customer {text[:20]}", event(external_customer_id=text), 400, field="external_customer_id")
        for text in ("null", '""', '"%s"' % ("c" * 257), "1")
    ],
    Row(83, "no customer", event(external_customer_id=None), 400, field="external_customer_id"),
    *[
        Row(84, f"event_id {text[:20]}", event(event_id=text), 400, field="event_id")
        for text in ('" "', '"\\t"', '"%s"' % ("i" * 129), '"ä"', '"a\\u0007"', "1", "true")
    ],
    *[
        Row(85, f"properties {text}", event(properties=text), 400, field="properties")
        for text in ("[]", "1", '"{}"', "true", "[{}]")
    ],
    *[
        Row(87, f"timestamp {text}", event(timestamp=text), 400, field="timestamp")
        for text in (
            '"yesterday"',
            '"2026-11-21"',
            '"2026-11-21T00:00:00"',
            '"2026-13-01T00:00:00Z"',
            '"2026-11-31T00:00:00Z"',
            '"2026-11-21T24:00:00Z"',
            '"2026-11-21T00:60:00Z"',
            '"2026-11-21T00:00:60Z"',
            '"2026-11-21T00:00:00+24:00"',
            '"10000-01-01T00:00:00Z"',
            "1770000000",
            "{}",
        )
    ],
    *[
        Row(88, f"timestamp {text}", event(timestamp=text), 400, field="timestamp")
        for text in (
            hours_from_now(2),
            hours_from_now(-401 * 24),
            '"1899-12-31T00:00:00Z"',
            '"2300-01-01T00:00:00Z"',
            '"9999-12-31T23:59:59Z"',
        )
    ],
    *[Row(84, f"event_id {text}", event(event_id=text), 202) for text in ("null", '""', '"%s"' % ("i" * 128))],
    Row(88, "a timestamp within the hour", event(timestamp=hours_from_now(0.9)), 202),
    Row(88, "a timestamp of 399 days ago", event(timestamp=hours_from_now(-399 * 24)), 202),
]



def bulk(*events):
    """A request with these events, each as JSON."""
    return sized(b'{"events":[' + b",".join(events) + b"]}", HEAD.replace(b"/v1/events", b"/v1/events/bulk"))


def one_with(members):
    return EVENT[:-1] + b"," + members + b"}"


BULK = [
    Row(92, "no events", bulk(), 400, says="1 to 1000"),
    Row(93, "1,001 events", bulk(*[EVENT] * 1001), 400, says="1 to 1000"),
    Row(94, "one bad event among good ones", bulk(EVENT, EVENT, one_with(b'"timestamp":"x"')), 400, field="errors"),
    Row(94, "another tenant's among good ones", bulk(EVENT, one_with(b'"tenant_id":"t2"')), 403, field="errors"),
    Row(94, "one that is no object", bulk(EVENT, b"1"), 400, field="errors"),
    Row(
        95,
        "an id twice with different contents",
        bulk(one_with(b'"event_id":"a","properties":{"a":1}'), one_with(b'"event_id":"a","properties":{"a":2}')),
        400,
        field="errors",
    ),
    Row(61, "a bulk request that is cut off", bulk(EVENT, EVENT[:-1]), 400),
]

TABLES = {
    "documents": DOCUMENTS,
    "strings": STRINGS,
    "numbers": NUMBERS,
    "sizes": SIZES,
    "fields": FIELDS,
    "bulk": BULK,
}


@pytest.mark.parametrize("table", TABLES)
def test_each_is_answered_as_its_row_says_and_nothing_of_a_refusal_is_kept(door, table):
    door.check(TABLES[table])


def test_case_61_a_document_that_is_cut_off_anywhere_is_refused(door):
    whole = event(event_id='"cut"', properties=r'{"a":[1.5e3,true,null],"\u00e4":"\ud83d\ude00"}').split(b"\r\n\r\n")[1]
    before = door.ends()
    with door.connect() as raw:
        for length in range(len(whole)):
            raw.send(sized(whole[:length]).replace(KEY, door.key))
            assert not faults_of(raw.answer(), 400), whole[:length]
        assert raw.goes_on()
    assert door.ends() == before


@pytest.mark.parametrize("brackets", ["[", '{"a":'])
def test_case_72_millions_of_brackets_take_no_more_memory_than_their_bytes(door, stack, brackets):
    body = (brackets * (4_000_000 // len(brackets))).encode()
    for _ in range(3):
        assert not faults_of(door.ask(sized(body))[0], 400, says="32")
    assert stack.peak_memory("ingest") < MEMORY_OF_A_BODY


# ---- what only looks bad ----

READ_BACK = {
    "77 beyond 64 bits": '{"n":12345678901234567890123456789012345678}',
    "77 beyond 64 bits, negative": '{"n":-99999999999999999999999999999999999999}',
    "79 minus nought": '{"n":-0,"f":-0.0}',
    "80 a tenth": '{"n":0.1}',
    "80 beyond a double": '{"n":9007199254740993}',
    "80 with blanks and an exponent": '{ "n" : 1.50e+3 ,\t"m":1E2}',
    "81 names of other languages": '{"__proto__":{"constructor":1},"toString":2,"hasOwnProperty":null}',
    "81 long unicode": '{"%s":"%s"}' % ("ä" * 64, "🎈" * 10000),
    "81 escapes as they came": r'{"a":"\u00e4\ud83d\ude00\/\b\f\n\r\t\"\\"}',
    "96 SQL": """{"a":"'; DROP TABLE events; --","b":"\\\\' OR 1=1","c":"{p:String} ? %s $1 \\\\0"}""",
    "96 TSV": r'{"a":"\t\n\\N\\t","b":"\\"}',
    "96 JSON": r'{"a":"\"},{\"b\":[1]","[0]":"{}","":""}',
}

ODD_TEXT = "'; DROP--\"\\,;:{}[]()%_*?$1`|&<>#\ttab"


@pytest.fixture
def pipeline(stack):
    workers = ("ingest", "consumer-primary", "query")
    stack.start(*workers)
    for worker in workers:
        stack.wait_until_healthy(worker)
    return Door(stack)


def wait_until_listed(api, wanted, **parameters):
    """{id: event} of so many events."""

    def are_listed():
        events = all_pages(api, **parameters)
        return len(events) >= wanted and events or NotYet(events)

    return {found["id"]: found for found in wait_until(are_listed, 20, f"{wanted} events are listed")}


def raw_properties(stack, tenant):
    """{id: the bytes of the properties in the table}"""
    return dict(stack.clickhouse.rows("SELECT id, properties FROM events FINAL WHERE tenant_id = {t:String}", t=tenant))


def post_all(door, requests, key):
    for request in requests:
        answer, _ = door.ask(request.replace(KEY, key.encode()))
        assert not faults_of(answer, 202), request


def listed_properties(body):
    """The bytes of each event's properties in a list, as text."""
    decoder = json.JSONDecoder()
    text = body.decode()
    begins = [match.end() for match in re.finditer(r'"properties":', text)]
    return [text[begin : decoder.raw_decode(text, begin)[1]] for begin in begins]


def test_cases_77_to_81_and_96_come_back_byte_for_byte(pipeline, stack):
    tenant = Tenant(stack)
    tenant.reads()
    requests = [event(event_id=f'"{name}"', properties=text) for name, text in READ_BACK.items()]
    post_all(pipeline, requests, tenant.key)
    api = stack.api(tenant.key)
    wait_until_listed(api, len(READ_BACK))
    assert raw_properties(stack, tenant.name) == READ_BACK
    for name, text in READ_BACK.items():
        answer = api.get("/v1/events", event_id=name)
        assert listed_properties(answer.body) == [text], name


def test_case_86_fields_that_are_not_known_are_ignored(pipeline, stack):
    tenant = Tenant(stack)
    tenant.reads()
    post_all(pipeline, [event(event_id='"extra"', extra='{"a":[1]}', Event_Name='"other"')], tenant.key)
    [listed] = wait_until_listed(stack.api(tenant.key), 1).values()
    assert listed["event_name"] == "knock" and listed["properties"] == {}


def test_case_89_an_event_sent_twice_is_listed_once(pipeline, stack):
    tenant = Tenant(stack)
    tenant.reads()
    twice = event(event_id='"twice"', timestamp=hours_from_now(-1), properties='{"a":1}')
    post_all(pipeline, [twice, twice, event(event_id='"after"')], tenant.key)
    events = wait_until_listed(stack.api(tenant.key), 2)
    assert sorted(events) == ["after", "twice"]
    assert len(all_pages(stack.api(tenant.key))) == 2


def test_case_90_of_two_contents_under_one_id_the_first_is_kept_and_the_other_told(pipeline, stack):
    tenant = Tenant(stack)
    tenant.reads()
    contents = ['{"a":1}', '{"a":2}']
    post_all(pipeline, [event(event_id='"conflict"', properties=text) for text in contents], tenant.key)
    outcomes = wait_until(
        lambda: stack.clickhouse.rows(
            "SELECT id, outcome FROM event_outcomes FINAL WHERE tenant_id = {t:String}", t=tenant.name
        ),
        20,
        "the conflict is known",
    )
    assert outcomes == [["conflict", "conflict"]]
    [listed] = wait_until_listed(stack.api(tenant.key), 1).values()
    assert listed["properties"] == {"a": 1}


def test_case_91_the_same_id_of_two_tenants_is_two_events(pipeline, stack):
    tenants = [Tenant(stack), Tenant(stack)]
    for at, tenant in enumerate(tenants):
        tenant.reads()
        post_all(pipeline, [event(event_id='"same"', properties='{"of":%d}' % at)], tenant.key)
    for at, tenant in enumerate(tenants):
        [listed] = wait_until_listed(stack.api(tenant.key), 1).values()
        assert listed["id"] == "same" and listed["properties"] == {"of": at}


def test_case_96_odd_texts_come_back_from_every_field_and_are_found_by_them(pipeline, stack):
    tenant = Tenant(stack)
    tenant.reads()
    plain = ODD_TEXT.replace("\t", " ")  # names have no control characters, and ids no others than printable ASCII
    fields = {
        "event_id": plain,
        "event_name": plain + "ä",
        "external_customer_id": plain + "🎈",
        "customer_id": ODD_TEXT,
        "source": ODD_TEXT + "\n",
    }
    post_all(pipeline, [event(**{name: json.dumps(text) for name, text in fields.items()})], tenant.key)
    api = stack.api(tenant.key)
    [listed] = wait_until_listed(api, 1).values()
    expected = {("id" if name == "event_id" else name): text for name, text in fields.items()}
    assert {name: listed.get(name) for name in expected} == expected
    for name in ("event_id", "event_name", "external_customer_id", "source"):
        assert [found["id"] for found in all_pages(api, **{name: fields[name]})] == [plain], name
