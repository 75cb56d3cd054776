"""The books: what is in the topic against what was made of it, over raw rows and raw records."""

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from millrace.waiting import NotYet, wait_until

TOPIC = "events"
LETTERS = "events.dlq"
FORWARDED = "events_post_processing"
GROUP = "millrace-primary"
SHOWN = 5


class AuditFailed(AssertionError):
    def __init__(self, findings):
        super().__init__(str(findings))
        self.findings = findings


@dataclass
class Findings:
    """Each a list of (partition, offset)."""

    records: int = 0
    rows: int = 0
    letters: int = 0
    resends: int = 0
    lost: list = field(default_factory=list)  # neither row nor dead letter, and no event that was there before
    doubled: list = field(default_factory=list)  # more than one row, or a row and something else
    repeated: list = field(default_factory=list)  # a row of an event that an earlier record has already
    misjudged: list = field(default_factory=list)  # said to be a resend of something else than it is
    forgotten: list = field(default_factory=list)  # a row whose id is not known for later
    invented: list = field(default_factory=list)  # a row or dead letter of no record
    changed: list = field(default_factory=list)  # not the bytes that were in the record
    unforwarded: list = field(default_factory=list)  # a row that a receiver never takes
    misforwarded: list = field(default_factory=list)  # a gap, or taken without a row, or other bytes

    def faults(self):
        return {name: found for name, found in vars(self).items() if isinstance(found, list) and found}

    def __str__(self):
        faults = [f"{len(found)} {name}, such as {found[:SHOWN]}" for name, found in self.faults().items()]
        return (
            f"{self.records} records, {self.rows} rows, {self.resends} resends, {self.letters} dead letters: "
            + ("; ".join(faults) or "all in order")
        )


