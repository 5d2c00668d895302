"""The order of hits: a total order, the same over one segment and several, and only as much sorted as is shown."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta
from math import log
from pathlib import Path

import numpy as np
import pytest
from conftest import SEED
from index_making import make_snapshot
from random_articles import random_articles

from search_app.archive.model import Article
from search_app.engine.ranking import Ranked, rank_page
from search_app.engine.request import SearchRequest
from search_app.engine.scoring import FIELD_WEIGHTS, RANKING, Bm25, Bm25f
from search_app.engine.search import Searcher
from search_app.index.generation import Snapshot
from search_app.index.postings import Docs
from search_app.index.schema import TEXT_FIELDS
from search_app.settings import load_settings

Make = Callable[..., Article]
TODAY = date(2032, 3, 1)


@pytest.fixture(scope="module")
def articles() -> list[Article]:
    return random_articles(random.Random(f"{SEED} ranking"), 140)


@pytest.fixture(scope="module", params=[1, 3])
def snapshot(
    request: pytest.FixtureRequest, articles: list[Article], tmp_path_factory: pytest.TempPathFactory
) -> Snapshot:
    """The same articles in one segment, or dealt to three."""
    groups = [articles[n :: request.param] for n in range(request.param)]
    return make_snapshot(tmp_path_factory.mktemp("ranking"), *groups)


def expected_order(
    snapshot: Snapshot, docs: list[Docs], scores: list[np.ndarray] | None, order: str
) -> list[tuple[int, int]]:
    """Sort every match by its full key."""
    keys = []
    for n, found in enumerate(docs):
        for at, doc in enumerate(found.tolist()):
            article = snapshot.segments[n].article(doc)
            score = float(scores[n][at]) if scores is not None else 0.0
            day = article.date.toordinal()
            keys.append((-score, day if order == "oldest" else -day, article.path, (n, doc)))
    return [key[-1] for key in sorted(keys)]


@pytest.mark.parametrize("order", ["relevance", "newest", "oldest"])
def test_any_page_is_that_part_of_the_whole_order(snapshot: Snapshot, rng: random.Random, order: str) -> None:
    """With few distinct scores, so that most hits tie, by days and by paths."""
    for _ in range(25):
        share = rng.random()
        docs, scores = [], []
        for segment in snapshot.segments:
            chosen = [doc for doc in range(segment.docs) if rng.random() < share]
            docs.append(np.array(chosen, np.intp))
            scores.append(np.array([rng.choice((1.0, 2.0, 2.0, 0.0)) for _ in chosen]))
        given = scores if order == "relevance" else None
        expected = expected_order(snapshot, docs, given, order)
        for _ in range(8):
            start = rng.randrange(len(expected) + 3)
            end = start + rng.choice((0, 1, 7, 20, 500))
            ranked = rank_page(snapshot, docs, given, order, start, end)
            assert [(hit.segment, hit.doc) for hit in ranked] == expected[start:end]


def test_scores_come_with_the_hits_and_only_where_they_rank(snapshot: Snapshot) -> None:
    docs = [np.arange(segment.docs, dtype=np.intp) for segment in snapshot.segments]
    scores = [np.arange(segment.docs, dtype=np.float64) + 1000.0 * n for n, segment in enumerate(snapshot.segments)]
    best = rank_page(snapshot, docs, scores, "relevance", 0, 2)
    last = len(snapshot.segments) - 1
    size = snapshot.segments[last].docs
    assert best == [Ranked(last, size - 1, scores[last][-1]), Ranked(last, size - 2, scores[last][-2])]
    assert {hit.score for hit in rank_page(snapshot, docs, None, "newest", 0, 9)} == {0.0}


def test_ranking_changes_none_of_its_arrays(snapshot: Snapshot) -> None:
    docs = [np.arange(segment.docs, dtype=np.intp) for segment in snapshot.segments]
    scores = [np.ones(segment.docs) for segment in snapshot.segments]
    before = [array.copy() for array in (*docs, *scores)]
    rank_page(snapshot, docs, scores, "relevance", 3, 9)
    assert all(np.array_equal(a, b) for a, b in zip(before, (*docs, *scores), strict=True))


def test_no_matches_no_hits(snapshot: Snapshot) -> None:
    docs = [np.zeros(0, np.intp) for _ in snapshot.segments]
    assert rank_page(snapshot, docs, None, "newest", 0, 10) == []
    assert rank_page(snapshot, docs, [np.zeros(0) for _ in docs], "relevance", 0, 10) == []


# -- what ranks higher ---------------------------------------------------------------------------------------------


def paths_in_order(folder: Path, q: str, *articles: Article) -> list[str]:
    """Return the headlines of the hits, best first."""
    searcher = Searcher(make_snapshot(folder, articles), load_settings({}))
    return [hit.headline for hit in searcher.search(SearchRequest(q=q), TODAY).hits]


def test_a_word_in_the_headline_outweighs_one_in_the_summary(make_article: Make, tmp_path: Path) -> None:
    plain = {"topic": "", "contexts": (), "sources": ()}
    below = make_article(headline="Ferry stays ashore", summary="A storm nears.", **plain)
    above = make_article(headline="Storm stays offshore", summary="A ferry nears.", **plain)
    assert paths_in_order(tmp_path, "storm", below, above) == [above.headline, below.headline]
    assert [weight for _, weight in FIELD_WEIGHTS] == sorted((weight for _, weight in FIELD_WEIGHTS), reverse=True)
    assert {name for name, _ in FIELD_WEIGHTS} == set(TEXT_FIELDS)


def test_a_rare_word_outweighs_a_frequent_one(make_article: Make, tmp_path: Path) -> None:
    common = [make_article(headline=f"Harbour note {n}", summary="") for n in range(8)]
    rare = make_article(headline="Zeppelin note 8", summary="")
    assert paths_in_order(tmp_path, "harbour OR zeppelin", *common, rare)[0] == rare.headline


def test_a_word_as_it_was_typed_ranks_before_its_other_forms(make_article: Make, tmp_path: Path) -> None:
    """Its own accents first, then the word without them, then other forms; all of them are found."""
    plain = {"summary": "", "topic": "", "contexts": (), "sources": ()}
    words = ("cafés", "cafe", "café")
    articles = [
        make_article(headline=f"Fine {word}", date=TODAY - timedelta(days=n), **plain) for n, word in enumerate(words)
    ]
    assert paths_in_order(tmp_path / "a", "café", *articles) == ["Fine café", "Fine cafe", "Fine cafés"]
    assert paths_in_order(tmp_path / "b", "cafe", *articles) == ["Fine cafe", "Fine café", "Fine cafés"]
    assert 0 < RANKING.folded_bonus < RANKING.spelled_bonus


def test_equal_scores_rank_newest_first_and_then_by_path(make_article: Make, tmp_path: Path) -> None:
    plain = {"headline": "Storm", "summary": "", "topic": "", "contexts": (), "sources": ()}
    a = make_article(path="/n/b", date=date(2031, 1, 1), **plain)
    b = make_article(path="/n/a", date=date(2031, 1, 1), **plain)
    c = make_article(path="/n/c", date=date(2031, 1, 2), **plain)
    searcher = Searcher(make_snapshot(tmp_path, [a], [b, c]), load_settings({}))
    hits = searcher.search(SearchRequest(q="storm"), TODAY).hits
    assert [hit.path for hit in hits] == ["/n/c", "/n/a", "/n/b"]
    assert len({hit.score for hit in hits}) == 1


# -- the formula ---------------------------------------------------------------------------------------------------


def test_idf_by_hand() -> None:
    scorer = Bm25()
    assert scorer.idf(100, 9) == pytest.approx(log(10) + 1)
    assert scorer.idf(1, 1) == pytest.approx(log(0.5) + 1)
    assert scorer.idf(0, 0) == 0.0


def test_scores_by_hand() -> None:
    """Length 3 where 6 is the average: the norm is 1.2 · (0.25 + 0.75 · 0.5) = 0.75; tf 2 gives 2 · 2.2 / 2.75."""
    scorer = Bm25()
    norms = scorer.norms(6.0, 12)
    assert norms[3] == pytest.approx(0.75)
    assert norms[6] == pytest.approx(1.2)
    assert len(norms) == 13
    score = scorer.scores(np.array([2, 1], np.uint8), norms[[3, 6]], np.array([1.0, 5.0]))
    assert score.tolist() == pytest.approx([1.6, 5.0])


def test_an_empty_field_does_not_divide_by_zero() -> None:
    assert np.isfinite(Bm25().norms(0.0, 4)).all()


def test_lengths_rounded_as_stock_whoosh_rounds_them() -> None:
    """Exact to 10, then 12, 13, 14, 16, …: always up."""
    exact, rounded = Bm25().norms(10.0, 25), Bm25(rounded_lengths=True).norms(10.0, 25)
    assert rounded[:11].tolist() == exact[:11].tolist()
    assert (rounded[11], rounded[12], rounded[15]) == (exact[12], exact[12], exact[16])
    assert (rounded >= exact).all()


# -- BM25F ---------------------------------------------------------------------------------------------------------


def test_fields_are_added_up_before_a_word_stops_counting() -> None:
    """With k1 = 1.4 a frequency of 3 is worth 3 · 2.4 / 4.4; what stands as typed counts in the numerator alone."""
    scorer = Bm25f(k1=1.4)
    frequencies, exact = np.array([3.0, 1.0, 3.0]), np.array([3.0, 1.0, 3.6])
    found = scorer.scores(frequencies, exact, 2.0)
    assert found.tolist() == pytest.approx([2 * 7.2 / 4.4, 2.0, 2 * 3.6 * 2.4 / 4.4])


def test_burst_by_hand() -> None:
    """Nine places in four texts: (10 / 4) ** 0.75. A word of no running text is neither held back nor raised."""
    assert Bm25f(burstiness=0.75).burst(4, 9) == pytest.approx(2.5**0.75)
    assert Bm25f().burst(0, 0) == 1.0


def test_gains_by_hand() -> None:
    """Half as long as the average with b = 0.5: 1 / (0.5 + 0.25)."""
    gains = Bm25f(lengths=(("headline", 0.5),)).gains("headline", 8.0, 8)
    assert gains[[4, 8]].tolist() == pytest.approx([1 / 0.75, 1.0])
    assert np.isfinite(Bm25f().gains("summary", 0.0, 4)).all()


def test_words_side_by_side_and_in_order_rank_first(make_article: Make, tmp_path: Path) -> None:
    summaries = (
        "Ferry strikes are over, and every crane on the nine quays of the old town looks like new.",
        "The crane of the old ferry is rusty, and nine quays of the town are closed to strikes.",
        "A crane strikes the quays of nine old ferry towns that look like every new harbour there.",
    )
    plain = {"topic": "", "contexts": (), "sources": ()}
    articles = [
        make_article(headline=f"Note {n}", summary=text, date=TODAY - timedelta(days=n), **plain)
        for n, text in enumerate(summaries)
    ]
    assert paths_in_order(tmp_path / "a", "crane strikes", *articles)[0] == "Note 2"
    assert paths_in_order(tmp_path / "b", "ferry strikes", *articles)[0] == "Note 0"


def test_the_headline_that_is_the_query_ranks_first(make_article: Make, tmp_path: Path) -> None:
    """Even where another has the words more often; common words that were left out may stand in it."""
    plain = {"topic": "", "contexts": (), "sources": (), "summary": ""}
    whole = make_article(headline="The Ferry of Sel", **plain)
    other = make_article(headline="Sel ferry, ferry Sel, crane", date=TODAY, **plain)
    rest = [make_article(headline=f"Crane {n}", **plain) for n in range(20)]
    assert paths_in_order(tmp_path, "the ferry of sel", whole, other, *rest)[0] == "The Ferry of Sel"


def test_a_question_in_capitals_has_no_operators(make_article: Make, tmp_path: Path) -> None:
    """NOT takes nothing away where somebody pressed one key; the result says so."""
    snapshot = make_snapshot(tmp_path, [make_article(headline="Storm and not a comet over the ferry")])
    searcher = Searcher(snapshot, load_settings({}))
    result = searcher.search(SearchRequest(q="STORM NOT A COMET OVER THE FERRY"), TODAY)
    assert (result.total, result.relaxed) == (1, False)
    assert any("capitals" in warning for warning in result.warnings)
    assert searcher.search(SearchRequest(q="STORM NOT COMET"), TODAY).total == 0


def test_a_word_that_is_said_again_weighs_more(make_article: Make, tmp_path: Path) -> None:
    plain = {"topic": "", "contexts": (), "sources": (), "summary": ""}
    ferry = make_article(headline="Ferry notes", **plain)
    crane = make_article(headline="Crane notes", date=TODAY, **plain)
    assert paths_in_order(tmp_path / "a", "ferry crane strike", ferry, crane)[0] == "Crane notes"
    assert paths_in_order(tmp_path / "b", "ferry crane strike ferry", ferry, crane)[0] == "Ferry notes"
