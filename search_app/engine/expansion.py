"""Patterns to terms: which words of a segment a prefix, a wildcard or a fuzzy word stands for.

In: a ``Pattern`` and a segment. Out: forms by number. Works on unstemmed, folded spellings, so that ``talki*`` finds
*talking* and not *talk*.
"""

from __future__ import annotations

import re
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
from rapidfuzz.distance import OSA

from ..index.segment import Segment
from .plan import Pattern

Forms = npt.NDArray[np.int64]


class _Lexicon:
    """A segment's forms, laid out for scanning: one text with a line a form, and which letters each form has."""

    def __init__(self, segment: Segment) -> None:
        raw = segment.forms.all()
        self.text = "\n" + "\n".join(raw) + "\n"
        lengths = np.fromiter((len(form) for form in raw), np.int64, len(raw))
        self.lengths = lengths
        self.starts = np.cumsum(lengths + 1) - lengths
        letters = np.zeros(len(raw), np.uint32)
        codes = np.frombuffer("".join(raw).encode("utf-32-le"), np.uint32)
        if codes.size:
            filled = lengths > 0
            begins = (np.cumsum(lengths) - lengths)[filled]
            letters[filled] = np.bitwise_or.reduceat(np.uint32(1) << (codes & 31), begins)
        self.letters = letters


_lexicons: WeakKeyDictionary[Segment, _Lexicon] = WeakKeyDictionary()


def _lexicon(segment: Segment) -> _Lexicon:
    # Made at the first wildcard or fuzzy word of a generation, and lives as long as the segment. Two threads may both
    # make it; the same comes out.
    found = _lexicons.get(segment)
    if found is None:
        found = _lexicons[segment] = _Lexicon(segment)
    return found


def expand_pattern(segment: Segment, pattern: Pattern) -> Forms:
    """Return the forms of a segment that a pattern stands for, ascending.

    Cost: a prefix two binary searches; a wildcard one pass of a regular expression over the lexicon, or over the part
    of it that begins with the pattern's own beginning; a fuzzy word one pass over letter sets, then the edit distance
    of the few that are left.
    """
    if pattern.kind == "prefix":
        start, end = segment.forms.range_of_prefix(pattern.text.encode())
        return np.arange(start, end)
    if pattern.kind == "wildcard":
        return _wildcard(segment, pattern.text)
    return _fuzzy(segment, pattern.text, pattern.distance)


def wildcard_expression(pattern: str) -> str:
    """Return the regular expression of a wildcard: ``?`` one character, ``*`` any number. Never spans two words."""
    parts = re.split(r"(\*+|\?)", pattern)
    return "".join("[^\n]*" if part[:1] == "*" else "[^\n]" if part == "?" else re.escape(part) for part in parts)


def _wildcard(segment: Segment, pattern: str) -> Forms:
    lexicon = _lexicon(segment)
    literal = re.split(r"[*?]", pattern, maxsplit=1)[0]
    start, end = 0, len(lexicon.text)
    if literal:
        first, last = segment.forms.range_of_prefix(literal.encode())
        if first == last:
            return np.zeros(0, np.int64)
        start = int(lexicon.starts[first]) - 1
        end = int(lexicon.starts[last - 1] + lexicon.lengths[last - 1]) + 1
    expression = re.compile("\n" + wildcard_expression(pattern) + "(?=\n)")
    hits = [match.start() + 1 for match in expression.finditer(lexicon.text, start, end)]
    return np.searchsorted(lexicon.starts, np.array(hits, np.int64))


def _fuzzy(segment: Segment, word: str, distance: int) -> Forms:
    lexicon = _lexicon(segment)
    signature = np.uint32(0)
    for letter in word:
        signature |= np.uint32(1) << np.uint32(ord(letter) & 31)
    # An edit adds at most one letter to a set and takes at most one away.
    missing = np.bitwise_count(signature & ~lexicon.letters)
    spare = np.bitwise_count(lexicon.letters & ~signature)
    near = (missing <= distance) & (spare <= distance) & (np.abs(lexicon.lengths - len(word)) <= distance)
    found = []
    for form in np.flatnonzero(near):
        start = int(lexicon.starts[form])
        candidate = lexicon.text[start : start + int(lexicon.lengths[form])]
        if OSA.distance(word, candidate, score_cutoff=distance) <= distance and not _differs_in_digits(word, candidate):
            found.append(form)
    return np.array(found, np.int64)


def _differs_in_digits(word: str, candidate: str) -> bool:
    return [c for c in word if c.isdigit()] != [c for c in candidate if c.isdigit()]


def matches_pattern(pattern: Pattern, folded: str) -> bool:
    """Return whether one folded word is one that the pattern stands for; what highlighting asks."""
    if pattern.kind == "prefix":
        return folded.startswith(pattern.text)
    if pattern.kind == "wildcard":
        return re.fullmatch(wildcard_expression(pattern.text), folded) is not None
    return OSA.distance(
        pattern.text, folded, score_cutoff=pattern.distance
    ) <= pattern.distance and not _differs_in_digits(pattern.text, folded)


def most_frequent(counts: npt.NDArray[Any], limit: int) -> Forms:
    """Return the positions of the ``limit`` highest counts, ascending; ties go to the lower position."""
    order = np.argsort(-counts.astype(np.int64), kind="stable")[:limit]
    return np.sort(order)
