"""Clients of ingest that send event after event and keep their own account of what was answered."""

import http.client
import json
import threading
import uuid

from millrace.http import Http
from millrace.load import now


class Clients:
    """Each on a thread of its own, with an event under way all the time; those with an even number keep their
    connection, the others have a new one for each event. Use it with `with`.

    accepted: the ids that were answered 202. faults: [(id, what happened instead)]; with resends, such an event
    is sent again, as it was, until it is accepted."""

    def __init__(self, url, key, count=8, resends=False, context=None):
        self._url, self._key, self._resends, self._context = url, key, resends, context
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(at,), daemon=True) for at in range(count)]
        self.count = count
        self.accepted = []
        self.faults = []

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stopping.set()
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive(), "a client has hung"

    def _run(self, at):
        api = Http(self._url, {"x-api-key": self._key}, keeps=at % 2 == 0, context=self._context)
        while not self._stopping.is_set():
            self._send(api, f"client-{at}")

    def _send(self, api, customer):
        event_id = str(uuid.uuid4())
        event = {"event_id": event_id, "timestamp": now(), "event_name": "api.call", "external_customer_id": customer}
        body = json.dumps(event).encode()
        while not self._is_accepted(api, event_id, body):
            if not self._resends:
                return
        self.accepted.append(event_id)

    def _is_accepted(self, api, event_id, body):
        try:
            answer = api.request("POST", "/v1/events", body=body, headers={"Content-Type": "application/json"})
        except (OSError, http.client.HTTPException) as fault:
            self.faults.append((event_id, repr(fault)))
            return False
        if answer.status != 202:
            self.faults.append((event_id, str(answer)))
        return answer.status == 202
