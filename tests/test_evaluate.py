"""The evaluator against a plain loop over the articles, for every kind of node and for random trees."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from conftest import SEED
from index_making import make_snapshot
from plain_engine import PlainEngine, edit_distance, has_shape, is_like
from random_articles import random_articles, random_leaf, random_tree

from search_app.archive.model import Article, Source
from search_app.engine.evaluate import Statistics
from search_app.engine.plan import All, Nothing, make_plan
from search_app.engine.query import (
    MATCH_ALL,
    MATCH_NONE,
    And,
    Boost,
    Dates,
    Fuzzy,
    Not,
    Or,
    Phrase,
    Prefix,
    Query,
    Wildcard,
    Word,
)
from search_app.engine.scoring import FIELD_WEIGHTS, Bm25
from search_app.index.generation import Snapshot

ROUNDS = 250
Make = Callable[..., Article]


def evaluate(snapshot: Snapshot, tree: Query, max_expansions: int = 1024) -> dict[str, float]:
    """Return path and score of every article that the evaluator finds."""
    plan, _ = make_plan(tree)
    statistics = Statistics(snapshot, Bm25(), max_expansions)
    found: dict[str, float] = {}
    for segment, evaluator in zip(snapshot.segments, statistics.evaluators, strict=True):
        mask = evaluator.match(plan)
        docs = np.flatnonzero(mask)
        scores = evaluator.score(plan, docs, mask)
        found |= {segment.path_of(int(doc)): float(score) for doc, score in zip(docs, scores, strict=True)}
    return found


@pytest.fixture(scope="module")
def articles() -> list[Article]:
    return random_articles(random.Random(f"{SEED} evaluate"), 120)


@pytest.fixture(scope="module")
def plain(articles: list[Article]) -> PlainEngine:
    return PlainEngine(articles)


@pytest.fixture(scope="module")
def snapshot(articles: list[Article], tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return make_snapshot(tmp_path_factory.mktemp("evaluate"), articles)


def test_random_leaves_and_trees_match_and_score_as_a_plain_loop_does(
    snapshot: Snapshot, plain: PlainEngine, rng: random.Random
) -> None:
    """Same articles, same scores to 1e-9; and the trees are such that most find something."""
    found_some = 0
    for n in range(ROUNDS):
        tree = random_leaf(rng) if n % 3 == 0 else random_tree(rng)
        expected = plain.evaluate(tree)
        found = evaluate(snapshot, tree)
        assert found.keys() == expected.keys(), tree
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-9), tree
        found_some += bool(expected)
    assert found_some > ROUNDS / 2


def test_several_segments_with_deleted_documents_score_as_one_segment_of_the_rest(
    articles: list[Article], tmp_path: Path, rng: random.Random
) -> None:
    """Frequencies and lengths count what is live, over all segments: the same scores to the last bits."""
    groups: list[list[Article]] = [[], [], []]
    live: list[Article] = []
    deleted: set[tuple[int, str]] = set()
    for n, article in enumerate(articles):
        group = rng.randrange(3)
        groups[group].append(article)
        if n % 5 == 0:
            deleted.add((group, article.path))
        else:
            live.append(article)
    parts = make_snapshot(tmp_path / "parts", *groups, deleted=deleted)
    whole = make_snapshot(tmp_path / "whole", live)
    assert parts.articles == whole.articles == len(live)
    for _ in range(150):
        tree = random_tree(rng)
        found, expected = evaluate(parts, tree), evaluate(whole, tree)
        assert found.keys() == expected.keys(), tree
        assert found == pytest.approx(expected, rel=1e-12, abs=1e-12), tree


ALGEBRA = (Word("harbour"), Phrase("harbour strike"), Prefix("sto"), Wildcard("f?rry"), Dates(date(2031, 1, 1), None))


@pytest.mark.parametrize("tree", ALGEBRA, ids=repr)
def test_everything_and_nothing_behave_as_in_algebra(snapshot: Snapshot, tree: Query) -> None:
    """With And, everything changes nothing and nothing leaves nothing; with Or it is the other way round."""
    own = evaluate(snapshot, tree).keys()
    every = evaluate(snapshot, MATCH_ALL).keys()
    assert evaluate(snapshot, And((tree, MATCH_ALL))).keys() == own
    assert evaluate(snapshot, And((tree, MATCH_NONE))).keys() == set()
    assert evaluate(snapshot, Or((tree, MATCH_ALL))).keys() == every
    assert evaluate(snapshot, Or((tree, MATCH_NONE))).keys() == own


@pytest.mark.parametrize("tree", ALGEBRA, ids=repr)
def test_a_condition_and_its_negation_share_out_the_articles(snapshot: Snapshot, tree: Query) -> None:
    """Each article is on one side; on the negated side nothing scores."""
    yes, no = evaluate(snapshot, tree), evaluate(snapshot, Not(tree))
    assert yes and no
    assert not yes.keys() & no.keys()
    assert len(yes) + len(no) == snapshot.articles
    assert set(no.values()) == {0.0}


def test_a_factor_multiplies_the_score_and_changes_nothing_else(snapshot: Snapshot) -> None:
    once = evaluate(snapshot, Or((Word("storm"), Word("comet"))))
    thrice = evaluate(snapshot, Boost(Or((Word("storm"), Word("comet"))), 3.0))
    assert thrice == pytest.approx({path: 3 * score for path, score in once.items()})


def test_a_boosted_group_scores_only_where_the_group_holds(make_article: Make, tmp_path: Path) -> None:
    """In ``(storm AND comet)^5 OR sel`` an article with *sel* and *storm* gets nothing for *storm*."""
    both = make_article(headline="Storm hides the comet")
    half = make_article(headline="Storm over Sel")
    snapshot = make_snapshot(tmp_path, [both, half])
    group = And((Word("storm"), Word("comet")))
    found = evaluate(snapshot, Or((Boost(group, 5.0), Word("sel"))))
    assert found[half.path] == pytest.approx(evaluate(snapshot, Word("sel"))[half.path])
    assert found[both.path] == pytest.approx(5 * evaluate(snapshot, group)[both.path])


def test_bm25_by_hand(make_article: Make, tmp_path: Path) -> None:
    """Two articles, one word: idf is ln(2/2) + 1 = 1; lengths 2 and 4 average 3.

    In the short headline, *storm* once: 1 · 2.2 / (1 + 1.2 · (0.25 + 0.75 · 2/3)) = 2.2 / 1.9.
    """
    short = make_article(headline="Storm nears", summary="", topic="", contexts=(), sources=())
    long = make_article(headline="Ferry crews stay ashore", summary="", topic="", contexts=(), sources=())
    snapshot = make_snapshot(tmp_path, [short, long])
    assert evaluate(snapshot, Word("storm", "headline")) == pytest.approx({short.path: 2.2 / 1.9})
    assert evaluate(snapshot, Word("storm")) == pytest.approx({short.path: FIELD_WEIGHTS[0][1] * 2.2 / 1.9})


PHRASES = (
    ("a phrase in order", Phrase("night shifts"), True),
    ("the other way round", Phrase("shifts night"), False),
    ("a gap without slop", Phrase("dockers out"), False),
    ("a gap with slop", Phrase("dockers out", 1), True),
    ("two gaps, one slop", Phrase("dockers out night", 1), False),
    ("two gaps, two slops", Phrase("dockers out night", 2), True),
    ("the same word twice", Phrase("night night", 50), False),
    ("an exact word as written", Phrase("shifts"), True),
    ("an exact word in another form", Phrase("shift"), False),
    ("a word in another form", Word("shift"), True),
    ("a word that is cut in two", Word("night-shift"), True),
    ("across two values, close", Phrase("strike Kestria", 0, "context"), False),
    ("across two values, with the largest slop", Phrase("strike Kestria", 100, "context"), False),
    ("across two fields", Phrase("shifts cranes"), False),
)


@pytest.mark.parametrize(("tree", "holds"), [row[1:] for row in PHRASES], ids=[row[0] for row in PHRASES])
def test_phrases(make_article: Make, tmp_path: Path, tree: Query, holds: bool) -> None:
    """The article's headline is “Dockers walk out over night shifts”, its contexts a strike and Kestria."""
    snapshot = make_snapshot(tmp_path, [make_article()])
    assert bool(evaluate(snapshot, tree)) is holds


