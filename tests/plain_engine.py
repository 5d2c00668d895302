"""A second engine, plain and slow: one loop over the articles, every rule written out from its definition.

In: articles, query trees and requests. Out: what the real engine should answer. Shares with it the analysis of text and
the table of field weights; everything else is counted and computed again with lists and dictionaries.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from math import log
from typing import NamedTuple

import pytest
from plain_aliases import Groups, Names, alike, expand
from plain_ranking import PlainRanking, weighed_by_repeats, words_side_by_side

from search_app.archive.model import Article
from search_app.engine.query import (
    Alike,
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
    wanted_leaves,
)
from search_app.engine.request import FACET_FIELDS, MISSING_FIELDS, SearchRequest
from search_app.engine.result import SearchResult
from search_app.engine.scoring import FIELD_WEIGHTS, Bm25f
from search_app.index.analysis import STOP_WORDS, VALUE_GAP, analyse, fold, is_dense

K1, B = 1.2, 0.75
RELAXED_HITS = 100


class Place(NamedTuple):
    """One token of a field: where it stands, its stem, its spelling without accents and with them."""

    position: int
    stem: str
    folded: str
    spelled: str


class Wanted(NamedTuple):
    """One token of a query; ``exact`` is the spelling that it must have, None for any."""

    stem: str
    exact: str | None = None
    folded: str = ""
    spelled: str = ""

    def is_at(self, place: Place) -> bool:
        return place.stem == self.stem and self.exact in (None, place.folded)


class Near(NamedTuple):
    """Tokens in order in one field."""

    tokens: tuple[Wanted, ...]
    slop: int
    field: str | None


class Shape(NamedTuple):
    """Words of which something holds."""

    holds: Callable[[str], bool]
    field: str | None


@dataclass
class PlainResult:
    """What the real engine's result should say."""

    scores: dict[str, float]
    order: list[str]
    facets: dict[str, list[tuple[str, int, bool, bool]]] = field(default_factory=dict)
    facet_missing: dict[str, int] = field(default_factory=dict)
    total_values: dict[str, int] = field(default_factory=dict)
    missing: dict[str, int] = field(default_factory=dict)
    interval: str = ""
    bars: list[tuple[date, int]] = field(default_factory=list)
    relaxed: bool = False
    partial: list[str] = field(default_factory=list)


def assert_answered_as(result: SearchResult, expected: PlainResult, request: SearchRequest) -> None:
    """Hold an engine's answer to a request, all on one page, against the plain one: hits, scores, partial matches."""
    assert result.relaxed is expected.relaxed, request
    assert {hit.path: hit.score for hit in result.hits} == pytest.approx(expected.scores, rel=1e-9), request
    assert [hit.path for hit in result.partial] == expected.partial, request


def values_of(article: Article, name: str) -> tuple[str, ...]:
    """Return the values of a field: those of a facet each once, a text as its only value."""
    match name:
        case "topic":
            return (article.topic,) if article.topic else ()
        case "context":
            return article.contexts
        case "source":
            return tuple(dict.fromkeys(source.name for source in article.sources))
    return (str(getattr(article, name)),)


def tokens_of(values: Iterable[str]) -> list[Place]:
    """Return the tokens of a field's values; between two values ``VALUE_GAP`` positions are left free."""
    places: list[Place] = []
    position = 0
    for n, value in enumerate(values):
        position += VALUE_GAP if n else 0
        for token in analyse(value):
            places.append(Place(position, token.stem, token.folded, token.spelled))
            position += 1
    return places


def stands_in_order(tokens: tuple[Wanted, ...], slop: int, places: list[Place]) -> bool:
    """Tell whether tokens stand in order with at most ``slop`` others between them altogether: tries every choice."""

    def found(rest: tuple[Wanted, ...], begin: int, end: int) -> bool:
        if not rest:
            return end - begin - (len(tokens) - 1) <= slop
        return any(
            found(rest[1:], begin, place.position)
            for place in places
            if place.position > end and rest[0].is_at(place) and place.position - begin <= slop + len(tokens)
        )

    return any(found(tokens[1:], place.position, place.position) for place in places if tokens[0].is_at(place))


