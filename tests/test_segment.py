"""The segment format: what is written comes back, in the same bytes each time; damage is found, never answered from."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from conftest import SEED
from hypothesis import given, settings
from hypothesis import strategies as st
from index_making import in_order, make_segment, make_snapshot
from plain_engine import tokens_of, values_of
from random_articles import random_articles

from search_app.archive.model import NEWS, OPINION, Article, Related, Source, Version
from search_app.engine.evaluate import Statistics
from search_app.engine.plan import make_plan
from search_app.engine.query import MATCH_ALL, Phrase, Prefix, Query, Word
from search_app.engine.scoring import Bm25
from search_app.errors import IndexDamagedError, IndexVersionError
from search_app.index.files import FileSystem
from search_app.index.postings import Field, Run, docs_of_runs, find_number
from search_app.index.schema import FACET_FIELDS, TEXT_FIELDS
from search_app.index.sections import ALIGNMENT, SectionFile, SectionWriter, Strings, expand, narrow
from search_app.index.segment import Segment
from search_app.index.verify import check_segment
from search_app.index.writer import write_docs, write_segment

Make = Callable[..., Article]


@pytest.fixture(scope="module")
def articles() -> list[Article]:
    return random_articles(random.Random(f"{SEED} segment"), 70)


@pytest.fixture(scope="module")
def segment(articles: list[Article], tmp_path_factory: pytest.TempPathFactory) -> Segment:
    return make_segment(tmp_path_factory.mktemp("segment") / "one.seg", articles)


# -- what is written comes back ------------------------------------------------------------------------------------


def test_every_article_comes_back_field_for_field(segment: Segment, articles: list[Article]) -> None:
    assert segment.docs == len(articles)
    assert [segment.article(doc) for doc in range(segment.docs)] == articles
    assert [segment.doc_of_path(article.path) for article in articles] == list(range(len(articles)))
    assert segment.doc_of_path("/news/2031/01/1/never") == -1
    assert check_segment(segment) == []


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
names = st.lists(text.filter(bool), max_size=4, unique=True).map(tuple)
any_article = st.builds(
    Article,
    path=st.just("/news/2031/03/4/one"),
    file=st.one_of(st.just("news/2031/03/4/one.md"), text),
    kind=st.sampled_from((NEWS, OPINION)),
    language=st.sampled_from(("en", "zh")),
    date=st.dates(),
    headline=text,
    summary=text,
    markup=text,
    topic=text,
    contexts=names,
    sources=st.lists(st.builds(Source, text.filter(bool), text), max_size=3, unique=True).map(tuple),
    image=text,
    versions=st.lists(st.builds(Version, text, text, text, text, st.booleans()), max_size=3).map(tuple),
    related=st.lists(st.builds(Related, text, text, names), max_size=3).map(tuple),
)


@settings(max_examples=120)
@given(article=any_article)
def test_any_article_comes_back(article: Article, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Line ends, separators, control characters and empty fields included."""
    if not article.file:
        article = _with_default_file(article)
    segment = make_segment(tmp_path_factory.mktemp("any") / "one.seg", [article])
    assert segment.article(0) == article
    assert check_segment(segment) == []


@pytest.mark.parametrize("year", ["2031", "1031", "0931", "931"])
def test_a_path_comes_back_from_any_century(year: str, make_article: Make, tmp_path: Path) -> None:
    article = make_article(path=f"/news/{year}/03/4/storm", headline="Storm", date=date(int(year), 3, 4))
    assert make_segment(tmp_path / "one.seg", [article]).article(0) == article


def _with_default_file(article: Article) -> Article:
    from dataclasses import replace

    return replace(article, file=article.path[1:] + ".md")


def test_postings_say_what_the_texts_say(segment: Segment, articles: list[Article]) -> None:
    """For every field: each token's stem, place and spelling, and each document's length, against a plain count."""
    for name in TEXT_FIELDS:
        field = segment.fields[name]
        expected: dict[tuple[str, int], list[tuple[int, str]]] = {}
        for doc, article in enumerate(articles):
            places = tokens_of(values_of(article, name))
            assert int(field.lengths[doc]) == len(places)
            for place in places:
                expected.setdefault((place.stem, doc), []).append((place.position, place.folded))
        found: dict[tuple[str, int], list[tuple[int, str]]] = {}
        spelled = {
            (int(term), int(local)): segment.forms[form]
            for form, (term, local) in enumerate(zip(segment.form_terms, segment.form_locals, strict=True))
        }
        for at, term in enumerate(field.terms.tolist()):
            run = field.run_at(at)
            assert run == field.run(term)
            docs = np.repeat(field.docs(run), field.frequencies(run)).tolist()
            positions, locals_ = field.positions(run).tolist(), field.locals(run).tolist()
            for doc, position, local in zip(docs, positions, locals_, strict=True):
                found.setdefault((segment.terms[term], doc), []).append((position, spelled[term, local]))
        assert found == expected
        assert field.total_length == sum(map(len, expected.values()))


