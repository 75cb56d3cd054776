"""Events as ingest writes them, straight into the topic, and a steady stream of them."""

import threading
import time
import uuid
from datetime import datetime, timezone

TOPIC = "events"
CUSTOMERS = 200


def properties_of(event_id):
    """A function of the id, in a form that only untouched bytes keep: blanks, digits beyond a double."""
    return '{ "id":"%s","tokens": 12345678901234567.890,"text":"\\u00e4\u00df" }' % event_id


def now():
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def record(tenant, customer, event_id=None, **changes):
    """Key and value of one record; `changes` replaces members, as JSON text."""
    event_id = event_id or str(uuid.uuid4())
    time_text = '"%s"' % now()
    members = {
        "v": "1",
        "id": f'"{event_id}"',
        "tenant_id": f'"{tenant}"',
        "environment_id": '"e1"',
        "event_name": '"api.call"',
        "external_customer_id": f'"{customer}"',
        "customer_id": '""',
        "source": '"api"',
        "timestamp": time_text,
        "ingested_at": time_text,
        "content_hash": '"00112233445566778899aabbccddeeff"',
        "properties": properties_of(event_id),
        **changes,
    }
    value = "{" + ",".join(f'"{name}":{text}' for name, text in members.items()) + "}"
    return f"{tenant}:e1:{customer}".encode(), value.encode()


class Load:
    """Produces at a steady rate on a thread of its own, until it is stopped. Use it with `with`; at the end
    every record is acknowledged, or the test fails."""

    def __init__(self, kafka, rate, tenant="load"):
        self._producer = kafka.producer(queue_buffering_max_messages=1000000, message_timeout_ms=120000)
        self._rate = rate
        self._tenant = tenant
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.sent = 0
        self.acknowledged = 0
        self.failed = None

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stopping.set()
        self._thread.join(30)
        left = self._producer.flush(60)
        assert left == 0 and self.failed is None, f"{left} records not acknowledged, {self.failed}"

    def _on_report(self, error, _message):
        if error is None:
            self.acknowledged += 1
        else:
            self.failed = error

    def _run(self):
        began = time.monotonic()
        while not self._stopping.is_set():
            due = int((time.monotonic() - began) * self._rate)
            while self.sent < due:
                self._send_one()
            self._producer.poll(0)
            self._stopping.wait(0.01)

    def next_record(self):
        """Key and value of what is sent next."""
        return record(self._tenant, f"customer-{self.sent % CUSTOMERS}")

    def _send_one(self):
        key, value = self.next_record()
        while True:
            try:
                self._producer.produce(TOPIC, value, key, on_delivery=self._on_report)
                break
            except BufferError:
                self._producer.poll(0.05)
        self.sent += 1


def produce(kafka, records, topic=TOPIC, headers=None):
    """Writes (key, value) pairs and waits for their acknowledgement; gives [(partition, offset)] in order."""
    places = [None] * len(records)
    producer = kafka.producer()

    def note(at):
        def on_report(error, message):
            places[at] = error or (message.partition(), message.offset())

        return on_report

    for at, (key, value) in enumerate(records):
        producer.produce(topic, value, key, headers=headers, on_delivery=note(at))
        producer.poll(0)
    producer.flush(60)
    assert all(isinstance(place, tuple) for place in places), f"not acknowledged: {set(places)}"
    return places
