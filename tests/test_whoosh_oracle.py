"""The engine against Whoosh's own searcher: on a stock index of the same articles, and on our own segments.

Where stock Whoosh is known to be wrong, a test named after the fault shows that we are right.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from conftest import SEED
from index_making import make_snapshot, publish
from plain_engine import PlainEngine
from random_articles import WORDS, random_articles, random_days
from whoosh import query as wq
from whoosh.index import FileIndex
from whoosh_queries import build_stock_index, to_whoosh, whoosh_scores

from search_app.archive.model import Article
from search_app.engine.embedded import EmbeddedEngine
from search_app.engine.evaluate import Statistics
from search_app.engine.plan import make_plan
from search_app.engine.query import FIELDS, And, Boost, Fuzzy, Not, Or, Phrase, Prefix, Query, Wildcard, Word
from search_app.engine.request import SearchRequest
from search_app.engine.scoring import FIELD_WEIGHTS, Bm25
from search_app.index.analysis import STOP_WORDS, analyse
from search_app.index.codec import open_whoosh_index
from search_app.index.files import FileSystem
from search_app.index.generation import Snapshot, open_snapshot
from search_app.index.schema import build_schema
from search_app.index.writer import write_segment
from search_app.settings import load_settings

ROUNDS = 12
Make = Callable[..., Article]
# Words of one token each, none of them ever left out of a query.
PLAIN = [
    word for word in WORDS if word.isalpha() and word.lower() not in STOP_WORDS and len(word) > 2 and word.isascii()
]

# Swapping two letters is one edit to us and two to Whoosh; in these words no swap makes another.
LONG = [word for word in PLAIN if len(word) > 5]


def ours(snapshot: Snapshot, tree: Query, scorer: Bm25) -> dict[str, float]:
    """Return path and score of everything that the evaluator finds."""
    plan, _ = make_plan(tree)
    statistics = Statistics(snapshot, scorer)
    found: dict[str, float] = {}
    for segment, evaluator in zip(snapshot.segments, statistics.evaluators, strict=True):
        mask = evaluator.match(plan)
        docs = np.flatnonzero(mask)
        scores = evaluator.score(plan, docs, mask)
        found |= {segment.path_of(int(doc)): float(score) for doc, score in zip(docs, scores, strict=True)}
    return found


STOCK = Bm25(rounded_lengths=True)
"""Stock Whoosh rounds the lengths of fields; so do we, to compare with it."""
EXACT_LENGTHS = Bm25()

ARTICLES = random_articles(random.Random(f"{SEED} oracle"), 130)
Rng = random.Random


def word(rng: Rng) -> str:
    return rng.choice(PLAIN)


def passage(rng: Rng, length: int) -> str:
    """Return words that stand side by side in an article."""
    texts = [[token.folded for token in analyse(article.summary)] for article in ARTICLES]
    text = rng.choice([text for text in texts if len(text) > length])
    start = rng.randrange(len(text) - length)
    return " ".join(text[start : start + length])


def words(rng: Rng, count: int) -> tuple[Query, ...]:
    return tuple(Word(text) for text in rng.sample(PLAIN, count))


def shape(rng: Rng) -> str:
    text = word(rng).lower()
    at = rng.randrange(1, len(text) - 1)
    return rng.choice((text[:at] + "*" + text[-1], text[:at] + "?" + text[at + 1 :], "*" + text[at:]))


def nested(rng: Rng) -> Query:
    return And((Or((*words(rng, 2), Phrase(f"{word(rng)} {word(rng)}"))), Or((Word(word(rng)), And(words(rng, 2))))))


KINDS: dict[str, Callable[[Rng], Query]] = {
    "word": lambda rng: Word(word(rng)),
    "boost": lambda rng: Boost(Word(word(rng)), rng.choice((0.5, 2.0, 7.0))),
    "boosted group": lambda rng: Or((Boost(And(words(rng, 2)), 3.0), Word(word(rng)))),
    "other field": lambda rng: Word(rng.choice(("kestria", "harbour", "courier", "ysk")), rng.choice(FIELDS)),
    "and of two": lambda rng: And(words(rng, 2)),
    "and of three": lambda rng: And(words(rng, 3)),
    "or of two": lambda rng: Or(words(rng, 2)),
    "or of five": lambda rng: Or(words(rng, 5)),
    "nested": nested,
    "phrase of two": lambda rng: Phrase(passage(rng, 2)),
    "phrase of three": lambda rng: Phrase(passage(rng, 3)),
    "phrase with slop": lambda rng: Phrase(f"{word(rng)} {word(rng)}", rng.choice((1, 2, 5))),
    "phrase in a field": lambda rng: Phrase(
        rng.choice(("harbour strike", "mount ysk", "straits radio")), 0, rng.choice(FIELDS)
    ),
    "split word": lambda rng: Word(f"{word(rng)}-{word(rng)}"),
    "days": random_days,
    "word and days": lambda rng: And((Word(word(rng)), random_days(rng))),
    "word without": lambda rng: And((Word(word(rng)), Not(Word(word(rng))))),
    "word without a phrase": lambda rng: And((Word(word(rng)), Not(Phrase("storm talks", 3)), Not(Word(word(rng))))),
    "everything without": lambda rng: Not(Or(words(rng, 2))),
    "prefix": lambda rng: Prefix(word(rng)[: rng.randrange(1, 4)]),
    "prefix and word": lambda rng: And((Prefix(word(rng)[:2]), Word(word(rng)))),
    "wildcard": lambda rng: Wildcard(shape(rng)),
    "fuzzy": lambda rng: Fuzzy(rng.choice(LONG)[1:], rng.choice((1, 2))),
    "exact word": lambda rng: Phrase(word(rng)),
    "accents": lambda rng: Word(rng.choice(("café", "Łódź", "über", "cafe", "lodz"))),
    "script without spaces": lambda rng: rng.choice((Word("罢工"), Phrase("青石港"), Word("港"), Word("青石港罢工"))),
    "numbers": lambda rng: Word(rng.choice(("1,000", "2031", "47", "U.S.", "COVID-19"))),
}


@pytest.fixture(scope="module")
def articles() -> list[Article]:
    return ARTICLES


@pytest.fixture(scope="module")
def index_dir(articles: list[Article], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("oracle")
    publish(folder, articles)
    return folder


@pytest.fixture(scope="module")
def snapshot(index_dir: Path) -> Snapshot:
    return open_snapshot(index_dir)


@pytest.fixture(scope="module")
def stock(articles: list[Article]) -> FileIndex:
    return build_stock_index(articles)


@pytest.mark.parametrize("kind", KINDS)
def test_stock_whoosh_finds_the_same_articles_with_the_same_scores(
    snapshot: Snapshot, stock: FileIndex, rng: Rng, kind: str
) -> None:
    """Scores to 1e-9."""
    found_some = rounds = 0
    # Some kinds find something so rarely that a few rounds may find nothing.
    while rounds < ROUNDS or (not found_some and rounds < 50 * ROUNDS):
        rounds += 1
        tree = KINDS[kind](rng)
        expected = whoosh_scores(stock, to_whoosh(tree))
        found = ours(snapshot, tree, STOCK)
        assert found.keys() == expected.keys(), tree
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-9), tree
        found_some += bool(expected)
    assert found_some


@pytest.mark.parametrize("kind", KINDS)
def test_whooshs_searcher_on_our_segments_says_what_the_evaluator_says(
    snapshot: Snapshot, index_dir: Path, rng: Rng, kind: str
) -> None:
    """With exact lengths: the codec hands Whoosh the lengths as they are."""
    index = open_whoosh_index(index_dir)
    for _ in range(ROUNDS // 2):
        tree = KINDS[kind](rng)
        expected = whoosh_scores(index, to_whoosh(tree))
        found = ours(snapshot, tree, EXACT_LENGTHS)
        assert found.keys() == expected.keys(), tree
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-9), tree


@pytest.mark.parametrize("kind", KINDS)
def test_three_segments_score_as_whoosh_scores_three_segments(
    articles: list[Article], tmp_path_factory: pytest.TempPathFactory, rng: Rng, kind: str
) -> None:
    """Frequencies and lengths are those of the whole index: in stock Whoosh, through our codec, in the evaluator."""
    folder, stock = _three(articles, tmp_path_factory)
    snapshot = open_snapshot(folder)
    index = open_whoosh_index(folder)
    for _ in range(2):
        tree = KINDS[kind](rng)
        query = to_whoosh(tree)
        assert ours(snapshot, tree, STOCK) == pytest.approx(whoosh_scores(stock, query), rel=1e-9, abs=1e-9), tree
        assert ours(snapshot, tree, EXACT_LENGTHS) == pytest.approx(whoosh_scores(index, query), rel=1e-9, abs=1e-9), (
            tree
        )


_made: dict[int, tuple[Path, FileIndex]] = {}


def _three(articles: list[Article], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, FileIndex]:
    key = id(articles)
    if key not in _made:
        folder = tmp_path_factory.mktemp("three")
        groups = articles[:70], articles[70:75], articles[75:]
        publish(folder, *groups)
        _made[key] = folder, build_stock_index(*groups)
    return _made[key]


# -- our segments through Whoosh's other doors ---------------------------------------------------------------------


def test_the_reader_tells_of_terms_lengths_and_records(
    index_dir: Path, stock: FileIndex, articles: list[Article]
) -> None:
    """Every term of every text field with its statistics, as in the stock index; lengths exact, where stock rounds."""
    with open_whoosh_index(index_dir).reader() as own, stock.reader() as other:
        names = [name for name in build_schema().names() if "_key" not in name]
        for name in names:
            terms = list(own.lexicon(name))
            assert terms == list(other.lexicon(name)), name
            for term in terms:
                assert own.doc_frequency(name, term) == other.doc_frequency(name, term)
                assert own.frequency(name, term) == other.frequency(name, term)
            assert own.field_length(name) == other.field_length(name) or name in ("path", "date")
        assert own.doc_count() == other.doc_count() == len(articles)
        for doc, article in enumerate(articles):
            assert own.stored_fields(doc)["path"] == article.path
            assert own.stored_fields(doc)["context"] == list(article.contexts)


def test_span_queries_run_on_our_segments(index_dir: Path, stock: FileIndex) -> None:
    """What the engine has no word for, Whoosh's own matchers answer from our positions."""
    from whoosh.query import spans

    terms = [wq.Term("summary", text) for text in ("harbour", "strike", "storm", "talk", "ferri")]
    index = open_whoosh_index(index_dir)
    found = 0
    for a in terms:
        for b in terms:
            for query in (
                spans.SpanNear(a, b, slop=4),
                spans.SpanNear(a, b, slop=6, ordered=False),
                spans.SpanFirst(a, limit=2),
                spans.SpanNot(a, b),
                spans.SpanBefore(a, b),
            ):
                expected = whoosh_scores(stock, query).keys()
                assert whoosh_scores(index, query).keys() == expected
                found += len(expected)
    assert found


