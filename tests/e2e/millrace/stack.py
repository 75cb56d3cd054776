"""A stack of its own: Kafka, ClickHouse, PostgreSQL and workers, run by dev/stack in a folder of its own."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from millrace.clickhouse import ClickHouse
from millrace.http import Http
from millrace.kafka import Kafka
from millrace.waiting import NotYet, wait_until

ROOT = Path(__file__).resolve().parents[3]
COMMAND = ROOT / "dev" / "stack"
STORES = ("kafka", "clickhouse", "postgres")
COMMAND_S = 120


class StackError(AssertionError):
    pass


def _own_environment(folder):
    """Ours reaches the workers as settings, and a test's own variable would be an unknown one."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MILLRACE_")}
    if "MILLRACE_DEV_BIN" in os.environ:
        kept["MILLRACE_DEV_BIN"] = os.environ["MILLRACE_DEV_BIN"]
    return {**kept, "MILLRACE_DEV_DIR": str(folder), "MILLRACE_DEV_PORTS": "auto"}


def _as_variables(settings):
    return {"MILLRACE_" + key.upper().replace(".", "_"): value for key, value in (settings or {}).items()}


class Stack:
    def __init__(self, folder):
        self.folder = Path(folder)
        self._environment = _own_environment(folder)
        self._clients = {}

    # ---- its parts ----

    def start(self, *names, programs=None, settings=None):
        """Returns when each answers. programs: a folder whose programs are run instead of the built ones;
        settings: {"consumer_primary.flush_interval": "20ms"}, for the workers among them."""
        variables = _as_variables(settings)
        if programs is not None:
            variables["MILLRACE_DEV_BIN"] = str(programs)
        self.command("start", *names, variables=variables)

    def start_stores(self):
        """Kafka, ClickHouse and PostgreSQL, at once because each mostly waits."""
        self.command("env")  # makes the folder, which two at once don't
        starting = [self._popen("start", name) for name in STORES]
        for process in starting:
            self._finish(process, "start")

    def stop(self, *names):
        self.command("stop", *names)

    def kill(self, *names):
        self.command("kill", *names)

    def ctl(self, *arguments):
        """The millrace command; its output."""
        return self.command("ctl", *arguments)

    def try_ctl(self, *arguments):
        """The same where a refusal is an answer too: (whether the exit code was 0, output)."""
        process = self._popen("ctl", *arguments)
        text, _ = process.communicate(timeout=COMMAND_S)
        return process.returncode == 0, text

    def create_tables_and_topics(self):
        self.ctl("topics", "init")
        self.ctl("schema", "apply")

    def down(self):
        """Ends all that it started, in good order or by force."""
        try:
            self.command("down")
        except (StackError, subprocess.TimeoutExpired):
            self.kill(*self.running())

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def running(self):
        """{name: pid}"""
        process = self._popen("status")
        text, _ = process.communicate(timeout=COMMAND_S)
        return {name: int(pid) for name, pid in re.findall(r"^(\S+) +up +pid (\d+)", text, re.MULTILINE)}

    def pid(self, name):
        return self.running().get(name)

    def workers(self):
        return [name for name in self.running() if name not in STORES]

    def peak_memory(self, name):
        """The most that it has had in memory since it was started, in bytes."""
        status = Path(f"/proc/{self.pid(name)}/status").read_text()
        return int(re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE).group(1)) * 1024

    # ---- what they say ----

    @property
    def env(self):
        lines = (self.folder / "env").read_text().splitlines()
        return dict(line.removeprefix("export ").split("=", 1) for line in lines if line.startswith("export "))

    def log(self, name):
        """All that it has logged."""
        parts = [self.folder / "log" / f"{name}{ending}" for ending in (".log", "-server.log")]
        return "".join(part.read_text(errors="replace") for part in parts if part.exists())

    def logs(self):
        """{name: text}"""
        return {path.stem: path.read_text(errors="replace") for path in sorted((self.folder / "log").glob("*.log"))}

    @property
    def clickhouse(self):
        return self._client(ClickHouse, "CLICKHOUSE_ADMIN_URL")

    @property
    def kafka(self):
        return self._client(Kafka, "KAFKA_BROKERS")

    def api(self, key=None, keeps=False):
        """The public side, ingest; with the stack's own key unless another is given."""
        return self.http("INGEST_URL", key or self.env["API_KEY"], keeps=keeps)

    def http(self, name, key, keeps=False):
        """The address under this name in `env`, such as QUERY_URL."""
        return Http(self.env[name], {"x-api-key": key}, keeps=keeps)

    def query(self):
        """The read side itself, with the stack's own key."""
        return Http(self.env["QUERY_URL"], {"x-api-key": self.env["API_KEY"]})

    def admin(self, name):
        return self._client(Http, "ADMIN_URL_" + re.sub("[-@]", "_", name.upper()))

    def health(self, name):
        """Its own account of itself, as JSON."""
        return self.admin(name).get("/actuator/health/kafka").json

    def metric(self, name, metric, **labels):
        """One sample; None when it is not there or not known (NaN)."""
        for line in self.admin(name).get("/metrics").body.decode().splitlines():
            found = re.fullmatch(re.escape(metric) + r"(?:\{(.*)\})? (\S+)", line)
            if found and dict(re.findall(r'(\w+)="([^"]*)"', found.group(1) or "")) == labels:
                return None if found.group(2) == "NaN" else float(found.group(2))
        return None

    def wait_until_healthy(self, name, within_s=30):
        def is_up():
            health = self.health(name)
            return health["status"] == "UP" or NotYet(health)

        wait_until(is_up, within_s, f"{name} is UP")

    # ---- how ----

    def command(self, *arguments, variables=None):
        return self._finish(self._popen(*arguments, variables=variables), " ".join(arguments))

    def _popen(self, *arguments, variables=None):
        return subprocess.Popen(
            [COMMAND, *arguments],
            env={**self._environment, **(variables or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    @staticmethod
    def _finish(process, what):
        try:
            text, _ = process.communicate(timeout=COMMAND_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        if process.returncode != 0:
            raise StackError(f"dev/stack {what} failed:\n{text}")
        return text

    def _client(self, kind, variable):
        address = self.env[variable]
        if (kind, address) not in self._clients:
            self._clients[kind, address] = kind(address)
        return self._clients[kind, address]
