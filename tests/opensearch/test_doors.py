"""What stands between a reader and a cluster: nodes lost for a moment, wrong passwords, unknown certificates."""

from __future__ import annotations

import http.server
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from search_app.engine.opensearch.articles import read_articles
from search_app.engine.opensearch.building import build_on_cluster
from search_app.engine.opensearch.cluster import Cluster
from search_app.engine.opensearch.engine import OpenSearchEngine
from search_app.engine.request import SearchRequest
from search_app.errors import ClusterError
from search_app.sample import write_sample
from search_app.settings import Settings
from search_app.web.app import create_app

from .contract import cluster_settings, remove_indices
from .doors import door, guarded, lost

ALIAS = "doors"


LOST_NODES = {
    "a connection that broke": ("_msearch", 200, {"responses": [lost("node_disconnected_exception", 500)]}),
    "a node that is not there": ("_msearch", 200, {"responses": [lost("node_not_connected_exception", 500)]}),
    "no copy of a shard for a moment": (
        "_msearch",
        200,
        {"responses": [lost("no_shard_available_action_exception", 503)]},
    ),
    "a node that is stopping": ("_msearch", 500, lost("node_closed_exception", 500)),
    "too much to do": ("_msearch", 429, lost("rejected_execution_exception", 429)),
    "a document's shard": ("_mget", 200, {"docs": [{"_id": "1", **lost("no_shard_available_action_exception", 503)}]}),
    "a manager yet to be elected": ("_alias", 503, lost("cluster_manager_not_discovered_exception", 503)),
}


@pytest.fixture(scope="module")
def total(cluster_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """How many articles an index holds that all these tests read."""
    folder = tmp_path_factory.mktemp("doors")
    write_sample(folder / "archive")
    settings = cluster_settings(cluster_url, ALIAS)
    yield build_on_cluster(folder / "archive", folder / "index", settings=settings, jobs=1).articles
    remove_indices(cluster_url, ALIAS)


def ask(settings: Settings) -> int:
    """Search, read what was found, and return how much that was."""
    engine, cluster = OpenSearchEngine(settings), Cluster(settings)
    try:
        found = engine.search(SearchRequest(facets=(), histogram=False))
        path = found.hits[0].path
        assert list(read_articles(cluster, f"{ALIAS}-00000001", [path])) == [path]
        return found.total
    finally:
        engine.close()
        cluster.close()


@pytest.mark.parametrize(("part", "status", "answer"), LOST_NODES.values(), ids=LOST_NODES.keys())
def test_what_a_lost_node_spoils_is_asked_again(
    part: str, status: int, answer: dict[str, object], cluster_url: str, total: int
) -> None:
    """Until it is answered; where it never is, it ends in a sentence."""
    spoilt = [3]

    def refusal(asked: http.server.BaseHTTPRequestHandler) -> tuple[int, bytes] | None:
        if part not in asked.path or not spoilt[0]:
            return None
        spoilt[0] -= 1
        return status, json.dumps(answer).encode()

    with door(cluster_url.split(",")[0], refusal) as url:
        assert ask(cluster_settings(url, ALIAS)) == total
        assert spoilt == [0]
        spoilt[0] = 10**6
        with pytest.raises(ClusterError):
            ask(cluster_settings(url, ALIAS, opensearch_timeout=1))


def test_a_build_has_more_patience_than_a_reader(cluster_url: str, total: int, tmp_path: Path) -> None:
    """A cluster that is slow for a while costs it time, and nothing that was done."""
    slow = [10**6]

    def late(asked: http.server.BaseHTTPRequestHandler) -> None:
        if "_msearch" in asked.path and slow[0]:
            slow[0] -= 1
            time.sleep(1.5)

    with door(cluster_url.split(",")[0], late) as url:
        hurried = cluster_settings(url, f"{ALIAS}-slow", opensearch_timeout=1)
        with pytest.raises(ClusterError, match="within 1 s"):
            OpenSearchEngine(cluster_settings(url, ALIAS, opensearch_timeout=1)).search(SearchRequest())
        slow[0] = 3
        write_sample(tmp_path / "archive")
        try:
            report = build_on_cluster(tmp_path / "archive", tmp_path / "index", settings=hurried, jobs=1)
        finally:
            remove_indices(cluster_url, f"{ALIAS}-slow")
    assert (report.published, report.articles, slow) == (True, total, [0])


def test_wrong_credentials_are_told(cluster_url: str, total: int) -> None:
    """And right ones open the door, from the settings or from the address."""
    with guarded(cluster_url.split(",")[0]) as url:
        right = cluster_settings(url, ALIAS, opensearch_user="reader", opensearch_password="open sesame")
        assert OpenSearchEngine(right).search(SearchRequest()).total == total
        inside = cluster_settings(url.replace("//", "//reader:open%20sesame@"), ALIAS)
        assert OpenSearchEngine(inside).search(SearchRequest()).total == total
        wrong = cluster_settings(url, ALIAS, opensearch_user="reader", opensearch_password="open barley")
        with pytest.raises(ClusterError, match="it refuses the user name or password") as caught:
            OpenSearchEngine(wrong).search(SearchRequest())
        assert "barley" not in str(caught.value)
        client = create_app({**wrong, "TESTING": True}).test_client()
        assert client.get("/search?q=strike").status_code == 503


def test_a_certificate_has_to_be_signed_by_the_authority_that_is_named(
    cluster_url: str, total: int, tmp_path: Path
) -> None:
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("no openssl to make a certificate with")
    made = tmp_path / "door.pem"
    command = [program, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=door"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(made.with_suffix(".key")), "-out", str(made)]
    subprocess.run(command, check=True, capture_output=True)
    with guarded(cluster_url.split(",")[0], made) as url:
        known = {"opensearch_user": "reader", "opensearch_password": "open sesame"}
        with pytest.raises(ClusterError, match="certificate cannot be verified"):
            OpenSearchEngine(cluster_settings(url, ALIAS, **known)).status()
        trusted = cluster_settings(url, ALIAS, opensearch_ca=str(made), **known)
        assert OpenSearchEngine(trusted).status()["articles"] == total
