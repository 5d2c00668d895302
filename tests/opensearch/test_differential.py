"""The same questions to both engines over a part of the real archive: equal counts, and nearly the same first ten."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from search_app.engine.embedded import EmbeddedEngine
from search_app.engine.opensearch.building import build_on_cluster
from search_app.engine.opensearch.engine import OpenSearchEngine
from search_app.index.generation import open_snapshot

from .contract import cluster_settings, remove_indices
from .differential import compare, requests_for

ARTICLES = int(os.environ.get("OPENSEARCH_TEST_ARTICLES", "2500"))
QUESTIONS = int(os.environ.get("OPENSEARCH_TEST_QUESTIONS", "48"))


@pytest.mark.corpus
@pytest.mark.slow
def test_both_engines_count_alike_and_rank_nearly_alike(corpus: Path, cluster_url: str, tmp_path: Path) -> None:
    """Three shards, so that what a cluster only estimates by shard would show; many patterns are cut short."""
    archive, index_dir = tmp_path / "archive", tmp_path / "index"
    years = ["--years", "2016", "2017"]
    command = [sys.executable, str(corpus / "make_archive.py"), str(archive), *years, "--limit", str(ARTICLES)]
    subprocess.run(command, check=True, capture_output=True)
    settings = cluster_settings(cluster_url, "differential", opensearch_shards=3, max_expansions=64)
    try:
        report = build_on_cluster(archive, index_dir, settings=settings, jobs=1)
        assert report.articles == report.new > ARTICLES / 2
        snapshot = open_snapshot(index_dir)
        articles = [snapshot.segments[0].article(doc) for doc in range(0, snapshot.segments[0].docs, 3)]
        requests = list(requests_for(articles, random.Random(7), QUESTIONS))
        found = compare(EmbeddedEngine(index_dir, settings), OpenSearchEngine(settings), requests)
    finally:
        remove_indices(cluster_url, "differential")
    assert found.differing == []
    assert found.asked == len(requests) >= QUESTIONS
    assert found.found > found.asked / 2
    assert found.overlap >= 0.95
