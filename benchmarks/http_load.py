"""Asking a server by many clients at once: addresses drawn from an index, and two clients to ask them with.

In: an address and paths. Out: ``Load``, what came of it. ``wrk`` is used where it is installed, since a client in
Python takes as much of the processors as the server it measures; figures of one do not compare with the other's.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from threading import Thread
from urllib.parse import quote, urlencode, urlsplit

from benchmarks.queries import plain_words
from search_app.engine import SearchRequest, open_engine

SCRIPT = Path(__file__).with_name("load.lua")
WRK, PYTHON = "wrk", "python"
TIMEOUT_SECONDS = 10.0
MOST_THREADS = 2


@dataclass(frozen=True, slots=True)
class Load:
    """What came of a time of asking. errors : no answer, a broken one, one after 10 s, or a status of 400 and more."""

    clients: int
    requests: int
    seconds: float
    median_ms: float
    p99_ms: float
    slowest_ms: float
    errors: int

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return self.requests / self.seconds if self.seconds else 0.0


def find_client() -> str:
    """Return the client to ask with: wrk where it is installed."""
    return WRK if shutil.which(WRK) else PYTHON


def ask(client: str, url: str, paths: Sequence[str], clients: int, seconds: float) -> Load:
    """Ask the paths below an address in turn with so many clients for so long, each waiting for its answer.

    Raises RuntimeError where wrk is asked for and is not installed, or fails.
    """
    if client == PYTHON:
        return _ask_with_threads(url, paths, clients, seconds)
    if shutil.which(WRK) is None:
        raise RuntimeError("wrk is not installed: install it (Debian: apt install wrk), or use --client python")
    return _ask_with_wrk(url, paths, clients, seconds)


def _ask_with_wrk(url: str, paths: Sequence[str], clients: int, seconds: float) -> Load:
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="ascii") as file:
        file.write("\n".join(paths) + "\n")
        file.flush()
        command = [WRK, "--connections", str(clients), "--threads", str(min(clients, MOST_THREADS))]
        command += ["--duration", f"{max(round(seconds), 1)}s", "--timeout", f"{TIMEOUT_SECONDS:.0f}s"]
        done = subprocess.run(
            [*command, "--script", str(SCRIPT), url, "--", file.name], capture_output=True, text=True, check=False
        )
    if done.returncode or not done.stdout.strip().endswith("}"):
        raise RuntimeError(f"wrk failed: {done.stderr.strip() or done.stdout.strip()}")
    told = json.loads(done.stdout.strip().splitlines()[-1])
    del told["bytes"]
    return Load(clients=clients, **told)


def _ask_with_threads(url: str, paths: Sequence[str], clients: int, seconds: float) -> Load:
    parts = urlsplit(url)
    times: list[float] = []
    errors: list[str] = []
    end = time.monotonic() + seconds

    def one(number: int) -> None:
        connection = HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
        place = number * 37
        while time.monotonic() < end:
            path = paths[place % len(paths)]
            place += 1
            began = time.perf_counter()
            try:
                connection.request("GET", path)
                answer = connection.getresponse()
                answer.read()
            except (OSError, HTTPException) as error:
                errors.append(f"{path}: {error}")
                connection.close()
                continue
            times.append((time.perf_counter() - began) * 1000)
            if answer.status >= 400:
                errors.append(f"{path}: status {answer.status}")
        connection.close()

    began = time.monotonic()
    threads = [Thread(target=one, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = time.monotonic() - began
    times.sort()
    if not times:
        return Load(clients, 0, taken, 0.0, 0.0, 0.0, len(errors))
    middle, late = times[len(times) // 2], times[min(int(len(times) * 0.99), len(times) - 1)]
    return Load(clients, len(times), taken, middle, late, times[-1], len(errors))


def draw_paths(index: Path, seed: int, count: int = 400) -> list[str]:
    """Return addresses as visitors ask for them, drawn from an index with a seed.

    Of ten: four result pages (words of a headline; one of them narrowed to a context, one later page), two of the same
    as JSON, one completion, two articles, one day. Raises ValueError for an index without plain words.
    """
    rng = random.Random(f"load {seed}")
    engine = open_engine(index)
    try:
        pages = engine.search(SearchRequest(per_page=100, facets=())).pages
        numbers = rng.sample(range(1, pages + 1), min(pages, 20))
        asked = [SearchRequest(page=number, per_page=100, facets=(), sort="newest") for number in numbers]
        hits = [hit for request in asked for hit in engine.search(request).hits]
    finally:
        engine.close()
    worded = [(hit, words) for hit in hits if len(words := plain_words(hit.headline)) >= 2]
    if not worded:
        raise ValueError("this index has no headline with two plain words")
    paths = []
    for number in range(count):
        hit, words = rng.choice(worded)
        text = " ".join(rng.sample(words, rng.choice((1, 2, 2))))
        match number % 10:
            case 0 | 1:
                paths.append(f"/search?{urlencode({'q': text})}")
            case 2:
                named = {"context": rng.choice(hit.contexts)} if hit.contexts else {}
                paths.append(f"/search?{urlencode({'q': text, **named})}")
            case 3:
                paths.append(f"/search?{urlencode({'from': hit.date.year, 'page': 2})}")
            case 4 | 5:
                paths.append(f"/api/search?{urlencode({'q': text})}")
            case 6:
                paths.append(f"/api/suggest?{urlencode({'q': words[0][:3]})}")
            case 7 | 8:
                paths.append(quote(hit.path, safe="/") + ".html")
            case _:
                paths.append(f"/news/{hit.date.year:04d}/{hit.date.month:02d}/{hit.date.day}/")
    return paths
