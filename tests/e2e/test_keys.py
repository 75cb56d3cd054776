"""API keys: who is let in, for how long, and what a PostgreSQL that is away changes."""

import json

import pytest

from millrace.waiting import NotYet, wait_until

WORKERS = ("ingest", "query")
EVENT = b'{"event_name":"key","external_customer_id":"key"}'

# What revoking promises; the demo key of the configuration is not PostgreSQL's.
REVOKED_WITHIN_S = 5


@pytest.fixture
def api_side(stack):
    stack.start(*WORKERS)
    for worker in WORKERS:
        stack.wait_until_healthy(worker)
    return stack


def ctl_key(stack, verb, *arguments):
    lines = stack.ctl("key", verb, *arguments, "--json").splitlines()
    return json.loads(lines[-1])


def create(stack, *more):
    return ctl_key(stack, "create", "--tenant", "t", "--environment", "e", "--name", "n", *more)


def write(stack, key):
    headers = {"Content-Type": "application/json"}
    return stack.api(key).request("POST", "/v1/events", body=EVENT, headers=headers)


def read(stack, key):
    return stack.api(key).get("/v1/events", external_customer_id="key")


def wait_for_status(ask, stack, key, status, within_s):
    def is_answered():
        answer = ask(stack, key)
        return answer if answer.status == status else NotYet(answer)

    return wait_until(is_answered, within_s, f"the key is answered {status}")


def listed(stack, key_id):
    [found] = [key for key in ctl_key(stack, "list", "--all")["keys"] if key["id"] == key_id]
    return found


def test_a_revoked_key_is_refused_within_five_seconds_for_reads_and_writes(api_side):
    key = create(api_side)
    wait_for_status(write, api_side, key["key"], 202, REVOKED_WITHIN_S)
    wait_for_status(read, api_side, key["key"], 200, REVOKED_WITHIN_S)
    api_side.ctl("key", "revoke", key["id"])
    wait_for_status(write, api_side, key["key"], 401, REVOKED_WITHIN_S)
    wait_for_status(read, api_side, key["key"], 401, REVOKED_WITHIN_S)


def test_a_key_ends_when_it_expires(api_side):
    key = create(api_side, "--expires", "4s")
    wait_for_status(write, api_side, key["key"], 202, 4)
    wait_for_status(write, api_side, key["key"], 401, 10)
    assert listed(api_side, key["id"])["status"] == "expired"


def test_a_rotated_key_works_beside_the_new_one_until_the_overlap_is_over(api_side):
    old = create(api_side, "--role", "event:write")
    wait_for_status(write, api_side, old["key"], 202, REVOKED_WITHIN_S)
    new = ctl_key(api_side, "rotate", old["id"], "--overlap", "6s")
    assert new["replaced_id"] == old["id"]
    wait_for_status(write, api_side, new["key"], 202, REVOKED_WITHIN_S)
    assert write(api_side, old["key"]).status == 202
    wait_for_status(write, api_side, old["key"], 401, 10)
    assert write(api_side, new["key"]).status == 202
    assert read(api_side, new["key"]).status == 403, "the new key has the roles of the old one"
    for name in ("tenant_id", "environment_id", "name", "roles"):
        assert listed(api_side, new["id"])[name] == listed(api_side, old["id"])[name]
    assert listed(api_side, new["id"])["expires_at"] is None


def test_a_key_that_has_ended_is_not_rotated(api_side):
    key = create(api_side)
    api_side.ctl("key", "revoke", key["id"])
    with pytest.raises(AssertionError, match="revoked or expired"):
        api_side.ctl("key", "rotate", key["id"])


def test_when_a_key_was_last_used_is_shown(api_side):
    key = create(api_side)
    idle = create(api_side)
    wait_for_status(write, api_side, key["key"], 202, REVOKED_WITHIN_S)
    wait_until(lambda: listed(api_side, key["id"])["last_used_at"], 10, "the use is written")
    assert listed(api_side, idle["id"])["last_used_at"] is None


def test_started_without_postgresql_the_keys_of_the_last_run_work_and_are_refused_when_they_are_too_old(api_side):
    key = create(api_side)
    wait_for_status(write, api_side, key["key"], 202, REVOKED_WITHIN_S)
    wait_for_status(read, api_side, key["key"], 200, REVOKED_WITHIN_S)
    api_side.stop(*WORKERS)
    api_side.kill("postgres")
    api_side.start(*WORKERS)
    assert write(api_side, key["key"]).status == 202
    assert read(api_side, key["key"]).status == 200
    assert write(api_side, "sk_NOBODYS").status == 401
    health = api_side.health("ingest")
    assert health["status"] == "DEGRADED"
    assert "not seen since" in health["details"]["checks"]["keys"]["reason"]

    api_side.stop("ingest")
    api_side.start("ingest", settings={"auth.cache_max_age": "1s"})
    refused = wait_for_status(write, api_side, key["key"], 503, 10)
    assert "PostgreSQL has been away for too long" in refused.json["message"]
    assert refused.headers["Retry-After"]
    assert write(api_side, None).status == 202, "the configuration's key needs no PostgreSQL"
    api_side.start("postgres")
    wait_for_status(write, api_side, key["key"], 202, 10)
