"""Marking what matched in the text of the hits shown, and choosing the extract of a summary.

In: a plan and plain text. Out: escaped HTML in which only ``<mark>`` is markup. Words are cut and analysed exactly as
they were for the index, so a mark stands where a match stood.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from html import escape

from ..index.analysis import (
    JOINS,
    Analysed,
    analyse_again,
    fold_surface,
    is_dense,
    iter_surfaces,
    needs_mixed,
    surface_at,
)
from .expansion import matches_pattern
from .plan import Near, Pattern, Plan, Term, scorable_leaves
from .result import Found

Span = tuple[int, int]
MARK = "<mark>"
_ELLIPSIS = "…"


class Highlighter:
    """Marks the words of one plan in the texts of one field at a time. Holds nothing but the words."""

    def __init__(self, plan: Plan) -> None:
        self._tokens: dict[str, set[tuple[str, str | None]]] = {}
        self._patterns: dict[str, list[Pattern]] = {}
        for leaf in scorable_leaves(plan):
            for field, _ in leaf.fields:
                if isinstance(leaf, Pattern):
                    self._patterns.setdefault(field, []).append(leaf)
                else:
                    tokens = leaf.tokens if isinstance(leaf, Near) else (leaf.token,) if isinstance(leaf, Term) else ()
                    self._tokens.setdefault(field, set()).update((token.stem, token.exact) for token in tokens)
        self._stems = {field: {stem for stem, _ in tokens} for field, tokens in self._tokens.items()}
        self._known: dict[str, dict[str, bool]] = {field: {} for field in (*self._tokens, *self._patterns)}
        self._begins = {
            field: {(begun := beginning(stem), ".".join(begun[:2])) for stem in stems if stem.isascii()}
            for field, stems in self._stems.items()
            if field not in self._patterns
        }

    def spans(self, field: str, text: str) -> list[Span]:
        """Return where words of the query stand in a text of a field: half-open ranges, ascending, not touching."""
        known = self._known.get(field)
        if known is None:
            return []
        matches: Iterable[re.Match[str]] | None = None
        begins = self._begins.get(field)
        if begins is not None:
            matches = _surfaces_that_begin(begins, text)
        found: list[Span] = []
        may_be_dense = not text.isascii()
        for match in iter_surfaces(text) if matches is None else matches:
            surface = match.group()
            if surface not in known:
                if may_be_dense and is_dense(surface):
                    found += self._dense_spans(field, surface, match.start())
                    continue
                known[surface] = self._holds(field, surface)
            if known[surface]:
                found.append(match.span())
        return found

    def _holds(self, field: str, surface: str) -> bool:
        stems = self._stems.get(field, ())
        patterns = self._patterns.get(field)
        if patterns and not stems and surface.isascii():
            # A pattern is compared with the folded form alone; stems cost most of the rest.
            folded = fold_surface(surface)
            return any(matches_pattern(pattern, folded) for pattern in patterns)
        for token in analyse_again(surface):
            if token.stem in stems and self._wanted(field, token):
                return True
            if patterns and any(matches_pattern(pattern, token.folded) for pattern in patterns):
                return True
        return False

    def _wanted(self, field: str, token: Analysed) -> bool:
        wanted = self._tokens.get(field, ())
        return (token.stem, None) in wanted or (token.stem, token.folded) in wanted

    def _dense_spans(self, field: str, run: str, offset: int) -> list[Span]:
        tokens = analyse_again(run)
        if len(tokens) != len(run):
            return [(offset, offset + len(run))] if self._holds(field, run) else []
        marked = [False] * len(run)
        for at, token in enumerate(tokens):
            if self._wanted(field, token) or self._patterned(field, token):
                # A pattern of one character marks that character; a bigram marks both.
                width = len(token.stem) if token.stem in self._stems.get(field, ()) else 1
                for n in range(at, min(at + width, len(run))):
                    marked[n] = True
        spans: list[Span] = []
        for at, on in enumerate(marked):
            if on and spans and spans[-1][1] == offset + at:
                spans[-1] = (spans[-1][0], offset + at + 1)
            elif on:
                spans.append((offset + at, offset + at + 1))
        return spans

    def _patterned(self, field: str, token: Analysed) -> bool:
        return any(matches_pattern(pattern, token.folded) for pattern in self._patterns.get(field, ()))

    def mark(self, field: str, text: str) -> str:
        """Return a whole text as HTML with its matches marked."""
        return _marked(text, self.spans(field, text), 0, len(text))

    def found_in(self, values: Iterable[tuple[str, str]]) -> Iterator[Found]:
        """Yield those of some values, given as (field, text), that hold words of the query, marked."""
        for field, text in values:
            if spans := self.spans(field, text):
                yield Found(field, _marked(text, spans, 0, len(text)))

    def snippet(self, field: str, text: str, limit: int) -> str:
        """Return the extract of a text that holds most of the query, about ``limit`` characters, marked, as HTML.

        A text that fits is given whole; a cut falls between words and is shown by an ellipsis.
        """
        flat = text.replace("\n", " ")
        spans = self.spans(field, flat)
        if len(flat) <= limit:
            return _marked(flat, spans, 0, len(flat))
        start = _best_window(spans, limit, len(flat))
        end = min(start + limit, len(flat))
        if start > 0:
            blank = flat.find(" ", start, start + 30)
            start = blank + 1 if blank >= 0 else start
        if end < len(flat):
            # Between words, but never through a match or before one that just fits.
            blank = flat.rfind(" ", end - 30, end + 1)
            kept = max((last for _, last in spans if last <= end), default=0)
            end = max(blank if blank > start else end, kept)
        body = _marked(flat, spans, start, end)
        return (_ELLIPSIS if start > 0 else "") + body + (_ELLIPSIS if end < len(flat) else "")


@lru_cache(maxsize=4096)
def beginning(stem: str) -> str:
    """Return the small letters that every word in ASCII with this stem begins with.

    Snowball changes the end of a word alone: at most two letters of the stem, and up to three of a short one, are not
    the word's own (*agency* → *agenc*, *ability* → *abl*, *dying* → *die*). Other characters than letters may have been
    typed in another way, or left out (``1,000``, ``o`brien``).
    """
    letters = next((n for n, character in enumerate(stem) if not character.isalpha()), len(stem))
    return stem[: max(1, min(letters, len(stem) - 2, 4))]


def _surfaces_that_begin(begins: Iterable[tuple[str, str]], text: str) -> list[re.Match[str]] | None:
    """Return the surface forms of a text that begin so or have accents; None where that is not plain to see.

    begins : in small letters, ASCII, each with its first two letters as an acronym may have them (U.S., stem us).
    Cost: a search for each of them by ``str.find``, a tenth of what it takes to cut a text into all its words.
    """
    lower = text.lower()
    starts = set()
    if not text.isascii():
        if len(lower) != len(text) or needs_mixed(text):
            return None
        for match in _NOT_ASCII.finditer(lower):
            at = match.start()
            if lower[at].isalnum():
                while at > 0 and lower[at - 1].isalnum():
                    at -= 1
                starts.add(at)
    for begin, dotted in begins:
        if dotted != begin and dotted in lower:
            return None
        at = lower.find(begin)
        while at >= 0:
            if at == 0 or not lower[at - 1].isalnum():
                starts.add(at)
            at = lower.find(begin, at + 1)
    matches = []
    for at in sorted(starts):
        if at > 1 and lower[at - 1] in JOINS and lower[at - 2].isalnum():
            # It may be the later part of a word (o'brien, 1,000).
            return None
        matches.append(surface_at(text, at))
    return matches


_NOT_ASCII = re.compile("[^\x00-\x7f]")


def _best_window(spans: list[Span], limit: int, length: int) -> int:
    """Return where the extract with most matches begins: the earliest of the best, with some text before it."""
    if not spans or spans[-1][1] <= limit:
        return 0
    best, best_count, last = 0, 0, 0
    for first in range(len(spans)):
        while last < len(spans) and spans[last][1] - spans[first][0] <= limit - 40:
            last += 1
        if last - first > best_count:
            best, best_count = first, last - first
    start = max(0, spans[best][0] - 40)
    return min(start, max(0, length - limit))


def _marked(text: str, spans: list[Span], start: int, end: int) -> str:
    # Five searches for one character each take a tenth of the time of one for any of them.
    plain = not ("&" in text or "'" in text or '"' in text or "<" in text or ">" in text)
    parts = []
    at = start
    for first, last in spans:
        if first >= start and last <= end:
            before, match = text[at:first], text[first:last]
            parts.append(f"{before}{MARK}{match}</mark>" if plain else f"{escape(before)}{MARK}{escape(match)}</mark>")
            at = last
    rest = text[at:end]
    parts.append(rest if plain else escape(rest))
    return "".join(parts)