class Audit:
    """Of all that comes into the topic from its making on. Until `close` ClickHouse merges nothing, or it
    would drop doubled rows before they are counted."""

    def __init__(self, stack):
        self._stack = stack
        self._begins = stack.kafka.ends(TOPIC)
        self._letter_begins = self._ends_of(LETTERS)
        self._forwarded_begins = self._ends_of(FORWARDED)
        self._seen = self._forwarded_until()
        self._lost_until = {}
        stack.clickhouse.stop_merges_of_events()

    def close(self):
        self._stack.clickhouse.resume_merges_of_events()

    def passes(self, within_s=60):
        """Waits until all is stored and forwarded, then checks all."""
        self.wait_until_settled(within_s)
        findings = self.findings()
        print(findings)
        if findings.faults():
            raise AuditFailed(findings)
        return findings

    def wait_until_settled(self, within_s=60):
        self.wait_until_stored(within_s)
        wait_until(self._is_forwarded, within_s, "all rows are forwarded")

    def wait_until_stored(self, within_s=60):
        wait_until(self._is_stored, within_s, "the group stands at the end of the topic with no plan open")

    def forwarding_begins_anew(self):
        """The forwarding topic was deleted, with what it had: only what is behind that must be in the next
        one, from wherever it begins. To be called before anything more can be written to it."""
        self._forwarded_begins = {}
        self._lost_until = self._stack.kafka.ends(TOPIC)

    def findings(self):
        records = self._records()
        rows = self._rows()
        letters = self._letters()
        resends = self._resends()
        findings = Findings(records=len(records), rows=len(rows), letters=len(letters), resends=len(resends))
        counts = Counter(place for place, _, _ in rows)
        findings.lost = sorted(set(records) - set(counts) - letters - set(resends))
        findings.doubled = sorted(
            place for place in counts if counts[place] > 1 or place in letters or place in resends
        )
        self._check_resends(findings, {at: records[at] for at in records if at not in letters}, set(counts), resends)
        findings.forgotten = sorted(set(counts) - self._known())
        findings.invented = sorted((set(counts) | letters) - set(records))
        findings.changed = sorted(row[0] for row in rows if row[0] in records and not _is_same(records[row[0]], row))
        self._check_forwarded(findings, records, set(counts))
        return findings

    # ---- what there is ----

    def _ends_of(self, topic):
        return self._stack.kafka.ends(topic) if topic in self._stack.kafka.topics() else {}

    def _forwarded_until(self):
        positions = self._stack.kafka.positions(GROUP, TOPIC)
        return {partition: position.forwarded for partition, position in positions.items()}

    def _records(self):
        records = self._stack.kafka.read(TOPIC, self._begins)
        return {(record.partition, record.offset): record for record in records}

    def _rows(self):
        """[((partition, offset), id, properties)]"""
        found = self._stack.clickhouse.rows(
            "SELECT kafka_partition, kafka_offset, id, properties FROM events WHERE "
            + " OR ".join(f"kafka_partition = {at} AND kafka_offset >= {begin}" for at, begin in self._begins.items())
        )
        return [((partition, offset), event_id, properties) for partition, offset, event_id, properties in found]

    def _resends(self):
        """{place: (outcome, place of the first)}"""
        found = self._stack.clickhouse.rows(
            "SELECT kafka_partition, kafka_offset, outcome, first_partition, first_offset FROM event_outcomes FINAL"
            " WHERE outcome != 'dead_letter' AND ("
            + " OR ".join(f"kafka_partition = {at} AND kafka_offset >= {begin}" for at, begin in self._begins.items())
            + ")"
        )
        return {(at, offset): (outcome, (first, first_offset)) for at, offset, outcome, first, first_offset in found}

    def _known(self):
        """Places whose ids are kept."""
        return {tuple(row) for row in self._stack.clickhouse.rows("SELECT kafka_partition, kafka_offset FROM event_ids")}

    def _check_resends(self, findings, records, stored, resends):
        """Against the truth: the event is the record of its identity with the lowest offset."""
        firsts = {}
        for place in sorted(records):
            sent = json.loads(records[place].value)
            identity = (sent["tenant_id"], sent["environment_id"], sent["external_customer_id"], sent["id"])
            first, content = firsts.setdefault(identity, (place, sent["content_hash"]))
            if first == place:
                if place in resends:
                    findings.misjudged.append(place)
                continue
            if place in stored:
                findings.repeated.append(place)
            outcome = "duplicate" if sent["content_hash"] == content else "conflict"
            if place in resends and resends[place] != (outcome, first):
                findings.misjudged.append(place)

    def _letters(self):
        """Distinct ones: a letter may be written twice."""
        if LETTERS not in self._stack.kafka.topics():
            return set()
        letters = self._stack.kafka.read(LETTERS, self._letter_begins)
        return {(int(letter.header("dlq-partition")), int(letter.header("dlq-offset"))) for letter in letters}

    # ---- has it come to rest? ----

    def _is_stored(self):
        ends = self._stack.kafka.ends(TOPIC)
        positions = self._stack.kafka.positions(GROUP, TOPIC)
        for partition, end in ends.items():
            position = positions.get(partition)
            if end > 0 and (position is None or position.offset != end or position.has_plan):
                return NotYet(f"partition {partition} ends at {end}, the group is at {position}")
        return True

    def _is_forwarded(self):
        highest = dict(self._stack.clickhouse.rows("SELECT kafka_partition, max(kafka_offset) FROM events GROUP BY 1"))
        forwarded = self._forwarded_until()
        owed = {at: (forwarded.get(at), highest[at]) for at in highest if forwarded.get(at) != highest[at]}
        return not owed or NotYet(f"{{partition: (forwarded, highest row)}}: {owed}")

    # ---- forwarding, as a receiver takes it ----

    def _check_forwarded(self, findings, records, stored):
        taken, lost = set(), set()
        for partition, line in self._forwarded_by_partition().items():
            seen = self._seen_before(partition, line)
            lost |= {place for place in stored if place[0] == partition and place[1] <= seen}
            for record in line:
                _, offset, previous = envelope_of(record)
                place = (partition, offset)
                if offset <= seen:
                    continue
                if offset < self._begins.get(partition, 0):
                    seen = offset  # owed since before
                    continue
                if previous > seen or place not in stored or not _is_copy(record, records.get(place)):
                    findings.misforwarded.append(place)
                seen = offset
                taken.add(place)
        findings.unforwarded = sorted(stored - taken - lost)

    def _seen_before(self, partition, line):
        """What the receivers have seen before the line begins."""
        seen = self._seen.get(partition, -1)
        _, _, previous = envelope_of(line[0])
        return max(seen, previous) if previous < self._lost_until.get(partition, 0) else seen

    def _forwarded_by_partition(self):
        lines = defaultdict(list)
        for record in self._stack.kafka.read(FORWARDED, self._forwarded_begins):
            lines[record.partition].append(record)
        return lines


def envelope_of(record):
    """(epoch, offset, previous) of a forwarded record: see envelope.h."""
    version, *members = record.header("millrace").split(";")
    assert version == "1", record
    values = dict(member.split("=") for member in members)
    return int(values["e"]), int(values["o"]), int(values["p"])


def _is_same(record, row):
    _, event_id, properties = row
    _, marker, sent = record.value.partition(b'"properties":')
    return bool(marker) and sent[:-1] == properties.encode() and json.loads(record.value)["id"] == event_id


def _is_copy(forwarded, record):
    return record is not None and (forwarded.key, forwarded.value) == (record.key, record.value)
