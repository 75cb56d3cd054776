"""One stack for the session, an own one for tests that need a special start; the parts' logs when a test fails."""

import os
import random
import shutil
import signal

import pytest

from millrace.audit import Audit
from millrace.stack import ROOT, Stack

RUNS = ROOT / "build" / "test"
PIPELINE = ("ingest", "consumer-primary", "query")
LOG_END_CHARACTERS = 6000


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def end_stacks_of_dead_runs():
    """A run that was killed could not end its stacks."""
    for folder in RUNS.glob("e2e-*"):
        if is_alive(int(folder.name.split("-")[1])):
            continue
        for stack in folder.iterdir():
            Stack(stack).down()
        shutil.rmtree(folder, ignore_errors=True)


def pytest_sessionstart(session):
    # As Ctrl-C does: what was set up is taken down.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    end_stacks_of_dead_runs()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.when == "call" and report.failed:
        item.has_failed = True
        stacks = {id(value): value for value in item.funcargs.values() if isinstance(value, Stack)}
        for stack in stacks.values():
            for name, text in stack.logs().items():
                report.sections.append((f"the end of {stack.folder}/log/{name}.log", text[-LOG_END_CHARACTERS:]))
    return report


@pytest.fixture(scope="session")
def run_folder():
    folder = RUNS / f"e2e-{os.getpid()}"
    folder.mkdir(parents=True)
    yield folder
    if not any(folder.iterdir()):
        folder.rmdir()


@pytest.fixture(scope="session")
def make_stack(run_folder):
    """Makes stacks: make_stack(name) has its stores up, with all topics and tables; all end with the session."""
    made = []

    def make(name):
        stack = Stack(run_folder / f"{name}-{len(made)}")
        made.append(stack)
        stack.start_stores()
        stack.create_tables_and_topics()
        return stack

    yield make
    for stack in made:
        stack.down()
        if not getattr(stack, "is_evidence", False):
            stack.remove()


@pytest.fixture(scope="session")
def shared(make_stack):
    """The session's stack; a test that fails leaves it in a state that no other test should begin with."""

    class Shared:
        stack = None

        def get(self):
            self.stack = self.stack or make_stack("shared")
            return self.stack

        def discard(self):
            self.stack.is_evidence = True
            self.stack.down()
            self.stack = None

    return Shared()


@pytest.fixture
def stack(shared, request):
    """Stores, topics and tables, and no worker yet; all that earlier tests have sent is worked off."""
    found = shared.get()
    yield found
    if getattr(request.node, "has_failed", False):
        shared.discard()
        return
    workers = found.workers()
    if workers:
        found.stop(*workers)


@pytest.fixture
def pipeline(stack):
    """The stack with its workers: events go in and come out."""
    stack.start(*PIPELINE)
    for worker in PIPELINE:
        stack.wait_until_healthy(worker)
    return stack


@pytest.fixture
def own_stack(make_stack, request):
    """The same, for this test alone."""
    found = make_stack("own")
    yield found
    found.is_evidence = getattr(request.node, "has_failed", False)
    found.down()


def audit_of(stack, request):
    found = Audit(stack)
    yield found
    if not getattr(request.node, "has_failed", False):
        found.close()


@pytest.fixture
def audit(stack, request):
    """Of what the test sends."""
    yield from audit_of(stack, request)


@pytest.fixture
def own_audit(own_stack, request):
    yield from audit_of(own_stack, request)


@pytest.fixture
def chance(request):
    """Random numbers of a seed that is printed, and that MILLRACE_TEST_SEED repeats."""
    seed = int(os.environ.get("MILLRACE_TEST_SEED") or random.randrange(10**9))
    print(f"MILLRACE_TEST_SEED={seed}")
    return random.Random(seed)
