"""Our query trees as ``whoosh.query`` objects, and our articles in a stock Whoosh index: what the oracle tests compare.

In: trees and articles. Out: Whoosh queries that should find the same articles with the same scores. Leaves out what
Whoosh has no word for: stop words that are dropped, words as they were typed, and slop over more than two words.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from whoosh import query as wq
from whoosh.filedb.filestore import RamStorage
from whoosh.index import FileIndex
from whoosh.scoring import BM25F

from search_app.archive.model import Article
from search_app.engine.query import (
    And,
    Boost,
    Dates,
    Fuzzy,
    MatchAll,
    MatchNone,
    Not,
    Or,
    Phrase,
    Prefix,
    Query,
    Wildcard,
    Word,
)
from search_app.engine.scoring import FIELD_WEIGHTS
from search_app.index.analysis import SEPARATOR, analyse, fold, is_dense
from search_app.index.schema import EXACT, FACET_FIELDS, KEY, TEXT_FIELDS, build_schema

NOTHING = 1e-300
"""A score that adds nothing: Whoosh takes 0.0 for no score given, and puts 1.0 in its place."""


def values_of(article: Article, name: str) -> tuple[str, ...]:
    """Return the values of a field, as they are indexed."""
    match name:
        case "topic":
            return (article.topic,) if article.topic else ()
        case "context":
            return article.contexts
        case "source":
            return tuple(dict.fromkeys(source.name for source in article.sources))
    return (str(getattr(article, name)),)


def build_stock_index(*groups: Iterable[Article]) -> FileIndex:
    """Return a stock Whoosh index in memory: stock codec, stock writer, a segment for each group."""
    index = RamStorage().create_index(build_schema())
    for group in groups:
        writer = index.writer()
        for article in group:
            document: dict[str, Any] = {"path": article.path, "date": article.date.isoformat()}
            for name in TEXT_FIELDS:
                text = SEPARATOR.join(values_of(article, name))
                document[name] = document[name + EXACT] = text
            for name in FACET_FIELDS:
                document[name + KEY] = (values_of(article, name) or ("",))[0]
            writer.add_document(**document)
        writer.commit(merge=False)
    return index


def whoosh_scores(index: FileIndex, query: wq.Query) -> dict[str, float]:
    """Return path and score of everything that Whoosh's own searcher finds."""
    with index.searcher(weighting=BM25F()) as searcher:
        results = searcher.search(query, limit=None, optimize=False)
        return {searcher.stored_fields(doc)["path"]: score for score, doc in results.top_n}


def to_whoosh(tree: Query, factor: float = 1.0) -> wq.Query:
    """Return the Whoosh query of a tree. ``factor`` multiplies the score of every leaf.

    Days, exclusions and whatever else does not score are wrapped so that they add 0 where stock adds 1.
    """
    match tree:
        case MatchAll():
            return wq.ConstantScoreQuery(wq.Every(), NOTHING)
        case MatchNone():
            return wq.NullQuery
        case And(children):
            return wq.And([to_whoosh(child, factor) for child in children])
        case Or(children):
            return wq.Or([to_whoosh(child, factor) for child in children])
        case Not(child):
            return wq.ConstantScoreQuery(wq.Not(to_whoosh(child)), NOTHING)
        case Boost(child, by):
            return to_whoosh(child, factor * by)
        case Dates(first, last):
            low, high = first.isoformat() if first else None, last.isoformat() if last else None
            return wq.ConstantScoreQuery(wq.TermRange("date", low, high), NOTHING)
        case Word(text, field):
            if len(text) == 1 and is_dense(text):
                return to_whoosh(Prefix(text, field), factor)
            return _words(field, factor, [token.stem for token in analyse(text, query=True)], "", 0)
        case Phrase(text, slop, field):
            if len(text) == 1 and is_dense(text):
                return to_whoosh(Prefix(text, field), factor)
            return _words(field, factor, [token.folded for token in analyse(text, query=True)], EXACT, slop)
        case Prefix(text, field):
            return _patterns(field, factor, lambda name: wq.Prefix(name, fold(text)))
        case Wildcard(pattern, field):
            return _patterns(field, factor, lambda name: wq.Wildcard(name, fold(pattern)))
        case Fuzzy(text, distance, field):
            return _patterns(
                field, factor, lambda name: wq.FuzzyTerm(name, fold(text), maxdist=distance, prefixlength=0)
            )
    raise TypeError(tree)


def _weights(field: str | None) -> tuple[tuple[str, float], ...]:
    return FIELD_WEIGHTS if field is None else ((field, 1.0),)


def _words(field: str | None, factor: float, tokens: list[str], suffix: str, slop: int) -> wq.Query:
    """Return a phrase, and where its last word is one character of a script without spaces, a prefix beside it."""
    *before, last = tokens or [""]
    if before and len(last) == 1 and is_dense(last):
        return wq.And([_in_fields(field, factor, before, suffix, slop), to_whoosh(Prefix(last, field), factor)])
    return _in_fields(field, factor, tokens, suffix, slop)


def _in_fields(field: str | None, factor: float, words: list[str], twin: str, slop: int) -> wq.Query:
    leaves = []
    for name, weight in _weights(field):
        if len(words) == 1:
            leaves.append(wq.Term(name + twin, words[0], boost=weight * factor))
        else:
            leaves.append(wq.Phrase(name + twin, words, slop=slop + 1, boost=weight * factor))
    return wq.Or(leaves)


def _patterns(field: str | None, factor: float, make: Any) -> wq.Query:
    return wq.Or([wq.ConstantScoreQuery(make(name + EXACT), weight * factor) for name, weight in _weights(field)])
