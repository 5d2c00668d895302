"""Names that mean the same: the operator's file, queries that find equals, facet values that count as one."""

from __future__ import annotations

import logging
import os
import random
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import plain_aliases
import pytest
from conftest import SEED
from index_making import publish
from plain_engine import PlainEngine
from random_articles import CONTEXTS, SOURCES, TOPICS, UNCUT, WORDS, random_articles, random_request, random_tree
from test_search import all_hits, assert_same

from search_app.archive.model import Article, Source
from search_app.engine import aliases as aliases_module
from search_app.engine.aliases import MOST_EQUALS, MOST_NAMES, Aliases, read_aliases
from search_app.engine.describe import describe, render
from search_app.engine.embedded import EmbeddedEngine
from search_app.engine.query import Alike, simplify, walk
from search_app.engine.request import FacetRequest, SearchRequest
from search_app.engine.scoring import RANKING
from search_app.engine.search import without_shouting
from search_app.engine.syntax import parse_query
from search_app.settings import load_settings
from search_app.web.app import create_app

TODAY = date(2032, 3, 1)
ROUNDS = 60
Make = Callable[..., Article]

LINES = """
# What our sources call themselves.
Straits Radio News = Straits Radio
  KU = Kestrian Union = Union of Kestria   # the second was its name until 2029

WHO = World Harbour Office
flood = inundation
"""


def read(text: str) -> Aliases:
    return read_aliases(text.encode(), "names.txt")


# -- the file -------------------------------------------------------------------------------------------------------


def test_a_line_is_a_group_and_comments_are_none() -> None:
    found = read(LINES)
    assert found.problems == ()
    assert found.groups == (
        ("Straits Radio News", "Straits Radio"),
        ("KU", "Kestrian Union", "Union of Kestria"),
        ("WHO", "World Harbour Office"),
        ("flood", "inundation"),
    )


def test_lines_that_share_a_name_are_one_group() -> None:
    """Accents and case apart; the name that comes last is the last."""
    assert read("a = b\nc = d\nB = D\r\ne = f").groups == (("a", "c", "B", "D"), ("e", "f"))
    assert read("KU = Union\nK.U. = union").groups == (("KU", "K.U.", "union"),)
    assert read("\ufeffC# = C sharp # a tune").groups == (("C#", "C sharp"),)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (
            b"x = y\nKestria",
            "names.txt, line 2: it holds no “=” between two names but “Kestria”; the line was left out.",
        ),
        (
            b"x = y\n\n= Kestria",
            "names.txt, line 3: a name beside “=” is missing in “= Kestria”; the line was left out.",
        ),
        (
            b"x = y\nKestria = ?!",
            "names.txt, line 2: a name beside “=” is missing in “Kestria = ?!”; the line was left out.",
        ),
        (b"x = y\nCaf\xe9 = Bar", "names.txt, line 2: it is not UTF-8; the line was left out."),
        (
            b"x = y\n\xc3\x89lan = elan",
            "names.txt, line 2: “Élan = elan” names the same name twice; the line was left out.",
        ),
        (
            b"x = y\nq = " + b"z" * 201,
            f"names.txt, line 2: the name “{'z' * 59}…” is longer than 200 characters; the line was left out.",
        ),
        (
            b"x = y\n" + b"=".join(b"n%d" % n for n in range(MOST_NAMES + 1)),
            "names.txt, line 2: with the lines before it, 33 names would mean the same, and 32 may; "
            "the line was left out.",
        ),
    ],
    ids=["no equals sign", "empty name", "no letter", "encoding", "twice", "too long", "too many"],
)
def test_a_bad_line_is_named_and_the_others_count(data: bytes, said: str) -> None:
    found = read_aliases(data, "names.txt")
    assert found.problems == (said,)
    assert found.groups == (("x", "y"),)


def test_a_file_that_is_too_large_is_not_read() -> None:
    found = read_aliases(b"a = b\n" * 200_000, "names.txt")
    assert found.groups == () and "larger than 1,048,576 bytes" in found.problems[0]


def test_any_bytes_are_read_without_an_error(rng: random.Random) -> None:
    for _ in range(300):
        data = bytes(rng.choices(b'ab=#\n\r\xff\xc3\xa9 \x00"', k=rng.randrange(60)))
        for names in read_aliases(data, "x").groups:
            assert len(names) > 1 and all(names)


