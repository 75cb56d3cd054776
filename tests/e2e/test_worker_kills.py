"""consumer-primary may be killed at any instant, any number of times; and a worker without the precautions
against that may not, or this test would prove nothing."""

import os
from pathlib import Path

import pytest

from millrace.audit import AuditFailed
from millrace.killing import kill_again_and_again
from millrace.load import Load

RATE = 3000
KILLS = 15
SABOTAGE_KILLS, SABOTAGE_TRIES = 5, 3


def run_with_kills(stack, chance, kills, programs=None):
    stack.start("consumer-primary", programs=programs)
    with Load(stack.kafka, RATE):
        kill_again_and_again(stack, chance, kills, programs)


def test_killed_again_and_again_in_mid_batch_it_stores_and_forwards_each_record_once(stack, audit, chance):
    run_with_kills(stack, chance, KILLS)
    findings = audit.passes()
    redone = stack.log("consumer-primary").count("doing the plan")
    assert redone >= KILLS, f"only {redone} plans were found open: the kills hit nothing"
    assert findings.letters == 0, "good records went to the dead letters"


def faults_under_kills(stack, audit, chance, sabotage):
    """What the audit finds, at most after a few tries: a kill may come between two inserts."""
    programs = Path(os.environ["MILLRACE_TEST_SABOTAGE"]) / sabotage
    for _ in range(SABOTAGE_TRIES):
        run_with_kills(stack, chance, SABOTAGE_KILLS, programs)
        try:
            audit.passes()
        except AuditFailed as failed:
            return failed.findings
    return pytest.fail(f"{SABOTAGE_TRIES} times {SABOTAGE_KILLS} kills, and the audit found nothing")


def test_it_is_red_for_a_worker_with_neither_token_nor_range_check(stack, audit, chance):
    assert faults_under_kills(stack, audit, chance, "no_check").doubled


def test_it_is_red_for_a_worker_that_commits_before_it_inserts(stack, audit, chance):
    assert faults_under_kills(stack, audit, chance, "early_commit").lost
