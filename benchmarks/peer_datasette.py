"""Datasette as a contender for pages: one table of articles with an FTS5 index, and facets.

Facets are those of a result page: topic, context, source, year.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlencode

from search_app.archive import read_archive

from .processes import Server, serving_at
from .queries import Question

NAME = "datasette"
_FILE = "news.db"
# Datasette finds the index of a table by the way its name is quoted.
_SCHEMA = """
    CREATE TABLE article (id INTEGER PRIMARY KEY, path TEXT, date TEXT, year INTEGER,
                          headline TEXT, summary TEXT, topic TEXT, context TEXT, source TEXT);
    CREATE VIRTUAL TABLE article_fts USING fts5(headline, summary, topic, context, source, content="article",
                                                content_rowid="id", tokenize="porter unicode61 remove_diacritics 2");
"""
# By default Datasette leaves out counts that take longer than a fifth of a second: what is timed is a whole page.
_SETTINGS = {"facet_time_limit_ms": 60_000, "sql_time_limit_ms": 60_000, "num_sql_threads": 2}


def build(archive: Path, folder: Path) -> int:
    """Put the articles of an archive into a database as Datasette likes them. Returns how many."""
    articles = read_archive(archive).articles
    folder.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(folder / _FILE)
    db.executescript(_SCHEMA)
    db.executemany(
        "INSERT INTO article (path, date, year, headline, summary, topic, context, source) VALUES (?,?,?,?,?,?,?,?)",
        (
            (
                article.path,
                article.date.isoformat(),
                article.date.year,
                article.headline,
                article.summary,
                article.topic or None,
                json.dumps(article.contexts),
                json.dumps([source.name for source in article.sources]),
            )
            for article in articles
        ),
    )
    # Whoever cares for speed makes these: a facet counts along its index.
    db.executescript(
        "INSERT INTO article_fts(article_fts) VALUES ('rebuild');"
        "INSERT INTO article_fts(article_fts) VALUES ('optimize');"
        "CREATE INDEX by_topic ON article(topic); CREATE INDEX by_year ON article(year); ANALYZE;"
    )
    db.commit()
    db.close()
    return len(articles)


def page_path(question: Question, ending: str = "") -> str:
    """Return the address of a page that shows what a result page of ours shows: 20 articles, four facets, the total."""
    asked = [
        ("_search", " ".join(question.words)),
        ("_size", "20"),
        ("_facet", "topic"),
        ("_facet", "year"),
        ("_facet_array", "context"),
        ("_facet_array", "source"),
    ]
    return f"/news/article{ending}?{urlencode(asked)}"


def total(server: Server, question: Question) -> int:
    """Return how many articles match."""
    answer = json.loads(server.get(page_path(question, ".json")))
    return int(answer["filtered_table_rows_count"])


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """Serve a database, read-only, for as long as the block lasts."""
    settings = [text for name, value in _SETTINGS.items() for text in ("--setting", name, str(value))]
    command = [sys.executable, "-m", "datasette", "serve", "--immutable", str(folder / _FILE), *settings]
    with serving_at(command) as server:
        yield server


def installed() -> str:
    """Return the version that is installed. Raises PackageNotFoundError where there is none."""
    return version(NAME)