def test_facet_columns_say_what_the_articles_say(segment: Segment, articles: list[Article]) -> None:
    for name in FACET_FIELDS:
        column = segment.columns[name]
        assert [tuple(column.values_of(doc)) for doc in range(segment.docs)] == [values_of(a, name) for a in articles]
        counts = Counter(value for article in articles for value in values_of(article, name))
        values = column.values.all()
        assert set(values) == set(counts)
        for value, count in counts.items():
            docs = column.docs_of(column.find(value)).tolist()
            assert len(docs) == count and docs == sorted(docs)
            assert all(value in values_of(articles[doc], name) for doc in docs)
        assert segment.lacking(name).tolist() == [not values_of(article, name) for article in articles]
    assert segment.lacking("summary").tolist() == [not article.summary for article in articles]


def test_days_lead_to_ranges_of_documents(segment: Segment, articles: list[Article]) -> None:
    days = [article.date.toordinal() for article in articles]
    assert segment.days.tolist() == days
    for first in range(days[-1] - 2, days[0] + 3, 7):
        for last in (first - 1, first, first + 9, days[0] + 5):
            start, end = segment.docs_between(first, last)
            assert list(range(start, end)) == [doc for doc, day in enumerate(days) if first <= day <= last]


def test_old_paths_lead_to_the_article(segment: Segment, articles: list[Article]) -> None:
    old = [(version.path, doc) for doc, a in enumerate(articles) for version in a.versions if version.path != a.path]
    assert old
    assert all(segment.doc_of_old_path(path) == doc for path, doc in old)
    assert segment.doc_of_old_path("/never") == -1


def test_names_that_differ_in_case_and_accents_are_found(make_article: Make, tmp_path: Path) -> None:
    column = make_segment(tmp_path / "one.seg", [make_article(contexts=("Élan", "elan", "Zebra"))]).columns["context"]
    assert [column.values[column.find(name)] for name in ("Élan", "elan", "ZEBRA")] == ["Élan", "elan", "Zebra"]
    assert column.values[column.find("ELAN")] in ("Élan", "elan")
    assert column.find("Zebras") == -1


def test_a_segment_without_articles(tmp_path: Path) -> None:
    segment = make_segment(tmp_path / "none.seg", [])
    assert segment.docs == 0
    assert segment.doc_of_path("/x") == segment.doc_of_old_path("/x") == -1
    assert segment.docs_between(1, 10**6) == (0, 0)
    assert check_segment(segment) == []


def test_more_documents_than_16_bits_count(make_article: Make, tmp_path: Path) -> None:
    """Beyond 65,536 documents the rest of a document's number is stored beside its low bits."""
    plain = {"summary": "", "topic": "", "contexts": (), "sources": ()}
    count = (1 << 16) + 3
    articles = [
        make_article(path=f"/n/{n:06d}", file="x", headline="first" if n % 30_000 else "rare", **plain)
        for n in range(count)
    ]
    segment = make_segment(tmp_path / "large.seg", articles)
    field = segment.fields["headline"]
    first, rare = (field.run(segment.terms.find(word)) for word in (b"first", b"rare"))
    assert first is not None and rare is not None
    assert field.docs(rare).tolist() == [0, 30_000, 60_000]
    assert field.docs(first)[-1] == count - 1
    both = Run(first.posting_start, rare.posting_end, first.token_start, rare.token_end)
    of_both = [*field.docs(first).tolist(), *field.docs(rare).tolist()]
    assert field.docs(both).tolist() == of_both
    assert docs_of_runs([(field, first), (field, rare)]).tolist() == of_both
    assert segment.article(count - 1) == articles[-1]


# -- the same bytes, the right order -------------------------------------------------------------------------------


