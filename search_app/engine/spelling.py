"""What somebody may have meant who typed a word that no article holds: the archive's own words that are nearest.

In: a plan, the text it was made of, a snapshot. Out: the text with other words in place of the unknown ones, or None.
Never touches words that the archive knows, words with digits, quoted words, words of a named field or patterns.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ..index.analysis import analyse, fold, is_dense
from ..index.generation import Snapshot
from ..index.segment import Segment
from .evaluate import Mask, Statistics
from .expansion import Lexical, near_forms
from .plan import Alike, Any, Every, Plan, Scaled, Term, Token
from .scoring import FIELD_WEIGHTS, RANKING

SHORTEST = 4
"""Letters from which a word is corrected: shorter ones have too many neighbours."""
FAR_FROM = 6
"""Letters from which a word may be two edits away from what was meant."""
MOST_WORDS = 8
"""Unknown words of a query that are looked at: each costs up to a millisecond."""
Counts = npt.NDArray[np.int64]
_QUOTED = re.compile(r'("[^"]*"?)')
_JOINT = r"(?<![\w:\-]){}(?![\w*?~:])"


class Speller:
    """Knows the words of a snapshot. Safe to use from any number of threads."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._whole = all(live is None for live in snapshot.live)
        # Words, and how many postings the stem of each has.
        self._parts: list[tuple[Lexical, Counts]] = [
            (segment, _term_counts(segment, live)[segment.form_terms])
            for segment, live in zip(snapshot.segments, snapshot.live, strict=True)
        ]

    def correct(self, text: str, plan: Plan, unknown: Sequence[str]) -> str | None:
        """Return a query text with known words for unknown ones, None where there is no better.

        plan : of the text; its plain words in order say what stands side by side. unknown : its words, folded, that no
        article holds.
        Cost: below a millisecond a word.
        """
        corrected = text
        wanted = [word for word in unknown[:MOST_WORDS] if _is_correctable(word)]
        words = [term.token.folded for term in plain_terms(plan)]
        for word, following in pairwise(words):
            if (word in wanted or following in wanted) and self.count(word + following):
                corrected = _replaced(corrected, rf"{re.escape(word)}\s+{re.escape(following)}", word + following)
                wanted = [other for other in wanted if other not in (word, following)]
        for word in wanted:
            better = self.nearest(word)
            if better is not None:
                corrected = _replaced(corrected, re.escape(word), better)
        return corrected if corrected != text else None

    def nearest(self, word: str) -> str | None:
        """Return the word, or the two words, that a folded word was most likely to be, None where nothing is near.

        One edit (a letter more, less, another, or two exchanged) is nearer than a missing space, and that than two
        edits. Of words equally near, one with the same first letter, then the most frequent.
        """
        near = self._near(word, 1)
        if near is None:
            near = self._split(word)
        if near is None and len(word) >= FAR_FROM:
            near = self._near(word, 2)
        return near

    def count(self, word: str) -> int:
        """Return how often a folded word's stem stands in the archive; 0 for a word that it does not hold."""
        found, wanted = 0, word.encode()
        for part, counts in self._parts:
            at = part.forms.lower_bound(wanted)
            if at < len(part.forms) and part.forms.raw(at) == wanted:
                found += int(counts[at])
        return found if found and self._stands(word) else 0

    def _stands(self, word: str) -> bool:
        """Return whether a live document holds a word of the vocabulary, spelled so."""
        if self._whole:
            return True
        (token,) = analyse(word, query=True) or (None,)
        if token is None:
            return False
        return Statistics(self._snapshot, RANKING).knows(Term(Token.of(token, exact=True), FIELD_WEIGHTS))

    def _near(self, word: str, distance: int) -> str | None:
        found: dict[str, int] = {}
        for part, counts in self._parts:
            forms, texts = near_forms(part, word, distance)
            for text, count in zip(texts, counts[forms].tolist(), strict=True):
                if len(text) >= SHORTEST - 1 and text.isalpha():
                    found[text] = found.get(text, 0) + count
        nearest = sorted((text for text in found if found[text]), key=lambda t: (t[0] != word[0], -found[t], t))
        return next(filter(self._stands, nearest), None)

    def _split(self, word: str) -> str | None:
        best, most = None, 0
        for at in range(3, len(word) - 2):
            least = min(self.count(word[:at]), self.count(word[at:]))
            if least > most:
                best, most = f"{word[:at]} {word[at:]}", least
        return best


def plain_terms(plan: Plan) -> list[Term]:
    """Return the plain words of a plan, from left to right; those of a group one after another."""
    match plan:
        case Term(token, fields) if token.exact is None and len(fields) > 1:
            return [plan]
        case Alike():
            return []  # what the operator names is no mistake
        case Every(children) | Any(children):
            return [term for child in children for term in plain_terms(child)]
        case Scaled(child, _):
            return plain_terms(child)
    return []


def _is_correctable(word: str) -> bool:
    return len(word) >= SHORTEST and word.isalpha() and not is_dense(word)


def _replaced(text: str, expression: str, better: str) -> str:
    """Return a text in which a folded expression has become another, except between quotation marks."""
    parts = _QUOTED.split(text)
    pattern = re.compile(_JOINT.format(expression), re.IGNORECASE)
    for n in range(0, len(parts), 2):
        folded = fold(parts[n])
        # Folding may change how long a text is; then nothing can be said about where a word stands in it.
        if len(folded) == len(parts[n]):
            for match in reversed(list(pattern.finditer(folded))):
                parts[n] = parts[n][: match.start()] + better + parts[n][match.end() :]
    return "".join(parts)


def _term_counts(segment: Segment, live: Mask | None) -> Counts:
    """Return how many postings of live documents each term of a segment has, in all fields together."""
    counts = np.zeros(len(segment.terms), np.int64)
    for field in segment.fields.values():
        counts[field.terms] += field.live_counts(live)
    return counts
