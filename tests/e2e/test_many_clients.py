"""Ten thousand clients that do nothing, or next to nothing, cost little and hold up nobody."""

import resource
import time
from concurrent.futures import ThreadPoolExecutor

from millrace.door import EVENT, HEAD, KEY, Door, faults_of, sized
from millrace.raw import PROBE, Raw
from millrace.waiting import NotYet, wait_until

IDLE, SLOW_BODIES, SLOW_HEADS = 2000, 6000, 2000
CROWD = IDLE + SLOW_BODIES + SLOW_HEADS
OWN_FILES = 500
AN_ADDRESS_HAS = 1900  # connections at most; the default limit is 2,000
MEMORY_MAX = 64 * 1024 * 1024
OTHERS = 200


def allow_open_files():
    """For this process and ingest, each of which has an end of all connections."""
    _, highest = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert highest >= CROWD + OWN_FILES, f"the hard limit of open files is {highest}: raise it (ulimit -Hn)"
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest, highest))


class Crowd:
    """Connections that are held open. Use it with `with`."""

    def __init__(self, door):
        self._door = door
        self._connections = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for raw in self._connections:
            raw.socket.close()

    def join(self, count, first_bytes):
        """So many more, each of which sends these bytes and no more."""
        joined = []
        for _ in range(count):
            source = f"127.0.1.{1 + len(self._connections) // AN_ADDRESS_HAS}"
            joined.append(Raw(self._door.url, source=source))
            self._connections.append(joined[-1])
            joined[-1].send(first_bytes)
        return joined


def seconds_of(door):
    """How long an event takes to be accepted over a connection of its own."""
    began = time.monotonic()
    answer, _ = door.ask(sized(EVENT))
    assert not faults_of(answer, 202)
    return time.monotonic() - began


def test_ten_thousand_idle_and_slow_clients_fit_into_64_mib_and_others_are_served_at_once(stack):
    allow_open_files()
    stack.start("ingest", settings={"ingest.connections_max": str(CROWD + OWN_FILES)})
    stack.wait_until_healthy("ingest")
    door = Door(stack)
    head = HEAD.replace(KEY, door.key)

    def are_all_there():
        there = stack.metric("ingest", "millrace_connections")
        return there == CROWD or NotYet(there)

    with Crowd(door) as crowd:
        for raw in crowd.join(IDLE, PROBE):
            assert raw.answer().status == 200
        # Whoever is slow is closed after 5 s in the head and 10 s in the body; by then all is over.
        crowd.join(SLOW_BODIES, head + b"Content-Length: 60000\r\n\r\n" + b" " * 2000)
        crowd.join(SLOW_HEADS, head + b"a: b\r\n" * 20)
        wait_until(are_all_there, 5, f"{CROWD} connections are open")
        with ThreadPoolExecutor(4) as others:
            slowest_s = max(others.map(lambda _: seconds_of(door), range(OTHERS)))
        assert are_all_there()
        peak = stack.peak_memory("ingest")
        print(f"{CROWD} connections: {peak / 1024 / 1024:.1f} MiB; the slowest of {OTHERS} others {slowest_s:.3f} s")
    assert peak < MEMORY_MAX
    assert slowest_s < 1
