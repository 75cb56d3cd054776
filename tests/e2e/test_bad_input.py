"""What comes to ingest's door and is no sound HTTP, or has no right to enter: the answer, the fate of the connection,
and that nothing of it is kept. Rows have the numbers of the project's list of bad input; test_bad_events.py goes on."""

import gzip
import json
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from millrace.door import EVENT, HEAD, KEY, START, Door, Row, chunked, event, faults_of, sized
from millrace.raw import PROBE
from millrace.waiting import wait_until

BODY_MAX = 5 * 1024 * 1024
CLOCKS_S = 0.1  # by which a client and the server may see a wait begin at different times
ACCEPTED = sized(EVENT)
HOST = b"Host: x\r\n"
GZIP = HEAD + b"Content-Encoding: gzip\r\n"
WITHOUT_TYPE = START + HOST + b"x-api-key: <key>\r\n"


@pytest.fixture
def door(stack):
    stack.start("ingest")
    stack.wait_until_healthy("ingest")
    return Door(stack)


def line_of(length):
    """A request line of so many bytes, and a request behind it."""
    line = b"GET /v1/events?" + b"q" * (length - len(b"GET /v1/events? HTTP/1.1")) + b" HTTP/1.1\r\n"
    return line + HOST + b"\r\n"


def with_headers(*lines):
    """A request that has these lines too."""
    return sized(EVENT, HEAD + b"".join(line + b"\r\n" for line in lines))


