"""What goes in comes out: events of random texts, and properties of random JSON, written in random ways."""

import json
import uuid
from datetime import datetime, timezone

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from millrace.waiting import NotYet, wait_until

# Texts that an event may have, NUL apart, which no JSON here may hold.
CHARACTERS = st.characters(exclude_categories=("Cs",), exclude_characters="\0")
TEXTS = st.text(CHARACTERS, max_size=40)
PLAIN_TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=40)
IDS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=40)

BLANKS = st.sampled_from(["", "", "", " ", "\n", "\t", "\r\n  "])
NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,7})?([eE][+-]?[0-9])?", fullmatch=True)


@st.composite
def quoted(draw, texts=TEXTS):
    return json.dumps(draw(texts), ensure_ascii=draw(st.booleans()))


@st.composite
def joined(draw, opening, parts, closing):
    """The parts with commas between, and white space where JSON has room for it."""
    text = opening + draw(BLANKS)
    for index, part in enumerate(parts):
        text += ("," + draw(BLANKS) if index else "") + part + draw(BLANKS)
    return text + closing


@st.composite
def objects(draw, values):
    names = draw(st.lists(st.text(CHARACTERS, max_size=20), max_size=6, unique=True))
    members = [draw(quoted(st.just(name))) + draw(BLANKS) + ":" + draw(BLANKS) + draw(values) for name in names]
    return draw(joined("{", members, "}"))


@st.composite
def arrays(draw, values):
    return draw(joined("[", draw(st.lists(values, max_size=5)), "]"))


SCALARS = st.one_of(quoted(), NUMBERS, st.sampled_from(["true", "false", "null"]))
VALUES = st.recursive(SCALARS, lambda values: st.one_of(objects(values), arrays(values)), max_leaves=12)

EVENTS = st.fixed_dictionaries(
    {
        "event_id": quoted(IDS),
        "external_customer_id": quoted(PLAIN_TEXTS),
        "customer_id": quoted(),
        "source": quoted(),
        "properties": objects(VALUES),
    }
)


def written(event, name):
    """The event as JSON, its parts as they were drawn."""
    members = {"event_name": json.dumps(name), "timestamp": json.dumps(datetime.now(timezone.utc).isoformat()), **event}
    return "{" + ",".join(f'"{member}":{text}' for member, text in members.items()) + "}"


def raw_members(text, at):
    """The object that begins there, compact as we write it: {name: its text}, and where it ends."""
    decode = json.JSONDecoder(strict=True).raw_decode
    members = {}
    while text[at] != "}":
        name, end = decode(text, at + 1)
        _, value_end = decode(text, end + 1)
        members[name] = text[end + 1 : value_end]
        at = value_end
    return members, at + 1


def listed(api, name):
    """[{member: its text}] of all events of the name; they fit into one page."""
    answer = api.get("/v1/events", event_name=name)
    assert answer.status == 200, str(answer)
    text = answer.body.decode()
    at = text.index('"events":[') + len('"events":[')
    found = []
    while text[at] != "]":
        members, at = raw_members(text, at + 1 if text[at] == "," else at)
        found.append(members)
    return found


def as_sent(event):
    texts = ("external_customer_id", "customer_id", "source")
    return {**{text: json.loads(event[text]) for text in texts}, "properties": event["properties"]}


def as_listed(members):
    texts = ("external_customer_id", "customer_id", "source")
    return {**{text: json.loads(members[text]) for text in texts}, "properties": members["properties"]}


def test_events_come_back_as_they_were_sent(pipeline):
    api = pipeline.api(keeps=True)

    @settings(
        max_examples=40,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(st.lists(EVENTS, min_size=1, max_size=30, unique_by=lambda event: json.loads(event["event_id"])))
    def check(events):
        name = f"round-trip-{uuid.uuid4()}"
        body = '{"events":[' + ",".join(written(event, name) for event in events) + "]}"
        accepted = api.request("POST", "/v1/events/bulk", None, body.encode(), {"Content-Type": "application/json"})
        assert accepted.status == 202, str(accepted)
        wait_until(lambda: len(listed(api, name)) == len(events) or NotYet(len(events)), 20, "all are listed")
        found = {json.loads(members["id"]): as_listed(members) for members in listed(api, name)}
        assert found == {json.loads(event["event_id"]): as_sent(event) for event in events}

    check()
