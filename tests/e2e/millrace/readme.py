"""The README as a reader meets it: what it says to type, and what it says will come; and a clean copy to type it in."""

import os
import re
import subprocess
from dataclasses import dataclass

from millrace.stack import ROOT

# What moves a terminal's cursor, and what differs from run to run.
VARIABLE = (
    (r"\x1b\[[0-9;]*[A-Za-z]", ""),
    (r"event_[0-9A-HJKMNP-TV-Z]{26}", "event_ID"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", "TIME"),
    (r'"\d+::event_ID"', '"CURSOR"'),
)


@dataclass
class Step:
    """A block that is marked `sh start`, and the lines of the `text` block behind it, if there is one."""

    commands: str
    shown: list


def start_path():
    """The steps of the README's way from nothing to an event that is listed."""
    blocks = re.findall(r"^```(.*)\n([\s\S]*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE)
    steps = []
    behind_step = False
    for kind, text in blocks:
        if kind == "sh start":
            steps.append(Step(text, []))
        elif kind == "text" and behind_step:
            steps[-1].shown = text.splitlines()
        behind_step = kind == "sh start"
    return steps


def missing_lines(shown, output):
    """The shown lines that the output does not have, but for what differs from run to run."""
    there = {_without_variables(line) for line in output.replace("\r", "").splitlines()}
    return [line for line in shown if _without_variables(line) not in there]


def _without_variables(line):
    for pattern, name in VARIABLE:
        line = re.sub(pattern, name, line)
    return line.strip()


def copy_tree(folder, stack_folder):
    """What a clone would have, with nothing built; only what was fetched is taken from here. Its stack is in
    stack_folder."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout.split(b"\0")
    files = [name for name in listed if name and os.path.exists(os.path.join(os.fsencode(ROOT), name))]
    (folder / "build").mkdir(parents=True)
    stack_folder.mkdir()
    packed = subprocess.Popen(["tar", "-cf-", "--null", "-T-"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    unpacked = subprocess.Popen(["tar", "-xf-"], cwd=folder, stdin=packed.stdout)
    packed.stdin.write(b"\0".join(files))
    packed.stdin.close()
    assert unpacked.wait(30) == 0 and packed.wait(30) == 0
    (folder / "build" / "deps").symlink_to(ROOT / "build" / "deps")
    (folder / "build" / "dev").symlink_to(stack_folder)


def newcomers_environment():
    """Without what the run of the tests itself has set; ports that nobody has."""
    ours = ("MILLRACE_", "MAKE", "MFLAGS", "PYTHON")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, "TERM": "xterm", "MILLRACE_DEV_PORTS": "auto"}
