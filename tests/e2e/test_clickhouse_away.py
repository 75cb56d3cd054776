"""ClickHouse may stop, come back, and be killed in mid-insert: rows wait for it, and none is lost or doubled."""

import os
import signal

from millrace.load import Load
from millrace.waiting import NotYet, wait_until

RATE = 3000
KILLS = int(os.environ.get("MILLRACE_TEST_KILLS", "20"))
WORKER = "consumer-primary"


def rows_stored(stack):
    return stack.metric(WORKER, "millrace_rows_stored_total")


def wait_until_more_is_stored(stack, within_s=30):
    before = rows_stored(stack)
    wait_until(lambda: rows_stored(stack) > before, within_s, "more rows are stored")


def wait_until_down(stack, within_s=15):
    def is_down():
        health = stack.health(WORKER)
        return health if health["status"] == "DOWN" else NotYet(health)

    return wait_until(is_down, within_s, "health says DOWN")


def test_while_clickhouse_is_away_health_says_why_and_afterwards_all_is_there_once(stack, audit):
    stack.start(WORKER)
    stack.wait_until_healthy(WORKER)
    pid = stack.pid(WORKER)
    with Load(stack.kafka, RATE):
        wait_until_more_is_stored(stack)
        stack.stop("clickhouse")
        storing = wait_until_down(stack)["details"]["checks"]["storing"]
        assert storing["state"] == "DOWN"
        assert storing["reason"]
        stack.start("clickhouse")
        stack.wait_until_healthy(WORKER)
    audit.passes()
    assert stack.pid(WORKER) == pid


INSERTS_NOW = "SELECT count() FROM system.processes WHERE query_kind = 'Insert'"


def kill_in_mid_insert(stack, within_s=30):
    """Kills ClickHouse at once when it runs an insert: by its pid, as a script in between would come too late."""
    pid, clickhouse = stack.pid("clickhouse"), stack.clickhouse
    wait_until(lambda: clickhouse.value(INSERTS_NOW) > 0, within_s, "an insert runs", pause_s=0)
    os.kill(pid, signal.SIGKILL)


def an_insert_was_cut(stack):
    """What an insert has written until it is done lies in folders of such a name."""
    return any((stack.folder / "clickhouse" / "data" / "store").glob("*/*/tmp_insert_*"))


def test_killed_in_mid_insert_again_and_again_clickhouse_has_each_row_once(stack, audit):
    stack.start(WORKER)
    cut = 0
    with Load(stack.kafka, RATE):
        for _ in range(KILLS):
            wait_until_more_is_stored(stack)
            kill_in_mid_insert(stack)
            cut += an_insert_was_cut(stack)
            stack.start("clickhouse")
    audit.passes()
    print(f"{cut} of {KILLS} kills left a part of an insert behind")
    assert cut >= 1, "no kill hit an insert"
