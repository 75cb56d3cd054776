"""HTTP requests, one at a time; every answer is a value, whatever its status."""

import http.client
import json
import urllib.parse
from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    def __str__(self):
        return f"{self.status} {self.body[:2000].decode(errors='replace')}"


class Http:
    """Requests to one server, each with the same headers. ConnectionError (an OSError) when it is away. Each has
    a connection of its own, as the server may have been killed since the last; keeps: one for all. context: of
    Python's ssl, for https."""

    def __init__(self, url, headers=None, timeout_s=30, keeps=False, context=None):
        parts = urllib.parse.urlsplit(url)
        self._keeps = keeps
        if parts.scheme == "https":
            self._connection = http.client.HTTPSConnection(
                parts.hostname, parts.port, timeout=timeout_s, context=context
            )
        else:
            self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout_s)
        self._headers = headers or {}

    def get(self, path, **parameters):
        return self.request("GET", path, parameters)

    def post(self, path, body, **parameters):
        return self.request("POST", path, parameters, body)

    def post_json(self, path, value):
        return self.request("POST", path, body=json.dumps(value), headers={"Content-Type": "application/json"})

    def request(self, method, path, parameters=None, body=None, headers=None):
        target = path + ("?" + urllib.parse.urlencode(parameters) if parameters else "")
        try:
            self._connection.request(method, target, body, {**self._headers, **(headers or {})})
            response = self._connection.getresponse()
            answer = Answer(response.status, dict(response.getheaders()), response.read())
        except OSError:
            self._connection.close()
            raise
        except http.client.HTTPException as broken:
            self._connection.close()
            raise ConnectionError(f"{method} {path}: {broken!r}") from broken
        if not self._keeps:
            self._connection.close()
        return answer