def test_the_same_articles_give_the_same_bytes(articles: list[Article], tmp_path: Path) -> None:
    make_segment(tmp_path / "a.seg", articles)
    make_segment(tmp_path / "b.seg", list(reversed(articles)))
    assert (tmp_path / "a.seg").read_bytes() == (tmp_path / "b.seg").read_bytes()


def test_a_change_in_any_field_changes_the_fingerprint(make_article: Make, tmp_path: Path) -> None:
    """So that the next build knows which articles differ."""
    plain = make_article()
    changes: dict[str, object] = {
        "file": "x.md",
        "kind": OPINION,
        "language": "fr",
        "date": date(2031, 3, 5),
        "headline": "x",
        "summary": "x",
        "markup": "x",
        "topic": "x",
        "contexts": ("x",),
        "sources": (Source("x"),),
        "image": "x",
        "versions": (Version("/x", "x"),),
        "related": (Related("/x"),),
    }
    assert set(changes) | {"path"} == set(Article.__slots__)
    prints = set()
    for n, change in enumerate([{}, *({name: value} for name, value in changes.items())]):
        article = make_article(**{"path": plain.path, "file": plain.file, **change})
        prints.add(int(make_segment(tmp_path / f"{n}.seg", [article]).fingerprints[0]))
    assert len(prints) == len(changes) + 1


@pytest.mark.parametrize("fault", ["order", "twice", "more paths", "fewer paths", "other paths"])
def test_articles_out_of_order_are_refused(articles: list[Article], tmp_path: Path, fault: str) -> None:
    """The caller's mistake, told as such; nothing is left open."""
    own = in_order(articles)[:5]
    paths = [article.path for article in own]
    match fault:
        case "order":
            own, paths = own[::-1], paths[::-1]
        case "twice":
            own, paths = [*own, own[-1]], [*paths, paths[-1]]
        case "more paths":
            paths.append("/zzz")
        case "fewer paths":
            paths.pop()
        case "other paths":
            paths[2] = "/zzz"
    with pytest.raises(ValueError, match=r"paths|order"):
        write_segment(tmp_path / "x.seg", own, paths, FileSystem())


def test_a_file_that_exists_is_never_written_to(segment: Segment, articles: list[Article]) -> None:
    before = segment.path.read_bytes()
    with pytest.raises(FileExistsError):
        make_segment(segment.path, articles)
    assert segment.path.read_bytes() == before


# -- damage --------------------------------------------------------------------------------------------------------

PROBES: tuple[Query, ...] = (
    MATCH_ALL,
    Word("harbour"),
    Phrase("storm talks", 3),
    Prefix("s"),
    Word("罢工"),
    Word("kestria", "context"),
)


def everything(path: Path, expected_bytes: int) -> object:
    """Return all that a segment answers: every article, some queries with their scores, columns and lookups."""
    segment = Segment(path, expected_bytes)
    articles = [segment.article(doc) for doc in range(segment.docs)]
    columns = {name: [segment.columns[name].values_of(doc) for doc in range(segment.docs)] for name in FACET_FIELDS}
    lookups = [segment.doc_of_path(article.path) for article in articles]
    old = [segment.doc_of_old_path(version.path) for article in articles for version in article.versions]
    lacking = {name: segment.lacking(name).tolist() for name in ("topic", "summary")}
    by_value = {
        name: [segment.columns[name].docs_of(n).tolist() for n in range(len(segment.columns[name].values))]
        for name in FACET_FIELDS
    }
    return articles, columns, lookups, old, lacking, by_value, segment.fingerprints.tolist(), _answers(segment)


def _answers(segment: Segment) -> list[dict[int, float]]:
    from search_app.index.generation import Snapshot
    from search_app.index.manifest import Manifest

    manifest = Manifest(1, "", (), segment.docs)
    statistics = Statistics(Snapshot(manifest, (segment,), (0,), (None,)), Bm25())
    found = []
    for tree in PROBES:
        plan, _ = make_plan(tree)
        evaluator = statistics.evaluators[0]
        mask = evaluator.match(plan)
        docs = np.flatnonzero(mask)
        found.append(dict(zip(docs.tolist(), evaluator.score(plan, docs, mask).tolist(), strict=True)))
    return found