# -- queries ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "understood"),
    [
        ("KU", "“KU”, also the phrase “Kestrian Union” or the phrase “Union of Kestria”"),
        ("k.u. strike", "(“k.u.”, also the phrase “Kestrian Union” or the phrase “Union of Kestria”) and “strike”"),
        (
            "new kestrian union strike",
            "“new” and (“kestrian” and “union”, also “KU” or the phrase “Union of Kestria”) and “strike”",
        ),
        ("union kestrian", "“union” and “kestrian”"),
        ("floods", "“floods”, also “inundation”"),
        ("-flood storm", "“storm”, not (“flood”, also “inundation”)"),
        ("flood OR storm", "(“flood”, also “inundation”) or “storm”"),
        ("flood^2", "(“flood”, also “inundation”) (weight 2)"),
        ("topic:flood", "“flood” in the topic, also “inundation” in the topic"),
        ("kestrian topic:union", "“kestrian” and “union” in the topic"),
        ('"KU"', "exactly “KU”"),
        ('"kestrian union"', "the phrase “kestrian union”"),
        ("flood* flood~", "words beginning with “flood” and words like “flood” (1 letter different)"),
        ("who was there", "“who” and “was” and “there”"),
        ("WHO report", "(“WHO”, also the phrase “World Harbour Office”) and “report”"),
        ("world harbour office", "“world” and “harbour” and “office”"),
    ],
)
def test_what_was_typed_finds_its_equals(typed: str, understood: str) -> None:
    """In any case and form; a common word is a name in capitals alone, and never an equal of others."""
    tree = parse_query(typed, today=TODAY).tree
    assert describe(read(LINES).expand(tree)) == understood


@pytest.mark.parametrize(
    ("typed", "understood"),
    [
        ("K U", "“K” and “U”, also “KU”"),
        ("k. u. strike", "(“k” and “u”, also “ku”) and “strike”"),
        (
            "K U N report of J R R",
            "(“K” and “U” and “N”, also “KUN”) and “report” and “of” and (“J” and “R”, also “JR”)",
        ),
        ("nation s k u", "“nation” and “s” and (“k” and “u”, also “ku”)"),
        ("vitamin c", "“vitamin” and “c”"),
        ('"K U"', "the phrase “K U”"),
        ("青 石", "“青” and “石”"),
    ],
)
def test_letters_side_by_side_are_a_name(typed: str, understood: str) -> None:
    """Without a file too. An s behind a word is what an apostrophe left; a letter that comes twice counts once."""
    assert describe(Aliases().expand(parse_query(typed, today=TODAY).tree)) == understood


def test_as_text_a_name_is_what_was_typed() -> None:
    for typed in ("kestrian union strike", "-(kestrian union)", "(kestrian union) OR flood", "flood^2 KU"):
        tree = parse_query(typed, today=TODAY).tree
        assert render(read(LINES).expand(tree)) == render(tree)


def test_a_query_of_many_names_looks_for_a_bounded_number_of_equals() -> None:
    lines = "\n".join(f"word{n} = other{n} = third{n}" for n in range(100))
    tree = read(lines).expand(parse_query(" ".join(f"word{n}" for n in range(100)), today=TODAY).tree)
    assert sum(len(node.others) for node in walk(tree) if isinstance(node, Alike)) == MOST_EQUALS


def random_groups(rng: random.Random) -> list[tuple[str, ...]]:
    """Return groups of words and of values, some that nothing holds, so that no name is in two."""
    names = list(dict.fromkeys([*rng.sample(WORDS, 14), *TOPICS, *CONTEXTS, *SOURCES, "Nowhere", "old talks"]))
    names += [" ".join(rng.sample(WORDS, 2)) for _ in range(4)]
    rng.shuffle(names)
    lines = []
    while names:
        lines.append(" = ".join(names.pop() for _ in range(min(len(names), rng.randrange(2, 5)))))
    return list(read("\n".join(lines)).groups)


def test_random_trees_are_expanded_as_the_plain_rules_say(rng: random.Random) -> None:
    expanded = 0
    for _ in range(ROUNDS):
        groups = random_groups(rng)
        found = Aliases(tuple(groups))
        for tree in (simplify(random_tree(rng, 3)) for _ in range(4)):
            expected = plain_aliases.expand(tree, groups)
            assert found.expand(tree) == expected
            expanded += expected != tree
    assert expanded > ROUNDS


# -- searches ---------------------------------------------------------------------------------------------------------


