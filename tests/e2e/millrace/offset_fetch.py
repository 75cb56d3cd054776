"""The group's committed positions with their metadata, asked in Kafka's own protocol: the Python client (2.16)
shows metadata with bytes behind its end, as it takes text that has a length for text that ends with NUL."""

import socket
import struct

OFFSET_FETCH, VERSION, ANSWER_S = 9, 1, 20


def fetch_offsets(address, group, topic, partitions):
    """[(partition, offset, metadata)] from the broker at "host:port", which coordinates the group; offset -1:
    none is committed."""
    host, port = address.rsplit(":", 1)
    request = struct.pack(">hhi", OFFSET_FETCH, VERSION, 0) + _text("onlooker") + _text(group)
    request += struct.pack(">i", 1) + _text(topic) + struct.pack(f">i{len(partitions)}i", len(partitions), *partitions)
    with socket.create_connection((host, int(port)), ANSWER_S) as broker, broker.makefile("rb") as answers:
        broker.sendall(struct.pack(">i", len(request)) + request)
        (length,) = struct.unpack(">i", _whole(answers, 4))
        return _positions(_Reader(_whole(answers, length)))


def _text(text):
    return struct.pack(">h", len(text)) + text.encode()


def _whole(answers, length):
    data = answers.read(length)
    if len(data) < length:
        raise ConnectionError("the broker ended the connection")
    return data


class _Reader:
    def __init__(self, data):
        self._data, self._at = data, 0

    def number(self, form):
        (value,) = struct.unpack_from(">" + form, self._data, self._at)
        self._at += struct.calcsize(">" + form)
        return value

    def text(self):
        length = max(0, self.number("h"))
        self._at += length
        return self._data[self._at - length : self._at].decode()


def _positions(reader):
    found = []
    reader.number("i")  # the request's number
    for _ in range(reader.number("i")):
        reader.text()
        for _ in range(reader.number("i")):
            found.append((reader.number("i"), reader.number("q"), reader.text()))
            error = reader.number("h")
            if error != 0:
                raise ConnectionError(f"the group's coordinator is not ready: error {error}")
    return found
