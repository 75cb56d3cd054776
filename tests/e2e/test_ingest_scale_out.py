"""Several ingest processes serve one port, and come and go without a client noticing."""

import json
import os
import signal
import socket
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from millrace.clients import Clients
from millrace.waiting import NotYet, wait_until

FIRST, SECOND = "ingest", "ingest@2"
TOPIC = "events"
ROUNDS = 3


def accepted_by(stack, name):
    return stack.metric(name, "millrace_requests_total", status="202") or 0


def wait_until_it_takes_more(stack, name):
    before = accepted_by(stack, name)
    wait_until(lambda: accepted_by(stack, name) > before + 100, 30, f"{name} takes events")


def wait_until_more_are_accepted(clients, count=500):
    before = len(clients.accepted)
    wait_until(lambda: len(clients.accepted) > before + count, 30, "events are accepted")


def assert_each_is_in_the_topic(stack, begins, clients):
    found = Counter(json.loads(record.value)["id"] for record in stack.kafka.read(TOPIC, begins))
    assert clients.accepted, "nothing was sent"
    assert [id for id in clients.accepted if found[id] == 0] == []
    resent = {id for id, _ in clients.faults}
    assert [id for id in clients.accepted if found[id] > 1 and id not in resent] == []


def test_two_share_a_port_and_each_leaves_under_load_without_a_request_that_fails(stack):
    begins = stack.kafka.ends(TOPIC)
    stack.start(FIRST, SECOND)
    for name in (FIRST, SECOND):
        stack.wait_until_healthy(name)
    with Clients(stack.env["INGEST_URL"], stack.env["API_KEY"]) as clients:
        for leaving, staying in [(SECOND, FIRST), (FIRST, SECOND)] * ROUNDS:
            for name in (FIRST, SECOND):
                wait_until_it_takes_more(stack, name)
            stack.stop(leaving)
            wait_until_it_takes_more(stack, staying)
            stack.start(leaving)
            stack.wait_until_healthy(leaving)
    print(f"{len(clients.accepted)} accepted, {len(clients.faults)} faults")
    assert clients.faults == []
    assert_each_is_in_the_topic(stack, begins, clients)


def test_a_second_process_that_does_not_share_is_told_that_the_port_is_taken(stack):
    stack.start(FIRST, settings={"ingest.reuse_port": "false"})
    program = subprocess.run(
        [Path(os.environ["MILLRACE_DEV_BIN"]) / "millrace-ingest", "--config", stack.folder / "config.yaml"],
        env={"MILLRACE_ADMIN_LISTEN": "127.0.0.1:0", "MILLRACE_STATE_DIR": str(stack.folder / "state")},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert program.returncode == 1
    address = stack.env["INGEST_URL"].removeprefix("http://")
    assert f"ingest.listen: listen on {address}: bind: Address already in use" in program.stderr


class Activated:
    """ingest processes on one listening socket that is ours, as systemd's socket unit does it."""

    def __init__(self, stack):
        self._stack = stack
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.url = "http://%s:%d" % self._socket.getsockname()
        self.processes = []

    def start(self, instance):
        fd = self._socket.fileno()
        state = self._stack.folder / "state" / f"activated-{instance}"
        state.mkdir(exist_ok=True)
        program = Path(os.environ["MILLRACE_DEV_BIN"]) / "millrace-ingest"
        arguments = ["--config", self._stack.folder / "config.yaml", "--instance", str(instance)]
        # LISTEN_PID is the process itself, and the first socket has the number 3.
        line = f'exec 3<&{fd}; export LISTEN_PID=$$ LISTEN_FDS=1; exec "$@"'
        with open(self._stack.folder / "log" / "ingest-activated.log", "ab") as log:
            process = subprocess.Popen(
                ["bash", "-c", line, "bash", program, *arguments],
                env={"MILLRACE_ADMIN_LISTEN": "127.0.0.1:0", "MILLRACE_STATE_DIR": str(state)},
                pass_fds=[fd],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.processes.append(process)
        return process

    def close(self):
        for process in self.processes:
            process.kill()
            process.wait()
        self._socket.close()


@pytest.fixture
def activated(stack):
    made = Activated(stack)
    yield made
    made.close()


def sockets_queued(activated):
    """Clients that wait in the queue of the socket."""
    port = int(activated.url.rsplit(":", 1)[1])
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1] == f"0100007F:{port:04X}" and fields[3] == "0A":
            return int(fields[4].split(":")[1], 16)
    raise AssertionError("nobody listens")


def test_on_a_socket_that_is_passed_on_a_restart_makes_clients_wait_and_no_request_fail(stack, activated):
    begins = stack.kafka.ends(TOPIC)
    process = activated.start(1)
    with Clients(activated.url, stack.env["API_KEY"]) as clients:
        for _ in range(ROUNDS):
            wait_until_more_are_accepted(clients)
            process.terminate()
            assert process.wait(30) == 0
            wait_until(lambda: sockets_queued(activated) == clients.count or NotYet(sockets_queued(activated)), 10, "all wait")
            process = activated.start(1)
        wait_until_more_are_accepted(clients)
    assert clients.faults == []
    assert_each_is_in_the_topic(stack, begins, clients)


def test_on_a_socket_that_is_passed_on_a_killed_process_loses_only_the_answers_it_owed(stack, activated):
    begins = stack.kafka.ends(TOPIC)
    activated.start(1)
    process = activated.start(2)
    with Clients(activated.url, stack.env["API_KEY"], resends=True) as clients:
        for _ in range(ROUNDS):
            wait_until_more_are_accepted(clients)
            before = len(clients.faults)
            process.send_signal(signal.SIGKILL)
            process.wait()
            process = activated.start(2)
            wait_until_more_are_accepted(clients)
            # No client is refused, and none that waits in the queue is reset.
            assert len(clients.faults) - before <= clients.count
    print(f"{len(clients.accepted)} accepted, {len(clients.faults)} answers lost")
    assert not [fault for fault in clients.faults if "refused" in fault[1]]
    assert_each_is_in_the_topic(stack, begins, clients)