def test_deleted_documents_are_out_for_whoosh_too(articles: list[Article], tmp_path: Path) -> None:
    deleted = {(0, article.path) for article in articles[::3]}
    publish(tmp_path, articles, deleted=deleted)
    live = {article.path for article in articles} - {path for _, path in deleted}
    index = open_whoosh_index(tmp_path)
    assert whoosh_scores(index, wq.Every()).keys() == live
    for tree in (Word("harbour"), Prefix("s"), And((Word("storm"), Not(Word("harbour"))))):
        assert whoosh_scores(index, to_whoosh(tree)).keys() == ours(open_snapshot(tmp_path), tree, EXACT_LENGTHS).keys()


def test_facet_values_are_terms_of_their_own(index_dir: Path, articles: list[Article]) -> None:
    index = open_whoosh_index(index_dir)
    for value in ("Kestria", "kestria", "Harbour Workers' Union", "云屿"):
        expected = {article.path for article in articles if value in article.contexts}
        assert whoosh_scores(index, wq.Term("context_key", value)).keys() == expected


def test_a_whoosh_writer_on_our_index_is_refused(index_dir: Path) -> None:
    with pytest.raises(ValueError, match="build_index"):
        open_whoosh_index(index_dir).writer()


# -- where stock Whoosh is wrong -----------------------------------------------------------------------------------


