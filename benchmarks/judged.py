"""What rankings are judged by: collections with judgements, and questions for articles that are known.

In: files of judged collections, linked articles, a seed. Out: ``Collection`` records: articles and questions, each with
the articles that answer it.
"""

from __future__ import annotations

import json
import lzma
import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from search_app.archive import Article
from search_app.archive.model import NEWS
from search_app.index.analysis import STOP_WORDS, analyse, stem

from .queries import plain_words

JUDGED = ("time", "medline", "cisi")
RENUMBERED = {"time": (370, 2)}
"""Collections whose judgements count articles that their texts lack: up to which number they name the text of that
number, and how many texts further on the one that they mean stands before it."""
_CHINESE = re.compile(r"[\u3400-\u9fff]{6,}")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One question: its words without punctuation, and the paths of the articles that answer it."""

    text: str
    answers: frozenset[str]


@dataclass(frozen=True, slots=True)
class Questions:
    """Questions of one kind. ``whole`` tells whether all words are expected in an answer, as in questions for an
    article that is known; else any word may match."""

    name: str
    wanted: tuple[Wanted, ...]
    whole: bool


def read_judged(folder: Path, name: str) -> tuple[list[Article], Questions]:
    """Return a judged collection: its documents as articles of one day, and its questions without punctuation."""
    data = json.loads(lzma.decompress((folder / f"judged-{name}.json.xz").read_bytes()))
    path = "/news/2000/01/1/{}".format
    articles = [
        Article(path(item["id"]), "", NEWS, "en", date(2000, 1, 1), item["title"] or item["id"], item["text"])
        for item in data["documents"]
    ]
    wanted = tuple(
        Wanted(re.sub(r"[^\w\s]", " ", item["text"]), frozenset(map(path, item["relevant"])))
        for item in data["questions"]
    )
    return articles, Questions(name, wanted, False)


def renumbered(questions: Questions) -> Questions | None:
    """Return the questions of a judged collection with the answers that its judgements mean, None where they name them.

    The judgements of *time* number 425 articles, its texts 423. Of 231 judgements up to number 370 the text of that
    number holds on average 58 % of what the question's words tell apart; of 22 above it 8 %, the second before it 50 %.
    """
    if questions.name not in RENUMBERED:
        return None
    last, lacking = RENUMBERED[questions.name]

    def meant(path: str) -> str:
        folder, number = path.rsplit("/", 1)
        return f"{folder}/{int(number) - lacking}" if int(number) > last else path

    wanted = tuple(Wanted(question.text, frozenset(map(meant, question.answers))) for question in questions.wanted)
    return Questions("renumbered", wanted, questions.whole)


def known_items(articles: Sequence[Article], seed: int, count: int) -> list[Questions]:
    """Return questions for known articles, ``count`` of each kind, the same for the same articles and seed.

    A question is three to five words of one article, of the rarer half of its words: what is particular about an
    article is what people remember of it. Articles of the same text are all answers. Kinds: the words in the article's
    order; in another; one misspelt, so that no article holds it; one in another form of the same stem.
    """
    drawer = _Drawer(articles, seed)
    makers: dict[str, Callable[[list[str]], list[str] | None]] = {
        "in order": list,
        "in another order": drawer.shuffled,
        "one misspelt": drawer.misspelt,
        "one in another form": drawer.inflected,
    }
    return [Questions(name, drawer.draw(count, make), True) for name, make in makers.items()]


def chinese_items(articles: Sequence[Article], seed: int, count: int) -> Questions:
    """Return questions for known Chinese articles: six to ten characters of a headline, side by side."""
    rng = random.Random(f"chinese {seed}")
    answers = defaultdict(set)
    for article in articles:
        answers[article.headline].add(article.path)
    drawn: list[Wanted] = []
    while len(drawn) < count:
        article = rng.choice(articles)
        runs = _CHINESE.findall(article.headline)
        if not runs:
            continue
        run = rng.choice(runs)
        size = min(len(run), rng.randint(6, 10))
        at = rng.randint(0, len(run) - size)
        drawn.append(Wanted(run[at : at + size], frozenset(answers[article.headline])))
    return Questions("part of a headline", tuple(drawn), True)


class _Drawer:
    def __init__(self, articles: Sequence[Article], seed: int) -> None:
        self._articles = articles
        self._rng = random.Random(f"known items {seed}")
        self._df: Counter[str] = Counter()
        self._same: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._held: set[str] = set()
        self._forms: dict[str, set[str]] = defaultdict(set)
        for article in articles:
            words = set(plain_words(f"{article.headline} {article.summary}"))
            self._df.update(words)
            self._same[article.headline, article.summary].add(article.path)
            for text in (article.headline, article.summary, article.topic, *article.contexts):
                self._held.update(token.folded for token in analyse(text))
        for word in self._df:
            self._forms[stem(word)].add(word)

    def draw(self, count: int, make: Callable[[list[str]], list[str] | None]) -> tuple[Wanted, ...]:
        drawn: list[Wanted] = []
        while len(drawn) < count:
            article = self._rng.choice(self._articles)
            words = list(dict.fromkeys(plain_words(f"{article.headline} {article.summary}")))
            rare = set(sorted(words, key=lambda word: (self._df[word], word))[: max(3, len(words) // 2)])
            kept = [word for word in words if word in rare]
            size = self._rng.randint(3, 5)
            if len(kept) < size:
                continue
            chosen = [kept[n] for n in sorted(self._rng.sample(range(len(kept)), size))]
            made = make(chosen)
            if made is not None:
                same = self._same[article.headline, article.summary]
                drawn.append(Wanted(" ".join(made), frozenset(same)))
        return tuple(drawn)

    def shuffled(self, words: list[str]) -> list[str]:
        mixed = words[:]
        while mixed == words:
            self._rng.shuffle(mixed)
        return mixed

    def misspelt(self, words: list[str]) -> list[str] | None:
        long = [n for n, word in enumerate(words) if len(word) >= 5]
        if not long:
            return None
        at = self._rng.choice(long)
        wrong = self._mistyped(words[at])
        return None if wrong in self._held or wrong in STOP_WORDS else [*words[:at], wrong, *words[at + 1 :]]

    def _mistyped(self, word: str) -> str:
        at = self._rng.randint(1, len(word) - 2)
        match self._rng.randrange(4):
            case 0:
                return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
            case 1:
                return word[:at] + word[at + 1 :]
            case 2:
                return word[:at] + word[at] + word[at:]
        return word[:at] + self._rng.choice(_LETTERS) + word[at + 1 :]

    def inflected(self, words: list[str]) -> list[str] | None:
        for at in self._rng.sample(range(len(words)), len(words)):
            others = sorted(self._forms[stem(words[at])] - {words[at]})
            if others:
                return [*words[:at], self._rng.choice(others), *words[at + 1 :]]
        return None
