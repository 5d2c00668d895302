"""Counting: facets against a counting dict, the order of values, prefixes, and the bars of the histogram."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from conftest import SEED
from hypothesis import given, settings
from hypothesis import strategies as st
from index_making import make_snapshot
from plain_engine import histogram, values_of
from random_articles import random_articles

from search_app.archive.model import Article
from search_app.engine.docset import DocSet
from search_app.engine.facets import (
    Counts,
    ValueSpace,
    choose_interval,
    make_facet,
    make_histogram,
    top_values,
    values_with_prefix,
)
from search_app.engine.request import FACET_FIELDS, MISSING_FIELDS
from search_app.engine.result import Bucket
from search_app.index.analysis import fold
from search_app.index.generation import Snapshot

Make = Callable[..., Article]


@pytest.fixture(scope="module")
def articles() -> list[Article]:
    return random_articles(random.Random(f"{SEED} facets"), 150)


@pytest.fixture(scope="module", params=["one segment", "three segments with deleted documents"])
def snapshot(
    request: pytest.FixtureRequest, articles: list[Article], tmp_path_factory: pytest.TempPathFactory
) -> Snapshot:
    folder = tmp_path_factory.mktemp("facets")
    if request.param == "one segment":
        return make_snapshot(folder, articles)
    groups = articles[:60], articles[60:61], articles[61:]
    deleted = {(n, article.path) for n, group in enumerate(groups) for article in group[::4]}
    return make_snapshot(folder, *groups, deleted=deleted)


def some_docs(snapshot: Snapshot, rng: random.Random, share: float) -> tuple[DocSet, list[Article]]:
    """Return about a share of the live documents, as a set and as articles."""
    masks, chosen = [], []
    for segment, live in zip(snapshot.segments, snapshot.live, strict=True):
        mask = np.array([rng.random() < share for _ in range(segment.docs)], bool).reshape(segment.docs)
        mask = mask if live is None else mask & live
        masks.append(mask)
        chosen += [segment.article(int(doc)) for doc in np.flatnonzero(mask)]
    return DocSet(masks), chosen


@pytest.mark.parametrize("share", [0.0, 0.02, 0.1, 0.5, 0.97, 1.0])
@pytest.mark.parametrize("field", FACET_FIELDS)
def test_counts_are_those_of_a_counting_dict(snapshot: Snapshot, rng: random.Random, field: str, share: float) -> None:
    """Whatever part of the documents matched, few or all."""
    found, chosen = some_docs(snapshot, rng, share)
    space = ValueSpace.of(snapshot, field)
    counts = space.count(found)
    expected = Counter(value for article in chosen for value in values_of(article, field))
    named = {space.name(int(v)): int(n) for v, n in zip(counts.values, counts.counts, strict=True)}
    assert named == expected
    facet = make_facet(space, counts, 5, (), (), 7)
    ranked = sorted(expected.items(), key=lambda item: (-item[1], fold(item[0]), item[0]))
    assert [(bucket.value, bucket.count) for bucket in facet.buckets] == ranked[:5]
    assert (facet.missing, facet.total_values) == (7, len(expected))


@pytest.mark.parametrize("field", MISSING_FIELDS)
def test_what_is_missing_is_counted(snapshot: Snapshot, rng: random.Random, field: str) -> None:
    found, chosen = some_docs(snapshot, rng, 0.6)
    lacking = [a for a in chosen if not (a.summary if field == "summary" else values_of(a, field))]
    assert found.missing(snapshot, field) == len(lacking) == found.missing(snapshot, field)


def test_values_are_in_order_of_name(snapshot: Snapshot) -> None:
    for field in FACET_FIELDS:
        space = ValueSpace.of(snapshot, field)
        names = space.all_names()
        assert names == sorted(names, key=lambda name: (fold(name), name))
        assert [space.name(n) for n in range(space.size)] == names
        assert [space.find(name) for name in names] == list(range(space.size))
        assert space.find("Nowhere") == -1
        for n, segment in enumerate(snapshot.segments):
            for value in range(space.size):
                docs = space.docs_of(n, value).tolist()
                assert all(names[value] in values_of(segment.article(doc), field) for doc in docs)
            assert space.docs_of(n, -1).tolist() == []


def test_selected_and_excluded_values_are_listed_even_below_the_limit_and_at_zero(snapshot: Snapshot) -> None:
    space = ValueSpace.of(snapshot, "context")
    nothing = DocSet([np.zeros(segment.docs, bool) for segment in snapshot.segments])
    facet = make_facet(space, space.count(nothing), 3, ("Kestria", "Nowhere"), ("Sel", "Aaa"), 0)
    assert facet.buckets == (
        Bucket("Aaa", 0, False, True),
        Bucket("Kestria", 0, True, False),
        Bucket("Nowhere", 0, True, False),
        Bucket("Sel", 0, False, True),
    )
    assert facet.total_values == 0


@given(numbers=st.lists(st.integers(0, 4), max_size=30), size=st.integers(0, 12))
def test_the_highest_values_come_first_and_ties_by_name(numbers: list[int], size: int) -> None:
    counts = Counts.of(np.array(numbers, np.int64))
    shown = [int(counts.values[position]) for position in top_values(counts, size)]
    ranked = sorted((value for value, count in enumerate(numbers) if count), key=lambda v: (-numbers[v], v))
    assert shown == ranked[:size]


PREFIXES: tuple[tuple[str, list[str]], ...] = (
    ("har", ["Harbour strike"]),
    ("STR", ["Four Straits Cup", "Harbour strike"]),
    ("elec", ["Élection 2032"]),
    ("él", ["Élection 2032"]),
    ("2032", ["Élection 2032"]),
    ("trike", []),
    ("harbour s", ["Harbour strike"]),
    ("石", []),
    ("青石", ["青石港罢工"]),
)


@pytest.mark.parametrize(("prefix", "names"), PREFIXES)
def test_a_prefix_finds_values_by_the_beginning_of_any_word(
    make_article: Make, tmp_path: Path, prefix: str, names: list[str]
) -> None:
    topics = ("Harbour strike", "Four Straits Cup", "Élection 2032", "青石港罢工")
    snapshot = make_snapshot(tmp_path, [make_article(headline=topic, topic=topic) for topic in topics])
    space = ValueSpace.of(snapshot, "topic")
    assert sorted(space.name(int(value)) for value in values_with_prefix(space, prefix)) == sorted(names)


# -- bars ----------------------------------------------------------------------------------------------------------

INTERVALS = (
    (date(2031, 1, 1), date(2031, 1, 1), "day"),
    (date(2031, 1, 1), date(2031, 4, 2), "day"),
    (date(2031, 1, 1), date(2031, 4, 3), "month"),
    (date(2031, 1, 31), date(2038, 12, 1), "month"),
    (date(2031, 1, 31), date(2039, 1, 1), "year"),
    (date(1, 1, 1), date(9999, 12, 31), "year"),
)


@pytest.mark.parametrize(("first", "last", "interval"), INTERVALS)
def test_the_interval_follows_the_span(first: date, last: date, interval: str) -> None:
    assert choose_interval(first, last) == interval


day_lists = st.lists(st.dates(date(2029, 1, 1), date(2033, 12, 31)), max_size=40)


@settings(max_examples=60)
@given(
    days=st.one_of(day_lists, st.lists(st.dates(date(1961, 1, 1), date(2060, 12, 31)), max_size=5)),
    interval=st.sampled_from(("", "month", "year")),
    split=st.integers(0, 40),
)
def test_bars_are_those_of_a_plain_count(days: list[date], interval: str, split: int) -> None:
    """No span left out, each hit counted once, in however many arrays they come."""
    made = make_histogram(newest_first(days, split), interval)
    expected_interval, bars = plain_bars(days, interval)
    assert made.interval == expected_interval
    assert [(bar.start, bar.count) for bar in made.bars] == bars
    assert sum(bar.count for bar in made.bars) == len(days)


def newest_first(days: list[date], split: int = 0) -> list[np.ndarray]:
    """Return days as two segments have them."""
    parts = [sorted((day.toordinal() for day in part), reverse=True) for part in (days[:split], days[split:])]
    return [np.array(part, np.uint32) for part in parts]


def plain_bars(days: list[date], interval: str) -> tuple[str, list[tuple[date, int]]]:
    """``plain_engine.histogram``, in time that does not grow with the span."""
    if not days or (max(days) - min(days)).days < 400:
        return histogram(days, interval)
    interval = interval or choose_interval(min(days), max(days))
    bars: list[tuple[date, int]] = []
    start = min(days).replace(day=1) if interval == "month" else date(min(days).year, 1, 1)
    while True:
        month = start.month % 12 + 1 if interval == "month" else 1
        end = date(start.year + (interval == "year" or month == 1), month, 1)
        bars.append((start, sum(start <= day < end for day in days)))
        if end > max(days):
            return interval, bars
        start = end


def test_days_as_bars() -> None:
    first = date(2031, 2, 27)
    days = [first, first + timedelta(days=2), first + timedelta(days=2)]
    made = make_histogram(newest_first(days), "day")
    assert [(str(bar.start), bar.count) for bar in made.bars] == [
        ("2031-02-27", 1),
        ("2031-02-28", 0),
        ("2031-03-01", 2),
    ]


def test_the_last_days_of_the_calendar_have_bars_too() -> None:
    last = date.max.toordinal()
    for interval in ("day", "month", "year"):
        made = make_histogram([np.array([last, last - 1])], interval)
        assert sum(bar.count for bar in made.bars) == 2


def test_no_hits_no_bars() -> None:
    for interval, shown in (("", "year"), ("day", "day")):
        made = make_histogram([np.zeros(0, np.int64)], interval)
        assert (made.interval, made.bars) == (shown, ())


def test_bars_tell_where_the_archive_has_nothing() -> None:
    days = [date(2029, 5, 1), date(2033, 5, 1)]
    held = [*days, date(2031, 12, 31), date(2040, 1, 1)]
    ordinals = np.array(sorted(day.toordinal() for day in held))
    made = make_histogram(newest_first(days), "year", archive_days=ordinals)
    assert [(bar.start.year, bar.count, bar.no_data) for bar in made.bars] == [
        (2029, 1, False),
        (2030, 0, True),
        (2031, 0, False),
        (2032, 0, True),
        (2033, 1, False),
    ]
    assert not any(bar.no_data for bar in make_histogram(newest_first(days), "month").bars)
