"""What the README says works in a clean copy, typed as it stands there."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from millrace.readme import copy_tree, missing_lines, newcomers_environment, start_path
from millrace.stack import Stack
from millrace.terminal import CTRL_C, Terminal
from millrace.waiting import NotYet, wait_until

# It compiles everything, which takes longest.
DEMO_S, STOP_S, STEP_S = 75, 15, 40


@pytest.fixture
def tree(run_folder, request):
    folder, stack = run_folder / "readme-tree", Stack(run_folder / "readme-stack")
    copy_tree(folder, stack.folder)
    yield folder
    stack.down()
    if not getattr(request.node, "has_failed", False):
        shutil.rmtree(folder)
        stack.remove()


def processes_of(tree):
    """[(pid, command)] of what has the tree or its stack in its command line, or works there."""
    found = []
    beginning = str(tree.parent / "readme-")
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            place = os.readlink(process / "cwd")
        except OSError:
            continue
        if beginning in command or place.startswith(beginning):
            found.append((int(process.name), command))
    return found


def run_in_one_shell(tree, steps):
    """A person's shell keeps what it has sourced; so these are typed together. The output of the last one."""
    mark = "---- the last step ----"
    script = "\n".join([*(step.commands for step in steps[:-1]), f"echo '{mark}'", steps[-1].commands])
    done = subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=tree,
        env=newcomers_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=STEP_S,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
    return done.stdout.partition(mark)[2]


def check_demo(tree, step):
    with Terminal(["bash", "-c", step.commands], tree, newcomers_environment()) as terminal:
        terminal.read_until(lambda output: not missing_lines(step.shown, output), DEMO_S)
        terminal.type(CTRL_C)
        terminal.wait(STOP_S)
        assert "All is stopped." in terminal.output
    assert processes_of(tree) == []


def test_what_the_readme_says_works_in_a_clean_copy(tree):
    demo, up, post, *looks, down = start_path()
    assert (demo.commands, down.commands) == ("make demo\n", "make down\n") and looks and up.commands

    check_demo(tree, demo)

    source = up.commands.splitlines(keepends=True)[-1]
    sourced = type(up)(source, [])
    run_in_one_shell(tree, [up])
    assert missing_lines(post.shown, run_in_one_shell(tree, [sourced, post])) == []
    for look in looks:

        def is_shown():
            output = run_in_one_shell(tree, [sourced, look])
            return not missing_lines(look.shown, output) or NotYet(output)

        wait_until(is_shown, 10, look.commands)

    run_in_one_shell(tree, [down])
    assert processes_of(tree) == []