REQUEST_LINES = [
    Row(7, "a request line over 8 KiB", line_of(8193), 414, closes=True, says="8192"),
    Row(11, "a control byte in the target", b"GET /v1/ev\x01ents HTTP/1.1\r\n" + HOST + b"\r\n", 400, closes=True),
    Row(12, "a target of another host", b"GET http://y/v1/events HTTP/1.1\r\n" + HOST + b"\r\n", 400, closes=True),
    Row(13, "a double slash", b"GET //v1/events HTTP/1.1\r\n" + HOST + b"\r\n", 404),
    Row(13, "dots", b"GET /v1/../v1/events HTTP/1.1\r\n" + HOST + b"\r\n", 404),
    Row(13, "encoded dots", b"GET /v1/%2e%2e/v1/events HTTP/1.1\r\n" + HOST + b"\r\n", 404),
    Row(14, "a method in lower case", b"get /v1/events HTTP/1.1\r\n" + HOST + b"\r\n", 501, closes=True),
    Row(14, "an unknown method", b"BREW /v1/events HTTP/1.1\r\n" + HOST + b"\r\n", 501, closes=True),
    Row(16, "an unknown path", b"GET /v1/nothing HTTP/1.1\r\n" + HOST + b"\r\n", 404),
    Row(17, "HTTP/0.9", b"GET /v1/events\r\n", 400, closes=True),
    Row(18, "HTTP/1.9", b"GET /v1/events HTTP/1.9\r\n" + HOST + b"\r\n", 505, closes=True),
    Row(18, "the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, closes=True),
    Row(21, "a line that ends with LF alone", b"GET /v1/events HTTP/1.1\n" + HOST + b"\r\n", 400, closes=True),
]

HEADERS = [
    Row(8, "headers over 16 KiB", with_headers(*[b"a%d: " % at + b"v" * 6000 for at in range(3)]), 431, closes=True),
    Row(9, "over 64 headers", with_headers(*[b"a: b"] * 61), 431, closes=True),
    Row(10, "a header over 8 KiB", with_headers(b"a: " + b"v" * 8192), 431, closes=True),
    Row(19, "no Host", sized(EVENT, HEAD.replace(HOST, b"")), 400, closes=True, says="Host"),
    Row(20, "two Hosts", with_headers(b"Host: x"), 400, closes=True, says="Host"),
    Row(21, "a header that ends with LF alone", HEAD[:-2] + b"\nContent-Length: 2\r\n\r\n{}", 400, closes=True),
    Row(22, "a bare CR", with_headers(b"a: b\rc: d"), 400, closes=True),
    Row(23, "NUL in a header", with_headers(b"a: b\0c"), 400, closes=True),
    Row(24, "a folded header", with_headers(b"a: b", b" c"), 400, closes=True),
    Row(25, "a space before the colon", with_headers(b"a : b"), 400, closes=True),
    Row(26, "an empty header name", with_headers(b": b"), 400, closes=True),
    Row(27, "a header name that is no token", with_headers(b"a(b: c"), 400, closes=True),
    Row(40, "another expectation", with_headers(b"Expect: 200-ok"), 417, closes=True),
    Row(41, "a wish for HTTP/2", with_headers(b"Connection: upgrade, http2-settings", b"Upgrade: h2c"), 202),
]

LAST_CHUNK = b"%x\r\n%s\r\n0\r\n" % (len(EVENT), EVENT)

FRAMES = [
    Row(28, "length, then chunked", chunked(b"0\r\n\r\n", HEAD + b"Content-Length: 5\r\n"), 400, closes=True),
    Row(28, "chunked, then length", sized(b"", HEAD + b"Transfer-Encoding: chunked\r\n"), 400, closes=True),
    Row(29, "two lengths", sized(b"{}", HEAD + b"Content-Length: 40\r\n"), 400, closes=True),
    Row(29, "a length twice", sized(b"{}", HEAD + b"Content-Length: 2\r\n"), 400, closes=True),
    *[
        Row(30, f"a length of {text}", HEAD + b"Content-Length: %s\r\n\r\n{}" % text.encode(), 400, closes=True)
        for text in ("+2", "-1", "2, 2", "0x2", str(2**64))
    ],
    Row(31, "no length", HEAD + b"\r\n", 411, says="Content-Length"),
    Row(32, "chunked in 1.0", chunked(b"0\r\n\r\n", HEAD.replace(b"1.1", b"1.0")), 400, closes=True),
    *[
        Row(33, text, HEAD + b"Transfer-Encoding: %s\r\n\r\n0\r\n\r\n" % text.encode(), 501, closes=True)
        for text in ("gzip, chunked", "xchunked", "chunked, chunked", "chunked\r\nTransfer-Encoding: chunked")
    ],
    *[
        Row(34, f"a chunk of size {text!r}", chunked(text + b"{}\r\n0\r\n\r\n"), 400, closes=True)
        for text in (b"0x2\r\n", b"+2\r\n", b"-2\r\n", b"10000000000000002\r\n", b"2\n", b"\r\n")
    ],
    Row(35, "data behind a chunk", chunked(b"2\r\n{}x\r\n0\r\n\r\n"), 400, closes=True),
    Row(36, "a chunk extension over 256 bytes", chunked(b"2;" + b"e" * 256 + b"\r\n{}\r\n0\r\n\r\n"), 400, closes=True),
    Row(36, "a control byte in a chunk extension", chunked(b"2;a=\x01\r\n{}\r\n0\r\n\r\n"), 400, closes=True),
    Row(37, "trailers", chunked(LAST_CHUNK + b"Connection: close\r\nContent-Length: 9\r\nHost: y\r\n\r\n"), 202),
    Row(37, "17 trailers", chunked(LAST_CHUNK + b"t: u\r\n" * 17 + b"\r\n"), 431, closes=True),
    Row(38, "a body over the limit", HEAD + b"Content-Length: %d\r\n\r\n" % (BODY_MAX + 1), 413, True, says="5242880"),
    Row(
        38,
        "the same that waits to be asked for it",
        HEAD + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % (BODY_MAX + 1),
        413,
        closes=True,
    ),
    Row(39, "chunks over the limit", chunked(b"100000\r\n%s\r\n" % (b" " * 0x100000) * 6), 413, True, says="5242880"),
]

BODIES = [
    Row(45, "no type", sized(EVENT, WITHOUT_TYPE), 415, says="application/json"),
    Row(45, "text/plain", sized(EVENT, WITHOUT_TYPE + b"Content-Type: text/plain\r\n"), 415),
    Row(46, "utf-16", sized(EVENT, WITHOUT_TYPE + b"Content-Type: application/json; charset=utf-16\r\n"), 415),
    Row(47, "br", with_headers(b"Content-Encoding: br"), 415, says="gzip"),
    Row(47, "an unknown encoding", with_headers(b"Content-Encoding: x"), 415),
    Row(48, "no gzip", sized(EVENT, GZIP), 400, says="gzip"),
    Row(48, "gzip that is cut off", sized(gzip.compress(EVENT)[:-1], GZIP), 400),
    Row(48, "gzip with more behind it", sized(gzip.compress(EVENT) * 2, GZIP), 400),
    Row(48, "gzip with a wrong checksum", sized(gzip.compress(EVENT)[:-8] + b"\0" * 8, GZIP), 400),
    Row(49, "a bomb", sized(gzip.compress(b" " * 4_000_000), GZIP), 413, says="100 times"),
    Row(
        49,
        "gzip over the limit",
        sized(gzip.compress(os.urandom(1000) * 5 + bytes(range(256)) * 60000, 1), GZIP),
        413,
    ),
    Row(50, "gzip in gzip", sized(gzip.compress(gzip.compress(EVENT)), GZIP[:-2] + b", gzip\r\n"), 415),
    Row(50, "gzip twice", sized(EVENT, GZIP + b"Content-Encoding: gzip\r\n"), 415),
    Row(48, "sound gzip", sized(gzip.compress(EVENT), GZIP), 202),
]

NO_KEY = HEAD.replace(b"x-api-key: <key>\r\n", b"")

KEYS = [
    Row(51, "no key", sized(EVENT, NO_KEY), 401, says="x-api-key"),
    Row(52, "the key in the query", sized(EVENT, NO_KEY.replace(b"events ", b"events?x-api-key=<key> ")), 401),
    Row(53, "two keys", with_headers(b"x-api-key: " + KEY), 400, says="x-api-key"),
    Row(56, "another environment", event(environment_id='"e2"'), 403, field="environment_id"),
    Row(59, "another tenant", event(tenant_id='"t2"'), 403, field="tenant_id"),
]


TABLES = {"request lines": REQUEST_LINES, "headers": HEADERS, "frames": FRAMES, "bodies": BODIES, "keys": KEYS}


@pytest.mark.parametrize("table", TABLES)
def test_each_is_answered_as_its_row_says_and_nothing_of_a_refusal_is_kept(door, table):
    door.check(TABLES[table])


def test_the_log_names_address_and_reason_of_a_refusal_once_and_none_of_its_bytes(door, stack):
    before = stack.log("ingest")
    for _ in range(20):
        door.ask(b"GET /secret\x1b[31m HTTP/1.1\r\n" + HOST + b"\r\n", source="127.0.0.9")
    logged = stack.log("ingest").removeprefix(before)
    assert logged.count("refused a request of 127.0.0.9 with 400: malformed HTTP") == 1, logged
    assert "secret" not in logged and "\x1b" not in logged


# ---- methods ----


def test_case_15_another_method_is_told_which_the_path_takes(door):
    answer, goes_on = door.ask(b"DELETE /v1/events HTTP/1.1\r\n" + HOST + b"\r\n")
    assert not faults_of(answer, 405)
    assert sorted(answer.headers["allow"].split(", ")) == ["GET", "HEAD", "POST"]
    assert goes_on
    answer, _ = door.ask(sized(EVENT, HEAD.replace(b"/v1/events", b"/health/live")))
    assert not faults_of(answer, 405)
    assert answer.headers["allow"] == "GET, HEAD"


# ---- waiting ----


def first_answer(door, send, **options):
    """What a client gets that sends by `send(raw)` and then only listens: the answer and how long it took."""
    with door.connect(timeout_s=90, **options) as raw:
        began = time.monotonic()
        stop = threading.Event()
        sender = threading.Thread(target=send, args=(raw, stop))
        sender.start()
        try:
            answer = raw.answer()
            assert raw.wait_until_closed() == b""
        finally:
            stop.set()
            sender.join()
        return answer, time.monotonic() - began


def drip(data, every_s):
    """A sender of one byte at a time."""

    def send(raw, stop):
        for byte in data:
            if not raw.send(bytes([byte])) or stop.wait(every_s):
                return

    return send


def silence(door):
    return first_answer(door, lambda raw, stop: None)


def slow_head(door):
    return first_answer(door, drip(ACCEPTED, 1))


def slow_body(door):
    head = HEAD.replace(KEY, door.key) + b"Content-Length: 100000\r\n\r\n"
    body = drip(b" " * 100000, 0.01)  # 100 bytes/s

    def send(raw, stop):
        raw.send(head)
        body(raw, stop)

    return first_answer(door, send)


def idle(door):
    """Kept alive after an answer: what comes until it is closed, and how long that takes."""
    with door.connect(timeout_s=90) as raw:
        raw.send(PROBE)
        assert raw.answer().status == 200
        began = time.monotonic()
        return raw.wait_until_closed(), time.monotonic() - began


def test_cases_1_to_4_who_lets_others_wait_is_told_so_and_closed(door):
    before = door.ends()
    with ThreadPoolExecutor(4) as clients:
        waits = [clients.submit(wait, door) for wait in (silence, slow_head, slow_body, idle)]
        for wait, least_s in zip(waits[:3], (5, 5, 10)):
            answer, took_s = wait.result()
            assert not faults_of(answer, 408)
            assert least_s - CLOCKS_S < took_s < least_s + 2
        received, took_s = waits[3].result()
        assert received == b"" and 60 - CLOCKS_S < took_s < 63
    assert door.ends() == before
    assert door.counted(408) == 3


# ---- clients that leave, and many requests at once ----


def test_case_42_pipelined_requests_are_answered_in_order(door):
    before = door.ends()
    names = [f"pipelined-{at}" for at in range(40)]
    requests = b"".join(event(event_id=f'"{name}"') for name in names)
    with door.connect() as raw:
        raw.send(requests.replace(KEY, door.key))
        answers = [raw.answer() for _ in names]
    assert [answer.json["event_id"] for answer in answers] == names
    assert door.ends() == before + 40


def test_case_43_half_a_body_is_nothing_and_fills_no_log(door, stack):
    before, lines = door.ends(), stack.log("ingest").count("\n")
    for _ in range(100):
        with door.connect() as raw:
            raw.send(ACCEPTED[:-1].replace(KEY, door.key))
    wait_until(lambda: stack.metric("ingest", "millrace_connections") == 0, 10, "all of them are closed")
    assert door.ends() == before
    assert stack.log("ingest").count("\n") <= lines + 2


def test_case_44_who_leaves_before_the_answer_is_counted_all_the_same(door):
    before, counted = door.ends(), door.counted(202)
    with door.connect() as raw:
        raw.send(ACCEPTED.replace(KEY, door.key))
    wait_until(lambda: door.counted(202) == counted + 1, 10, "the event is counted")
    assert door.ends() == before + 1


# ---- keys ----


def test_case_54_wrong_keys_are_all_told_the_same(door):
    wrong = [b"sk_00000000000000000000000000", b"k" * 1024, b"", door.key[:-1], door.key + b"x"]
    asked = [door.ask(ACCEPTED.replace(KEY, key)) for key in wrong]
    assert [answer.status for answer, _ in asked] == [401] * len(wrong)
    assert len({answer.body for (answer, _), key in zip(asked, wrong) if key}) == 1
    assert all(goes_on for _, goes_on in asked)


def test_bodies_without_a_key_take_no_memory(door, stack):
    part = NO_KEY + b"Content-Length: %d\r\n\r\n" % BODY_MAX + b"x" * (BODY_MAX - 1)
    before = stack.peak_memory("ingest")
    with ExitStack() as crowd:
        strangers = [crowd.enter_context(door.connect()) for _ in range(20)]
        for raw in strangers:
            assert raw.send(part)
        for raw in strangers:
            raw.send(b"x")
            assert not faults_of(raw.answer(), 401) and raw.goes_on()
    assert stack.peak_memory("ingest") < before + BODY_MAX


def make_key(stack, *options):
    made = stack.ctl("key", "create", "--tenant=door", "--environment=e1", "--name=test", "--json", *options)
    return json.loads(made[made.index("{") :])


def test_case_55_a_revoked_key_is_out_within_5_seconds(door, stack):
    key = make_key(stack)
    request = ACCEPTED.replace(KEY, key["key"].encode())
    wait_until(lambda: door.ask(request)[0].status == 202, 5, "the new key is known")
    stack.ctl("key", "revoke", key["id"])
    wait_until(lambda: door.ask(request)[0].status == 401, 5, "the key is out")


def test_case_56_a_key_that_may_only_read_writes_nothing(door, stack):
    request = ACCEPTED.replace(KEY, make_key(stack, "--role=event:read")["key"].encode())

    def is_known():
        answer, _ = door.ask(request)
        return answer.status not in (401, 429) and answer

    answer = wait_until(is_known, 5, "the new key is known")
    assert not faults_of(answer, 403, says="event:write")


def test_case_57_a_key_over_its_rate_has_to_wait(stack):
    stack.start("ingest", settings={"ingest.key_events_per_second": "1", "ingest.key_burst": "1s"})
    stack.wait_until_healthy("ingest")
    door = Door(stack)
    before = door.ends()
    asked = [door.ask(ACCEPTED) for _ in range(5)]
    taken = [answer for answer, _ in asked if answer.status == 202]
    refused = [answer for answer, _ in asked if answer.status != 202]
    assert taken and refused and all(goes_on for _, goes_on in asked)
    assert not any(faults_of(answer, 429, says="ingest.key_events_per_second") for answer in refused)
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
    assert door.ends() == before + len(taken)


def test_case_58_who_tries_20_wrong_keys_a_minute_has_to_wait_but_right_ones_work(door):
    address = {"source": "127.0.0.58"}
    wrong = ACCEPTED.replace(KEY, b"sk_00000000000000000000000000")
    for _ in range(20):
        assert not faults_of(door.ask(wrong, **address)[0], 401)
    answer, goes_on = door.ask(wrong, **address)
    assert not faults_of(answer, 429) and goes_on
    assert 50 <= int(answer.headers["retry-after"]) <= 60
    assert not faults_of(door.ask(ACCEPTED, **address)[0], 202)
    assert not faults_of(door.ask(wrong)[0], 401)


# ---- the state of the server ----


def test_case_5_an_address_has_only_so_many_connections(stack):
    stack.start("ingest", settings={"ingest.connections_per_address_max": "3"})
    stack.wait_until_healthy("ingest")
    door = Door(stack)
    address = {"source": "127.0.0.5"}
    with door.connect(**address), door.connect(**address), door.connect(**address):
        with door.connect(**address) as fourth:
            answer = fourth.answer()
            assert not faults_of(answer, 429) and answer.headers["connection"] == "close"
            assert fourth.wait_until_closed() == b""
        assert not faults_of(door.ask(ACCEPTED)[0], 202)


def test_case_99_with_all_stores_away_clients_are_told_to_come_back_and_served_when_they_are_there(door, stack):
    before = door.ends()
    stack.stop("kafka", "postgres")
    try:
        answer, goes_on = door.ask(ACCEPTED)
    finally:
        stack.start("postgres")
        stack.start("kafka")
    assert not faults_of(answer, 503) and answer.headers["retry-after"] and goes_on
    wait_until(lambda: door.ask(ACCEPTED)[0].status == 202, 30, "events are taken again")
    assert door.ends() == before + 1


def test_case_100_who_comes_while_it_stops_is_told_so(door, stack):
    with door.connect() as raw:
        raw.send(ACCEPTED[:10])
        os.kill(stack.pid("ingest"), signal.SIGTERM)
        wait_until(door.is_shut, 5, "it takes no new clients")
        raw.send(ACCEPTED[10:].replace(KEY, door.key))
        answer = raw.answer()
        assert not faults_of(answer, 503)
        assert answer.headers["connection"] == "close" and answer.headers["retry-after"]
        assert raw.wait_until_closed() == b""
