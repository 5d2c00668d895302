"""One cluster for the whole run. Without Java, Maven or Maven Central the tests are skipped with a reason.

``OPENSEARCH_TEST=required`` makes that a failure; ``off`` skips them at once. With
``OPENSEARCH_TEST_URL`` the tests use a cluster that runs already, save those that kill its nodes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from search_app.engine.opensearch.cluster import Cluster
from search_app.settings import Settings

from .contract import cluster_settings, remove_indices
from .local_cluster import LocalCluster, Unavailable, running_cluster

MODE = os.environ.get("OPENSEARCH_TEST", "")
RUNNING = os.environ.get("OPENSEARCH_TEST_URL", "")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder."""
    for item in items:
        if "tests/opensearch/" in item.nodeid or item.nodeid.startswith("opensearch/"):
            item.add_marker(pytest.mark.opensearch)


def _no_cluster(reason: str) -> None:
    if MODE == "required":
        pytest.fail(f"OPENSEARCH_TEST is “required”: {reason}")
    pytest.skip(f"no OpenSearch cluster: {reason}")


@pytest.fixture(scope="session")
def cluster() -> Iterator[LocalCluster]:
    """Three nodes, a process each, that a test may kill and must start again."""
    if MODE == "off":
        pytest.skip("no OpenSearch cluster: OPENSEARCH_TEST is “off”")
    pytest.importorskip("opensearchpy", reason="the extra “opensearch” is not installed")
    try:
        with running_cluster() as started:
            yield started
    except Unavailable as error:
        _no_cluster(str(error))


@pytest.fixture(scope="session")
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
