"""Waiting for what must come true, with an end."""

import time

POLL_S = 0.05


class NotYet(str):
    """What a condition saw instead of what is awaited. False, whatever it says."""

    def __bool__(self):
        return False


class TimedOut(AssertionError):
    pass


def wait_until(condition, within_s, what, pause_s=POLL_S):
    """Calls `condition` until its result is true, and returns that. A connection refused or cut counts as
    not yet. When time is over, the error tells `what` was awaited and the last thing seen."""
    deadline = time.monotonic() + within_s
    while True:
        try:
            seen = condition()
        except OSError as refused:
            seen = NotYet(repr(refused))
        if seen:
            return seen
        if time.monotonic() >= deadline:
            raise TimedOut(f"{what}: not within {within_s} s; last seen: {seen!s}")
        time.sleep(pause_s)