def test_a_flipped_bit_is_an_error_or_changes_no_answer(segment: Segment, tmp_path: Path, rng: random.Random) -> None:
    """300 bits anywhere in the file: whatever is read is as written, and ``check`` finds every one of them."""
    good = segment.path.read_bytes()
    expected = everything(segment.path, len(good))
    refused = 0
    path = tmp_path / "flipped.seg"
    for _ in range(300):
        at, bit = rng.randrange(len(good)), rng.randrange(8)
        damaged = bytearray(good)
        damaged[at] ^= 1 << bit
        path.write_bytes(damaged)
        try:
            assert everything(path, len(good)) == expected, (at, bit)
        except IndexDamagedError:
            refused += 1
        try:
            problems = SectionFile(path).problems()
        except IndexDamagedError:
            continue
        assert problems, (at, bit)
    assert refused > 150


def test_every_byte_of_head_directory_and_foot_counts(segment: Segment, tmp_path: Path) -> None:
    good = segment.path.read_bytes()
    path = tmp_path / "flipped.seg"
    start = good.rfind(b'{"meta"')
    for at in (*range(8), *range(start, len(good) - 40, 5), *range(len(good) - 40, len(good))):
        damaged = bytearray(good)
        damaged[at] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(IndexDamagedError):
            SectionFile(path)


def test_a_truncated_file_is_refused_at_once(segment: Segment, tmp_path: Path, rng: random.Random) -> None:
    """With its expected size known, and without: never a map that ends too early."""
    good = segment.path.read_bytes()
    path = tmp_path / "short.seg"
    for length in (*range(40), *(rng.randrange(len(good)) for _ in range(200)), *range(len(good) - 40, len(good))):
        path.write_bytes(good[:length])
        for expected in (None, len(good)):
            with pytest.raises(IndexDamagedError):
                SectionFile(path, expected)


def test_a_file_that_grew_or_is_gone_is_refused(segment: Segment, tmp_path: Path) -> None:
    good = segment.path.read_bytes()
    path = tmp_path / "long.seg"
    for more in (b"\0", good):
        path.write_bytes(good + more)
        with pytest.raises(IndexDamagedError):
            Segment(path, len(good))
    with pytest.raises(IndexDamagedError, match="missing"):
        Segment(tmp_path / "never.seg")


def test_damage_names_file_and_section(segment: Segment, tmp_path: Path) -> None:
    good = bytearray(segment.path.read_bytes())
    offset = SectionFile(segment.path)._sections["headline.tf"][0]
    good[offset] ^= 0x10
    path = tmp_path / "named.seg"
    path.write_bytes(good)
    with pytest.raises(IndexDamagedError, match=r"named\.seg, section headline\.tf") as raised:
        Segment(path).file.array("headline.tf")
    assert raised.value.section == "headline.tf"
    assert Segment(path).file.problems() == ["named.seg, section headline.tf: the checksum does not hold"]


def test_a_segment_of_another_schema_is_refused(tmp_path: Path) -> None:
    writer = SectionWriter(tmp_path / "other.seg", FileSystem())
    writer.add("day", np.zeros(0, np.uint32))
    writer.finish({"docs": 0, "schema": "0.0-other", "lengths": {}})
    with pytest.raises(IndexVersionError, match=r"0\.0-other.*--full"):
        Segment(tmp_path / "other.seg")


def test_a_section_that_is_not_there_is_damage(segment: Segment) -> None:
    with pytest.raises(IndexDamagedError, match="missing"):
        segment.file.array("never")


def test_arrays_cannot_be_written_to(segment: Segment) -> None:
    with pytest.raises(ValueError, match="read-only"):
        segment.days[0] = 1


# -- the container -------------------------------------------------------------------------------------------------


def test_sections_come_back_aligned_and_with_their_types(tmp_path: Path, rng: random.Random) -> None:
    arrays = {
        f"{kind}-{n}": np.array([rng.randrange(100) for _ in range(n)], kind)
        for kind in ("u1", "u2", "u4", "u8", "i4", ">u4")
        for n in (0, 1, 7, 100)
    }
    writer = SectionWriter(tmp_path / "x.seg", FileSystem())
    for name, array in arrays.items():
        writer.add(name, array)
    with pytest.raises(ValueError, match="twice"):
        writer.add("u1-0", arrays["u1-0"])
    size = writer.finish({"docs": 1})
    file = SectionFile(tmp_path / "x.seg", size)
    assert file.names() == sorted(arrays)
    assert file.problems() == []
    for name, array in arrays.items():
        found = file.array(name)
        assert found.tolist() == array.tolist()
        assert found.dtype.itemsize == array.dtype.itemsize
        assert found.ctypes.data % min(ALIGNMENT, 8) == 0 or not len(found)


