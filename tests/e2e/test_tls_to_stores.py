"""Kafka, PostgreSQL and ClickHouse over TLS: events go through, and whoever shows another certificate is refused with
a reason that says why."""

import json
import re
import shutil
import subprocess
import uuid
from types import SimpleNamespace

import pytest
from confluent_kafka.admin import ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion

from millrace.certificates import Authority
from millrace.load import now, produce, record
from millrace.waiting import NotYet, wait_until

WORKER = "consumer-primary"
USER, PASSWORD = "millrace", "a secret"
# Older ones repeat their nonce, which Kafka refuses since 3.8.1: confluentinc/librdkafka#4895.
LIBRDKAFKA_WITH_SCRAM = (2, 6, 1)
UNTRUSTED = "certificate verify failed|certificate could not be verified|SSL certificate problem"
WRONG_NAME = "hostname mismatch|does not match host name|no alternative certificate subject name matches|verify failed"


def free_ports(count):
    """As dev/stack chooses them."""
    script = "ROOT=$PWD; . dev/lib/ports.sh; free_ports " + str(count)
    found = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    return [int(line) for line in found.stdout.split()]


def listen_with_tls(stack, ports, good, wrong):
    """Kafka's further listeners: SSL, SASL_SSL, and one whose certificate is for another host."""
    for name, certificate in (("good", good), ("wrong", wrong)):
        (stack.folder / f"kafka-{name}.pem").write_text(certificate.key.read_text() + certificate.chain.read_text())
    own = (stack.folder / "kafka" / "server.properties").read_text()
    listeners = re.search(r"^listeners=(.*)$", own, re.MULTILINE).group(1)
    advertised = re.search(r"^advertised.listeners=(.*)$", own, re.MULTILINE).group(1)
    further = f"SSL://127.0.0.1:{ports.ssl},SASL_SSL://127.0.0.1:{ports.sasl},WRONG://127.0.0.1:{ports.wrong}"
    (stack.folder / "kafka.properties").write_text(
        f"listeners={listeners},{further}\n"
        f"advertised.listeners={advertised},{further}\n"
        "listener.security.protocol.map="
        "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL,WRONG:SSL\n"
        "ssl.keystore.type=PEM\n"
        f"ssl.keystore.location={stack.folder}/kafka-good.pem\n"
        "listener.name.wrong.ssl.keystore.type=PEM\n"
        f"listener.name.wrong.ssl.keystore.location={stack.folder}/kafka-wrong.pem\n"
        "sasl.enabled.mechanisms=SCRAM-SHA-256,PLAIN\n"
        "listener.name.sasl_ssl.plain.sasl.jaas.config="
        f'org.apache.kafka.common.security.plain.PlainLoginModule required user_{USER}="{PASSWORD}";\n'
        "listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config="
        "org.apache.kafka.common.security.scram.ScramLoginModule required;\n"
    )
    stack.stop("kafka")
    stack.start("kafka")
    scram = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 8192)
    stack.kafka.add_user(UserScramCredentialUpsertion(USER, scram, PASSWORD.encode()))


def switch_ssl_on(stack, certificate):
    data = stack.folder / "postgres" / "data"
    for source, name in ((certificate.chain, "server.crt"), (certificate.key, "server.key")):
        shutil.copy(source, data / name)
        shutil.chown(data / name, data.owner(), data.group())
        (data / name).chmod(0o600)
    with open(data / "postgresql.conf", "a") as file:
        file.write("ssl = on\n")
    stack.stop("postgres")
    stack.start("postgres")


def start_proxy(stack, ports, good, wrong):
    """In front of ClickHouse, whose local server has no TLS."""
    clickhouse = stack.env["CLICKHOUSE_URL"].rsplit("@", 1)[1]
    services = "".join(
        f"[{name}]\naccept = 127.0.0.1:{port}\nconnect = {clickhouse}\ncert = {made.chain}\nkey = {made.key}\n"
        for name, port, made in (("good", ports.clickhouse, good), ("wrong", ports.clickhouse_wrong, wrong))
    )
    config = stack.folder / "stunnel.conf"
    config.write_text(f"foreground = yes\npid =\nsocket = r:TCP_NODELAY=1\n{services}")
    with open(stack.folder / "log" / "stunnel.log", "w") as log:
        return subprocess.Popen(["stunnel", config], stdin=subprocess.DEVNULL, stdout=log, stderr=log)


@pytest.fixture(scope="module")
def secured(make_stack):
    """A stack whose stores also speak TLS, on `ports`; `authority` has signed all that is good."""
    stack = make_stack("tls")
    ports = SimpleNamespace(
        **dict(zip(("ssl", "sasl", "wrong", "clickhouse", "clickhouse_wrong"), free_ports(5), strict=True))
    )
    authority = Authority(stack.folder / "certificates")
    good = authority.certificate("good")
    wrong = authority.certificate("wrong", hosts="DNS:elsewhere.example")
    listen_with_tls(stack, ports, good, wrong)
    switch_ssl_on(stack, good)
    proxy = start_proxy(stack, ports, good, wrong)
    password = stack.folder / "secrets" / "kafka"
    password.write_text(PASSWORD + "\n")
    yield SimpleNamespace(
        stack=stack,
        ports=ports,
        trusted=authority.root,
        stranger=Authority(stack.folder / "certificates", "stranger").root,
        password=password,
    )
    proxy.terminate()
    proxy.wait()


