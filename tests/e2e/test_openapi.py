"""The API is what openapi.yaml says it is."""

import os
import re
import subprocess
import sys
from pathlib import Path

from millrace.http import Http
from millrace.stack import ROOT

DESCRIPTION = ROOT / "openapi.yaml"
SEED = 1
EXAMPLES = 60  # of each call: about half a minute in all
PATIENCE_S = 400


def test_the_description_is_served_to_everybody(pipeline):
    answer = Http(pipeline.env["INGEST_URL"]).get("/v1/openapi.yaml")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/yaml"
    assert answer.body == DESCRIPTION.read_bytes()


def test_every_route_is_described():
    sources = (ROOT / "ingest" / "main.c", ROOT / "common" / "service" / "admin.c")
    routes = []
    for source in sources:
        routes += re.findall(r'{HTTP_([A-Z]+), "(/[^"]*)"', source.read_text())
    routes.remove(("GET", "/metrics"))  # on the admin listener only
    described = []
    for path, calls in re.findall(r"^  (/\S*):\n((?:^(?:    .*)?\n)*)", DESCRIPTION.read_text(), re.MULTILINE):
        described += [(method.upper(), path) for method in re.findall(r"^    (get|post):$", calls, re.MULTILINE)]
    assert sorted(described) == sorted(routes)


def test_every_answer_is_as_described(pipeline, tmp_path):
    """Thousands of requests, good and bad, made from the description by schemathesis."""
    pids = pipeline.running()
    address = pipeline.env["INGEST_URL"]
    done = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"),
            *("--config-file", Path(__file__).with_name("schemathesis.toml")),
            *("run", f"{address}/v1/openapi.yaml", "--url", address),
            *("--seed", str(SEED), "--max-examples", str(EXAMPLES), "--continue-on-failure", "--no-color"),
        ],
        env={**os.environ, "API_KEY": pipeline.env["API_KEY"]},
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"[1-9]\d{2,} generated", done.stdout), done.stdout
    assert pipeline.running() == pids
