"""Serving while an index is rebuilt again and again: every answer comes from one generation, and nothing grows.

``STORM_REQUESTS=10000`` and ``GENERATIONS=1000`` make long runs of it.
"""

from __future__ import annotations

import csv
import http.client
import itertools
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from editions import ARTICLES, EDITION, articles_of, write_edition
from program import PATIENCE_SECONDS, TESTS, environment
from story_archive import write_stories, write_story
from test_serving import serving

from search_app.engine import embedded
from search_app.engine.request import SearchRequest
from search_app.engine.search import Searcher
from search_app.index.builder import build_index
from search_app.index.generation import open_snapshot
from search_app.index.manifest import SEGMENTS
from search_app.settings import load_settings
from search_app.web.app import create_app

REQUESTS = int(os.environ.get("STORM_REQUESTS", "800"))
GENERATIONS = int(os.environ.get("GENERATIONS", "200"))
# A storm lasts until so many have answered, however quick the requests or slow the rebuilds.
GENERATIONS_SEEN = 4
CLIENTS = 8
PICKED_UP_SECONDS = 2.0


# -- a snapshot that is held ---------------------------------------------------------------------------------------


def test_a_snapshot_held_through_twenty_rebuilds_answers_the_same_bytes(tmp_path: Path) -> None:
    """Its files have long gone from the folder; what it opened is what it keeps, and what it had not yet looked at."""
    stories, index = write_stories(tmp_path / "stories"), tmp_path / "index"
    build_index(stories, index, jobs=1)
    requests = [SearchRequest(per_page=100), SearchRequest("quay opens"), SearchRequest('"more is known" OR qua*')]

    def said(by: Searcher) -> str:
        results = [replace(by.search(request, date(2031, 11, 1)), took_ms=0.0) for request in requests]
        return repr([*results, by.suggester.find("qu", 5), by.snapshot.dates])

    held, untouched, alone = (Searcher(open_snapshot(index), load_settings({})) for _ in range(3))
    before = said(alone)
    assert said(held) == before
    streamed = held.stream(requests[0], date(2031, 11, 1)).hits
    first = next(streamed)
    for rebuild in range(20):
        write_story(stories, rebuild % 28 + 1, f"Rebuilt {rebuild}", "All is new.")
        assert build_index(stories, index, jobs=1, full=rebuild % 2 == 1).published
        assert said(held) == before, rebuild
    assert not {path.name for path in (index / SEGMENTS).iterdir()} & {
        segment.name for segment in held.snapshot.segments
    }
    assert said(untouched) == before
    hits = held.search(requests[0], date(2031, 11, 1)).hits
    assert [hit.path for hit in (first, *streamed)] == [hit.path for hit in hits]


# -- nothing grows -------------------------------------------------------------------------------------------------