def has_shape(pattern: str, word: str) -> bool:
    """Tell whether a word has the shape of a wildcard: tries every split."""
    if not pattern:
        return not word
    if pattern[0] == "*":
        return any(has_shape(pattern[1:], word[n:]) for n in range(len(word) + 1))
    return bool(word) and pattern[0] in ("?", word[0]) and has_shape(pattern[1:], word[1:])


def edit_distance(a: str, b: str) -> int:
    """Return how many letters must be added, taken away, changed, or swapped with their neighbour."""
    rows = [[max(i, j) if not min(i, j) else 0 for j in range(len(b) + 1)] for i in range(len(a) + 1)]
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            best = min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + (a[i - 1] != b[j - 1]))
            if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
                best = min(best, rows[i - 2][j - 2] + 1)
            rows[i][j] = best
    return rows[-1][-1]


def is_like(word: str, distance: int, other: str) -> bool:
    """Tell whether a word is at most ``distance`` edits from another, none of them in a digit."""
    digits = [c for c in word if c.isdigit()]
    return [c for c in other if c.isdigit()] == digits and edit_distance(word, other) <= distance


class PlainEngine:
    """Answers requests over a list of articles: ranked by ``scorer``, or as ``Bm25`` does where that is None.

    groups : names that mean the same as facet values; those in queries stand in the trees already.
    """

    def __init__(self, articles: Iterable[Article], scorer: Bm25f | None = None, groups: Groups = ()) -> None:
        self.groups = groups
        self.articles = list(articles)
        self.ranking = PlainRanking(self, scorer or Bm25f())
        self.fielded = scorer is not None
        names = [name for name, _ in FIELD_WEIGHTS]
        self.places = {a.path: {name: tokens_of(values_of(a, name)) for name in names} for a in self.articles}
        self.average = {
            name: sum(len(places[name]) for places in self.places.values()) / max(1, len(self.articles))
            for name in names
        }
        self._df: dict[tuple[Wanted, str], int] = {}
        self.values = {
            name: sorted({v for a in self.articles for v in values_of(a, name)}, key=lambda v: (fold(v), v))
            for name in FACET_FIELDS
        }

    # -- reading a tree -------------------------------------------------------------------------------------------

    def understand(self, tree: Query) -> object:
        """Return a tree with every leaf made into ``Near``, ``Shape`` or ``Dates``, without what says nothing."""
        match tree:
            case And(children):
                spare = [child for child in children if isinstance(child, Word) and _is_common(child.text)]
                others = [child for child in children if child not in spare and wanted_leaves(child)]
                kept = [child for child in children if not (others and child in spare)]
                parts = [part for part in map(self.understand, kept) if part is not None]
                # Beside words that were left out one word is still one of several.
                whole = len(parts) == 1 and len(kept) == len(children)
                return (parts[0] if whole else And(tuple(parts))) if parts else None  # type: ignore[arg-type, return-value]
            case Or(children):
                parts = [part for part in map(self.understand, children) if part is not None]
                return Or(tuple(parts)) if len(parts) > 1 else parts[0] if parts else None  # type: ignore[arg-type]
            case Not(child):
                inner = self.understand(child)
                return None if inner is None else Not(inner)  # type: ignore[arg-type]
            case Alike(typed, others):
                return alike(self.understand(typed), [self.understand(other) for other in others])
            case Boost(child, factor):
                inner = self.understand(child)
                return None if inner is None else Boost(inner, factor)  # type: ignore[arg-type]
            case Word(text, name):
                return _words(text, 0, name, exact=False)
            case Phrase(text, slop, name):
                return _words(text, slop, name, exact=True)
            case Prefix(text, name):
                tokens = analyse(text, query=True)
                if not tokens:
                    return None
                last = tokens[-1].folded
                shape = Shape(lambda word: word.startswith(last), name)
                if len(tokens) == 1:
                    return shape
                head = Near(
                    tuple(Wanted(token.stem, token.folded, token.folded, token.spelled) for token in tokens[:-1]),
                    0,
                    name,
                )
                return And((head, shape))  # type: ignore[arg-type]
            case Wildcard(pattern, name):
                folded = fold(pattern)
                return Shape(lambda word: has_shape(folded, word), name)
            case Fuzzy(text, distance, name):
                tokens = analyse(text, query=True)
                if len(tokens) != 1 or is_dense(text):
                    return _words(text, 0, name, exact=False)
                wanted = tokens[0].folded
                return Shape(lambda word: is_like(wanted, distance, word), name)
        return tree

    # -- one article ----------------------------------------------------------------------------------------------

    def matches(self, node: object, article: Article) -> bool:
        """Tell whether an article meets what ``understand`` made of a tree."""
        match node:
            case MatchAll() | None:
                return True
            case MatchNone():
                return False
            case Dates(first, last):
                return (first is None or first <= article.date) and (last is None or article.date <= last)
            case And(children):
                return all(self.matches(child, article) for child in children)
            case Or(children):
                return any(self.matches(child, article) for child in children)
            case Not(child):
                return not self.matches(child, article)
            case Boost(child, _):
                return self.matches(child, article)
            case Near() | Shape():
                return any(self._in_field(node, article, name) for name, _ in _weights(node.field))
        raise TypeError(node)

    def _in_field(self, node: Near | Shape, article: Article, name: str) -> bool:
        places = self.places[article.path][name]
        if isinstance(node, Shape):
            return any(node.holds(place.folded) for place in places)
        return stands_in_order(node.tokens, node.slop, places)

    def score(self, node: object, article: Article) -> float:
        """Return what a match is worth: the sum over every leaf that the article holds and that is not excluded."""
        if not self.matches(node, article):
            return 0.0
        match node:
            case And(children) | Or(children):
                return sum(self.score(child, article) for child in children)
            case Boost(child, factor):
                return factor * self.score(child, article)
            case Near(tokens, _, wanted_field) if self.fielded:
                counted = [name for name, _ in _weights(wanted_field) if self._in_field(node, article, name)]
                return sum(self.ranking.score(token, wanted_field, article, counted) for token in tokens)
            case Near(tokens, _, wanted_field):
                return sum(
                    weight * self.bm25(token, name, article)
                    for name, weight in _weights(wanted_field)
                    if self._in_field(node, article, name)
                    for token in tokens
                )
            case Shape(_, wanted_field):
                return sum(weight for name, weight in _weights(wanted_field) if self._in_field(node, article, name))
        return 0.0

    def idf(self, token: Wanted, name: str) -> float:
        """Return ``ln(N / (df + 1)) + 1``; counted once a token and field."""
        if (token, name) not in self._df:
            holders = (any(map(token.is_at, self.places[a.path][name])) for a in self.articles)
            self._df[token, name] = sum(holders)
        return log(len(self.articles) / (self._df[token, name] + 1)) + 1

    def bm25(self, token: Wanted, name: str, article: Article) -> float:
        """Return ``idf · tf (k1 + 1) / (tf + k1 (1 - b + b · length / average length))``."""
        places = self.places[article.path][name]
        tf = sum(token.is_at(place) for place in places)
        if not tf:
            return 0.0
        return self.idf(token, name) * tf * (K1 + 1) / (tf + K1 * (1 - B + B * len(places) / self.average[name]))

    def evaluate(self, tree: Query) -> dict[str, float]:
        """Return path and score of every article that matches a tree."""
        node = self.understand(tree)
        return {a.path: self.score(node, a) for a in self.articles if self.matches(node, a)}

    # -- a request ------------------------------------------------------------------------------------------------

    def search(self, request: SearchRequest, tree: Query) -> PlainResult:
        """Return the answer to a request whose query text means ``tree``."""
        tree = expand(tree, ())
        node = weighed_by_repeats(self.understand(tree), request.q)
        hits = [a for a in self.articles if self.matches(node, a) and self.passes(request, a)]
        tokens, spare = words_side_by_side(node)
        spare += _left_out(tree)
        scores = self.ranking.with_gains({a.path: self.score(node, a) for a in hits}, tokens, spare)
        relaxed, partial = False, list[str]()
        if isinstance(node, And) and len(hits) < request.per_page:
            others, loose = self._partial(node, request), sum(map(_may_lack, node.children))
            if not hits:
                scores = self.ranking.agreed(self.ranking.with_gains(others, tokens, spare), loose)
                hits = [a for a in self.articles if a.path in scores]
                relaxed = bool(hits)
            elif request.order == "relevance":
                days = {a.path: a.date.toordinal() for a in self.articles}
                others = self._faded(self.ranking.agreed(others, loose), request)
                ranked = sorted(others, key=lambda path: (-others[path], -days[path], path))
                partial = ranked[: request.per_page - len(hits)]
        scores = self._faded(scores, request)
        by_relevance = request.order == "relevance"
        sign = 1 if request.order == "oldest" else -1
        hits.sort(key=lambda a: (-scores[a.path] if by_relevance else 0.0, sign * a.date.toordinal(), a.path))
        result = PlainResult(scores if by_relevance else dict.fromkeys(scores, 0.0), [a.path for a in hits])
        result.relaxed, result.partial = relaxed, partial
        for name in request.facets:
            counted = hits
            if name != "context" and not relaxed:
                counted = [
                    a for a in self.articles if self.matches(node, a) and self.passes(request, a, leave_out=name)
                ]
            self._count(result, request, name, counted)
        result.missing = {name: sum(_lacks(a, name) for a in hits) for name in MISSING_FIELDS}
        result.interval, result.bars = histogram([a.date for a in hits], request.interval)
        return result

    def _faded(self, scores: dict[str, float], request: SearchRequest) -> dict[str, float]:
        """Return scores of which three fifths fade with age, counted from the newest article."""
        if not request.half_life:
            return scores
        days = {a.path: a.date.toordinal() for a in self.articles}
        newest = max(days.values())
        return {
            path: score * (0.4 + 0.6 * 0.5 ** ((newest - days[path]) / request.half_life))
            for path, score in scores.items()
        }

    def passes(self, request: SearchRequest, article: Article, leave_out: str = "") -> bool:
        """Tell whether an article passes the filters of a request, the selection of one facet left out."""
        if not self.matches(Dates(request.date_from, request.date_to), article):
            return False
        for name in FACET_FIELDS:
            own = self.own_values(article, name)
            if any(self.known(name, value) in own for value in getattr(request, "not_" + name)):
                return False
            chosen = [self.known(name, value) in own for value in getattr(request, name)]
            every = name == "context" and request.context_match == "all"
            if name in request.missing:
                chosen.append(_lacks(article, name))
            if name != leave_out and chosen and not (all(chosen) if every else any(chosen)):
                return False
        return "summary" not in request.missing or _lacks(article, "summary")

    def own_values(self, article: Article, name: str) -> tuple[str, ...]:
        """Return the values of a field under the names by which they are shown, each once."""
        return tuple(dict.fromkeys(self.known(name, value) or value for value in values_of(article, name)))

    def known(self, name: str, value: str) -> str | None:
        """Return the value under which a name of a facet is shown: of equal names the last that there is."""
        meant = self._spelt(name, value)
        for group in self.groups:
            there = [found for found in (self._spelt(name, other) for other in group) if found]
            if there and (meant in there or (meant is None and fold(value) in map(fold, group))):
                return there[-1]
        return meant

    def _spelt(self, name: str, value: str) -> str | None:
        """Return the value of a facet that a name means: itself, else the nearest that differs in accents and case."""
        if value in self.values[name]:
            return value
        alike = [other for other in self.values[name] if fold(other) == fold(value)]
        after = [other for other in alike if other > value]
        return after[0] if after else alike[-1] if alike else None

    def _count(self, result: PlainResult, request: SearchRequest, name: str, counted: list[Article]) -> None:
        counts = Counter(value for a in counted for value in self.own_values(a, name))
        ranked = sorted(counts, key=lambda value: (-counts[value], fold(value), value))
        selected = {self.known(name, value) or value for value in getattr(request, name)}
        excluded = {self.known(name, value) or value for value in getattr(request, "not_" + name)}
        shown = {*ranked[: request.facet_size], *selected, *excluded}
        result.facets[name] = [
            (value, counts[value], value in selected, value in excluded)
            for value in sorted(shown, key=lambda value: (-counts[value], fold(value), value))
        ]
        result.facet_missing[name] = sum(_lacks(a, name) for a in counted)
        result.total_values[name] = len(counts)

    # -- partial matches ------------------------------------------------------------------------------------------

    def _partial(self, node: And, request: SearchRequest) -> dict[str, float]:
        """Return the best of the articles that lack some words."""
        loose = [child for child in node.children if _may_lack(child)]
        if len(loose) < 2:
            return {}
        bound = [child for child in node.children if child not in loose]
        candidates = [
            a
            for a in self.articles
            if any(self.matches(child, a) for child in loose)
            and not self.matches(node, a)
            and all(self.matches(child, a) for child in bound)
            and self.passes(request, a)
        ]

        def worth(article: Article) -> float:
            return sum(self.ranking.worth(child, article, len(loose)) for child in node.children)

        return self.ranking.partial(list(loose), candidates, worth, RELAXED_HITS)


