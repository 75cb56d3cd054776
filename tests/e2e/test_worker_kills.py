"""consumer-primary may be killed at any instant, any number of times."""

from millrace.killing import kill_again_and_again
from millrace.load import Load

RATE = 3000


def test_killed_again_and_again_in_mid_batch_it_stores_and_forwards_each_record_once(stack, audit, chance):
    stack.start("consumer-primary")
    with Load(stack.kafka, RATE):
        kill_again_and_again(stack, chance, times=15)
    audit.passes()
    redone = stack.log("consumer-primary").count("doing the plan")
    assert redone >= 5, f"only {redone} plans were found open: the kills hit nothing"