def write_names(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def open_with(folder: Path, names: str, *groups: list[Article]) -> EmbeddedEngine:
    """Return an engine over articles, a segment for each group, with some aliases."""
    publish(folder / "index", *groups)
    path = write_names(folder / "names.txt", names)
    return EmbeddedEngine(folder / "index", load_settings({}, aliases=str(path), **UNCUT), TODAY)


@pytest.mark.parametrize("segments", [1, 3])
def test_random_requests_answer_as_the_plain_engine_does(rng: random.Random, tmp_path: Path, segments: int) -> None:
    """Hits, scores, partial matches and exact counts, where names of queries, filters and values are equal."""
    articles = random_articles(random.Random(f"{SEED} aliases {segments}"), 50)
    found = merged = number = 0
    parts: list[list[Article]] = [articles[n::segments] for n in range(segments)]
    # Until enough of them have found something.
    while number < 3 or (found <= ROUNDS / 4 and number < 30):
        number += 1
        groups = random_groups(rng)
        names = "\n".join(" = ".join(group) for group in groups)
        (tmp_path / str(number)).mkdir()
        engine = open_with(tmp_path / str(number), names, *parts)
        plain = PlainEngine(articles, RANKING, groups)
        for _ in range(ROUNDS // 3):
            tree = random_tree(rng, 2)
            if without_shouting(render(tree)) != render(tree):
                continue
            request = replace(random_request(rng, render(tree)), as_typed=True)
            result, hits = all_hits(engine, request)
            expected = plain.search(request, plain_aliases.expand(tree, groups))
            assert_same(result, hits, expected)
            found += bool(hits)
            merged += any(b.value in group for b in result.facets["source"].buckets for group in groups)
    assert found > ROUNDS / 4 and merged


@pytest.fixture
def radio(make_article: Make, tmp_path: Path) -> EmbeddedEngine:
    """An engine in which two articles come from the radio by one name, one by another, and one by both."""

    def told(headline: str, *names: str) -> Article:
        return make_article(headline=headline, sources=tuple(Source(name, "https://radio.example/") for name in names))

    articles = [
        told("Calm sea", "Straits Radio"),
        told("Rough sea", "Straits Radio"),
        told("Kestrian Union meets", "Straits Radio News"),
        told("KU splits", "Straits Radio News", "Straits Radio", "Amaro Courier"),
        told("Union of the Kestrian poets", "Amaro Courier"),
    ]
    return open_with(tmp_path, LINES, articles)


def sources_of(engine: EmbeddedEngine, **asked: object) -> list[tuple[str, int, bool, bool]]:
    return list(map(tuple, engine.search(SearchRequest(**asked)).facets["source"].buckets))  # type: ignore[arg-type]


def test_values_of_a_group_count_as_one(radio: EmbeddedEngine) -> None:
    """An article with both labels counts once; it keeps its labels."""
    assert sources_of(radio) == [("Straits Radio", 4, False, False), ("Amaro Courier", 2, False, False)]
    for name in ("Straits Radio", "Straits Radio News", "straits radio news"):
        result = radio.search(SearchRequest(source=(name,)))
        assert result.total == 4
        assert [b.value for b in result.facets["source"].buckets if b.selected] == ["Straits Radio"]
        assert radio.search(SearchRequest(not_source=(name,))).total == 1
    shown = radio.search(SearchRequest(q="splits")).hits[0].sources
    assert [source.name for source in shown] == ["Straits Radio News", "Straits Radio", "Amaro Courier"]


def test_all_values_and_completions_have_a_group_once(radio: EmbeddedEngine) -> None:
    page = radio.facet(FacetRequest(SearchRequest(), "source"))
    assert [(b.value, b.count) for b in page.buckets] == [
        ("Straits Radio", 4),
        ("Amaro Courier", 2),
    ] and page.total == 2
    assert [b.value for b in radio.facet(FacetRequest(SearchRequest(), "source", prefix="news")).buckets] == [
        "Straits Radio"
    ]
    found = [(s.text, s.count) for s in radio.suggest("radio") if s.kind == "source"]
    assert found == [("Straits Radio", 4)]


def test_what_was_typed_comes_first_and_its_equals_are_marked(radio: EmbeddedEngine) -> None:
    result = radio.search(SearchRequest(q="KU"))
    assert [hit.headline_html for hit in result.hits] == [
        "<mark>KU</mark> splits",
        "<mark>Kestrian</mark> <mark>Union</mark> meets",
    ]
    assert radio.search(SearchRequest(q='"KU"')).total == 1
    assert radio.search(SearchRequest(q="kestrian union")).total == 3
    explained = radio.search(SearchRequest(q="KU", explain=True)).hits
    assert all(sum(part.worth for part in hit.score_parts) == pytest.approx(hit.score) for hit in explained)


def test_a_name_of_several_words_may_be_lacking_like_one_word(radio: EmbeddedEngine) -> None:
    result = radio.search(SearchRequest(q="kestrian union volcano harbour"))
    assert result.relaxed and "KU splits" in [hit.headline for hit in result.hits]


def test_a_smaller_search_is_offered_as_it_was_typed(radio: EmbeddedEngine) -> None:
    """Where nothing is found, not even in part: what binds is the words in quotes."""
    ways = radio.search(SearchRequest(q='KU "no such thing"', date_to=date(2031, 12, 31))).ways_on
    assert [(way.request.q, way.total) for way in ways] == [("KU", 2)]


def test_a_word_that_the_file_names_is_not_corrected(make_article: Make, tmp_path: Path) -> None:
    """Though no article holds it: it finds its equals."""
    engine = open_with(tmp_path, "harbor = quays", [make_article(headline="Harbours close")])
    result = engine.search(SearchRequest(q="harbor"))
    assert (result.total, result.corrected, result.did_you_mean) == (1, "", None)


# -- the file while it is in use --------------------------------------------------------------------------------------


def test_a_change_of_the_file_is_picked_up(radio: EmbeddedEngine, tmp_path: Path) -> None:
    """By a serving engine, without a build."""
    assert radio.search(SearchRequest(q="KU")).total == 2
    path = write_names(tmp_path / "names.txt", "KU = poets\n")
    os.utime(path, (1, 1))
    radio.refresh()
    assert [hit.headline for hit in radio.search(SearchRequest(q="KU")).hits] == [
        "KU splits",
        "Union of the Kestrian poets",
    ]
    assert [name for name, *_ in sources_of(radio)] == ["Straits Radio", "Amaro Courier", "Straits Radio News"]


def test_a_file_that_goes_away_or_breaks_leaves_a_service_that_answers(
    radio: EmbeddedEngine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What was read before stays while there is no file; bad lines are named in the log, once."""
    assert radio.search(SearchRequest(q="KU")).total == 2
    (tmp_path / "names.txt").unlink()
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            radio.refresh()
            assert radio.search(SearchRequest(q="KU")).total == 2
        assert len(caplog.messages) == 1 and "cannot be read" in caplog.messages[0]
        write_names(tmp_path / "names.txt", "KU =\nflood = inundation\n")
        for _ in range(3):
            radio.refresh()
            assert radio.search(SearchRequest(q="KU")).total == 1
    assert len(caplog.messages) == 2 and "names.txt, line 1: a name beside “=” is missing" in caplog.messages[1]


def test_without_a_file_nothing_is_equal(make_article: Make, tmp_path: Path) -> None:
    publish(tmp_path, [make_article()])
    engine = EmbeddedEngine(tmp_path, load_settings({}, aliases=str(tmp_path / "none.txt")), TODAY)
    assert engine.search(SearchRequest(q="dockers")).understood == "“dockers”"


# -- on pages ---------------------------------------------------------------------------------------------------------


def test_pages_show_one_value_and_change_with_the_file(
    radio: EmbeddedEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A value's page by another name leads to the one there is; a cached answer is not the answer of before."""
    monkeypatch.setattr(aliases_module, "CHECK_SECONDS", 0.0)
    client = create_app({"aliases": str(tmp_path / "names.txt")}, engine=radio).test_client()
    page = client.get("/search?source=Straits+Radio+News").get_data(as_text=True)
    assert re.findall(r'<input[^>]*name="?source"?[^>]*value="(Straits[^"]*)"[^>]*checked', page) == ["Straits Radio"]
    moved = client.get("/source/Straits%20Radio%20News")
    assert (moved.status_code, moved.headers["Location"].rpartition("/")[2]) == (301, "Straits%20Radio")
    before = client.get("/api/search?q=KU")
    assert before.json is not None and before.json["total"] == 2
    again = {"If-None-Match": before.headers["ETag"]}
    assert client.get("/api/search?q=KU", headers=again).status_code == 304
    os.utime(write_names(tmp_path / "names.txt", "KU = poets\n"), (1, 1))
    radio.refresh()
    assert client.get("/api/search?q=KU", headers=again).status_code == 200
