"""One cluster for all tests. Without Java, Maven or Maven Central the tests are skipped with a reason.

``OPENSEARCH_TEST=required`` makes that a failure; ``off`` skips them at once. With
``OPENSEARCH_TEST_URL`` the tests use a cluster that runs already, save those that kill its nodes.
They run early, all together, those marked ``core`` first. From ``OPENSEARCH_TEST_DEADLINE`` on, in seconds since 1970,
no other begins, and ``CORE_SECONDS`` later none at all.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from search_app.engine.opensearch.cluster import Cluster
from search_app.settings import Settings

from .contract import cluster_settings, remove_indices
from .local_cluster import FETCH_SECONDS, LocalCluster, Unavailable, running_cluster

MODE = os.environ.get("OPENSEARCH_TEST", "")
RUNNING = os.environ.get("OPENSEARCH_TEST_URL", "")
DEADLINE = float(os.environ.get("OPENSEARCH_TEST_DEADLINE", "inf"))
CORE_SECONDS = 180.0
EARLIER = 0.15
"""The share of all other files that run before: meanwhile the cluster is fetched, where it is not there yet."""
FOLDER = Path(__file__).resolve().parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that needs the cluster, and put this folder's tests in their place, in their order."""
    for item in items:
        if not {"cluster", "cluster_url"}.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.opensearch)
    ours = sorted((item for item in items if FOLDER in item.path.parents), key=_turn)
    others = [item for item in items if FOLDER not in item.path.parents]
    files = list(dict.fromkeys(item.path for item in others))
    before = set(files[: int(EARLIER * len(files))])
    place = sum(item.path in before for item in others)
    items[:] = [*others[:place], *ours, *others[place:]]


def _turn(item: pytest.Item) -> int:
    if item.get_closest_marker("opensearch") is None:
        return 0
    return 2 if item.get_closest_marker("core") is None else 1


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Begin no test of the cluster for which there is no time."""
    turn = _turn(item)
    if turn and time.time() >= DEADLINE + (CORE_SECONDS if turn == 1 else 0.0):
        pytest.skip("the time for tests of the cluster is over (OPENSEARCH_TEST_DEADLINE)")


def _no_cluster(reason: str) -> None:
    if MODE == "required":
        pytest.fail(f"OPENSEARCH_TEST is “required”: {reason}")
    pytest.skip(f"no OpenSearch cluster: {reason}")


@pytest.fixture(scope="package")
def cluster() -> Iterator[LocalCluster]:
    """Three nodes, a process each, that a test may kill and must start again; stopped after this folder's tests."""
    if MODE == "off":
        pytest.skip("no OpenSearch cluster: OPENSEARCH_TEST is “off”")
    pytest.importorskip("opensearchpy", reason="the extra “opensearch” is not installed")
    try:
        with running_cluster(seconds=max(1.0, min(FETCH_SECONDS, DEADLINE + CORE_SECONDS - time.time()))) as started:
            yield started
    except Unavailable as error:
        _no_cluster(str(error))


@pytest.fixture(scope="package")
def cluster_url(request: pytest.FixtureRequest) -> str:
    """The addresses of a cluster that tests leave as they found it."""
    if RUNNING:
        return RUNNING
    started: LocalCluster = request.getfixturevalue("cluster")
    return started.url


@pytest.fixture
def on_cluster(request: pytest.FixtureRequest, cluster_url: str) -> Iterator[Settings]:
    """Settings for the alias of a test's module, ``ALIAS``, that nobody else uses; what was made is removed."""
    alias = request.module.ALIAS
    yield cluster_settings(cluster_url, alias, opensearch_shards=2)
    remove_indices(cluster_url, alias)


@pytest.fixture
def door(on_cluster: Settings) -> Iterator[Cluster]:
    """A door to the cluster and that alias."""
    opened = Cluster(on_cluster)
    yield opened
    opened.close()