@pytest.fixture
def stack(secured):
    yield secured.stack
    workers = secured.stack.workers()
    if workers:
        secured.stack.stop(*workers)


def librdkafka_version():
    found = subprocess.run(["pkg-config", "--modversion", "rdkafka"], capture_output=True, text=True, check=True)
    return tuple(int(part) for part in found.stdout.strip().split("."))


def kafka_settings(secured, port, root, mechanism=None):
    settings = {
        "kafka.brokers": f"127.0.0.1:{port}",
        "kafka.common.security.protocol": "sasl_ssl" if mechanism else "ssl",
        "kafka.common.ssl.ca.location": root,
    }
    if mechanism:
        settings |= {
            "kafka.common.sasl.mechanism": mechanism,
            "kafka.common.sasl.username": USER,
            "kafka.common.sasl.password_file": secured.password,
        }
    return settings


def wait_until_refused(stack, name, reason):
    def says_so():
        health = stack.health(name)
        text = json.dumps(health)
        return (health["status"] != "UP" and re.search(reason, text)) or NotYet(text)

    wait_until(says_so, 30, f"health of {name} says: {reason}")


def post(stack, key=None):
    event_id = str(uuid.uuid4())
    event = {"event_id": event_id, "timestamp": now(), "event_name": "api.call", "external_customer_id": "tls"}
    api = stack.api(key)
    answer = api.request(
        "POST", "/v1/events", body=json.dumps(event).encode(), headers={"Content-Type": "application/json"}
    )
    assert answer.status == 202, str(answer)
    return event_id


def wait_until_stored(stack, event_id):
    def is_stored():
        return stack.clickhouse.rows("SELECT 1 FROM events WHERE id = {id:String}", id=event_id) == [[1]]

    wait_until(is_stored, 30, "the event is stored")


@pytest.mark.parametrize("mechanism", [None, "PLAIN", "SCRAM-SHA-256"])
def test_an_event_goes_through_kafka_over_tls(secured, stack, mechanism):
    if mechanism == "SCRAM-SHA-256" and librdkafka_version() < LIBRDKAFKA_WITH_SCRAM:
        pytest.skip("this librdkafka's SCRAM is refused by Kafka since 3.8.1")
    port = secured.ports.sasl if mechanism else secured.ports.ssl
    stack.start("ingest", WORKER, settings=kafka_settings(secured, port, secured.trusted, mechanism))
    stack.wait_until_healthy("ingest")
    wait_until_stored(stack, post(stack))


def test_a_broker_that_is_not_trusted_is_named_with_the_reason(secured, stack):
    stack.start("ingest", settings=kafka_settings(secured, secured.ports.ssl, secured.stranger))
    wait_until_refused(stack, "ingest", UNTRUSTED)


def test_a_broker_with_another_name_is_refused(secured, stack):
    stack.start("ingest", settings=kafka_settings(secured, secured.ports.wrong, secured.trusted))
    wait_until_refused(stack, "ingest", WRONG_NAME)


def test_a_wrong_password_for_kafka_is_told(secured, stack):
    wrong = secured.password.with_name("kafka-wrong")
    wrong.write_text("not this\n")
    settings = kafka_settings(secured, secured.ports.sasl, secured.trusted, "PLAIN")
    stack.start("ingest", settings=settings | {"kafka.common.sasl.password_file": wrong})
    wait_until_refused(stack, "ingest", "[Aa]uthentication failed")
    assert "not this" not in stack.log("ingest")


def dsn(stack, host, root):
    port = stack.env["POSTGRES_DSN"].rsplit(":", 1)[1].split("/")[0]
    return (
        f"host={host} hostaddr=127.0.0.1 port={port} dbname=millrace user=millrace_ingest "
        f"sslmode=verify-full sslrootcert={root}"
    )


def test_a_key_is_read_from_postgres_over_tls(secured, stack):
    key = re.search(
        r"^sk_\w+$", stack.ctl("key", "create", "--tenant", "t", "--environment", "e", "--name", "tls"), re.MULTILINE
    ).group(0)
    stack.start("ingest", settings={"postgres.dsn": dsn(stack, "localhost", secured.trusted)})
    stack.wait_until_healthy("ingest")
    post(stack, key)


def test_a_postgres_that_is_not_trusted_or_has_another_name_is_refused(secured, stack):
    for host, root, reason in [
        ("localhost", secured.stranger, UNTRUSTED),
        ("elsewhere.example", secured.trusted, WRONG_NAME),
    ]:
        stack.start("ingest", settings={"postgres.dsn": dsn(stack, host, root)})
        wait_until_refused(stack, "ingest", reason)
        stack.stop("ingest")


def test_an_event_is_stored_in_clickhouse_over_tls_once_the_authority_is_trusted(secured, stack):
    event_id = str(uuid.uuid4())
    produce(stack.kafka, [record("tls", "customer", event_id)])
    for port, root, reason in [
        (secured.ports.clickhouse, secured.stranger, UNTRUSTED),
        (secured.ports.clickhouse_wrong, secured.trusted, WRONG_NAME),
    ]:
        stack.start(WORKER, settings={"clickhouse.url": f"https://127.0.0.1:{port}", "clickhouse.ca_file": root})
        wait_until_refused(stack, WORKER, reason)
        stack.stop(WORKER)
    url = f"https://127.0.0.1:{secured.ports.clickhouse}"
    stack.start(WORKER, settings={"clickhouse.url": url, "clickhouse.ca_file": secured.trusted})
    wait_until_stored(stack, event_id)
