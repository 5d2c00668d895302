"""Processes: running a child while watching its memory, and a server while asking it over HTTP. Linux only.

In: a command line. Out: what it printed, the memory it took, or an address to ask.
"""

from __future__ import annotations

import json
import os
import re
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from threading import Event, Thread
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SAMPLE_SECONDS = 0.5
START_SECONDS = 60.0
STOP_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of a process: ``resident`` in all, mapped files included; ``shared``, its fair share of them (PSS);
    ``private``, what no file backs."""

    resident: int
    shared: int
    private: int


def memory_of(process: int | str) -> Memory:
    """Return the memory of a process, 0 where it is gone."""
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return Memory(0, 0, 0)
    found = {name: int(value) * 1024 for name, value in re.findall(r"^(\w+): +(\d+) kB", text, re.MULTILINE)}
    return Memory(found.get("Rss", 0), found.get("Pss", 0), found.get("Anonymous", 0))


def most_resident() -> int:
    """Return the most bytes that this process ever had resident.

    ``ru_maxrss`` is no less than what its parent held when it started this one, which may be more.
    """
    text = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    found = re.search(r"^VmHWM:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def family(process: int) -> list[int]:
    """Return a process and all its descendants."""
    try:
        tasks = list(Path(f"/proc/{process}/task").iterdir())
        children = [int(n) for task in tasks for n in (task / "children").read_text(encoding="ascii").split()]
    except OSError:
        return [process]
    return [process, *(one for child in children for one in family(child))]


def run_child(*arguments: str) -> dict[str, Any]:
    """Run ``benchmarks.child`` and return what it printed, with ``peak``: the most memory its processes had together.

    The memory of all processes, shared pages counted once, is looked at twice a second; the most that the child alone
    ever had, where it says so as ``own``, is the least that it can be. Raises CalledProcessError where the child fails.
    """
    command = [sys.executable, "-m", "benchmarks.child", *arguments]
    child = subprocess.Popen(command, cwd=ROOT, env=_environment(), stdout=subprocess.PIPE, text=True)
    peak = 0
    done = Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(SAMPLE_SECONDS):
            peak = max(peak, sum(memory_of(process).shared for process in family(child.pid)))

    watcher = Thread(target=watch, daemon=True)
    watcher.start()
    try:
        output, _ = child.communicate()
    finally:
        done.set()
        watcher.join()
        if child.poll() is None:
            child.kill()
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command)
    printed = json.loads(output.splitlines()[-1])
    return {**printed, "peak": max(peak, printed.get("own", 0))}


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SEARCH_APP_")}
    return {**kept, "PYTHONPATH": str(ROOT)}


class Server:
    """A running server at ``url``: ``get`` asks it over one kept connection; ``workers`` are its serving processes."""

    def __init__(self, process: int, host: str, port: int) -> None:
        self._process = process
        self.url = f"http://{host}:{port}"
        self._connection = HTTPConnection(host, port, timeout=30)

    def get(self, path: str) -> bytes:
        """Return the body of an answer. Raises RuntimeError where its status is not 200."""
        self.connect()
        self._connection.request("GET", path)
        response = self._connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise RuntimeError(f"{path}: status {response.status}")
        return body

    def connect(self) -> None:
        """Connect, anew where the server has ended a connection that lay idle for too long.

        ``get`` does so by itself; whoever times it does it before, so that connecting is not timed.
        """
        line = self._connection.sock
        if line is not None and select.select([line], [], [], 0)[0]:
            self._connection.close()
        if self._connection.sock is None:
            self._connection.connect()

    @property
    def workers(self) -> list[int]:
        """The processes that answer requests."""
        return family(self._process)[1:]

    def close(self) -> None:
        """End the connection."""
        self._connection.close()


FORGETFUL = {"SEARCH_APP_REMEMBERED_ANSWERS": "0"}
"""What is asked several times to be timed is asked of a server that keeps no answers."""


@contextmanager
def serving(index: Path, workers: int = 1, variables: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Serve an index with ``search-app serve``, as people do, for as long as the block lasts.

    variables : added to the environment; ``FORGETFUL`` for a server that works out every answer anew.
    Raises RuntimeError where no address is printed within a minute.
    """
    command = [sys.executable, "-u", "-m", "search_app", "serve", "--index", str(index), "--port", "0"]
    command += ["--workers", str(workers)]
    with (
        running_program(command, variables, stdout=subprocess.PIPE, stderr=None) as process,
        closing(Server(process.pid, *_address(process))) as server,
    ):
        yield server


@contextmanager
def serving_at(command: list[str]) -> Iterator[Server]:
    """Run a server that takes ``--port``, on a free one, for as long as the block lasts. What it prints is dropped.

    Raises RuntimeError where it does not take connections within a minute.
    """
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = int(held.getsockname()[1])
    with running_program([*command, "--port", str(port)]) as process:
        _wait_for(process, port)
        with closing(Server(process.pid, "127.0.0.1", port)) as server:
            yield server


@contextmanager
def running_program(
    command: list[str],
    variables: Mapping[str, str] | None = None,
    *,
    stdout: int = subprocess.DEVNULL,
    stderr: int | None = subprocess.DEVNULL,
) -> Iterator[subprocess.Popen[str]]:
    """Run a program for as long as the block lasts, and then let it stop for a while before it is killed."""
    environment = {**_environment(), **(variables or {})}
    with subprocess.Popen(command, cwd=ROOT, env=environment, text=True, stdout=stdout, stderr=stderr) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_for(process: subprocess.Popen[str], port: int) -> None:
    late = time.monotonic() + START_SECONDS
    while time.monotonic() < late and process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), 1):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"{' '.join(process.args)}: takes no connections")  # type: ignore[arg-type]


def _address(process: subprocess.Popen[str]) -> tuple[str, int]:
    late = time.monotonic() + START_SECONDS
    lines = process.stdout
    while lines is not None and time.monotonic() < late and (line := lines.readline()):
        if found := re.search(r"http://([\w.]+):(\d+)", line):
            return found[1], int(found[2])
    raise RuntimeError("the server did not say where it listens")
