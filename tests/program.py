"""The program as tests run it: a command within this process where what it says and its exit code count, in a process
of its own where the process itself does; a server and the questions it is asked.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, chdir, contextmanager, nullcontext, redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from search_app.cli import main
from search_app.settings import PREFIX

REPOSITORY = Path(__file__).resolve().parent.parent
TESTS = REPOSITORY / "tests"
# How long anything is waited for that comes in a second on a machine with nothing else to do.
PATIENCE_SECONDS = 60


def environment(**changes: str) -> dict[str, str]:
    """Return this process's environment without settings, and with ours to import."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return {**kept, "PYTHONPATH": f"{REPOSITORY}{os.pathsep}{TESTS}", **changes}


def command(*arguments: object) -> list[str]:
    """Return the command line of the program."""
    return [sys.executable, "-m", "search_app", *map(str, arguments)]


def run(*arguments: object, cwd: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command within this process, which spares the start of another, and return what it left behind."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with pytest.MonkeyPatch.context() as patch, chdir(cwd) if cwd else nullcontext():
        for name, value in variables.items():
            patch.setenv(name, value)
        with redirect_stdout(out), redirect_stderr(err):
            code = main([str(argument) for argument in arguments])
    told = (stream.buffer.getvalue().decode() for stream in (out, err))  # type: ignore[attr-defined]
    return subprocess.CompletedProcess(command(*arguments), code, *told)


def run_process(*arguments: object, cwd: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command as cron does, in a process of its own."""
    return subprocess.run(
        command(*arguments),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE_SECONDS,
        cwd=cwd,
        env=environment(**variables),
    )


def assert_one_sentence(done: subprocess.CompletedProcess[str], code: int, *parts: str) -> None:
    """The command failed with one line on stderr that says these things, and with nothing on stdout."""
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("search-app: ")
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
    for part in parts:
        assert part in done.stderr


# -- servers -------------------------------------------------------------------------------------------------------


@contextmanager
def started(arguments: Sequence[str], **variables: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start a server that prints ``Serving on`` and its address; yield both. It is killed at the end."""
    process = subprocess.Popen(
        arguments,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(**variables),
        start_new_session=True,
    )
    try:
        yield process, address_of(process)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def address_of(process: subprocess.Popen[str]) -> str:
    """Return the address that a process prints; one that prints none is killed."""
    assert process.stdout is not None
    late = threading.Timer(PATIENCE_SECONDS, process.kill)
    late.start()
    try:
        for line in process.stdout:
            if found := re.match(r"Serving on (http://\S+/)", line):
                return found[1]
    finally:
        late.cancel()
        late.join()
    process.kill()
    raise AssertionError(f"no address was printed: {process.communicate()}")


def serving(*arguments: object, **variables: str) -> AbstractContextManager[tuple[subprocess.Popen[str], str]]:
    """Run a command that serves, as ``started`` does."""
    return started(command(*arguments), **variables)


def get(url: str) -> tuple[int, str]:
    """Return status and text of an address, over a connection of its own."""
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE_SECONDS) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


# -- processes -----------------------------------------------------------------------------------------------------


def wait_until(holds: Callable[[], object]) -> None:
    """Return as soon as something holds."""
    late = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < late, "it did not come about in time"
        time.sleep(0.02)


def runs(pid: int) -> bool:
    """Return whether a process runs: one that has ended and that nobody has asked about does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def children_of(pid: int) -> list[int]:
    """Return the processes that a process has started and that still run."""
    try:
        told = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [int(child) for child in told if runs(int(child))]


needs_proc = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs /proc to find processes")
