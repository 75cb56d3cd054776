"""A tenant of a test's own: its key, and rows that are put into the table without a way through Kafka."""

import json
import uuid

from millrace.waiting import NotYet, wait_until

# No topic has so many partitions: nobody takes such rows for records of theirs.
NO_PARTITION = 4000000


class Tenant:
    def __init__(self, stack):
        self.stack = stack
        self.name = f"tenant-{uuid.uuid4()}"
        made = stack.ctl("key", "create", f"--tenant={self.name}", "--environment=e1", "--name=test", "--json")
        self.key = json.loads(made[made.index("{") :])["key"]

    def reads(self):
        """The read side, once it knows the key."""
        api = self.stack.http("QUERY_URL", self.key)

        def is_known():
            answer = api.get("/v1/events", page_size=1)
            return answer.status == 200 or NotYet(answer)

        wait_until(is_known, 10, "the new key is known")
        return api

    def insert(self, count, **columns):
        """Rows number 0 to count - 1; columns: expressions over `number`, over the defaults here."""
        expressions = {
            "external_customer_id": "'customer'",
            "event_name": "'name'",
            "timestamp": "now64(6)",
            "id": "concat('event-', toString(number))",
            "properties": "'{}'",
            "ingested_at": "now64(6)",
            "kafka_offset": "number",
            **columns,
        }
        self.stack.clickhouse.run(
            f"INSERT INTO events (tenant_id, environment_id, kafka_partition, {', '.join(expressions)})"
            f" SELECT '{self.name}', 'e1', {NO_PARTITION}, {', '.join(expressions.values())} FROM numbers({count})"
        )

    def remove(self):
        """What `insert` has put there."""
        self.stack.clickhouse.run(
            f"ALTER TABLE events DELETE WHERE tenant_id = {{tenant:String}} AND kafka_partition = {NO_PARTITION}"
            " SETTINGS mutations_sync = 2",
            tenant=self.name,
        )
