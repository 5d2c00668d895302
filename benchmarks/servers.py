"""Production servers side by side on this application: ``search-app serve``, gunicorn as it comes, granian, waitress.

    pip install -e '.[bench]'
    python benchmarks/servers.py --index INDEX

Every server is started on the same index, given the same questions by 1, 8 and 64 clients, then asked a quick question
while slow clients hold connections open whose requests never come, then told to stop while an export is being read, and
several times while clients connect anew for each question.
Prints a Markdown table. Linux only.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import os
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.http_load import Load, ask, draw_paths, find_client
from benchmarks.processes import family, memory_of, running_program

WORKERS, THREADS = 2, 4
CLIENTS = (1, 8, 64)
ROUND_SECONDS = 2.0
SLOW_CLIENTS = 32
QUICK_QUESTIONS = 8
STOPS, CALLERS = 5, 24
PATIENCE_SECONDS = 20.0
FACTORY = "search_app.web.app:create_app"


@dataclass(frozen=True, slots=True)
class Server:
    """A server to try. command : with PORT in place of the port. package : what must be installed."""

    name: str
    package: str
    command: tuple[str, ...]


SERVERS = (
    Server(
        "search-app serve",
        "gunicorn",
        ("-m", "search_app", "serve", "--port", "PORT", "--workers", str(WORKERS)),
    ),
    Server(
        "gunicorn gthread, as it comes",
        "gunicorn",
        tuple(
            f"-m gunicorn {FACTORY}() --preload -k gthread -w {WORKERS} --threads {THREADS} -b 127.0.0.1:PORT "
            "--graceful-timeout 5".split()
        ),
    ),
    Server(
        "gunicorn sync",
        "gunicorn",
        tuple(
            f"-m gunicorn {FACTORY}() --preload -k sync -w {WORKERS * THREADS} -b 127.0.0.1:PORT "
            "--graceful-timeout 5".split()
        ),
    ),
    Server(
        "granian",
        "granian",
        tuple(
            f"-m granian --interface wsgi --factory {FACTORY} --port PORT --no-log "
            f"--workers {WORKERS} --blocking-threads {THREADS}".split()
        ),
    ),
    Server(
        "waitress",
        "waitress",
        ("-m", "waitress", "--call", "--listen", "127.0.0.1:PORT", "--threads", str(WORKERS * THREADS), FACTORY),
    ),
)


@dataclass
class Figures:
    """What one server did."""

    name: str
    loads: list[Load] = field(default_factory=list)
    private_mb: float = 0.0
    beside_slow_ms: float | None = None
    export_finished: str = ""
    broken_by_stops: int = 0


@contextlib.contextmanager
def running(server: Server, index: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a server on a free port; yield its process and address. Raises RuntimeError where it does not answer."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, *(part.replace("PORT", str(port)) for part in server.command)]
    url = f"http://127.0.0.1:{port}"
    with running_program(command, {"SEARCH_APP_INDEX": str(index)}) as process:
        late = time.monotonic() + PATIENCE_SECONDS
        while not _answers(f"{url}/readyz"):
            if process.poll() is not None or time.monotonic() > late:
                raise RuntimeError(f"{server.name} does not answer")
            time.sleep(0.1)
        yield process, url


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def beside_slow_clients(url: str) -> float | None:
    """Return how long the slowest of some quick questions takes beside slow clients; None where one has no answer.

    Each slow client has sent half a request. Several questions, since one may meet a process that no slow client met.
    """
    parts = urlsplit(url)
    with contextlib.ExitStack() as held:
        for _ in range(SLOW_CLIENTS):
            line = held.enter_context(socket.create_connection((parts.hostname or "", parts.port or 0)))
            line.sendall(b"GET /search?q=slow HTTP/1.1\r\nHost: here\r\nX-Never: ")
        time.sleep(0.5)
        slowest = 0.0
        for _ in range(QUICK_QUESTIONS):
            began = time.perf_counter()
            try:
                with urllib.request.urlopen(f"{url}/healthz", timeout=PATIENCE_SECONDS) as answer:
                    answer.read()
            except OSError:
                return None
            slowest = max(slowest, (time.perf_counter() - began) * 1000)
        return slowest


def stop_during_an_export(process: subprocess.Popen[str], url: str) -> str:
    """Tell a server to stop while an export is being read slowly; return whether its reader got all of it."""
    parts = urlsplit(url)
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.settimeout(PATIENCE_SECONDS)
        line.connect((parts.hostname or "", parts.port or 0))
        line.sendall(b"GET /export.jsonl?per_page=1 HTTP/1.0\r\n\r\n")
        taken = [line.recv(4096)]
        began = time.monotonic()
        stopper = threading.Timer(0.2, process.terminate)
        stopper.start()
        try:
            # For two seconds a trickle, then as fast as it comes: three to four seconds in all.
            while chunk := line.recv(1 << 20):
                taken.append(chunk)
                if time.monotonic() - began < 2:
                    time.sleep(0.1)
        except OSError:
            return "broken off"
        finally:
            stopper.join()
    lines = b"".join(taken).count(b"\n{") + 1
    return f"{lines:,} lines in {time.monotonic() - began:.1f} s"


def stop_under_load(process: subprocess.Popen[str], url: str) -> int:
    """Tell a server to stop while clients connect for each question; return how many it neither answers nor refuses."""
    broken: list[str] = []
    callers = [threading.Thread(target=_call, args=(url, broken)) for _ in range(CALLERS)]
    for caller in callers:
        caller.start()
    time.sleep(1)
    process.terminate()
    for caller in callers:
        caller.join()
    return len(broken)


def _call(url: str, broken: list[str]) -> None:
    """Ask until there is no answer, and note why unless it is a refusal."""
    parts = urlsplit(url)
    try:
        while True:
            with socket.create_connection((parts.hostname or "", parts.port or 0), PATIENCE_SECONDS) as line:
                line.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
                taken = line.recv(1 << 20)
                while taken and (more := line.recv(1 << 20)):
                    taken += more
            if b" 200 " not in taken[:20]:
                raise ConnectionError("no answer")
    except ConnectionRefusedError:
        return
    except OSError as error:
        broken.append(str(error))


def measure(servers: Sequence[Server], index: Path, paths: Sequence[str], rounds: int) -> list[Figures]:
    """Return the figures of servers, which are asked in turn, so that what else the machine does hits all alike."""
    found = [Figures(f"{server.name} {version(server.package)}") for server in servers]
    client = find_client()
    with contextlib.ExitStack() as up:
        running_ones = [up.enter_context(running(server, index)) for server in servers]
        for _, url in running_ones:
            ask(client, url, paths, WORKERS * THREADS, 2.0)
        told: dict[tuple[int, int], list[Load]] = {}
        for turn in range(rounds):
            for clients in CLIENTS:
                for step in range(len(servers)):
                    number = (turn + step) % len(servers)
                    load = ask(client, running_ones[number][1], paths, clients, ROUND_SECONDS)
                    told.setdefault((number, clients), []).append(load)
        for number, figures in enumerate(found):
            figures.loads = [middle(told[number, clients]) for clients in CLIENTS]
            figures.private_mb = sum(memory_of(one).private for one in family(running_ones[number][0].pid)) / 1e6
    for server, figures in zip(servers, found, strict=True):
        with running(server, index) as (_, url):
            figures.beside_slow_ms = beside_slow_clients(url)
        with running(server, index) as (process, url):
            figures.export_finished = stop_during_an_export(process, url)
        for _ in range(STOPS):
            with running(server, index) as (process, url):
                figures.broken_by_stops += stop_under_load(process, url)
    return found


def middle(loads: Sequence[Load]) -> Load:
    """Return the loads of one server and one number of clients as one: the round of the median, the errors of all."""
    chosen = sorted(loads, key=lambda load: load.per_second)[len(loads) // 2]
    return replace(chosen, errors=sum(load.errors for load in loads))


def table(found: Sequence[Figures]) -> str:
    """Return the figures as a Markdown table, a server a column."""
    rows: list[tuple[str, list[str]]] = []
    for number, clients in enumerate(CLIENTS):
        loads = [figures.loads[number] for figures in found]
        rows.append((f"answers a second, {clients} clients", [f"{load.per_second:,.0f}" for load in loads]))
        rows.append(("median, 99 % within", [f"{load.median_ms:.1f}, {load.p99_ms:.0f} ms" for load in loads]))
        rows.append(("errors, all rounds", [str(load.errors) for load in loads]))
    rows.append(("private memory, all processes", [f"{figures.private_mb:.0f} MB" for figures in found]))
    beside = [figures.beside_slow_ms for figures in found]
    rows.append((
        f"`/healthz` beside {SLOW_CLIENTS} half-sent requests",
        ["none in 20 s" if ms is None else f"{ms:,.0f} ms" for ms in beside],
    ))  # fmt: skip
    rows.append(("an export read slowly through a stop", [figures.export_finished for figures in found]))
    broken = [str(figures.broken_by_stops) for figures in found]
    rows.append((f"clients broken off by {STOPS} stops, of {STOPS * CALLERS} that ask all the time", broken))
    lines = ["| what | " + " | ".join(figures.name for figures in found) + " |", "| --- " * (len(found) + 1) + "|"]
    lines += [f"| {name} | " + " | ".join(cells) + " |" for name, cells in rows]
    return "\n".join(lines)


def run(arguments: Sequence[str]) -> str:
    """Measure what the command line asks for and return the report."""
    parser = argparse.ArgumentParser(description="Try production servers on this application; prints Markdown.")
    parser.add_argument("--index", type=Path, required=True, help="folder of the index to serve")
    parser.add_argument(
        "--only", default="", metavar="WORDS", help="servers whose names hold one of these, with commas"
    )
    parser.add_argument("--rounds", type=int, default=7, help="of two seconds for each server and number of clients")
    options = parser.parse_args(arguments)
    wanted = [word for word in options.only.split(",") if word]
    chosen = [server for server in SERVERS if not wanted or any(re.search(word, server.name) for word in wanted)]
    missing = sorted({server.package for server in chosen if importlib.util.find_spec(server.package) is None})
    index = options.index.resolve()
    there = [server for server in chosen if server.package not in missing]
    found = measure(there, index, draw_paths(index, seed=1), options.rounds)
    lines = [
        f"{date.today()}, {os.cpu_count()} cores, load of the machine {os.getloadavg()[0]:.1f}, "
        f"asked with {find_client()}; {WORKERS} processes of {THREADS} threads each, or as many in all:",
        "",
        table(found),
    ]
    if missing:
        lines += ["", f"Not installed and left out: {', '.join(missing)}. pip install -e '.[bench]' installs them."]
    return "\n".join(lines)


if __name__ == "__main__":
    try:
        print(run(sys.argv[1:]))
    except (RuntimeError, ValueError) as trouble:
        sys.exit(f"servers.py: {trouble}")
