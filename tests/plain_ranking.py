"""The ranking of searches once more, plain and slow: every rule a loop over articles, written from its definition."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from functools import cached_property
from itertools import pairwise
from math import log
from typing import TYPE_CHECKING

from plain_aliases import Names

from search_app.archive.model import Article
from search_app.engine.agreement import COMPARED, MOST_WORDS, NEIGHBOURS
from search_app.engine.proximity import RERANKED, WINDOW
from search_app.engine.query import And, Boost, Or
from search_app.engine.scoring import FIELD_WEIGHTS, PROSE, Bm25f
from search_app.index.analysis import STOP_WORDS, analyse, is_dense

if TYPE_CHECKING:
    from plain_engine import PlainEngine, Wanted

SHORT_QUERY = 6


class PlainRanking:
    """BM25F, nearness, whole headlines and agreement over the articles of a plain engine."""

    def __init__(self, engine: PlainEngine, scorer: Bm25f) -> None:
        self._engine, self._scorer = engine, scorer
        self._weights: dict[tuple[Wanted, str | None], tuple[float, float]] = {}

    def weights(self, token: Wanted, name: str | None) -> tuple[float, float]:
        """Return idf and burst of a token that is looked for in one field, or in all."""
        if (token, name) not in self._weights:
            df = prose_df = occurrences = 0
            for places in self._engine.places.values():
                found = {own: sum(map(token.is_at, places[own])) for own, _ in _fields(name)}
                prose = sum(found.get(own, 0) for own in PROSE)
                df += any(found.values())
                prose_df += prose > 0
                occurrences += prose
            idf = log(1 + (len(self._engine.articles) - df + 0.5) / (df + 0.5))
            burst = ((occurrences + 1) / prose_df) ** self._scorer.burstiness if prose_df else 1.0
            self._weights[token, name] = idf, burst
        return self._weights[token, name]

    def score(self, token: Wanted, name: str | None, article: Article, counted: list[str]) -> float:
        """Return what a token is worth to an article in those of its fields that count."""
        frequency, exact = self._occurrences(token, name, article, counted)
        idf, burst = self.weights(token, name)
        return idf * burst * (self._scorer.k1 + 1) * exact / (self._scorer.k1 + frequency)

    def _occurrences(
        self, token: Wanted, name: str | None, article: Article, counted: list[str]
    ) -> tuple[float, float]:
        """Return the weighted frequency of a token in an article, without and with what exactness adds."""
        frequency = exact = 0.0
        for own, weight in _fields(name):
            places = self._engine.places[article.path][own]
            tf = sum(map(token.is_at, places))
            if tf and own in counted:
                b = dict(self._scorer.lengths)[own]
                found = weight * tf / (1 - b + b * len(places) / self._engine.average[own])
                bonus = 0.0
                if any((place.stem, place.spelled) == (token.stem, token.spelled) for place in places):
                    bonus = self._scorer.spelled_bonus
                elif any((place.stem, place.folded) == (token.stem, token.folded) for place in places):
                    bonus = self._scorer.folded_bonus
                frequency += found
                exact += found * (1 + bonus)
        return frequency, exact

    def worth(self, node: object, article: Article, loose: int) -> float:
        """Return what a part of a query is worth to an article that lacks another.

        loose : how many parts an article may lack. Of a question a plain word counts with those that belong to it.
        """
        if isinstance(node, Boost):
            return node.factor * self.worth(node.child, article, loose)
        tokens = getattr(node, "tokens", ())
        plain = len(tokens) == 1 and tokens[0].exact is None and getattr(node, "field", "") is None
        if loose <= SHORT_QUERY or not plain:
            return self._engine.score(node, article)
        names = [name for name, _ in FIELD_WEIGHTS]
        frequency, exact = self._occurrences(tokens[0], None, article, names)
        for stem in self.relatives(tokens[0].stem):
            found, _ = self._occurrences(tokens[0]._replace(stem=stem, spelled=""), None, article, names)
            frequency += self._scorer.related * found
            exact += self._scorer.related * found
        idf, burst = self.weights(tokens[0], None)
        return idf * burst * (self._scorer.k1 + 1) * exact / (self._scorer.k1 + frequency)

    def relatives(self, stem: str) -> list[str]:
        """Return the stems that belong to one: of those that begin as it does, by the articles that hold both."""
        if not (self._scorer.related and len(stem) >= 5 and stem.isalpha()):
            return []
        own = self._holders[stem]
        found = []
        for other in self._likely(stem):
            both, rarer = len(own & self._holders[other]), min(len(own), len(self._holders[other]))
            chance = len(own) * len(self._holders[other]) / len(self._engine.articles)
            if both >= 3 and both >= rarer / 10 and both >= 4 * chance:
                found.append(other)
        return found

    def _likely(self, stem: str) -> list[str]:
        """Return the four stems that share most letters with one, the commoner first where they share as many."""
        ranked = [
            (-next((n for n in range(len(stem)) if stem[: n + 1] != other[: n + 1]), len(stem)), -count, other)
            for other, count in self._counts.items()
            if other != stem and other[:5] == stem[:5] and other.isalpha() and count >= 3
        ]
        return [other for *_, other in sorted(ranked)[:4]]

    @cached_property
    def _holders(self) -> dict[str, set[str]]:
        """The paths of the articles that hold each stem."""
        holders: dict[str, set[str]] = defaultdict(set)
        for path, fields in self._engine.places.items():
            for name, _ in FIELD_WEIGHTS:
                for place in fields[name]:
                    holders[place.stem].add(path)
        return holders

    @cached_property
    def _counts(self) -> Counter[str]:
        """In how many fields of articles each stem stands."""
        fields = (own[name] for own in self._engine.places.values() for name, _ in FIELD_WEIGHTS)
        return Counter(stem for places in fields for stem in {place.stem for place in places})

    def with_gains(
        self, scores: dict[str, float], tokens: list[tuple[Wanted, float, bool]], spare: int
    ) -> dict[str, float]:
        """Return scores in which the best articles have what they gain for nearness.

        tokens : the words side by side: token, factor, and whether it belongs to the word before.
        """
        by_path = {article.path: article for article in self._engine.articles}
        order = sorted(scores, key=lambda path: (-scores[path], -by_path[path].date.toordinal(), path))
        best = order[:RERANKED] if tokens else []
        return scores | {path: scores[path] + self._gain(path, tokens, spare) for path in best}

    def _gain(self, path: str, tokens: list[tuple[Wanted, float, bool]], spare: int) -> float:
        places = self._engine.places[path]
        gain = 0.0
        for (one, factor, _), (other, other_factor, joined) in pairwise(tokens):
            if joined or one.stem == other.stem:
                continue
            near = 0.0
            for name in PROSE:
                for place in filter(one.is_at, places[name]):
                    steps = [next_.position - place.position for next_ in filter(other.is_at, places[name])]
                    distance = min([s if s > 0 else 1 - s for s in steps], default=WINDOW + 1)
                    if distance <= WINDOW:
                        near += dict(FIELD_WEIGHTS)[name] / distance
            idf = min(self.weights(one, None)[0], self.weights(other, None)[0])
            gain += self._scorer.nearness * min(factor, other_factor) * idf * 2 * near / (near + 1)
        headline = places["headline"]
        held = [place for place in headline if any(token.is_at(place) for token, *_ in tokens)]
        few = len(headline) - len(held) <= spare and len(headline) <= len(tokens) + spare
        if few and all(any(map(token.is_at, headline)) for token, *_ in tokens):
            gain += self._scorer.whole_headline * sum(
                idf * burst for idf, burst in (self.weights(token, None) for token, *_ in tokens)
            )
        return gain

    def agreed(self, scores: dict[str, float], loose: int) -> dict[str, float]:
        """Return scores of partial matches in which the best have what those most like them say of them.

        loose : how many parts of the query an article may lack.
        """
        if loose <= SHORT_QUERY:
            return scores
        by_path = {article.path: article for article in self._engine.articles}
        order = sorted(scores, key=lambda path: (-scores[path], -by_path[path].date.toordinal(), path))
        best = order[:COMPARED]
        words = {path: self._told(path) for path in best}
        held = Counter(word for own in words.values() for word in set(own))
        vectors = {
            path: {
                word: (1 + log(own.count(word))) * log(1 + (len(best) - held[word] + 0.5) / (held[word] + 0.5))
                for word in own
            }
            for path, own in words.items()
        }
        gained = dict(scores)
        for path in best:
            others = [(round(_cosine(vectors[path], vectors[other]), 9), other) for other in best if other != path]
            others.sort(key=lambda pair: (-pair[0], best.index(pair[1])))
            gain = sum(alike * scores[other] for alike, other in others[:NEIGHBOURS])
            gained[path] += self._scorer.agreement * gain
        return gained

    def _told(self, path: str) -> list[str]:
        places = [place for name in PROSE for place in self._engine.places[path][name]]
        return [place.stem for place in places if place.folded not in STOP_WORDS][:MOST_WORDS]

    def partial(
        self, loose: list[object], candidates: list[Article], worth: Callable[[Article], float], most: int
    ) -> dict[str, float]:
        """Return the best of some articles that lack some of the loose parts, with their scores before any gain."""
        engine = self._engine
        if len(loose) <= SHORT_QUERY:
            groups: dict[tuple[bool, ...], list[Article]] = {}
            for article in candidates:
                groups.setdefault(tuple(engine.matches(part, article) for part in loose), []).append(article)
            information = [self.information(part) for part in loose]
            kept: list[Article] = []
            for held in sorted(
                groups, key=lambda held: -sum(i for i, has in zip(information, held, strict=True) if has)
            ):
                if len(kept) < most:
                    kept += groups[held]
            candidates = kept
        scores = {article.path: worth(article) for article in candidates}
        ranked = sorted(candidates, key=lambda a: (-scores[a.path], -a.date.toordinal(), a.path))
        return {article.path: scores[article.path] for article in ranked[:most]}

    def information(self, node: object) -> float:
        """Return the idf of what a part of a query asks for."""
        match node:
            case Boost(child, _):
                return self.information(child)
            case Names((typed, *_)):
                return self.information(typed)
            case And(children):
                return sum(map(self.information, children))
            case Or(children):
                return max(map(self.information, children))
        tokens = getattr(node, "tokens", None)
        return 1.0 if tokens is None else sum(self.weights(token, None)[0] for token in tokens)


def _cosine(one: dict[str, float], other: dict[str, float]) -> float:
    lengths = [sum(weight * weight for weight in vector.values()) ** 0.5 for vector in (one, other)]
    shared = sum(weight * other[word] for word, weight in one.items() if word in other)
    return shared / (lengths[0] * lengths[1]) if all(lengths) else 0.0


def words_side_by_side(node: object) -> tuple[list[tuple[Wanted, float, bool]], int]:
    """Return the plain words of a query in order, and how many tokens of a run without spaces it cannot name."""
    found: list[tuple[Wanted, float, bool]] = []
    spare = 0
    for child, factor in _parts(node):
        inner: object = child
        while isinstance(inner, Boost):
            inner, factor = inner.child, factor * inner.factor
        tokens = getattr(inner, "tokens", ())
        if tokens and getattr(inner, "field", "") is None and all(token.exact is None for token in tokens):
            found += [(token, factor, n > 0) for n, token in enumerate(tokens)]
            spare += is_dense(tokens[-1].stem)
    return found, spare


def _parts(node: object) -> list[tuple[object, float]]:
    """Return the parts of a query with their weights; of a name with equals, the words that were typed."""
    parts: list[tuple[object, float]] = []
    for child in node.children if isinstance(node, And) else (node,):
        inner, factor = (child.child, child.factor) if isinstance(child, Boost) else (child, 1.0)
        if isinstance(inner, Names):
            typed = inner.children[0]
            parts += [(word, factor) for word in (typed.children if isinstance(typed, And) else (typed,))]
        else:
            parts.append((child, 1.0))
    return parts


def weighed_by_repeats(node: object, text: str) -> object:
    """Return an And in which a plain word weighs as often as it was typed."""
    if not isinstance(node, And):
        return node
    times = Counter(token.spelled for token in analyse(text, query=True))
    children: list[object] = []
    for child in dict.fromkeys(node.children):
        word = child.children[0] if isinstance(child, Names) else child
        tokens = getattr(word, "tokens", ())
        plain = len(tokens) == 1 and tokens[0].exact is None and getattr(word, "field", "") is None
        typed = times[tokens[0].spelled] if plain else 1
        children.append(Boost(child, float(typed)) if typed > 1 else child)
    return And(tuple(children))  # type: ignore[arg-type]


def _fields(name: str | None) -> tuple[tuple[str, float], ...]:
    return FIELD_WEIGHTS if name is None else ((name, 1.0),)
