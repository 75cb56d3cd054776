"""HTTP as bytes on a socket: sent exactly as written, and the answers taken apart by hand."""

import json
import socket
import urllib.parse
from dataclasses import dataclass

PROBE = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"


class Closed(AssertionError):
    """The server has closed; `received` is what came before and is no whole answer."""

    def __init__(self, received):
        super().__init__(f"closed after {received!r}")
        self.received = received


@dataclass(frozen=True)
class RawAnswer:
    status: int
    headers: dict  # names in lower case
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    def __str__(self):
        return f"{self.status} {self.body[:500].decode(errors='replace')}"


class Raw:
    """One connection. Use it with `with`. source: the address that it comes from, one of 127.0.0.0/8."""

    def __init__(self, url, source="127.0.0.1", timeout_s=30):
        parts = urllib.parse.urlsplit(url)
        self._received = b""
        self.socket = socket.create_connection((parts.hostname, parts.port), timeout_s, (source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        """Whether the server took all of it; it need not, having refused."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def answer(self):
        """The next whole answer, 1xx included."""
        head = self._take_until(b"\r\n\r\n")
        line, *lines = head[:-4].decode("ascii").split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        body = self._take(int(headers.get("content-length", 0)))
        return RawAnswer(int(line.split(" ")[1]), headers, body)

    def goes_on(self):
        """Whether the connection serves another request."""
        self.send(PROBE)
        try:
            return self.answer().status == 200
        except Closed as closed:
            assert closed.received == b"", closed
            return False

    def wait_until_closed(self):
        """What still came until the server closed."""
        while self._read():
            pass
        return self._received

    def _read(self):
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        self._received += data
        return bool(data)

    def _take(self, count):
        while len(self._received) < count:
            if not self._read():
                raise Closed(self._received)
        taken, self._received = self._received[:count], self._received[count:]
        return taken

    def _take_until(self, end):
        while end not in self._received:
            if not self._read():
                raise Closed(self._received)
        return self._take(self._received.index(end) + len(end))
