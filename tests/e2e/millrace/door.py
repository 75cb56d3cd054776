"""Requests at ingest's door as rows of a table: the bytes, what they are answered with, and what of them is kept."""

import re
from dataclasses import dataclass

from millrace.raw import Closed, Raw

TOPIC = "events"
KEY = b"<key>"  # in a row's bytes: the stack's own

CODES = {
    400: "validation_error",
    401: "unauthenticated",
    403: "permission_denied",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    411: "length_required",
    413: "payload_too_large",
    414: "uri_too_long",
    415: "unsupported_media_type",
    417: "expectation_failed",
    429: "too_many_requests",
    431: "headers_too_large",
    501: "not_implemented",
    503: "service_unavailable",
    505: "version_not_supported",
}

START = b"POST /v1/events HTTP/1.1\r\n"
HEAD = START + b"Host: x\r\nx-api-key: <key>\r\nContent-Type: application/json\r\n"
EVENT = b'{"event_name":"knock","external_customer_id":"door"}'


def sized(body, head=HEAD):
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


def chunked(rest, head=HEAD):
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + rest


def event(**members):
    """A request with an event; each member is JSON as text, None leaves it out."""
    every = {"event_name": '"knock"', "external_customer_id": '"door"', **members}
    texts = [f'"{name}":{text}' for name, text in every.items() if text is not None]
    return sized(("{" + ",".join(texts) + "}").encode("utf-8", "surrogatepass"))


@dataclass(frozen=True)
class Row:
    case: int  # its number in the project's list of bad input
    name: str
    request: bytes
    status: int
    closes: bool = False  # whether the connection is closed after the answer
    field: str = None  # that the details name
    says: str = ""  # a part of the message

    def __str__(self):
        return f"{self.case} {self.name}"


class Door:
    def __init__(self, stack):
        self._stack = stack
        self.url = stack.env["INGEST_URL"]
        self.key = stack.env["API_KEY"].encode()

    def connect(self, **options):
        return Raw(self.url, **options)

    def ends(self):
        """How many records the topic has had, in all partitions."""
        return sum(self._stack.kafka.ends(TOPIC).values())

    def counted(self, status):
        """Answers with that status, by ingest's own account."""
        return int(self._stack.metric("ingest", "millrace_requests_total", status=str(status)) or 0)

    def is_shut(self):
        """Whether nobody listens any more."""
        try:
            self.connect().socket.close()
        except ConnectionRefusedError:
            return True
        return False

    def ask(self, request, **options):
        """The answer to the bytes, and whether the connection goes on after it."""
        with self.connect(**options) as raw:
            raw.send(request.replace(KEY, self.key))
            answer = raw.answer()
            return answer, raw.goes_on()

    def faults(self, row):
        """What is not as the row says; empty when all is."""
        before, counted = self.ends(), self.counted(row.status)
        try:
            answer, goes_on = self.ask(row.request)
        except (Closed, TimeoutError) as nothing:
            return [f"no answer: {nothing}"]
        faults = faults_of(answer, row.status, row.field, row.says)
        if goes_on == row.closes:
            faults.append("the connection " + ("goes on" if goes_on else "is closed"))
        kept = self.ends() - before
        if kept != (1 if row.status == 202 else 0):
            faults.append(f"{kept} records are kept")
        more = self.counted(row.status) - counted
        if more != 1:
            faults.append(f"counted {more} times")
        return faults

    def check(self, rows):
        """All rows, so that one fault hides no other."""
        found = {str(row): faults for row in rows if (faults := self.faults(row))}
        assert not found, "\n".join(f"{name}: {'; '.join(faults)}" for name, faults in found.items())


def faults_of(answer, status, field=None, says=""):
    """What is wrong with the answer: its status, and of a refusal the shape."""
    if answer.status != status:
        return [f"answered {answer}"]
    if status == 202:
        return [] if answer.json["event_id"] else [f"no id: {answer}"]
    faults = []
    problem = answer.json
    expected = {"code": CODES[status], "http_status_code": status}
    if {name: problem.get(name) for name in expected} != expected or not problem.get("message"):
        faults.append(f"not the shape of a refusal: {answer}")
    if answer.headers.get("content-type") != "application/json":
        faults.append(f"of type {answer.headers.get('content-type')}")
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", answer.headers.get("x-request-id", "")):
        faults.append("no request id")
    if field is not None and field not in problem.get("details", {}):
        faults.append(f"the details don't name {field}: {answer}")
    if says not in problem.get("message", ""):
        faults.append(f"doesn't say {says!r}: {answer}")
    return faults
