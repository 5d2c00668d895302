"""The questions of a run, drawn from an archive with a seed: 20 typical ones and 300 of every kind.

In: linked articles. Out: ``Question`` records that every contender translates into its own language.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from search_app.archive import Article
from search_app.index.analysis import STOP_WORDS

WORDS, PHRASE, PREFIX, WILDCARD, FUZZY, NOT, RANGE, LONG_OR = (
    "words",
    "phrase",
    "prefix",
    "wildcard",
    "fuzzy",
    "not",
    "range",
    "long or",
)
KINDS = (WORDS, PHRASE, PREFIX, WILDCARD, FUZZY, NOT, RANGE, LONG_OR)
SAME_MEANING = frozenset((WORDS, NOT, RANGE, LONG_OR))
"""Kinds that mean the same to every contender with the same analysis. A phrase, a pattern and a fuzzy word mean the
words as written to this engine, and stems to those that index stems alone."""

# Plain lower-case letters: every contender cuts and folds such words alike.
_PLAIN = re.compile(r"(?<![^\s(])[A-Za-z]{3,}(?=[\s.,;)]|$)")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_LONG_OR_WORDS = 12


@dataclass(frozen=True, slots=True)
class Question:
    """One search, in no contender's language.

    words : in lower case. What they stand for follows ``kind``: all of them (``words``, ``not``, ``range``), any of
        them (``long or``), one after the other (``phrase``), or a single pattern: the beginning of a word, a word with
        ``*`` and ``?``, a word with one letter wrong.
    without : a word that hits must not have, only for ``not``. first, last : days, both included, only for ``range``.
    """

    kind: str
    words: tuple[str, ...]
    without: str = ""
    first: date | None = None
    last: date | None = None

    @property
    def text(self) -> str:
        """The question in the query language of this engine."""
        match self.kind:
            case "phrase":
                return f'"{" ".join(self.words)}"'
            case "prefix":
                return f"{self.words[0]}*"
            case "fuzzy":
                return f"{self.words[0]}~1"
            case "not":
                return f"{' '.join(self.words)} -{self.without}"
            case "range":
                return f"{' '.join(self.words)} date:[{self.first} TO {self.last}]"
            case "long or":
                return " OR ".join(self.words)
        return " ".join(self.words)


def draw_typical(articles: Sequence[Article], seed: int, count: int = 20) -> list[Question]:
    """Return questions as people ask them: one to three words that stand in one headline or topic.

    Words are drawn from random articles, so frequent words are as frequent as in the news. Three in ten questions are
    one word, four two words, one three words, two a topic. Every question has a hit. Raises ValueError for an archive
    without plain words.
    """
    rng = random.Random(f"typical {seed}")
    shapes = (1, 2, 2, 0, 1, 2, 3, 2, 1, 0)
    drawn: list[Question] = []
    for n in range(count):
        size = shapes[n % len(shapes)]
        question = Question(WORDS, _some_words(rng, articles, size) if size else _topic_words(rng, articles))
        drawn.append(question)
    return drawn


def draw_mixed(articles: Sequence[Article], seed: int, count: int = 300) -> list[Question]:
    """Return questions of every kind in turn. Raises as ``draw_typical``."""
    rng = random.Random(f"mixed {seed}")
    days = sorted({article.date for article in articles})
    return [_draw(rng, articles, days, KINDS[n % len(KINDS)]) for n in range(count)]


def _draw(rng: random.Random, articles: Sequence[Article], days: list[date], kind: str) -> Question:
    match kind:
        case "phrase":
            return Question(kind, _neighbours(rng, articles, rng.choice((2, 2, 3))))
        case "prefix":
            word = _long_word(rng, articles)
            return Question(kind, (word[: rng.randint(2, len(word) - 2)],))
        case "wildcard":
            word = _long_word(rng, articles)
            at = rng.randint(2, len(word) - 2)
            return Question(kind, (word[:at] + rng.choice("?*") + word[at + 1 :],))
        case "fuzzy":
            word = _long_word(rng, articles)
            at = rng.randint(1, len(word) - 1)
            return Question(kind, (word[:at] + rng.choice(_LETTERS) + word[at + 1 :],))
        case "not":
            return Question(kind, _some_words(rng, articles, 1), without=_some_words(rng, articles, 1)[0])
        case "range":
            first = rng.choice(days)
            return Question(
                kind, _some_words(rng, articles, 1), first=first, last=first + timedelta(days=rng.randint(0, 1500))
            )
        case "long or":
            return Question(kind, tuple(_some_words(rng, articles, 1)[0] for _ in range(_LONG_OR_WORDS)))
    return Question(kind, _some_words(rng, articles, rng.randint(1, 4)))


def plain_words(text: str) -> list[str]:
    """Return the words of a text that every contender reads alike, in order, in lower case, stop words left out."""
    return [word for word in map(str.lower, _PLAIN.findall(text)) if word not in STOP_WORDS]


def _some_words(rng: random.Random, articles: Sequence[Article], size: int) -> tuple[str, ...]:
    """Return ``size`` different words of one headline, in its order."""
    for _ in range(1000):
        words = list(dict.fromkeys(plain_words(rng.choice(articles).headline)))
        if len(words) >= size:
            return tuple(words[n] for n in sorted(rng.sample(range(len(words)), size)))
    raise ValueError(f"this archive has no headline with {size} plain words")


def _topic_words(rng: random.Random, articles: Sequence[Article]) -> tuple[str, ...]:
    for _ in range(1000):
        words = tuple(dict.fromkeys(plain_words(rng.choice(articles).topic)))
        if 2 <= len(words) <= 4:
            return words
    return _some_words(rng, articles, 2)


def _neighbours(rng: random.Random, articles: Sequence[Article], size: int) -> tuple[str, ...]:
    """Return ``size`` words that stand side by side in one headline, the first of them no stop word."""
    for _ in range(1000):
        words = [word.lower() for word in rng.choice(articles).headline.split()]
        starts = [
            n
            for n in range(len(words) - size + 1)
            if words[n] not in STOP_WORDS and all(w.isascii() and w.isalpha() for w in words[n : n + size])
        ]
        if starts:
            at = rng.choice(starts)
            return tuple(words[at : at + size])
    raise ValueError(f"this archive has no {size} plain words side by side")


def _long_word(rng: random.Random, articles: Sequence[Article]) -> str:
    for _ in range(1000):
        word = _some_words(rng, articles, 1)[0]
        if len(word) >= 6:
            return word
    raise ValueError("this archive has no plain word of six letters")
