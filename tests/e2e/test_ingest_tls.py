"""ingest over TLS: its certificate can be replaced under load, and bad ones change nothing."""

import json
import os
import shutil
import signal
import ssl
import warnings

import pytest

from millrace.certificates import Authority
from millrace.clients import Clients
from millrace.http import Http
from millrace.waiting import NotYet, wait_until

INGEST = "ingest"
EVENT = b'{"event_name":"api.call","external_customer_id":"acme"}'


@pytest.fixture
def authority(stack):
    return Authority(stack.folder / "certificates")


@pytest.fixture
def files(stack, authority):
    """What ingest reads; put(certificate) replaces them."""

    class Files:
        chain = stack.folder / "certificates" / "in-use.crt"
        key = stack.folder / "certificates" / "in-use.key"

        def put(self, certificate):
            shutil.copy(certificate.chain, self.chain)
            shutil.copy(certificate.key, self.key)

    made = Files()
    made.put(authority.certificate("first"))
    return made


@pytest.fixture
def url(stack, files):
    stack.start(INGEST, settings={"ingest.tls_certificate_file": files.chain, "ingest.tls_key_file": files.key})
    stack.wait_until_healthy(INGEST)
    return stack.env["INGEST_URL"].replace("http://", "https://")


def post(stack, url, context):
    api = Http(url, {"x-api-key": stack.env["API_KEY"], "Content-Type": "application/json"}, context=context)
    return api.request("POST", "/v1/events", body=EVENT)


def name_shown(url, context):
    host, port = url.removeprefix("https://").split(":")
    with ssl.create_connection((host, int(port))) as plain:
        with context.wrap_socket(plain, server_hostname=host) as connection:
            return dict(entry[0] for entry in connection.getpeercert()["subject"])["commonName"]


def reload(stack):
    os.kill(stack.pid(INGEST), signal.SIGHUP)


def wait_until_logged(stack, text):
    wait_until(lambda: text in stack.log(INGEST) or NotYet(stack.log(INGEST)[-500:]), 10, f"the log says: {text}")


def test_events_are_taken_over_tls_1_2_and_1_3_and_not_over_1_1(stack, authority, url):
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        answer = post(stack, url, authority.client_context(version))
        assert answer.status == 202, str(answer)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old = authority.client_context(ssl.TLSVersion.TLSv1_1)
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError):
        post(stack, url, old)


def test_plain_http_is_told_to_use_https(stack, url):
    answer = post(stack, url.replace("https://", "http://"), None)
    assert (answer.status, answer.json["message"]) == (400, "this port speaks TLS: use https")


def test_a_client_that_trusts_another_authority_refuses_it(stack, url):
    stranger = Authority(stack.folder / "certificates", "stranger")
    with pytest.raises(ssl.SSLCertVerificationError):
        post(stack, url, stranger.client_context())


def test_the_certificate_is_replaced_under_load_without_a_request_that_fails(stack, authority, files, url):
    context = authority.client_context()
    begins = stack.kafka.ends("events")
    with Clients(url, stack.env["API_KEY"], context=context) as clients:
        for name in ("second", "third", "fourth"):
            before = len(clients.accepted)
            files.put(authority.certificate(name))
            reload(stack)
            wait_until(lambda: name_shown(url, context) == name, 10, f"{name} is shown")
            wait_until(lambda: len(clients.accepted) > before + 200, 30, "events are accepted")
    assert clients.faults == []
    stored = {json.loads(record.value)["id"] for record in stack.kafka.read("events", begins)}
    assert set(clients.accepted) <= stored


def test_a_bad_new_certificate_is_refused_with_the_reason_and_the_old_one_stays(stack, authority, files, url):
    context = authority.client_context()
    expired = authority.certificate("expired", days=-1)
    other = authority.certificate("other")
    for reason, spoil in [
        ("not valid now: expired, or not valid yet", lambda: files.put(expired)),
        ("key values mismatch", lambda: (files.put(expired), shutil.copy(other.key, files.key))),
        ("no certificate in PEM", lambda: files.chain.write_text("nothing of the kind\n")),
        ("No such file or directory", files.chain.unlink),
    ]:
        spoil()
        reload(stack)
        wait_until_logged(stack, reason)
        assert name_shown(url, context) == "first"
    assert "the certificate stays the old one: " in stack.log(INGEST)
    assert post(stack, url, context).status == 202


def test_the_expiry_is_a_metric(stack, authority, files, url):
    shown = stack.metric(INGEST, "millrace_certificate_expires_timestamp_seconds")
    assert shown == authority.expiry_of(files.chain)