@settings(max_examples=100)
@given(texts=st.lists(text, max_size=12, unique=True), key=text)
def test_tables_of_texts_are_found_by_text_and_beginning(
    texts: list[str], key: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    ordered = sorted(texts, key=str.encode)
    path = tmp_path_factory.mktemp("strings") / "x.seg"
    writer = SectionWriter(path, FileSystem())
    writer.add_strings("texts", ordered)
    writer.finish({})
    table = Strings(SectionFile(path), "texts")
    assert table.all() == ordered == [table[n] for n in range(len(table))]
    for wanted in (*ordered, key):
        assert table.find(wanted.encode()) == (ordered.index(wanted) if wanted in ordered else -1)
        start, end = table.range_of_prefix(wanted[:2].encode())
        assert ordered[start:end] == [other for other in ordered if other.startswith(wanted[:2])]


@pytest.mark.parametrize(
    ("highest", "kind"), [(0, "u1"), (255, "u1"), (256, "u2"), (65535, "u2"), (65536, "u4"), (2**32, "u8")]
)
def test_numbers_are_stored_as_narrow_as_they_fit(highest: int, kind: str) -> None:
    array = np.array([0, highest], np.uint64)
    assert narrow(array).dtype == np.dtype(kind)
    assert narrow(array).tolist() == [0, highest]


@given(rows=st.lists(st.tuples(st.integers(0, 50), st.integers(0, 5)), max_size=20))
def test_expand_writes_out_ranges(rows: list[tuple[int, int]]) -> None:
    starts = np.array([start for start, _ in rows], np.uint32)
    counts = np.array([count for _, count in rows], np.uint32)
    assert expand(starts, counts).tolist() == [start + n for start, count in rows for n in range(count)]


def test_a_snapshot_of_no_segment_is_empty(tmp_path: Path) -> None:
    snapshot = make_snapshot(tmp_path)
    assert (snapshot.articles, snapshot.segments) == (0, ())
    assert set(snapshot.average_lengths.values()) == {0.0}
    assert snapshot.find("/x") is None


def test_numbers_wider_than_their_array_are_not_found() -> None:
    few = narrow(np.array([3, 7, 255]))
    assert [find_number(few, number) for number in (3, 255, 4, 0, -1, 256, 2**40)] == [0, 2, -1, -1, -1, -1, -1]
    assert find_number(narrow(np.zeros(0, np.int64)), 1) == -1


def test_a_word_beyond_the_last_one_of_a_narrow_field_is_not_found_in_it(make_article: Make, tmp_path: Path) -> None:
    """Few sources, early in the alphabet, and many words after them."""
    made = make_segment(
        tmp_path / "narrow.seg",
        [make_article(headline=f"zebra{n} café", sources=(Source("Aardvark"),)) for n in range(400)],
    )
    zebra = made.terms.find(b"zebra399")
    assert zebra > 255
    assert made.fields["source"].run(zebra) is None
    assert made.fields["headline"].run(zebra) is not None
    assert [spelled for _, spelled in made.forms_folded("zebra399")] == ["zebra399"]


@pytest.mark.parametrize("count", [65_536, 65_537, 131_072, 131_073, 1_000_000])
def test_documents_of_any_number_come_back(count: int, tmp_path: Path) -> None:
    rng = random.Random(f"{SEED} {count}")
    sizes = [1, 2, 7, 8, 9, 300, *rng.sample(range(1, 40), 6)]
    lists = [sorted(rng.sample(range(count), size)) for size in sizes]
    lists += [[0], [count - 1], list(range(65_530, min(count, 65_545)))]
    writer = SectionWriter(tmp_path / "docs.seg", FileSystem())
    write_docs(writer, "headline.docs", np.concatenate([np.array(own) for own in lists]), count)
    writer.finish({"lengths": {"headline": 0}})
    field = Field(SectionFile(tmp_path / "docs.seg"), "headline")
    ends = np.cumsum([len(own) for own in lists]).tolist()
    runs = [Run(end - len(own), end, 0, 0) for own, end in zip(lists, ends, strict=True)]
    assert [field.docs(run).tolist() for run in runs] == lists
    assert docs_of_runs([(field, run) for run in runs]).tolist() == [doc for own in lists for doc in own]
    for chosen in (runs[3:4], runs[-3:], rng.sample(runs, 5)):
        expected = [doc for run in chosen for doc in field.docs(run).tolist()]
        assert docs_of_runs([(field, run) for run in chosen]).tolist() == expected
