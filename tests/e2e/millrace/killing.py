"""Ends of processes that nobody planned."""

import time


def kill_again_and_again(stack, chance, times, programs=None):
    """consumer-primary, which runs, is killed after a random time, and started again at once."""
    for _ in range(times):
        time.sleep(chance.uniform(0.2, 1.5))
        stack.kill("consumer-primary")
        stack.start("consumer-primary", programs=programs)