def test_stock_andnot_keeps_an_excluded_document(
    snapshot: Snapshot, stock: FileIndex, articles: list[Article], rng: Rng
) -> None:
    """``AndNot`` lets through documents whose first excluded posting matches late; an exclusion of ours lets none."""
    plain = PlainEngine(articles)
    for _ in range(30):
        wanted, barred = words(rng, 2)
        tree = And((wanted, Not(barred)))
        own = ours(snapshot, tree, STOCK).keys()
        assert own == plain.evaluate(tree).keys()
        assert not own & ours(snapshot, barred, STOCK).keys()
        leaky = whoosh_scores(stock, wq.AndNot(to_whoosh(wanted), to_whoosh(barred))).keys()
        assert own == leaky - plain.evaluate(barred).keys()


def test_stock_not_adds_one_to_every_score(snapshot: Snapshot) -> None:
    """An exclusion, like a span of days, changes what matches and never what a match is worth."""
    alone = ours(snapshot, Word("harbour"), EXACT_LENGTHS)
    within = ours(snapshot, And((Word("harbour"), Not(Word("comet")))), EXACT_LENGTHS)
    assert within and all(alone[path] == score for path, score in within.items())


def test_stock_prefix_scores_depend_on_the_size_of_the_segment(make_article: Make, tmp_path: Path) -> None:
    """A pattern is worth the weight of its field, in an index of three articles as in one of six thousand."""
    plain = {"summary": "", "topic": "", "contexts": (), "sources": ()}
    few = [make_article(headline=f"Quay {n}", **plain) for n in range(3)]
    many = few + [make_article(path=f"/x/{n}", file="x", headline="Ferry", **plain) for n in range(6000)]
    for n, articles in enumerate((few, many)):
        snapshot = make_snapshot(tmp_path / str(n), articles)
        assert set(ours(snapshot, Prefix("qua"), EXACT_LENGTHS).values()) == {FIELD_WEIGHTS[0][1]}