def test_a_phrase_takes_the_choice_of_words_that_fits(make_article: Make, tmp_path: Path) -> None:
    """The first *storm* is too far from *sel*; the second is not."""
    snapshot = make_snapshot(tmp_path, [make_article(headline="Storm after storm hits Sel")])
    assert evaluate(snapshot, Phrase("storm sel", 1))
    assert not evaluate(snapshot, Phrase("storm sel", 0))


def test_a_pattern_keeps_the_most_frequent_words_when_it_stands_for_too_many(
    make_article: Make, tmp_path: Path
) -> None:
    """*quay0* stands in three articles, the others in one: with room for one word, it is *quay0*."""
    articles = [make_article(headline=f"Quay{max(0, n - 2)} opens, part {n}", summary="") for n in range(8)]
    snapshot = make_snapshot(tmp_path, articles)
    assert len(evaluate(snapshot, Prefix("quay"))) == 8
    assert evaluate(snapshot, Prefix("quay"), max_expansions=1).keys() == {article.path for article in articles[:3]}
    statistics = Statistics(snapshot, Bm25(), 1)
    statistics.evaluators[0].match(make_plan(Prefix("quay"))[0])
    assert statistics.truncated == {"quay"}


def test_patterns_work_on_words_as_written(make_article: Make, tmp_path: Path) -> None:
    """*talki* begins *talking*, though both *talks* and *talking* are filed under one stem."""
    talking = make_article(headline="Unions keep talking")
    talks = make_article(headline="Talks stall")
    snapshot = make_snapshot(tmp_path, [talking, talks])
    assert evaluate(snapshot, Prefix("talki")).keys() == {talking.path}
    assert evaluate(snapshot, Wildcard("t?lks")).keys() == {talks.path}
    assert evaluate(snapshot, Fuzzy("talkimg")).keys() == {talking.path}


