"""Load on a served index: answers a second, median, 99th percentile and errors at 1, 8 and 64 clients; and a soak.

    python benchmarks/load.py --index INDEX                          # starts search-app serve on it
    python benchmarks/load.py --index INDEX --url http://host:8000/  # asks one that runs; INDEX is for the questions
    python benchmarks/load.py --index INDEX --soak 300               # and 8 clients for five minutes, memory watched

Prints Markdown. Linux only, whose ``/proc`` tells the memory and the open files.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.http_load import PYTHON, WRK, Load, ask, draw_paths, find_client
from benchmarks.processes import Server, memory_of, serving

SOAK_CLIENTS = 8
SOAK_STEPS = 10
MEGABYTE = 1e6


@dataclass(frozen=True, slots=True)
class Held:
    """What one process holds: bytes resident, of them private; open files; threads."""

    resident: int
    private: int
    files: int
    threads: int


def held_by(process: int) -> Held:
    """Return what a process holds now, zeros where it is gone."""
    memory = memory_of(process)
    folder = Path(f"/proc/{process}")
    try:
        files, threads = len(list((folder / "fd").iterdir())), len(list((folder / "task").iterdir()))
    except OSError:
        files = threads = 0
    return Held(memory.resident, memory.private, files, threads)


def load_table(loads: Sequence[Load]) -> str:
    """Return loads as a Markdown table."""
    lines = ["| clients | answers a second | median | 99 % within | slowest | errors |", "| --- " * 6 + "|"]
    lines += [
        f"| {load.clients} | {load.per_second:,.0f} | {load.median_ms:.1f} ms | {load.p99_ms:.1f} ms "
        f"| {load.slowest_ms:.0f} ms | {load.errors} of {load.requests:,} |"
        for load in loads
    ]
    return "\n".join(lines)


def soak(url: str, paths: Sequence[str], workers: Sequence[int], client: str, seconds: float) -> str:
    """Ask for a long time and return what every worker held before, meanwhile and after, as Markdown.

    The first look is taken after a tenth of the time, when every worker has answered every kind of question.
    """
    seen: list[list[Held]] = []
    errors = requests = 0
    steps = max(min(SOAK_STEPS, int(seconds)), 1)
    for _ in range(steps):
        load = ask(client, url, paths, SOAK_CLIENTS, seconds / steps)
        errors, requests = errors + load.errors, requests + load.requests
        seen.append([held_by(worker) for worker in workers])
    lines = [
        f"{SOAK_CLIENTS} clients for {seconds:.0f} s: {requests:,} requests, {errors} errors.",
        "",
        "| worker | resident, after a tenth → half → all | of it private | open files | threads |",
        "| --- " * 5 + "|",
    ]
    for number in range(len(workers)):
        looks = [seen[0][number], seen[steps // 2][number], seen[-1][number]]
        cells = [
            " → ".join(f"{look.resident / MEGABYTE:.1f}" for look in looks) + " MB",
            " → ".join(f"{look.private / MEGABYTE:.1f}" for look in looks) + " MB",
            " → ".join(str(look.files) for look in looks),
            " → ".join(str(look.threads) for look in looks),
        ]
        lines.append(f"| {number + 1} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


@contextmanager
def _served(options: argparse.Namespace) -> Iterator[tuple[str, Server | None]]:
    if options.url:
        yield options.url.rstrip("/"), None
        return
    with serving(options.index, options.workers) as server:
        yield server.url, server


def read_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Put load on a served index; prints Markdown.")
    parser.add_argument("--index", type=Path, required=True, help="folder of the index; questions are drawn from it")
    parser.add_argument("--url", default="", help="a server that runs already, on this index")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="of the server that is started")
    parser.add_argument("--clients", default="1,8,64", metavar="NUMBERS", help="with commas")
    parser.add_argument("--seconds", type=float, default=10.0, help="for each number of clients")
    parser.add_argument("--soak", type=float, default=0.0, metavar="SECONDS", help="afterwards; 300 is usual")
    parser.add_argument("--client", choices=("auto", WRK, PYTHON), default="auto", help="what to ask with")
    parser.add_argument("--seed", type=int, default=1, help="of the questions")
    return parser.parse_args(arguments)


def run(arguments: Sequence[str]) -> str:
    """Measure what the command line asks for and return the report."""
    options = read_arguments(arguments)
    client = find_client() if options.client == "auto" else options.client
    if client == PYTHON:
        print("Asking in Python, which takes as much of the processors as the server; wrk would not.", file=sys.stderr)
    paths = draw_paths(options.index, options.seed)
    with _served(options) as (url, server):
        ask(client, url, paths, SOAK_CLIENTS, 2.0)
        workers = server.workers if server else []
        loads = [ask(client, url, paths, int(clients), options.seconds) for clients in options.clients.split(",")]
        busy = f"load of the machine {os.getloadavg()[0]:.1f}, its own included"
        served = f"{len(workers) or 'unknown'} workers, asked with {client}, {busy}:"
        lines = [
            f"{date.today()}, {os.cpu_count()} cores, {served}",
            "",
            load_table(loads),
        ]
        if options.soak and not workers:
            raise ValueError("--soak needs a server that it starts itself: leave --url out")
        if options.soak:
            time.sleep(0.5)
            lines += ["", soak(url, paths, workers, client, options.soak)]
    return "\n".join(lines)


if __name__ == "__main__":
    try:
        print(run(sys.argv[1:]))
    except (RuntimeError, ValueError) as trouble:
        sys.exit(f"load.py: {trouble}")