def test_stock_lengths_are_rounded_to_a_byte(make_article: Make, tmp_path: Path) -> None:
    """Stock cannot tell 11 words from 12 (nor 21 from 22); ours can, so the shorter headline ranks first."""
    articles = [make_article(headline="storm " + "quay " * n, path=f"/x/{n:02d}", summary="") for n in range(8, 24)]
    snapshot = make_snapshot(tmp_path, articles)
    exact = ours(snapshot, Word("storm", "headline"), EXACT_LENGTHS)
    assert len(set(exact.values())) == len(articles)
    assert sorted(exact, key=lambda path: -exact[path]) == sorted(exact)
    rounded = ours(snapshot, Word("storm", "headline"), STOCK)
    assert rounded == pytest.approx(whoosh_scores(build_stock_index(articles), wq.Term("headline", "storm")))
    assert len(set(rounded.values())) < len(articles)


def test_stock_idf_counts_deleted_documents(make_article: Make, tmp_path: Path) -> None:
    """A word's rarity is that among the live articles, so an update changes no score of what it leaves alone."""
    live = [make_article(headline=f"Storm {n}") for n in range(3)] + [
        make_article(headline=f"Calm {n}") for n in range(3)
    ]
    gone = [make_article(headline=f"Storm of old {n}") for n in range(5)]
    before = ours(make_snapshot(tmp_path / "a", live), Word("storm"), EXACT_LENGTHS)
    deleted = {(0, article.path) for article in gone}
    after = ours(make_snapshot(tmp_path / "b", live + gone, deleted=deleted), Word("storm"), EXACT_LENGTHS)
    assert after == before