def test_an_index_without_articles_answers_everything_with_nothing(tmp_path: Path, rng: random.Random) -> None:
    snapshot = make_snapshot(tmp_path, [])
    for _ in range(60):
        assert evaluate(snapshot, random_tree(rng)) == {}


def test_evaluating_leaves_the_plan_and_the_arrays_as_they_were(snapshot: Snapshot, rng: random.Random) -> None:
    """Masks handed out are fresh: changing one does not change the next answer."""
    statistics = Statistics(snapshot, Bm25())
    evaluator = statistics.evaluators[0]
    for tree in (Word("harbour"), MATCH_ALL, Dates(), Or((Word("harbour"), Word("sel"))), Prefix("s")):
        plan, _ = make_plan(tree)
        first = evaluator.match(plan)
        kept = first.copy()
        first[:] = ~first
        assert np.array_equal(evaluator.match(plan), kept)


STOP_WORDS = (
    ("beside a word", And((Word("the"), Word("harbour"))), ("the",)),
    ("beside a group", And((Word("the"), Or((Word("harbour"), Word("ferry"))))), ("the",)),
    ("beside a boosted word", And((Word("of"), Boost(Word("harbour"), 2.0))), ("of",)),
    ("alone", Word("the"), ()),
    ("with others of its kind", And((Word("the"), Word("who"))), ()),
    ("in capitals", And((Word("WHO"), Word("harbour"))), ()),
    ("beside an exclusion", And((Word("the"), Not(Word("harbour")))), ()),
    ("beside days", And((Word("the"), Dates(date(2031, 1, 1), None))), ()),
    ("quoted", And((Phrase("the"), Word("harbour"))), ()),
    ("an alternative", Or((Word("the"), Word("harbour"))), ()),
)


@pytest.mark.parametrize(("tree", "dropped"), [row[1:] for row in STOP_WORDS], ids=[row[0] for row in STOP_WORDS])
def test_stop_words_are_left_out_only_beside_other_words(tree: Query, dropped: tuple[str, ...]) -> None:
    """And whatever is left out is named."""
    _, warnings = make_plan(tree)
    assert [warning.split("”")[0].strip("“") for warning in warnings] == list(dropped)


def test_what_holds_no_letter_is_no_condition() -> None:
    assert make_plan(Word("—"))[0] == All()
    assert make_plan(And((Word("—"), MATCH_NONE)))[0] == Nothing()
    assert make_plan(Not(Word("—")))[0] == All()


def test_facets_are_searched_as_words_too(make_article: Make, tmp_path: Path) -> None:
    """Topic, contexts and source names are fields like headline and summary."""
    article = make_article(topic="Mount Ysk", contexts=("Ardenia",), sources=(Source("Straits Radio"),))
    snapshot = make_snapshot(tmp_path, [article])
    for tree in (Word("ysk", "topic"), Word("ardenia", "context"), Word("radio", "source"), Word("radio")):
        assert evaluate(snapshot, tree)
    assert not evaluate(snapshot, Word("radio", "topic"))


def test_the_plain_engine_is_right_about_shapes_and_edits() -> None:
    """The oracle itself, against answers known by hand."""
    assert has_shape("w?m*n", "women") and has_shape("*", "") and not has_shape("?", "")
    assert edit_distance("talk", "talk") == 0
    assert edit_distance("talk", "tlak") == 1
    assert edit_distance("talk", "stalks") == 2
    assert edit_distance("", "abc") == 3
    assert not is_like("room1", 1, "room2")
