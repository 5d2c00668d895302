"""Streams that go on behind what one answer holds: at points in time, which a cluster may lose."""

from __future__ import annotations

import http.server
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from search_app.engine.embedded import EmbeddedEngine
from search_app.engine.opensearch import search
from search_app.engine.opensearch.building import build_on_cluster
from search_app.engine.opensearch.engine import OpenSearchEngine
from search_app.engine.request import SearchRequest
from search_app.errors import ClusterError
from search_app.sample import write_sample

from .contract import cluster_settings, remove_indices
from .doors import door, lost

ALIAS = "walks"
EVERY = SearchRequest(sort="newest")


@pytest.fixture(scope="module")
def paths(cluster_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """The paths of an index that all these tests read, newest first."""
    folder = tmp_path_factory.mktemp("walks")
    write_sample(folder / "archive")
    settings = cluster_settings(cluster_url, ALIAS, opensearch_shards=2)
    build_on_cluster(folder / "archive", folder / "index", settings=settings, jobs=1)
    yield [hit.path for hit in EmbeddedEngine(folder / "index").stream(EVERY).hits]
    remove_indices(cluster_url, ALIAS)


@pytest.mark.parametrize("in_a_row", [1, 3])
def test_a_lost_point_in_time_costs_no_hit(
    in_a_row: int, paths: list[str], cluster_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor shows one twice, though the point that is taken in its place is lost as well."""
    monkeypatch.setattr(search, "STREAM_HITS", 40)
    asked = 0

    def refusal(request: http.server.BaseHTTPRequestHandler) -> tuple[int, bytes] | None:
        nonlocal asked
        if not request.path.startswith("/_search?"):
            return None
        asked += 1
        answered = asked % (in_a_row + 1) == 0
        return None if answered else (404, json.dumps(lost("search_context_missing_exception", 404)).encode())

    with door(cluster_url.split(",")[0], refusal) as url:
        engine = OpenSearchEngine(cluster_settings(url, ALIAS))
        assert [hit.path for hit in engine.stream(EVERY).hits] == paths
    assert asked > len(paths) // 40 * in_a_row > in_a_row


def test_a_walk_through_an_index_that_is_removed_ends_in_a_sentence(
    cluster_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "STREAM_HITS", 40)
    settings = cluster_settings(cluster_url, f"{ALIAS}-gone")
    write_sample(tmp_path / "archive")
    build_on_cluster(tmp_path / "archive", tmp_path / "index", settings=settings, jobs=1)
    hits = OpenSearchEngine(settings).stream(EVERY).hits
    first = [next(hits) for _ in range(50)]
    remove_indices(cluster_url, f"{ALIAS}-gone")
    with pytest.raises(ClusterError, match="has been replaced"):
        list(hits)
    assert len({hit.path for hit in first}) == 50
