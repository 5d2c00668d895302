"""What goes wrong with clusters, for real: nodes killed, hanging, stopped in turn, all gone."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest

from search_app.engine.opensearch import search, sending
from search_app.engine.opensearch.building import build_on_cluster
from search_app.engine.opensearch.engine import OpenSearchEngine
from search_app.engine.request import SearchRequest
from search_app.errors import ClusterError
from search_app.index.generation import open_snapshot
from search_app.sample import write_sample
from search_app.settings import Settings
from search_app.web.app import create_app

from .contract import cluster_settings, remove_indices
from .local_cluster import LocalCluster

ALIAS = "faults"
PATIENCE_SECONDS = 120
KILLS = int(os.environ.get("OPENSEARCH_TEST_KILLS", "1"))


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample") / "archive"
    write_sample(folder)
    return folder


@pytest.fixture(scope="module")
def index_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("faults") / "index"


@pytest.fixture(scope="module")
def served(cluster: LocalCluster, sample: Path, index_dir: Path) -> Iterator[Settings]:
    """Settings that name an index with a copy of each shard."""
    # A node that hangs is given up after a third of the time.
    settings = cluster_settings(cluster.url, ALIAS, opensearch_replicas=1, opensearch_shards=2, opensearch_timeout=30)
    build_on_cluster(sample, index_dir, settings=settings, jobs=1)
    yield settings
    remove_indices(cluster.url, ALIAS)


@pytest.fixture
def settings(cluster: LocalCluster, served: Settings) -> Iterator[Settings]:
    """The same; every node runs before and after the test."""
    cluster.start()
    yield served
    cluster.start()


@pytest.fixture
def total(index_dir: Path, served: Settings) -> int:
    """How many articles are to be found."""
    return open_snapshot(index_dir).articles


def until(true: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.2)


@contextmanager
def readers(engine: OpenSearchEngine) -> Iterator[tuple[list[object], list[Exception]]]:
    """Let three threads search, count, walk and look up until the block ends; gives what they found and what failed."""
    stop, answers, troubles = Event(), [], []
    path = engine.search(SearchRequest(per_page=1)).hits[0].path

    def totals() -> object:
        return engine.search(SearchRequest(per_page=5)).total

    def walk() -> object:
        return sum(1 for _ in engine.stream(SearchRequest(sort="newest")).hits)

    def article() -> object:
        view = engine.article(path)
        return 0 if view is None else totals()

    def read(ask: Callable[[], object]) -> None:
        while not stop.is_set():
            try:
                answers.append(ask())
            except Exception as error:
                troubles.append(error)
                # One that is told is enough.
                stop.wait(0.5)

    threads = [Thread(target=read, args=(ask,)) for ask in (totals, walk, article)]
    for thread in threads:
        thread.start()
    try:
        until(lambda: len(answers) > 5)
        yield answers, troubles
        seen = len(answers)
        until(lambda: len(answers) > seen + 20 or bool(troubles))
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@pytest.mark.core
def test_searches_go_on_when_a_node_is_killed(
    cluster: LocalCluster, settings: Settings, total: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without one error, and with every article that was there, whichever node it is."""
    # So that one walk is many requests.
    monkeypatch.setattr(search, "STREAM_HITS", 20)
    engine = OpenSearchEngine(settings)
    for number in range(KILLS):
        with readers(engine) as (answers, troubles):
            cluster.nodes[number % len(cluster.nodes)].kill()
        assert troubles == []
        assert set(answers) == {total}
        cluster.await_nodes(len(cluster.nodes) - 1, "yellow")
        assert engine.status()["articles"] == total
        cluster.start()
        until(lambda: engine.status()["problem"] == "")


def test_nodes_stopped_and_started_in_turn_cost_no_search(
    cluster: LocalCluster, settings: Settings, total: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a rolling upgrade: one after another, each once the copies of the one before are there again."""
    monkeypatch.setattr(search, "STREAM_HITS", 20)
    with readers(OpenSearchEngine(settings)) as (answers, troubles):
        for node in cluster.nodes:
            node.stop()
            node.wait()
            cluster.await_nodes(len(cluster.nodes) - 1, "yellow")
            node.start()
            cluster.await_nodes(len(cluster.nodes))
    assert troubles == []
    assert set(answers) == {total}


def test_a_node_killed_during_a_build_costs_nothing_that_was_there(
    cluster: LocalCluster,
    settings: Settings,
    total: int,
    sample: Path,
    index_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The build may fail, in a sentence; what served goes on, and the next build succeeds."""
    # It waits less long for a shard that was on the node alone.
    monkeypatch.setattr(sending, "GIVE_UP_SECONDS", 5.0)
    engine = OpenSearchEngine(settings)
    outcome: list[object] = []

    def build() -> None:
        try:
            outcome.append(build_on_cluster(sample, index_dir, settings=settings, jobs=1, full=True))
        except ClusterError as error:
            outcome.append(error)

    builder = Thread(target=build)
    builder.start()
    time.sleep(1.0)
    cluster.nodes[1].kill()
    while builder.is_alive():
        assert engine.search(SearchRequest(per_page=1)).total == total
        time.sleep(0.2)
    builder.join()
    assert len(outcome) == 1
    assert engine.search(SearchRequest(per_page=1)).total == total
    cluster.start()
    assert build_on_cluster(sample, index_dir, settings=settings, jobs=1, full=True).articles == total


def test_a_cluster_that_is_gone_is_a_503_and_comes_back_by_itself(cluster: LocalCluster, settings: Settings) -> None:
    client = create_app({**settings, "TESTING": True}).test_client()
    assert client.get("/search?q=harbour").status_code == 200
    assert client.get("/readyz").status_code == 200
    for node in cluster.nodes:
        node.kill()
    for address in ("/search?q=harbour", "/", "/api/search?q=harbour", "/api/suggest?q=h"):
        answer = client.get(address)
        assert answer.status_code == 503, address
        assert "Retry-After" in answer.headers
        assert "127.0.0.1" not in answer.get_data(as_text=True)
    ready = client.get("/readyz")
    assert (ready.status_code, ready.get_json()["reasons"]) == (503, ["The search cluster does not answer."])
    assert client.get("/healthz").status_code == 200
    cluster.start()
    until(lambda: client.get("/search?q=harbour").status_code == 200)


def test_a_node_that_hangs_keeps_nobody_waiting_for_ever(cluster: LocalCluster, settings: Settings, total: int) -> None:
    """Requests end with an answer or a sentence, and are all answered once the others have left it behind."""
    engine = OpenSearchEngine(settings)
    cluster.nodes[2].pause()

    def answered() -> bool:
        try:
            return engine.search(SearchRequest(per_page=1)).total == total
        except ClusterError:
            return False

    try:
        until(lambda: answered() and answered() and answered())
    finally:
        cluster.nodes[2].resume()
