"""A record that can't be a row goes to the dead letters, untouched and with the reason; those around it are stored."""

from millrace.audit import LETTERS
from millrace.load import TOPIC, produce, record
from millrace.waiting import NotYet, wait_until

WORKER = "consumer-primary"
HEADERS = [("x-request-id", b"req-1"), ("bytes", b"\x00\xff")]
TOO_LARGE = '{"pad":"%s"}' % ("x" * 600 * 1024)

BAD = {
    "broken JSON": b'{"v":1,"id":"e',
    "an empty value": b"",
    "no value": None,
    "bytes that are no text": b"\xff\xfe\x00\x01",
    "JSON, but no object": b"[1]",
    "a format that is not known": record("t", "c", v="2")[1],
    "no id": record("t", "c", id='""')[1],
    "a time without zone": record("t", "c", timestamp='"2026-11-22T00:00:00"')[1],
    "a name over the limit": record("t", "c", event_name='"%s"' % ("n" * 257))[1],
    "properties that are no object": record("t", "c", properties="7")[1],
    "a record over the limit": record("t", "c", properties=TOO_LARGE)[1],
}


def letters_by_offset(stack, since):
    letters = stack.kafka.read(LETTERS, since)
    return {int(letter.header("dlq-offset")): letter for letter in letters}


def check_letter(letter, value, place):
    key, _ = record("letters", "one")
    assert (letter.key, letter.value) == (key, value)
    assert list(letter.headers[: len(HEADERS)]) == HEADERS
    partition, offset = place
    expected = {"topic": TOPIC, "partition": str(partition), "offset": str(offset), "stage": WORKER, "kind": "decode"}
    assert {name: letter.header(f"dlq-{name}") for name in expected} == expected
    assert letter.header("dlq-error")
    assert letter.header("dlq-first-failed").endswith("Z")
    assert letter.header("dlq-last-failed").endswith("Z")


def test_each_record_that_cant_be_read_becomes_a_dead_letter_and_its_neighbours_rows(stack, audit):
    before = stack.kafka.ends(LETTERS)
    key, good = record("letters", "one")
    values = [value for bad in BAD.values() for value in (bad, record("letters", "one")[1])]
    places = produce(stack.kafka, [(key, value) for value in [good, *values]], headers=HEADERS)
    stack.start(WORKER)
    findings = audit.passes()
    assert (findings.letters, findings.rows) == (len(BAD), len(BAD) + 1)
    letters = letters_by_offset(stack, before)
    for (name, value), place in zip(BAD.items(), places[1::2], strict=True):
        print(f"{name}: {letters[place[1]].header('dlq-error')}")
        check_letter(letters[place[1]], value, place)


def wait_until_named(stack):
    def is_named():
        health = stack.health(WORKER)
        names = health["details"]["missingTopics"] == [LETTERS]
        return (names and health["status"] == "DEGRADED") or NotYet(health)  # UNKNOWN until the group has assigned

    wait_until(is_named, 20, f"health is DEGRADED and names {LETTERS}")
    assert f"topic {LETTERS} is missing" in stack.log(WORKER)


def stored(stack, customer):
    return stack.clickhouse.value(
        "SELECT count() FROM events WHERE external_customer_id = {customer:String}", customer=customer
    )


def test_without_the_dead_letter_topic_the_partition_waits_and_goes_on_once_it_is_made(own_stack, own_audit):
    own_stack.kafka.delete_topic(LETTERS)
    own_stack.start(WORKER)
    wait_until_named(own_stack)
    pid = own_stack.pid(WORKER)
    key, good = record("letters", "waits")
    [(waiting, _)] = produce(own_stack.kafka, [(key, BAD["broken JSON"])])
    others = [record("letters", f"other-{at}") for at in range(100)]
    places = produce(own_stack.kafka, others)
    passing = sum(partition != waiting for partition, _ in places)
    wait_until(
        lambda: own_stack.clickhouse.value("SELECT count() FROM events") >= passing, 20, "other partitions are stored"
    )
    produce(own_stack.kafka, [(key, good)])
    lag = wait_until(
        lambda: own_stack.metric(WORKER, "millrace_lag_records", topic=TOPIC, partition=str(waiting)),
        20,
        "the lag of the partition that waits is shown",
    )
    assert lag >= 1
    assert own_stack.kafka.positions("millrace-primary", TOPIC)[waiting].offset == 0

    own_stack.ctl("topics", "init")
    findings = own_audit.passes(20)
    assert (findings.letters, findings.rows) == (1, 101)
    assert stored(own_stack, "waits") == 1
    own_stack.wait_until_healthy(WORKER)
    assert own_stack.pid(WORKER) == pid
