"""The strict JSON reader and Python's take and refuse the same documents, but for rules of ours that are listed."""

import os
import struct
import subprocess
from collections import Counter
from itertools import islice
from pathlib import Path

from millrace.stack import ROOT
from millrace.strict_json import LARGE, Documents, OverRule, judge

COUNT = 200_000
RULES = {
    "a key twice",
    "half a surrogate pair",
    "NUL",
    "too deep",
    "too many members",
    "a key too long",
    "a string too long",
    "a number that no decimal of 38 digits holds",
}


def verdicts(documents):
    """What the reader says of each: "yes" or "no" and why."""
    program = Path(os.environ["MILLRACE_TEST_TOOLS"]) / "json_verdicts"
    told = b"".join(struct.pack(">I", len(document)) + document for document in documents)
    return subprocess.run([program], input=told, stdout=subprocess.PIPE, check=True).stdout.decode().splitlines()


def test_what_python_takes_is_taken_unless_it_breaks_a_rule_of_ours_and_nothing_else_is(chance):
    kept = [path.read_bytes() for path in sorted((ROOT / "tests/fuzz/corpus/json").iterdir())]
    documents = LARGE + kept + list(islice(Documents(chance, kept), COUNT))
    seen, unexplained = Counter(), []
    for document, verdict in zip(documents, verdicts(documents), strict=True):
        reason = judge(document)
        seen[str(reason) if isinstance(reason, OverRule) else f"both {'yes' if reason is None else 'no'}"] += 1
        if (verdict == "yes") != (reason is None):
            unexplained.append((document[:200], verdict, repr(reason)))
    print(dict(seen))
    assert not unexplained, f"{len(unexplained)} of {len(documents)}, such as {unexplained[:5]}"
    assert set(seen) == RULES | {"both yes", "both no"}, "each rule is met"