def test_stock_merging_moves_scores(articles: list[Article], tmp_path: Path) -> None:
    """Lengths stay exact however often articles are written again: the same scores from three segments as from one."""
    whole = make_snapshot(tmp_path / "whole", articles)
    read_back = [whole.segments[0].article(doc) for doc in range(len(articles))]
    again = make_snapshot(tmp_path / "again", read_back)
    parts = make_snapshot(tmp_path / "parts", articles[::2], articles[1::4], articles[3::4])
    for tree in (Word("harbour"), Or((Word("storm"), Phrase("mount ysk")))):
        expected = ours(whole, tree, EXACT_LENGTHS)
        assert ours(again, tree, EXACT_LENGTHS) == ours(parts, tree, EXACT_LENGTHS) == expected


def test_stock_refresh_shows_every_hit_twice(articles: list[Article], tmp_path: Path) -> None:
    """A new generation takes the place of the old one whole: each article once, deletions seen."""
    publish(tmp_path, articles[:50], articles[50:])
    engine = EmbeddedEngine(tmp_path, load_settings({}))
    assert engine.search(SearchRequest(per_page=0)).total == len(articles)
    publish(tmp_path, articles, generation=2)
    engine.refresh()
    hits = [hit.path for page in (1, 2) for hit in engine.search(SearchRequest(per_page=100, page=page)).hits]
    assert sorted(hits) == sorted(article.path for article in articles)
    publish(tmp_path, articles, deleted={(0, articles[0].path)}, generation=3)
    engine.refresh()
    assert engine.search(SearchRequest(per_page=0)).total == len(articles) - 1


def test_stock_searchers_shared_by_threads_answer_wrongly(index_dir: Path, rng: Rng) -> None:
    """One engine, eight threads, the same answers as one after another."""
    engine = EmbeddedEngine(index_dir, load_settings({}))
    requests = [
        SearchRequest(q=q, topic=topic)
        for q in ("harbour", "storm talks", "s*", "コ", "-sel")
        for topic in ((), ("Mount Ysk",))
    ] * 8

    def answer(request: SearchRequest) -> object:
        return replace(engine.search(request), took_ms=0.0)

    expected = [answer(request) for request in requests]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(answer, requests)) == expected


def test_stock_add_document_leaves_postings_behind_when_it_raises(make_article: Make, tmp_path: Path) -> None:
    """A segment is written whole or not at all: what raised is in no answer."""
    good = make_article(headline="Harbour")
    broken = replace(good, headline=None)  # type: ignore[arg-type]
    with pytest.raises((TypeError, AttributeError)):
        write_segment(tmp_path / "broken.seg", [broken], [broken.path], FileSystem())
    snapshot = make_snapshot(tmp_path / "index", [good])
    assert len(ours(snapshot, Word("harbour"), EXACT_LENGTHS)) == 1
    assert snapshot.average_lengths["headline"] == 1.0


def test_stock_date_ranges_ignore_exclusive_ends(make_article: Make, tmp_path: Path) -> None:
    """Days are whole days, both ends included, and a day beyond is a day beyond."""
    articles = [make_article(headline=f"Day {n}", date=date(2031, 3, n)) for n in range(1, 10)]
    publish(tmp_path, articles)
    engine = EmbeddedEngine(tmp_path, load_settings({}))
    for q, days in (
        ("date:[2031-03-03 TO 2031-03-05]", "543"),
        ("since:2031-03-08", "98"),
        ("until:2031-03-02", "21"),
        ("before:2031-03-02", "1"),
        ("after:2031-03-08", "9"),
    ):
        assert "".join(hit.headline[-1] for hit in engine.search(SearchRequest(q=q, sort="newest")).hits) == days, q