_GENERATIONS = """
import json, os, random, re, shutil, sys, threading
from dataclasses import replace
from pathlib import Path
from index_making import publish
from random_articles import random_articles
from search_app.engine.embedded import EmbeddedEngine
from search_app.engine import embedded
from search_app.engine.request import SearchRequest
from search_app.index.files import FileSystem
from search_app.index.generation import prune
from search_app.index.manifest import write_manifest

def held():
    status = Path("/proc/self/status").read_text()
    maps = Path("/proc/self/maps").read_text()
    return {
        "kilobytes": int(re.search(r"RssAnon:\\s+(\\d+)", status)[1]),
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "maps": maps.count(str(index)),
        "threads": threading.active_count(),
    }

os.fsync = lambda descriptor: None  # How long the disk takes is of no interest here.
index, generations = Path(sys.argv[1]), int(sys.argv[2])
(index / "segments").mkdir(parents=True)
editions = [random_articles(random.Random(n), 90) for n in range(3)]
made = [publish(index.with_name(f"made{n}"), some[:50], some[50:]) for n, some in enumerate(editions)]
engine = EmbeddedEngine(index)
told = []
for generation in range(1, generations + 1):
    articles, manifest = editions[generation % 3], made[generation % 3]
    entries = []
    for entry in manifest.segments:
        name = f"{generation:08d}{entry.name[8:]}"
        shutil.copy(index.with_name(f"made{generation % 3}") / "segments" / entry.name, index / "segments" / name)
        entries.append(replace(entry, name=name))
    write_manifest(index, replace(manifest, generation=generation, segments=tuple(entries)), FileSystem())
    prune(index, FileSystem())
    engine.refresh()
    for q in ("harbour", "*ri*", "strik~", '"of the"', ""):
        assert engine.search(SearchRequest(q=q)).generation == generation
    engine.suggest("ha")
    engine.article(articles[0].path)
    told.append(held())
print(json.dumps(told))
"""


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="this system does not tell what a process holds")
def test_memory_and_descriptors_are_flat_over_two_hundred_generations(tmp_path: Path) -> None:
    """Descriptors, maps and threads to the last one; memory of its own, once warm, within two megabytes."""
    done = subprocess.run(
        [sys.executable, "-c", _GENERATIONS, str(tmp_path / "index"), str(GENERATIONS)],
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: list[dict[str, int]] = json.loads(done.stdout)
    assert len(told) == GENERATIONS
    for what in ("descriptors", "maps", "threads"):
        assert {held[what] for held in told} == {told[0][what]}, what
    assert told[0]["maps"] == 2
    warm = told[GENERATIONS // 4 : GENERATIONS // 2]
    late = told[-GENERATIONS // 4 :]
    grown = max(held["kilobytes"] for held in late) - max(held["kilobytes"] for held in warm)
    print(f"{GENERATIONS} generations: {late[-1]}, grown by {grown} kB since the first half")
    assert grown < 2048


# -- over HTTP -----------------------------------------------------------------------------------------------------


def one_edition(text: str) -> int:
    """Return the edition that a text speaks of. Raises ValueError where it is not one."""
    editions = {int(found) for found in EDITION.findall(text)}
    if len(editions) != 1:
        raise ValueError(f"editions {sorted(editions)}")
    return editions.pop()


def plain(text: str) -> None:
    """A page of one edition."""
    one_edition(text)


def searched(text: str) -> None:
    """A search for everything: one edition, and its number of articles however they are counted."""
    answer = json.loads(text)
    edition = one_edition(text)
    counts = {bucket["count"] for name in ("topic", "source") for bucket in answer["facets"][name]}
    counts |= {answer["total"], len(answer["hits"]), sum(bar["count"] for bar in answer["histogram"]["buckets"])}
    if counts != {articles_of(edition)}:
        raise ValueError(f"edition {edition} has {articles_of(edition)} articles; counted were {counts}")
    generation_of[answer["generation"]].add(edition)


def counted(text: str) -> None:
    """All values of the topic: one, with all articles."""
    (value,) = json.loads(text)["values"]
    if value["count"] != articles_of(one_edition(value["value"])):
        raise ValueError(f"{value}")


def exported(text: str) -> None:
    """Every hit, a line each."""
    if text.count("\n") != articles_of(one_edition(text)):
        raise ValueError(f"edition {one_edition(text)} in {text.count(chr(10))} lines")


def anything(text: str) -> None:
    """An answer without articles."""


generation_of: dict[int, set[int]] = {}
ADDRESSES: tuple[tuple[str, Callable[[str], None]], ...] = (
    ("/api/search?per_page=100", searched),
    ("/api/search?per_page=100&q=quay", searched),
    ("/api/search?per_page=100&q=nobody+knew&sort=oldest", searched),
    ("/search?q=quay", plain),
    ("/search?q=opens&sort=newest&page=2", plain),
    ("/", plain),
    ("/api/facets/topic", counted),
    ("/api/suggest?q=harb", plain),
    ("/news/2031/10/1/story-0.html", plain),
    ("/news/2031/10/2/story-1.json", plain),
    ("/news/2031/10/", plain),
    ("/news/2031/10/3/index.html", plain),
    ("/feed.atom?q=quay", plain),
    ("/export.jsonl", exported),
    ("/export/facets.csv", plain),
    ("/api/status", anything),
    ("/readyz", anything),
)


@pytest.mark.parametrize(
    "address",
    [*(address for address, check in ADDRESSES if check is not anything), "/topic/{topic}"],
)
def test_a_request_finishes_on_the_generation_it_began_with(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it asks the engine first, another edition is published before it asks the next question."""
    archive, index = tmp_path / "archive", tmp_path / "index"
    editions = iter(range(1, 100))

    def publish_next() -> None:
        write_edition(archive, next(editions))
        build_index(archive, index, jobs=1)

    publish_next()
    monkeypatch.setattr(embedded, "CHECK_SECONDS", 0.0)
    client = create_app({**load_settings({}, index=str(index)), "TESTING": True}).test_client()
    for name in ("search", "facet", "stream"):
        ask = getattr(Searcher, name)

        def asked(self: Searcher, *given: Any, ask: Callable[..., Any] = ask) -> Any:
            found = ask(self, *given)
            publish_next()
            return found

        monkeypatch.setattr(Searcher, name, asked)
    answer = client.get(address.format(topic="Harbour of edition1"))
    assert answer.status_code == 200
    assert one_edition(answer.get_data(as_text=True)) == 1
    if address == "/export/facets.csv":
        rows = list(csv.reader(answer.get_data(as_text=True).splitlines()))
        assert {count for _, _, count in rows[1:]} == {str(articles_of(1)), "0"}


class Known(dict[int, set[int]]):
    """Editions by generation; a generation that is new has none."""

    def __missing__(self, generation: int) -> set[int]:
        return self.setdefault(generation, set())


class Client(threading.Thread):
    """Asks for one address after another over a connection of its own, and notes whatever is not right.

    It ends after so many requests; later, when enough generations were not seen by then, or after two minutes.
    """

    def __init__(self, url: str, number: int, requests: int, known: Known) -> None:
        super().__init__()
        self._host = urlsplit(url).netloc
        self._number = number
        self._requests = requests
        self._known = known
        self.wrong: list[str] = []
        self.asked = Counter[int]()

    def run(self) -> None:
        connection = http.client.HTTPConnection(self._host, timeout=60)
        patience = time.monotonic() + 120.0
        for n in itertools.count():
            seen = len(self._known) >= GENERATIONS_SEEN
            if n >= self._requests and (seen or self.wrong or time.monotonic() > patience):
                break
            address, check = ADDRESSES[(n * 5 + self._number) % len(ADDRESSES)]
            try:
                connection.request("GET", address)
                answer = connection.getresponse()
                text = answer.read().decode()
                self.asked[answer.status] += 1
                if answer.status != 200:
                    raise ValueError(f"status {answer.status}: {text[:200]}")
                check(text)
            except Exception as error:
                self.wrong.append(f"{address}: {type(error).__name__}: {error}")
                connection.close()
        connection.close()


def test_a_storm_of_requests_during_rebuilds_has_no_error_and_no_mixed_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight clients, every kind of answer, a rebuild as soon as the last is done; then every process has the newest."""
    archive, index, stop = tmp_path / "archive", tmp_path / "index", tmp_path / "stop"
    monkeypatch.setattr(sys.modules[__name__], "generation_of", known := Known())
    write_edition(archive, 0)
    build_index(archive, index, jobs=1)
    builder = subprocess.Popen(
        [sys.executable, str(TESTS / "editions.py"), "rebuild", str(archive), str(index), str(stop)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    try:
        # Eight clients may all want an export at once.
        with serving(index, tmp_path, SEARCH_APP_MAX_EXPORTS="16") as (_, url):
            clients = [Client(url, number, REQUESTS // CLIENTS, known) for number in range(CLIENTS)]
            for client in clients:
                client.start()
            for client in clients:
                client.join()
            stop.touch()
            out, trouble = builder.communicate(timeout=PATIENCE_SECONDS)
            assert (builder.returncode, trouble) == (0, "")
            wrong = [sentence for client in clients for sentence in client.wrong]
            editions: dict[str, Any] = json.loads(out)
            asked = sum((client.asked for client in clients), Counter[int]())
            print(f"{asked.total()} requests, {editions['editions']} rebuilds, {len(known)} generations seen")
            assert wrong == []
            assert set(asked) == {200}
            assert asked.total() >= REQUESTS // CLIENTS * CLIENTS
            # No generation ever stood for two editions, and several were seen.
            assert {len(seen) for seen in known.values()} == {1}
            assert len(known) >= GENERATIONS_SEEN
            time.sleep(PICKED_UP_SECONDS)
            newest = open_snapshot(index).generation
            assert {generation_served(url) for _ in range(40)} == {newest}
    finally:
        builder.kill()
        builder.communicate()


def generation_served(url: str) -> int:
    """Return the generation that answers over a new connection, which any process may take."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    try:
        connection.request("GET", f"/api/search?per_page={ARTICLES}")
        return int(json.loads(connection.getresponse().read())["generation"])
    finally:
        connection.close()