def _left_out(tree: Query) -> int:
    if not isinstance(tree, And):
        return 0
    spare = [child for child in tree.children if isinstance(child, Word) and _is_common(child.text)]
    others = [child for child in tree.children if child not in spare and wanted_leaves(child)]
    return len(spare) if others else 0


def _is_common(text: str) -> bool:
    return text.lower() in STOP_WORDS and not (len(text) > 1 and text.isupper())


def _weights(name: str | None) -> tuple[tuple[str, float], ...]:
    return FIELD_WEIGHTS if name is None else ((name, 1.0),)


def _words(text: str, slop: int, name: str | None, *, exact: bool) -> Near | Shape | And | None:
    tokens = analyse(text, query=True)
    if not tokens:
        return None
    if len(text) == 1 and is_dense(text):
        return Shape(lambda word: word.startswith(text), name)
    wanted = tuple(Wanted(t.stem, t.folded if exact else None, t.folded, t.spelled) for t in tokens)
    last = tokens[-1].folded
    if len(wanted) > 1 and len(last) == 1 and is_dense(last):
        return And((Near(wanted[:-1], slop, name), Shape(lambda word: word.startswith(last), name)))  # type: ignore[arg-type]
    return Near(wanted, slop, name)


def _may_lack(node: object) -> bool:
    match node:
        case Near(tokens, _, name):
            return name is None and all(token.exact is None for token in tokens)
        case Shape(_, name):
            return name is None
        case Boost(child, _):
            return _may_lack(child)
        case Names((And(words), *_)):
            return all(map(_may_lack, words))
        case Names((typed, *_)):
            return _may_lack(typed)
        case Or(children):
            return all(map(_may_lack, children))
    return False


def _lacks(article: Article, name: str) -> bool:
    return not article.summary if name == "summary" else not values_of(article, name)


def histogram(days: list[date], interval: str) -> tuple[str, list[tuple[date, int]]]:
    """Return the interval and, for every span from the first day's to the last day's, its first day and its hits."""
    if not days:
        return interval or "year", []
    first, last = min(days), max(days)
    if not interval:
        months = (last.year - first.year) * 12 + last.month - first.month
        interval = "day" if (last - first).days < 92 else "month" if months < 96 else "year"

    def start(day: date) -> date:
        return day if interval == "day" else day.replace(day=1) if interval == "month" else date(day.year, 1, 1)

    counts = Counter(map(start, days))
    every = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return interval, [(begin, counts[begin]) for begin in sorted({start(day) for day in every})]
