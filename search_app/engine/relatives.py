"""Words that belong together though they have different stems: Africa and African, chancellor and chancellorship.

In: a word of a question, and the statistics of a snapshot. Out: the words that count beside it. They begin alike and
stand in the same articles; nobody has to list them, in whatever language the articles are.

Source: J. Xu, W. B. Croft, "Corpus-Based Stemming Using Cooccurrence of Word Variants", 1998, with a share of the rarer
word's articles in place of a measure of association.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np

from .evaluate import Evaluator, Mask, Statistics
from .plan import Any, Every, Plan, Related, Scaled, Term, Token
from .scoring import Bm25f

SHARED_LETTERS = 5
"""Letters with which words that belong together begin."""
LEAST_TOGETHER = 3
"""Articles in which they stand together."""
SHARE_TOGETHER = 0.1
"""The share of these among all articles of the rarer of the two."""
TIMES_CHANCE = 4.0
"""How many times as many they are as of words that have nothing to do with each other."""
MOST_CANDIDATES = 4
"""Words that are looked at for one: those that share most letters, of these the commonest."""


def with_relatives(loose: Plan, statistics: Statistics) -> Plan:
    """Return a plan for partial matches, of which any clause may match, with relatives beside its plain words.

    Does nothing for a scorer that knows none.
    """
    scorer = statistics.scorer
    if not isinstance(scorer, Bm25f) or not scorer.related:
        return loose
    match loose:
        case Every((Any(clauses), *bound)):
            return Every((Any(tuple(_widened(clause, statistics) for clause in clauses)), *bound))
        case Any(clauses):
            return Any(tuple(_widened(clause, statistics) for clause in clauses))
    return loose


def _widened(clause: Plan, statistics: Statistics) -> Plan:
    match clause:
        case Term() if _may_have(clause):
            others = statistics.relatives(clause, find_relatives)
            return Related((clause, *others)) if others else clause
        case Scaled(child, factor):
            return Scaled(_widened(child, statistics), factor)
    return clause


def words_to_relate(loose: Plan) -> list[Term]:
    """Return the words of a plan for partial matches of which relatives are looked for, in any form, each once."""
    match loose:
        case Every((Any(clauses), *_)) | Any(clauses):
            words = map(_unscaled, clauses)
            return list(dict.fromkeys(word.in_any_form for word in words if isinstance(word, Term) and _may_have(word)))
    return []


def _unscaled(clause: Plan) -> Plan:
    return _unscaled(clause.child) if isinstance(clause, Scaled) else clause


def _may_have(term: Term) -> bool:
    """Return whether relatives of a term are looked for: of a plain word of enough letters, in all fields."""
    stem = term.token.stem
    return term.token.exact is None and len(term.fields) > 1 and len(stem) >= SHARED_LETTERS and stem.isalpha()


def find_relatives(term: Term, statistics: Statistics) -> tuple[Term, ...]:
    """Return the words that belong to a word. Cost: 20 to 40 µs for each of ``MOST_CANDIDATES``."""
    counts: Counter[str] = Counter()
    for evaluator in statistics.evaluators:
        counts.update(_counts(evaluator, term))
    found = []
    own = [_docs(evaluator, term) for evaluator in statistics.evaluators]
    df = sum(map(np.count_nonzero, own))
    for stem in choose_candidates(term.token.stem, counts):
        other = Term(Token(stem), term.fields)
        docs = [_docs(evaluator, other) for evaluator in statistics.evaluators]
        together = sum(int(np.count_nonzero(one & two)) for one, two in zip(own, docs, strict=True))
        if belong_together(together, df, sum(map(np.count_nonzero, docs)), statistics.snapshot.articles):
            found.append(other)
    return tuple(found)


def choose_candidates(stem: str, counts: Mapping[str, int]) -> list[str]:
    """Return the stems that may belong to one. counts : of stems, how many postings each has in the fields searched."""
    likely = (
        other
        for other, count in counts.items()
        if count >= LEAST_TOGETHER
        and other != stem
        and other.isalpha()
        and other[:SHARED_LETTERS] == stem[:SHARED_LETTERS]
    )
    return sorted(likely, key=lambda other: (-_shared(stem, other), -counts[other], other))[:MOST_CANDIDATES]


def belong_together(together: int, one: int, other: int, documents: int) -> bool:
    """Return whether two words belong together that begin alike.

    together : documents that hold both. one, other : documents that hold each.
    """
    by_chance = one * other / documents if documents else 0.0
    least = max(LEAST_TOGETHER, SHARE_TOGETHER * min(one, other), TIMES_CHANCE * by_chance)
    return together >= least


def _shared(one: str, other: str) -> int:
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _docs(evaluator: Evaluator, term: Term) -> Mask:
    held = np.zeros(evaluator.segment.docs, bool)
    held[evaluator.postings_of(term).docs] = True
    return held if evaluator.live is None else held & evaluator.live


def _counts(evaluator: Evaluator, term: Term) -> dict[str, int]:
    """Return the stems of a segment that begin as a word does, each with its postings in the fields of the word.

    Those of deleted documents do not count: what belongs together does not depend on how an index came about.
    """
    segment = evaluator.segment
    start, end = segment.terms.range_of_prefix(term.token.stem[:SHARED_LETTERS].encode())
    if start == end:
        return {}
    counts = np.zeros(end - start, np.int64)
    for name, _ in term.fields:
        field = segment.fields[name]
        # Of the type of the array, which would else be converted as a whole.
        ends = np.array((start, end - 1), np.uint32).astype(field.terms.dtype)
        first, last = int(field.terms.searchsorted(ends[0])), int(field.terms.searchsorted(ends[1], "right"))
        counts[field.terms[first:last] - np.int64(start)] += field.live_counts(evaluator.live, first, last)
    return {segment.terms[start + n]: int(counts[n]) for n in counts.nonzero()[0].tolist()}
