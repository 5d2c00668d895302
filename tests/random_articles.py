"""Invented articles, query trees and requests from a seed, small enough in words that every query meets something."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, timedelta

from search_app.archive.model import NEWS, OPINION, Article, Related, Source, Version
from search_app.engine.query import (
    FIELDS,
    And,
    Boost,
    Dates,
    Fuzzy,
    MatchAll,
    Not,
    Or,
    Phrase,
    Prefix,
    Query,
    Wildcard,
    Word,
    simplify,
)
from search_app.engine.request import MISSING_FIELDS, SearchRequest

FIRST_DAY = date(2030, 11, 20)
WORDS = (
    "harbour harbours strike strikes striking talk talks talking ferry ferries storm storms island islands minister"
    " election elected the of in to and a who not be or it café cafe Café naïve don't don’t Aarvik's ﬁre fire re-opens"
    " U.S. 2031 1,000 1000 46 47 COVID-19 Halvik Kestria Kestrian Sel ash ashes comet Ferrow press pressed president"
    " 青石港 罢工 结束 青石 港口罢工 青 МИД Грузия Łódź Lodz über uber"
).split()
TOPICS = (
    "Harbour strike",
    "Mount Ysk",
    "Four Straits Cup",
    "Élection 2032",
    "election 2032",
    "青石港罢工",
    "Zebra quay",
)
CONTEXTS = (
    "Kestria",
    "kestria",
    "Halvik",
    "Harbour strike",
    "Harbour Workers' Union",
    "Sel",
    "Mount Ysk",
    "Élan",
    "2031",
    "云屿",
)
SOURCES = ("Amaro Courier", "The Halvik Post", "Straits Radio", "云屿日报", "Le Courrier", "amaro courier")


def random_text(rng: random.Random, shortest: int, longest: int) -> str:
    """Return words with single spaces and now and then a sign between them."""
    words = rng.choices(WORDS, k=rng.randint(shortest, longest))
    return " ".join(word + rng.choice(("", "", "", "", ",", " –", ".")) for word in words).strip()


def random_article(rng: random.Random, number: int) -> Article:
    """Return an article; its path is its own, all else repeats among articles."""
    day = FIRST_DAY + timedelta(days=rng.choice((rng.randrange(0, 500), rng.randrange(0, 40), 7)))
    path = f"/news/{day:%Y/%m}/{day.day}/{rng.randrange(100):02d}-story-{number}"
    contexts = tuple(rng.sample(CONTEXTS, rng.randrange(0, 5)))
    sources = [
        Source(name, f"https://{n}.example/x") for n, name in enumerate(rng.choices(SOURCES, k=rng.randrange(0, 4)))
    ]
    versions: tuple[Version, ...] = ()
    if rng.random() < 0.2:
        versions = (
            Version(path + "-old", random_text(rng, 1, 3), "2031-01-02 03:04:05", "First version"),
            Version(path, "", "", "Current version", True),
        )
    opinion = rng.random() < 0.1
    return Article(
        path=path,
        file=path[1:] + ".md" if not opinion else f"opinion/{number}/index.md",
        kind=OPINION if opinion else NEWS,
        language=rng.choice(("en", "en", "zh")),
        date=day,
        headline=random_text(rng, 1, 8),
        summary=rng.choice(("", random_text(rng, 2, 25), random_text(rng, 2, 9) + "\n\n" + random_text(rng, 1, 9))),
        markup="*" if rng.random() < 0.1 else "",
        topic=rng.choice(("", *TOPICS)),
        contexts=contexts,
        sources=tuple(dict.fromkeys(sources)),
        image="https://pictures.example/1.jpg" if rng.random() < 0.2 else "",
        versions=versions,
    )


def random_articles(rng: random.Random, count: int) -> list[Article]:
    """Return ``count`` articles in the order of a segment, some of them related to each other and to strangers."""
    articles = [random_article(rng, number) for number in range(count)]
    paths = [article.path for article in articles]
    for n, article in enumerate(articles):
        if rng.random() < 0.4:
            links = [
                Related(
                    rng.choice(paths),
                    "",
                    tuple(rng.sample(article.contexts, rng.randrange(len(article.contexts) + 1))),
                )
                for _ in range(rng.randrange(1, 4))
            ]
            links.append(Related("/news/2029/01/1/not-here", "Not here", ("Elsewhere",)))
            articles[n] = replace(article, related=tuple(dict.fromkeys(links)))
    return sorted(articles, key=lambda article: (-article.date.toordinal(), article.path))


def random_field(rng: random.Random) -> str | None:
    """Return no field twice out of three times."""
    return rng.choice((None, None, *FIELDS[: rng.randrange(1, 6)]))


def random_word(rng: random.Random) -> str:
    """Return one of the words that the articles are made of, sometimes changed in case."""
    word = rng.choice(WORDS)
    return rng.choice((word, word, word.upper(), word.capitalize()))


def random_phrase(rng: random.Random, words: int) -> str:
    """Return words side by side."""
    return " ".join(random_word(rng) for _ in range(words))


def random_days(rng: random.Random) -> Dates:
    """Return a span of days, open at one end now and then."""
    first = FIRST_DAY + timedelta(days=rng.randrange(-20, 450))
    last = first + timedelta(days=rng.randrange(0, 300))
    return Dates(None if rng.random() < 0.2 else first, None if rng.random() < 0.2 else last)


def random_shape(rng: random.Random) -> str:
    """Return a word with a star or a question mark in its middle or at its front."""
    word = rng.choice([word for word in WORDS if word.isalpha() and word.isascii() and len(word) > 3])
    at = rng.randrange(len(word) - 1)
    star = word[:at] + "*" + word[min(len(word), at + rng.randrange(3)) :]
    return rng.choice((star, word[:at] + "?" + word[at + 1 :], "*" + word[1:]))


def random_leaf(rng: random.Random) -> Query:
    """Return one condition of any kind."""
    field = random_field(rng)
    kind = rng.randrange(12)
    if kind < 5:
        return Word(random_word(rng), field)
    if kind < 7:
        return Phrase(random_phrase(rng, rng.randrange(1, 4)), rng.choice((0, 0, 1, 3, 100)), field)
    if kind == 7:
        return Prefix(rng.choice(WORDS)[: rng.randrange(1, 5)], field)
    if kind == 8:
        return Wildcard(random_shape(rng), field)
    if kind == 9:
        return Fuzzy(random_word(rng), rng.choice((1, 1, 2)), field)
    if kind == 10:
        return random_days(rng)
    return Word(random_phrase(rng, 1) + "-" + random_word(rng), field)


UNCUT = {"max_patterns": 1024, "max_clauses": 1024}
"""Settings by which no part of a random tree is left out of the query that is made of its text."""


def random_tree(rng: random.Random, depth: int = 3) -> Query:
    """Return a simplified tree with every kind of node."""
    return simplify(_tree(rng, depth))


def _tree(rng: random.Random, depth: int) -> Query:
    roll = rng.random()
    if depth == 0 or roll < 0.35:
        return random_leaf(rng)
    children = tuple(_tree(rng, depth - 1) for _ in range(rng.randrange(2, 4)))
    if roll < 0.62:
        return And(children)
    if roll < 0.82:
        return Or(children)
    if roll < 0.9:
        return Not(children[0])
    return Boost(children[0], rng.choice((0.25, 2.0, 3.5))) if roll < 0.98 else MatchAll()


def random_request(rng: random.Random, q: str) -> SearchRequest:
    """Return a request with filters of every kind, most of them absent."""

    def some(values: tuple[str, ...], share: float) -> tuple[str, ...]:
        return tuple(rng.sample((*values, "Nowhere"), rng.choice((1, 1, 2)))) if rng.random() < share else ()

    days = random_days(rng) if rng.random() < 0.25 else Dates()
    return SearchRequest(
        q=q,
        topic=some(TOPICS, 0.3),
        context=some(CONTEXTS, 0.3),
        source=some(SOURCES, 0.3),
        not_topic=some(TOPICS, 0.1),
        not_context=some(CONTEXTS, 0.1),
        not_source=some(SOURCES, 0.1),
        missing=(rng.choice(MISSING_FIELDS),) if rng.random() < 0.15 else (),
        context_match=rng.choice(("all", "any")),
        date_from=days.first,
        date_to=days.last,
        sort=rng.choice(("", "relevance", "newest", "oldest")),
        per_page=100,
        facet_size=rng.choice((0, 1, 3, 20)),
        interval=rng.choice(("", "", "day", "month", "year")),
        half_life=rng.choice((0, 0, 1, 90)),
    )
