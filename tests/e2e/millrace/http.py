"""One HTTP request at a time, over a connection that is kept; every answer is a value, whatever its status."""

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
    """Requests to one server, each with the same headers. ConnectionError (an OSError) when it is away."""

    def __init__(self, url, headers=None, timeout_s=30):
        parts = urllib.parse.urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout_s)
        self._headers = headers or {}

    def get(self, path, **parameters):
        return self.request("GET", path, parameters)

    def post(self, path, body, **parameters):
        return self.request("POST", path, parameters, body)

    def request(self, method, path, parameters=None, body=None, headers=None):
        target = path + ("?" + urllib.parse.urlencode(parameters) if parameters else "")
        try:
            self._connection.request(method, target, body, {**self._headers, **(headers or {})})
            response = self._connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        except (http.client.HTTPException, OSError) as broken:
            self._connection.close()
            if isinstance(broken, OSError):
                raise
            raise ConnectionError(f"{method} {path}: {broken!r}") from broken
