"""Engines as rankers: each indexes the same articles, and answers a question with its ten best, best first.

A peer is asked with its own defaults in ranking; fields are the same, and so is what must match. Where all words are
expected, a peer is asked for those first, and its list is filled up with articles that have any of them.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Protocol

from search_app.archive import Article
from search_app.engine.request import SearchRequest
from search_app.engine.scoring import RANKING, Scorer
from search_app.engine.search import Searcher
from search_app.index.files import FileSystem
from search_app.index.gather import document_order
from search_app.index.generation import open_snapshot
from search_app.index.manifest import SEGMENTS, Manifest, SegmentEntry, write_manifest
from search_app.index.schema import schema_fingerprint
from search_app.index.writer import write_segment
from search_app.settings import load_settings

from .contender import WEIGHTS, facet_values

BEST = 10
_WORDS = re.compile(r"\w+")


class Ranker(Protocol):
    """An engine to be judged. ``name`` stands at the head of its column."""

    name: str

    def index(self, articles: Sequence[Article], folder: Path) -> None:
        """Index articles in a folder that does not exist yet, and open what was made."""
        ...

    def rank(self, text: str, *, whole: bool) -> list[str]:
        """Return the paths of the ``BEST`` best, best first. ``whole``: articles that have all the words come first."""
        ...


class Ours:
    """The engine behind ``SearchRequest``, hits first, then what it sets apart as partial matches."""

    def __init__(self, scorer: Scorer = RANKING, name: str = "search-app") -> None:
        self.name = name
        self._scorer = scorer
        self._searcher: Searcher | None = None

    def index(self, articles: Sequence[Article], folder: Path) -> None:
        if not folder.is_dir():
            _publish(articles, folder)
        self._searcher = Searcher(open_snapshot(folder), load_settings({}), self._scorer)

    def rank(self, text: str, *, whole: bool) -> list[str]:
        if self._searcher is None:
            raise ValueError("index something first")
        request = SearchRequest(q=text, per_page=BEST, facets=(), histogram=False)
        result = self._searcher.search(request, date(2000, 1, 1))
        return [hit.path for hit in (*result.hits, *result.partial)][:BEST]


def _publish(articles: Sequence[Article], folder: Path) -> None:
    ordered = sorted(articles, key=document_order)
    (folder / SEGMENTS).mkdir(parents=True)
    path = folder / SEGMENTS / "00000001-1.seg"
    written = write_segment(path, ordered, [article.path for article in ordered], FileSystem())
    entry = SegmentEntry(written.name, written.bytes, written.docs)
    built_at = "2000-01-01T00:00:00+00:00"
    manifest = Manifest(1, schema_fingerprint(), (entry,), len(ordered), built_at=built_at)
    write_manifest(folder, manifest, FileSystem())


def _texts(article: Article) -> dict[str, str]:
    values = {name: " ".join(found) for name, found in facet_values(article).items()}
    return {"headline": article.headline, "summary": article.summary, **values}


def _first_whole(ask: Callable[[bool], Iterable[str]], *, whole: bool) -> list[str]:
    found = list(ask(True)) if whole else []
    return found if len(found) >= BEST else list(dict.fromkeys([*found, *ask(False)]))[:BEST]


class Sqlite:
    """SQLite FTS5, ``porter unicode61``, ``bm25`` with the weights of the fields."""

    name = "sqlite-fts5"

    def index(self, articles: Sequence[Article], folder: Path) -> None:
        self._db = sqlite3.connect(":memory:")
        columns = ", ".join(WEIGHTS)
        self._db.execute(f'CREATE VIRTUAL TABLE news USING fts5({columns}, tokenize="porter unicode61")')
        rows = ([_texts(article)[name] for name in WEIGHTS] for article in articles)
        self._db.executemany(f"INSERT INTO news VALUES ({', '.join('?' * len(WEIGHTS))})", rows)
        self._paths = [article.path for article in articles]

    def rank(self, text: str, *, whole: bool) -> list[str]:
        words = [f'"{word}"' for word in _WORDS.findall(text)]
        weights = ", ".join(map(str, WEIGHTS.values()))
        order = f"SELECT rowid FROM news WHERE news MATCH ? ORDER BY bm25(news, {weights}) LIMIT {BEST}"

        def ask(every: bool) -> list[str]:
            rows = self._db.execute(order, ((" AND " if every else " OR ").join(words),))
            return [self._paths[number - 1] for (number,) in rows]

        return _first_whole(ask, whole=whole)


class Whoosh:
    """Stock Whoosh: ``StemmingAnalyzer`` without its stop list, ``BM25F``, the weights as field boosts."""

    name = "whoosh"

    def index(self, articles: Sequence[Article], folder: Path) -> None:
        from whoosh import fields, index
        from whoosh.analysis import StemmingAnalyzer

        if not folder.is_dir():
            folder.mkdir(parents=True)
            schema = fields.Schema(path=fields.ID(stored=True))
            for name in WEIGHTS:
                schema.add(name, fields.TEXT(analyzer=StemmingAnalyzer(stoplist=None, minsize=1)))
            writer = index.create_in(str(folder), schema).writer(limitmb=512)
            for article in articles:
                writer.add_document(path=article.path, **_texts(article))
            writer.commit(optimize=True)
        self._index = index.open_dir(str(folder))
        self._searcher = self._index.searcher()

    def rank(self, text: str, *, whole: bool) -> list[str]:
        from whoosh.qparser import AndGroup, MultifieldParser, OrGroup, WildcardPlugin

        words = " ".join(_WORDS.findall(text)).lower()

        def ask(every: bool) -> list[str]:
            group = AndGroup if every else OrGroup
            parser = MultifieldParser(list(WEIGHTS), self._index.schema, fieldboosts=WEIGHTS, group=group)
            parser.remove_plugin_class(WildcardPlugin)
            return [str(hit["path"]) for hit in self._searcher.search(parser.parse(words), limit=BEST)]

        return _first_whole(ask, whole=whole)


class Tantivy:
    """tantivy: tokenizer ``en_stem``, BM25, the weights as field boosts."""

    name = "tantivy"

    def index(self, articles: Sequence[Article], folder: Path) -> None:
        import tantivy

        builder = tantivy.SchemaBuilder()
        builder.add_text_field("path", stored=True, tokenizer_name="raw")
        for name in WEIGHTS:
            builder.add_text_field(name, tokenizer_name="en_stem")
        self._index: Any = tantivy.Index(builder.build())
        writer = self._index.writer(heap_size=200_000_000, num_threads=1)
        for article in articles:
            texts = {name: [text] for name, text in _texts(article).items()}
            writer.add_document(tantivy.Document(path=[article.path], **texts))
        writer.commit()
        writer.wait_merging_threads()
        self._index.reload()
        self._searcher = self._index.searcher()

    def rank(self, text: str, *, whole: bool) -> list[str]:
        words = " ".join(_WORDS.findall(text)).lower()

        def ask(every: bool) -> list[str]:
            query = self._index.parse_query(
                words, list(WEIGHTS), field_boosts=dict(WEIGHTS), conjunction_by_default=every
            )
            hits = self._searcher.search(query, BEST).hits
            return [str(self._searcher.doc(address)["path"][0]) for _, address in hits]

        return _first_whole(ask, whole=whole)
