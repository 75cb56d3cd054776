"""Kafka as an onlooker sees it: what is in the logs, and where a group stands."""

import re
import time
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions

from millrace.offset_fetch import fetch_offsets
from millrace.waiting import wait_until

ANSWER_S = 20


@dataclass(frozen=True)
class Record:
    partition: int
    offset: int
    key: bytes
    value: bytes
    headers: tuple

    def header(self, name):
        """The text of the last header of that name; None when there is none."""
        texts = [value for key, value in self.headers if key == name]
        return texts[-1].decode() if texts else None


@dataclass(frozen=True)
class Position:
    """What a worker has committed for a partition: see plan.h."""

    offset: int
    metadata: str

    @property
    def has_plan(self):
        return " last=" in self.metadata

    @property
    def forwarded(self):
        found = re.search(r"forwarded=(-?\d+)", self.metadata)
        return int(found.group(1)) if found else -1


class Kafka:
    def __init__(self, brokers):
        self.brokers = brokers
        self._admin = AdminClient({"bootstrap.servers": brokers, "log_level": 0})

    def producer(self, **settings):
        """With the partitioner of all producers of events; it waits for a broker that is away."""
        return Producer(
            {
                "bootstrap.servers": self.brokers,
                "partitioner": "murmur2_random",
                "acks": "all",
                "enable.idempotence": True,
                "linger.ms": 5,
                "log_level": 0,
                **{name.replace("_", "."): value for name, value in settings.items()},
            }
        )

    def topics(self):
        return set(self._admin.list_topics(timeout=ANSWER_S).topics)

    def delete_topic(self, name):
        self._admin.delete_topics([name], operation_timeout=ANSWER_S)[name].result(ANSWER_S)

    def grow(self, topic, partitions):
        """To so many partitions in all."""
        self._admin.create_partitions([NewPartitions(topic, partitions)])[topic].result(ANSWER_S)
        wait_until(lambda: len(self.partitions(topic)) == partitions, ANSWER_S, f"{topic} has {partitions} partitions")

    def delete_records(self, topic, partition, before):
        """The log of the partition starts at the offset `before` from then on."""
        [deleted] = self._admin.delete_records([TopicPartition(topic, partition, before)]).values()
        deleted.result(ANSWER_S)

    def move_position(self, group, topic, partition, offset):
        """As people do it who know no better: from outside of the group, without metadata of ours. Kafka takes it only
        while the group has no members."""
        settings = {"bootstrap.servers": self.brokers, "group.id": group, "log_level": 0}
        consumer = Consumer(settings)
        try:
            consumer.commit(offsets=[TopicPartition(topic, partition, offset)], asynchronous=False)
        finally:
            consumer.close()

    def add_user(self, credential):
        """Of confluent_kafka's UserScramCredentialUpsertion."""
        for done in self._admin.alter_user_scram_credentials([credential]).values():
            done.result(ANSWER_S)

    def partitions(self, topic):
        found = self._admin.list_topics(topic, timeout=ANSWER_S).topics[topic]
        if found.error is not None:
            raise KafkaException(found.error)
        return sorted(found.partitions)

    def ends(self, topic):
        """{partition: offset behind the last record}"""
        with self._onlooker() as consumer:
            return {
                partition: consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=ANSWER_S)[1]
                for partition in self.partitions(topic)
            }

    def positions(self, group, topic):
        """{partition: Position}; only partitions that have one."""
        partitions = self.partitions(topic)
        found = wait_until(
            lambda: fetch_offsets(self.brokers, group, topic, partitions), ANSWER_S, "the group's coordinator answers"
        )
        return {partition: Position(offset, metadata) for partition, offset, metadata in found if offset >= 0}

    def read(self, topic, since=None):
        """All records from the offsets in `since` (0 where it names none) to the present ends, in order."""
        ends = self.ends(topic)
        begins = {partition: (since or {}).get(partition, 0) for partition in ends}
        wanted = sum(max(0, ends[partition] - begins[partition]) for partition in ends)
        records = []
        with self._onlooker() as consumer:
            consumer.assign([TopicPartition(topic, partition, begins[partition]) for partition in ends])
            deadline = time.monotonic() + ANSWER_S + wanted / 5000
            while len(records) < wanted and time.monotonic() < deadline:
                for message in consumer.consume(min(wanted - len(records), 10000), timeout=1):
                    records.append(_record_of(message))
        if len(records) < wanted:
            raise AssertionError(f"only {len(records)} of {wanted} records of {topic} could be read")
        records = [record for record in records if record.offset < ends[record.partition]]
        return sorted(records, key=lambda record: (record.partition, record.offset))

    def _onlooker(self):
        return Consumer(
            {
                "bootstrap.servers": self.brokers,
                "group.id": "onlooker",
                "enable.auto.commit": False,
                "auto.offset.reset": "error",
                "allow.auto.create.topics": False,
                "log_level": 0,
            }
        )


def _record_of(message):
    if message.error() is not None:
        raise KafkaException(message.error())
    headers = tuple(message.headers() or ())
    return Record(message.partition(), message.offset(), message.key(), message.value(), headers)

