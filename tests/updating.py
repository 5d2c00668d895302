"""What must hold of an index that was updated: it answers as one made from nothing, and nothing lies about."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from changing_archive import (
    TARGETS,
)

from search_app.archive.model import Article
from search_app.engine.embedded import EmbeddedEngine
from search_app.engine.request import FACET_FIELDS, FacetRequest, SearchRequest
from search_app.engine.result import ArticleView, SearchResult
from search_app.index.files import FileSystem, NewFile
from search_app.index.generation import open_snapshot
from search_app.index.lock import LOCK_NAME
from search_app.index.manifest import SEGMENTS, files_of, list_generations, manifest_path, read_manifest
from search_app.index.verify import check_index
from search_app.settings import load_settings

TODAY = date(2032, 1, 1)
REQUESTS = (
    SearchRequest(per_page=100, facet_size=100),
    SearchRequest(q="ferry harbour strike", per_page=100),
    SearchRequest(q="harbour OR talks -halvik", per_page=20, sort="oldest"),
    SearchRequest(q='"harbour strike" OR "nobody was"~2'),
    SearchRequest(q="str* OR *rry OR cafe OR 罢工 OR harbor~", per_page=50),
    SearchRequest(q="the in of to"),
    SearchRequest(q="dockers zebra quay", per_page=30),
    SearchRequest(q="context:president topic:strike^2 OR source:courier"),
    SearchRequest(q="date:2031-10 NOT ferry", interval="day", facet_size=3),
    SearchRequest(topic=("Harbour strike", "president"), context=("Halvik",), per_page=100),
    SearchRequest(context=("President", "Mount Ysk"), context_match="any", not_source=("Straits Radio",), per_page=100),
    SearchRequest(missing=("topic",), date_to=date(2031, 10, 31), per_page=100),
    SearchRequest(missing=("summary", "source"), per_page=3, page=1),
)


class _Unsynced(NewFile):
    def __init__(self, inner: NewFile) -> None:
        self.write, self.close = inner.write, inner.close

    def sync(self) -> None:
        """Return at once."""


class Unsynced(FileSystem):
    """The disk without its waits: no power is cut here, and hundreds of builds would do little else than wait."""

    def create(self, path: Path) -> NewFile:
        return _Unsynced(super().create(path))

    def sync_folder(self, path: Path) -> None:
        return


def articles_of(index: Path) -> dict[str, Article]:
    """Return every article of an index, by path; none stands in it twice."""
    snapshot = open_snapshot(index)
    found: dict[str, Article] = {}
    for part, live in zip(snapshot.segments, snapshot.live, strict=True):
        for doc in range(part.docs):
            if live is None or live[doc]:
                article = part.article(doc)
                assert article.path not in found
                found[article.path] = article
    assert len(found) == snapshot.articles
    return found


def without_moment(answer: SearchResult) -> SearchResult:
    """Return an answer without what depends on the moment of a build: its number, and when it first saw an article.

    Nor with scores: the last digit of a sum depends on how articles lie in segments.
    """
    hits, partial = (
        tuple(hit._replace(first_seen=None, last_changed=None, score=0.0) for hit in hits)
        for hits in (answer.hits, answer.partial)
    )
    return replace(answer, hits=hits, partial=partial, next="", generation=0, took_ms=0)


def scores_of(answer: SearchResult) -> list[float]:
    """Return the score of each hit."""
    return [hit.score for hit in (*answer.hits, *answer.partial)]


def unseen(view: ArticleView | None) -> ArticleView | None:
    """Return an article's view without when it was first seen and when it changed."""
    return replace(view, first_seen=None, last_changed=None) if view else None


def assert_tidy(index: Path) -> None:
    """Nothing lies in the index but the files of at most two generations and the lock; and it verifies."""
    generations = list_generations(index)
    assert 1 <= len(generations) <= 2
    needed = set().union(*(files_of(read_manifest(index, number)) for number in generations))
    assert {path.name for path in (index / SEGMENTS).iterdir()} == needed
    manifests = {manifest_path(index, number).name for number in generations}
    assert {path.name for path in index.iterdir()} == manifests | {SEGMENTS, LOCK_NAME}
    assert check_index(index).problems == ()


def most_segments(articles: int) -> int:
    """Return how many segments an index may have: each is at least twice as large as the one after it."""
    return int(math.log2(max(articles, 1))) + 2


def assert_same_index(updated: Path, full: Path, engine: EmbeddedEngine) -> None:
    """An updated index holds and answers what a full build's does. ``engine`` serves the updated one."""
    expected = articles_of(full)
    assert articles_of(updated) == expected
    one, other = open_snapshot(updated).manifest, open_snapshot(full).manifest
    assert one.skipped == other.skipped
    assert (one.articles, one.files) == (other.articles, other.files)
    assert len(one.segments) <= most_segments(one.articles)
    plain = EmbeddedEngine(full, load_settings({}), today=TODAY)
    engine.refresh()
    for request in REQUESTS:
        answer, wanted = engine.search(request), plain.search(request)
        assert without_moment(answer) == without_moment(wanted)
        assert scores_of(answer) == pytest.approx(scores_of(wanted), rel=1e-12, abs=1e-12)
    for field in FACET_FIELDS:
        for search in REQUESTS[:3]:
            request = FacetRequest(search, field, sort="name")
            assert engine.facet(request) == plain.facet(request)
    for path in TARGETS:
        assert engine.current_path("/" + path) == plain.current_path("/" + path)
        assert unseen(engine.article("/" + path)) == unseen(plain.article("/" + path))
