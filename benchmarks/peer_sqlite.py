"""SQLite as a contender: an FTS5 table with BM25, side tables of facet values, and ``GROUP BY`` for the counts."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from search_app.archive import Article, read_archive
from search_app.index.analysis import SEPARATOR

from .contender import BEST, FACETS, WEIGHTS, Answer, facet_values
from .queries import Question

_FILE = "news.db"
_CACHE_KIB = 256 * 1024
_COLUMNS = ", ".join(WEIGHTS)
_WEIGHTS = ", ".join(map(str, WEIGHTS.values()))
_SCHEMA = f"""
    CREATE TABLE article (id INTEGER PRIMARY KEY, path TEXT, day INTEGER, year INTEGER,
                          headline TEXT, topic TEXT, summary TEXT, context TEXT, source TEXT);
    CREATE VIRTUAL TABLE news USING fts5({_COLUMNS}, content='article', content_rowid='id',
                                         tokenize="porter unicode61 remove_diacritics 2");
    CREATE TABLE topic_name (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE context_name (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE source_name (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE topic_of (article INTEGER, value INTEGER, PRIMARY KEY (article, value)) WITHOUT ROWID;
    CREATE TABLE context_of (article INTEGER, value INTEGER, PRIMARY KEY (article, value)) WITHOUT ROWID;
    CREATE TABLE source_of (article INTEGER, value INTEGER, PRIMARY KEY (article, value)) WITHOUT ROWID;
    CREATE TABLE day_of (article INTEGER PRIMARY KEY, day INTEGER, year INTEGER);
"""


class Sqlite:
    """SQLite FTS5 through Python's own ``sqlite3``."""

    name = "sqlite-fts5"
    version = sqlite3.sqlite_version
    analysis = "its own: unicode61 without diacritics, Porter"
    same_analysis = False
    slow = False

    def __init__(self) -> None:
        self._db: sqlite3.Connection | None = None

    def build(self, archive: Path, folder: Path) -> int:
        articles = read_archive(archive).articles
        folder.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(folder / _FILE)
        db.executescript(f"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-{_CACHE_KIB}; {_SCHEMA}")
        numbers: dict[str, dict[str, int]] = {name: {} for name in FACETS}
        links: dict[str, list[tuple[int, int]]] = {name: [] for name in FACETS}
        db.executemany(
            "INSERT INTO article (id, path, day, year, headline, topic, summary, context, source)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            _rows(articles, numbers, links),
        )
        for name in FACETS:
            db.executemany(f"INSERT INTO {name}_name (name, id) VALUES (?, ?)", numbers[name].items())
            db.executemany(f"INSERT INTO {name}_of VALUES (?, ?)", links[name])
        db.executescript(
            "INSERT INTO day_of SELECT id, day, year FROM article;"
            "INSERT INTO news(news) VALUES ('rebuild'); INSERT INTO news(news) VALUES ('optimize'); ANALYZE;"
        )
        db.commit()
        db.close()
        return len(articles)

    def open(self, folder: Path) -> None:
        # A path with a question mark or percent sign would change the address.
        address = f"{(folder / _FILE).resolve().as_uri()}?mode=ro"
        self._db = sqlite3.connect(address, uri=True, isolation_level=None)
        self._db.executescript(
            f"PRAGMA cache_size=-{_CACHE_KIB}; PRAGMA mmap_size=1073741824; PRAGMA temp_store=MEMORY;"
            "CREATE TEMP TABLE hit (id INTEGER PRIMARY KEY, score REAL);"
        )

    def search(self, question: Question) -> Answer | None:
        return self._answer(question, show=False)

    def page(self, question: Question) -> Answer | None:
        return self._answer(question, show=True)

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
        self._db = None

    def _answer(self, question: Question, *, show: bool) -> Answer | None:
        if self._db is None:
            raise ValueError("open an index first")
        db = self._db
        match = _match(question)
        if match is None:
            return None
        db.execute("DELETE FROM hit")
        matching = f"INSERT INTO hit SELECT news.rowid, bm25(news, {_WEIGHTS}) FROM news"
        parameters: list[Any] = [match]
        if question.first and question.last:
            # Words first, then the day of each match: the other way round FTS5 looks up every day's rows one by one.
            matching += " CROSS JOIN day_of ON day_of.article = news.rowid WHERE news MATCH ? AND day BETWEEN ? AND ?"
            parameters += [question.first.toordinal(), question.last.toordinal()]
        else:
            matching += " WHERE news MATCH ?"
        total = db.execute(matching, parameters).rowcount
        best = [row[0] for row in db.execute("SELECT id FROM hit ORDER BY score, id LIMIT ?", (BEST,))]
        return Answer(
            total=total,
            best=len(best),
            facets={name: self._facet(db, name) for name in FACETS},
            years=dict(
                db.execute("SELECT year, count(*) FROM hit JOIN day_of ON day_of.article = hit.id GROUP BY year")
            ),
            shown=self._shown(db, match, best) if show else (),
        )

    def _facet(self, db: sqlite3.Connection, name: str) -> dict[str, int]:
        counted = (
            f"SELECT value, count(*) AS hits FROM hit CROSS JOIN {name}_of ON {name}_of.article = hit.id"
            " GROUP BY value ORDER BY hits DESC LIMIT ?"
        )
        return dict(
            db.execute(f"SELECT name, hits FROM ({counted}) JOIN {name}_name ON {name}_name.id = value", (BEST,))
        )

    def _shown(self, db: sqlite3.Connection, match: str, best: list[int]) -> tuple[tuple[str, str], ...]:
        headline, summary = list(WEIGHTS).index("headline"), list(WEIGHTS).index("summary")
        marked = (
            f"SELECT highlight(news, {headline}, '<b>', '</b>'), snippet(news, {summary}, '<b>', '</b>', '…', 40)"
            " FROM news WHERE news MATCH ? AND rowid = ?"
        )
        return tuple(tuple(db.execute(marked, (match, number)).fetchone()) for number in best)


def _rows(articles: Any, numbers: dict[str, dict[str, int]], links: dict[str, list[tuple[int, int]]]) -> Iterator[Any]:
    """Yield the rows of ``article``, and gather the values of the facets on the way."""
    article: Article
    for n, article in enumerate(articles):
        values = facet_values(article)
        for name, found in values.items():
            known = numbers[name]
            links[name] += [(n, known.setdefault(value, len(known))) for value in dict.fromkeys(found)]
        texts = {"headline": article.headline, "summary": article.summary} | {
            name: SEPARATOR.join(found) for name, found in values.items()
        }
        yield (
            n,
            article.path,
            article.date.toordinal(),
            article.date.year,
            *(texts[name] for name in WEIGHTS),
        )


def _match(question: Question) -> str | None:
    """Return a question in the language of FTS5, None for patterns and fuzzy words, which it does not have."""
    words = [f'"{word}"' for word in question.words]
    match question.kind:
        case "wildcard" | "fuzzy":
            return None
        case "phrase":
            return f'"{" ".join(question.words)}"'
        case "prefix":
            return f"{words[0]}*"
        case "not":
            return f'({" ".join(words)}) NOT "{question.without}"'
        case "long or":
            return " OR ".join(words)
    return " ".join(words)
