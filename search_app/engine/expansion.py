"""Patterns to terms: which words of a segment a prefix, a wildcard or a fuzzy word stands for.

In: a ``Pattern`` and a segment. Out: forms by number. Works on unstemmed, folded spellings, so that ``talki*`` finds
*talking* and not *talk*.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Literal, Protocol
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
from rapidfuzz.distance import OSA
from rapidfuzz.process import cdist

from ..index.sections import Strings
from .plan import Pattern

Forms = npt.NDArray[np.int64]
_STARS = re.compile(r"\*+")
_WILD = re.compile(r"[*?]")
_LINE_END = ord("\n")


class Lexical(Protocol):
    """What has words: a segment, or a table of the words of many."""

    @property
    def forms(self) -> Strings:
        """The folding of every word, sorted."""
        ...


class _Lexicon:
    """A segment's forms, as one text with a line a form, its characters, and each form's letters."""

    def __init__(self, segment: Lexical) -> None:
        self.text = "\n" + segment.forms.lines()
        self.codes = np.frombuffer(self.text.encode("utf-32-le"), np.uint32)
        ends = (self.codes == _LINE_END).nonzero()[0]
        self.starts = ends[:-1] + 1
        self.lengths = ends[1:] - self.starts
        bits = np.uint32(1) << (self.codes & 31)
        bits[ends] = 0
        # From the sign before each form up to that before the next: an empty form has no letters, and so has that sign.
        self.letters = np.bitwise_or.reduceat(bits, ends)[:-1]


_lexicons: WeakKeyDictionary[Lexical, _Lexicon] = WeakKeyDictionary()


def _lexicon(segment: Lexical) -> _Lexicon:
    # Made at the first wildcard or fuzzy word of a generation, and lives as long as the segment. Two threads may both
    # make it; the same comes out.
    found = _lexicons.get(segment)
    if found is None:
        found = _lexicons[segment] = _Lexicon(segment)
    return found


def repeats(segment: Lexical) -> npt.NDArray[np.bool_]:
    """Return for each form whether it is the one before once more, with other accents or letters of another case."""
    lexicon = _lexicon(segment)
    found = np.zeros(len(lexicon.lengths), bool)
    # Forms of other lengths or of other letters are others.
    alike = np.flatnonzero((np.diff(lexicon.lengths) == 0) & (lexicon.letters[1:] == lexicon.letters[:-1])) + 1
    text, sizes = lexicon.text, lexicon.lengths[alike].tolist()
    pairs = zip(lexicon.starts[alike - 1].tolist(), lexicon.starts[alike].tolist(), sizes, strict=True)
    found[alike] = [text[before : before + size] == text[start : start + size] for before, start, size in pairs]
    return found


def expand_pattern(segment: Lexical, pattern: Pattern) -> Forms:
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
    """Return the regular expression of a wildcard: ``?`` one character, ``*`` any number. Never spans two words.

    What stands between two stars is taken where it first fits, which never spoils a match; the group is atomic, so that
    nothing goes back to try a later place. A word then costs its length times the pattern's, whatever the two hold;
    with plain ``.*`` seven stars and a word of 64 equal letters cost 3 s.
    """
    first, *others = [_fixed(part) for part in _STARS.split(pattern)]
    if not others:
        return first
    *middle, last = others
    return first + "".join(f"(?>[^\n]*?{part})" for part in middle) + f"[^\n]*{last}"


def _fixed(part: str) -> str:
    return "".join("[^\n]" if sign == "?" else re.escape(sign) for sign in part)


@lru_cache(maxsize=256)
def _whole(pattern: str) -> re.Pattern[str]:
    return re.compile(wildcard_expression(pattern))


def _wildcard(segment: Lexical, pattern: str) -> Forms:
    lexicon = _lexicon(segment)
    literal = _WILD.split(pattern, maxsplit=1)[0]
    start, end = 0, len(lexicon.text)
    if literal:
        first, last = segment.forms.range_of_prefix(literal.encode())
        if first == last:
            return np.zeros(0, np.int64)
        start = int(lexicon.starts[first]) - 1
        end = int(lexicon.starts[last - 1] + lexicon.lengths[last - 1]) + 1
    elif (inner := pattern.strip("*")) and pattern == f"*{inner}*" and not _WILD.search(inner):
        return _holding(lexicon, inner)
    # Words that have all the letters of the pattern; where these are few, each is looked at alone.
    wanted = _signature(_WILD.sub("", pattern))
    near = np.flatnonzero((lexicon.letters & wanted) == wanted)
    if not literal and len(near) * 8 < len(lexicon.letters):
        fits = _whole(pattern).fullmatch
        starts = lexicon.starts[near]
        ends = (starts + lexicon.lengths[near]).tolist()
        found = [bool(fits(lexicon.text, start, end)) for start, end in zip(starts.tolist(), ends, strict=True)]
        return np.asarray(near[np.array(found, bool)], np.int64)
    expression = re.compile("\n" + wildcard_expression(pattern) + "(?=\n)")
    hits = [match.start() + 1 for match in expression.finditer(lexicon.text, start, end)]
    return _at(lexicon.starts, hits, "left")


def _holding(lexicon: _Lexicon, inner: str) -> Forms:
    """Return the forms that hold some characters, side by side. Cost: one pass over the lexicon a character."""
    codes = lexicon.codes
    hits = codes == ord(inner[0])
    for n, character in enumerate(inner[1:], 1):
        hits[:-n] &= codes[n:] == ord(character)
        hits[-n:] = False
    forms = lexicon.starts.searchsorted(hits.nonzero()[0], side="right") - 1
    # Ascending, with a form as often as it holds them.
    new = np.ones(len(forms), bool)
    np.not_equal(forms[1:], forms[:-1], out=new[1:])
    return np.asarray(forms[new], np.int64)


def _at(starts: Forms, hits: list[int], side: Literal["left", "right"]) -> Forms:
    return np.asarray(np.searchsorted(starts, np.array(hits, np.int64), side=side), np.int64)


def _signature(text: str) -> np.uint32:
    """Return the set of letters of a text, as far as 32 bits tell them apart."""
    signature = 0
    for letter in text:
        signature |= 1 << (ord(letter) & 31)
    return np.uint32(signature)


def _fuzzy(segment: Lexical, word: str, distance: int) -> Forms:
    return near_forms(segment, word, distance)[0]


def near_forms(segment: Lexical, word: str, distance: int) -> tuple[Forms, list[str]]:
    """Return the forms of a segment, ascending, that lie within ``distance`` edits of a folded word, and their texts.

    An edit is a letter more, less or another, or two neighbours exchanged. Digits must be the same ones.
    """
    lexicon = _lexicon(segment)
    signature = _signature(word)
    # An edit adds at most one letter to a set and takes at most one away.
    near = np.flatnonzero(np.abs(lexicon.lengths - len(word)) <= distance)
    letters = lexicon.letters[near]
    near = near[
        (np.bitwise_count(signature & ~letters) <= distance) & (np.bitwise_count(letters & ~signature) <= distance)
    ]
    if not len(near):
        return np.zeros(0, np.int64), []
    text, starts = lexicon.text, lexicon.starts[near]
    ends = (starts + lexicon.lengths[near]).tolist()
    candidates = [text[start:end] for start, end in zip(starts.tolist(), ends, strict=True)]
    distances = cdist([word], candidates, scorer=OSA.distance, score_cutoff=distance, dtype=np.uint8)[0]
    found = [n for n in np.flatnonzero(distances <= distance).tolist() if not _differs_in_digits(word, candidates[n])]
    return np.asarray(near[np.array(found, np.int64)], np.int64), [candidates[n] for n in found]


def _differs_in_digits(word: str, candidate: str) -> bool:
    return [c for c in word if c.isdigit()] != [c for c in candidate if c.isdigit()]


def matches_pattern(pattern: Pattern, folded: str) -> bool:
    """Return whether one folded word is one that the pattern stands for; what highlighting asks."""
    if pattern.kind == "prefix":
        return folded.startswith(pattern.text)
    if pattern.kind == "wildcard":
        return _whole(pattern.text).fullmatch(folded) is not None
    if abs(len(pattern.text) - len(folded)) > pattern.distance:
        return False
    return OSA.distance(
        pattern.text, folded, score_cutoff=pattern.distance
    ) <= pattern.distance and not _differs_in_digits(pattern.text, folded)


def most_frequent(counts: npt.NDArray[Any], limit: int) -> Forms:
    """Return the positions of the ``limit`` highest counts, ascending; ties go to the lower position."""
    if limit >= len(counts):
        return np.arange(len(counts))
    least = np.partition(counts, len(counts) - limit)[len(counts) - limit]
    above = counts > least
    # Of those that are equally frequent, the first ones that there is room for.
    above[(counts == least).nonzero()[0][: limit - np.count_nonzero(above)]] = True
    return np.asarray(above.nonzero()[0], np.int64)
