"""The way into the program and out of it: an interrupt at any moment."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from program import PATIENCE_SECONDS, environment

from search_app.index.builder import build_index

# Interrupts itself at the import of this number after the program's first line, and says on stderr how many there were.
SCRIPT = """
import os, signal, sys
from search_app.__main__ import run

moment, seen = int(sys.argv.pop(1)), 0

def look(event, _):
    global seen
    if event == "import":
        seen += 1
        if seen == moment:
            os.kill(os.getpid(), signal.SIGINT)

sys.addaudithook(look)
code = run()
if moment < 0:
    os.kill(os.getpid(), signal.SIGINT)
if not moment:
    print(seen, file=sys.stderr)
sys.exit(code)
"""


@pytest.fixture
def target(archive: Path, tmp_path: Path) -> Path:
    build_index(archive, tmp_path / "index", jobs=1)
    return tmp_path / "index"


def searched(target: Path, moment: int, before: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*before, sys.executable, "-c", SCRIPT, str(moment), "search", "harbour", "--index", target],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        env=environment(),
    )


def test_an_interrupt_at_any_moment_shows_no_traceback(target: Path, rng: random.Random) -> None:
    whole = searched(target, 0)
    assert whole.returncode == 0 and whole.stdout
    last = int(whole.stderr)
    assert last > 100, "the program imports what it needs after its first line"
    for moment in (1, *sorted(rng.sample(range(2, last), 8)), last):
        done = searched(target, moment)
        assert done.returncode in (130, -signal.SIGINT), (moment, done)
        assert done.stderr.strip() in ("", "search-app: Stopped."), moment


def test_an_interrupt_on_the_way_out_shows_no_traceback(target: Path) -> None:
    done = searched(target, -1)
    assert done.returncode == -signal.SIGINT
    assert done.stderr == ""


def test_interrupts_that_are_ignored_stay_so(target: Path) -> None:
    """As below ``nohup``, and behind a script's ``&``."""
    whole = searched(target, 0)
    for moment in (1, int(whole.stderr)):
        done = searched(target, moment, ["sh", "-c", 'trap "" INT; exec "$@"', "sh"])
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.partition("\n")[2] == whole.stdout.partition("\n")[2], "but for how long it took"
