"""Articles like one article, against a plain loop over all of them."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta
from math import log
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from index_making import publish
from web_page import Page, words

from search_app.archive.model import Article
from search_app.engine import similar
from search_app.engine.embedded import EmbeddedEngine
from search_app.engine.result import SimilarArticle
from search_app.index.analysis import STOP_WORDS, analyse

MakeArticle = Callable[..., Article]
TOPICS = ("", "", "Harbour strike", "Comet Ferrow", "Floods")
CONTEXTS = ("Kestria", "Halvik", "Port Amaro", "Straits, the", "Lantern mission", "Railways")
WORDS = "dockers comet flood rails bridge night harbour senate ferry lantern the of storm quay".split()


def plain_similar(
    articles: list[Article], article: Article, left_out: set[str]
) -> list[tuple[str, bool, set[str], set[str]]]:
    """Return path, whether the topic is shared, shared contexts and words, best first: by loops alone."""

    def stems(one: Article) -> dict[str, str]:
        tokens = analyse(one.headline)
        return {t.stem: t.spelled for t in reversed(tokens) if len(t.folded) > 1 and t.folded not in STOP_WORDS}

    def holders(kind: str, text: str) -> int:
        return sum(text in have(one)[kind] for one in articles)

    def have(one: Article) -> dict[str, set[str]]:
        contexts = {context for context in one.contexts if context}
        return {"topic": {one.topic} - {""}, "context": contexts, "word": {t.stem for t in analyse(one.headline)}}

    own = stems(article)
    wanted = [("topic", article.topic)] if article.topic else []
    wanted += [("context", context) for context in article.contexts if context != article.topic]
    rare = sorted(own, key=lambda stem: (holders("word", stem), own[stem]))[: similar.MOST_WORDS]
    wanted += [("word", stem) for stem in rare]
    weights = {}
    for kind, text in wanted:
        count = holders(kind, text)
        if 1 < count <= max(similar.COMMON_LEAST, len(articles) * similar.COMMON_SHARES[kind]):
            idf = log(1 + (len(articles) - count + 0.5) / (count + 0.5))
            weights[kind, text] = round(64 * similar.FACTORS[kind] * idf)
    found = []
    for other in articles:
        shared = {(kind, text) for kind, text in weights if text in have(other)[kind]}
        topical = any(kind == "topic" for kind, _ in shared)
        if other.path in left_out or other.path == article.path or not (topical or len(shared) >= similar.LEAST_SHARED):
            continue
        total = sum(weights[trait] for trait in shared)
        key = (-total, abs((other.date - article.date).days), -other.date.toordinal(), other.path)
        contexts = {text for kind, text in shared if kind == "context"}
        found.append((key, topical, contexts, {own[text] for kind, text in shared if kind == "word"}))
    found.sort(key=lambda entry: entry[0])
    return [(key[3], topical, contexts, spoken) for key, topical, contexts, spoken in found[: similar.MOST_SIMILAR]]


def some_articles(rng: random.Random, make_article: MakeArticle, count: int) -> list[Article]:
    return [
        make_article(
            path=f"/news/2031/03/4/{number}-{rng.randrange(10**6)}",
            date=date(2031, 3, 4) + timedelta(days=rng.randrange(30)),
            headline=" ".join(rng.choices(WORDS, k=rng.randrange(1, 8))),
            topic=(topic := rng.choice(TOPICS)),
            contexts=tuple(dict.fromkeys([topic] * bool(topic) + rng.sample(CONTEXTS, rng.randrange(4)))),
        )
        for number in range(count)
    ]


@pytest.mark.parametrize("segments", [1, 3])
def test_it_finds_what_a_plain_loop_finds(
    segments: int, rng: random.Random, make_article: MakeArticle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So that some of these few traits are too common.
    monkeypatch.setattr(similar, "COMMON_LEAST", 25)
    articles = some_articles(rng, make_article, 90)
    groups = [articles[number::segments] for number in range(segments)]
    gone = set(rng.sample(range(len(articles)), 12)) if segments > 1 else set()
    deleted = [(number % segments, articles[number].path) for number in gone]
    publish(tmp_path, *groups, deleted=deleted)
    engine = EmbeddedEngine(tmp_path)
    live = [article for number, article in enumerate(articles) if number not in gone]
    for article in rng.sample(live, 25):
        view = engine.article(article.path)
        assert view is not None
        left_out = {other.path for other in (view.previous, view.next) if other}
        assert [
            (like.article.path, like.same_topic, set(like.article.contexts), set(like.words)) for like in view.similar
        ] == plain_similar(live, article, left_out)


def similar_to(article: Article, index_dir: Path) -> tuple[SimilarArticle, ...]:
    view = EmbeddedEngine(index_dir).article(article.path)
    assert view is not None
    return view.similar


def test_rare_things_tell_most(make_article: MakeArticle, tmp_path: Path) -> None:
    filler = [
        make_article(headline=f"filler {n}", topic="", contexts=("Kestria", "Halvik"), summary="") for n in range(30)
    ]
    article = make_article(headline="A comet is heard", topic="", contexts=("Kestria", "Halvik", "Lantern mission"))
    rare = make_article(headline="Something else", topic="", contexts=("Kestria", "Lantern mission"))
    publish(tmp_path, [article, rare, *filler])
    first, second, *_ = similar_to(article, tmp_path)
    assert (first.article.path, first.article.contexts) == (rare.path, ("Lantern mission", "Kestria"))
    assert second.article.contexts == ("Halvik", "Kestria")


def test_an_article_alone_is_like_nothing(make_article: MakeArticle, tmp_path: Path) -> None:
    article = make_article()
    publish(tmp_path, [article])
    assert similar_to(article, tmp_path) == ()


def test_the_page_tells_why(client: FlaskClient) -> None:
    addresses = [hit["url"] for hit in client.get("/api/search").get_json()["hits"]]
    answers = [client.get(address.replace(".html", ".json")).get_json() for address in addresses]
    told = [answer for answer in answers if answer["similar"]]
    assert told
    for answer in told:
        _check_page(Page(client.get(answer["url"])), answer)
    silent = next(answer for answer in answers if not answer["similar"])
    assert not Page(client.get(silent["url"])).all("section", aria_labelledby="similar")


def _check_page(page: Page, answer: dict[str, Any]) -> None:
    listed = page.one("section", aria_labelledby="similar")
    items = list(listed.iter("li"))
    assert len(items) == len(answer["similar"])
    named = [related["id"] for related in answer["related"]] + [answer["id"]]
    for item, like in zip(items, answer["similar"], strict=True):
        assert page.address(next(item.iter("a"))) == like["url"]
        assert like["id"] not in named
        assert ("Same topic" in words(item)) == like["same_topic"]
        for context in like["contexts"][:3]:
            assert context in words(item)
        assert like["same_topic"] or like["contexts"] or any(f"“{word}”" in words(item) for word in like["words"])
