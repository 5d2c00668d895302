"""The query tree: what a search means, as small frozen records that compare, hash and print themselves.

In: nothing; ``syntax`` makes trees from typed text. Out: trees for the evaluator, the highlighter and ``describe``.
Knows neither text syntax nor index. Every node is a value: equal trees are equal, and nothing ever changes one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

FIELDS = ("headline", "summary", "topic", "context", "source")
"""What a leaf's ``field`` can be; None stands for all of them together."""

MIN_BOOST, MAX_BOOST = 0.01, 100.0
MAX_SLOP = 100
MIN_FUZZY_CHARS = 3
MAX_MARKS = 30

QUOTES = '"“”„‟«»＂「」『』'
"""Characters that open and close a phrase; any closes what any other opened, since people type „so“ and »so«."""


@dataclass(frozen=True, slots=True)
class MatchAll:
    """Every document."""


@dataclass(frozen=True, slots=True)
class MatchNone:
    """No document."""


@dataclass(frozen=True, slots=True)
class Word:
    """Documents with this word, in any of its forms.

    text : as typed, NFC, case kept, not yet analysed. Analysis may split it (``COVID-19``, a run of Chinese); then
        the pieces stand next to each other, in order.
    field : one of ``FIELDS``, or None for all.
    """

    text: str
    field: str | None = None


@dataclass(frozen=True, slots=True)
class Phrase:
    """Documents with these words as written (unstemmed), next to each other and in order; also one exact word alone.

    text : the words, single spaces between them, not yet analysed.
    slop : how many other words may stand between them altogether.
    """

    text: str
    slop: int = 0
    field: str | None = None


@dataclass(frozen=True, slots=True)
class Prefix:
    """Documents with a word that begins so. ``text`` is without the star."""

    text: str
    field: str | None = None


@dataclass(frozen=True, slots=True)
class Wildcard:
    """Documents with a word of this shape: ``?`` stands for one character, ``*`` for any number, none included.

    pattern : never ends with ``?``, which is a question mark there (``who won?``) and not a pattern.
    """

    pattern: str
    field: str | None = None


@dataclass(frozen=True, slots=True)
class Fuzzy:
    """Documents with a word at most ``distance`` (1 or 2) edits away. ``text`` holds no digit."""

    text: str
    distance: int = 1
    field: str | None = None


@dataclass(frozen=True, slots=True)
class Dates:
    """Documents of these calendar days, both included; None leaves that end open. Filters, does not score."""

    first: date | None = None
    last: date | None = None


@dataclass(frozen=True, slots=True)
class And:
    """Documents that every child matches."""

    children: tuple[Query, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Documents that at least one child matches."""

    children: tuple[Query, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Documents that the child does not match. Does not score."""

    child: Query


@dataclass(frozen=True, slots=True)
class Boost:
    """The same documents as the child's; its score is multiplied by ``factor`` (``MIN_BOOST`` to ``MAX_BOOST``)."""

    child: Query
    factor: float


TextLeaf = Word | Phrase | Prefix | Wildcard | Fuzzy


@dataclass(frozen=True, slots=True)
class Alike:
    """Documents with what was typed, or with another name of the same. As text it is what was typed alone.

    typed : a Word, or an And of Words. others : its other names. Made by ``aliases``, never by ``syntax``.
    """

    typed: Query
    others: tuple[TextLeaf, ...]


Query = MatchAll | MatchNone | Word | Phrase | Prefix | Wildcard | Fuzzy | Dates | And | Or | Not | Boost | Alike

MATCH_ALL = MatchAll()
MATCH_NONE = MatchNone()


def walk(tree: Query) -> Iterator[Query]:
    """Yield every node, parents before children, from left to right. Does not recurse, so no depth is too deep."""
    stack: list[Query] = [tree]
    while stack:
        node = stack.pop()
        yield node
        match node:
            case And(children) | Or(children):
                stack.extend(reversed(children))
            case Not(child) | Boost(child, _) | Alike(child, _):
                stack.append(child)


def wanted_leaves(tree: Query) -> tuple[TextLeaf, ...]:
    """Return the words, phrases and patterns that a match can show, from left to right.

    Leaves out all that stands under a Not, so this is what a highlighter marks. ``simplify`` first, since a double Not
    hides what it holds.
    """
    found: list[TextLeaf] = []
    stack: list[Query] = [tree]
    while stack:
        node = stack.pop()
        match node:
            case And(children) | Or(children):
                stack.extend(reversed(children))
            case Boost(child, _) | Alike(child, _):
                stack.append(child)
            case Word() | Phrase() | Prefix() | Wildcard() | Fuzzy():
                found.append(node)
    return tuple(found)


def clauses(tree: Query) -> tuple[Query, ...]:
    """Return the conditions that must all hold: an And's children, nothing for MatchAll, else the tree alone."""
    match tree:
        case And(children):
            return children
        case MatchAll():
            return ()
    return (tree,)


# Edges of a word that say nothing: sentence marks, brackets, single quotes, slashes, dashes, invisible characters.
_EDGES = "/,;:!…¡¿·、。，；：！？[]{}<>'‘’‚‹›`-‐‑–—−\u00ad\u200b\u200e\u200f\u2060\ufeff "
_UNREADABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_ADDRESS = "://"  # in an address, “?” and “*” are no patterns
_STARS = re.compile(r"\*{2,}")
_QUOTE = re.compile(f"[{QUOTES}]")


def clean_text(text: str) -> str:
    """Return text as the tree holds it: NFC, single spaces, without control characters and broken code points."""
    return " ".join(normalise(text).split())


def normalise(text: str) -> str:
    """Return text in NFC with a space for every control character and broken code point. Cost: linear.

    Of a run of combining marks only the first ``MAX_MARKS`` are kept, as in Unicode's stream-safe text format: sorting
    them into canonical order takes time quadratic in the run, 0.8 s for 20,000 marks.
    """
    text = _UNREADABLE.sub(" ", text)
    if text.isascii():
        return text
    if len(text) > MAX_MARKS:
        run = 0
        kept = []
        for character in text:
            run = run + 1 if unicodedata.combining(character) else 0
            if run <= MAX_MARKS:
                kept.append(character)
        text = "".join(kept)
    return unicodedata.normalize("NFC", text)


def clean_word(text: str) -> str:
    """Return a word without the punctuation around it: ``Syria,`` is ``Syria``, but ``U.S.`` and ``C++`` stay."""
    text = clean_text(text).strip(_EDGES).lstrip("+" + _EDGES)
    core = text.rstrip(_EDGES + ".?")
    return core + "." if "." in core and text[len(core) : len(core) + 1] == "." else core


def has_substance(text: str) -> bool:
    """Tell whether there is a letter or digit in the text: without one there is nothing to search for."""
    return any(map(str.isalnum, text))


def simplify(tree: Query) -> Query:
    """Return the plainest tree with the same meaning; ``simplify(simplify(tree)) == simplify(tree)``.

    Nested And in And and Or in Or are flattened, repetitions dropped, double negation removed, spans of days within
    an And cut to their overlap, factors multiplied and dropped where nothing scores, texts cleaned. A leaf without a
    letter or digit is no condition and vanishes; what then is empty is MatchAll. Recurses, so trees that ``syntax`` did
    not bound must not be thousands deep. Cost: linear in the nodes, times the depth.
    """
    return _simplified(tree) or MATCH_ALL


def _simplified(tree: Query) -> Query | None:
    """``simplify``, with None for what vanishes."""
    match tree:
        case And(children):
            return _simplified_and(children)
        case Or(children):
            return _simplified_or(children)
        case Not(child):
            inner = _without_boosts(_simplified(child))
            match inner:
                case None:
                    return None
                case Not(grandchild):
                    return grandchild
                case MatchAll():
                    return MATCH_NONE
                case MatchNone():
                    return MATCH_ALL
            return Not(inner)
        case Boost(child, factor):
            return _simplified_boost(_simplified(child), factor)
        case Dates(first, last):
            if first is None and last is None:
                return MATCH_ALL
            return MATCH_NONE if first is not None and last is not None and first > last else tree
        case Word() | Phrase() | Prefix() | Wildcard() | Fuzzy():
            return clean_leaf(tree)
    return tree


def _simplified_and(children: tuple[Query, ...]) -> Query | None:
    parts: dict[Query, None] = {}
    first: date | None = None
    last: date | None = None
    days_at = -1
    seen = False
    for child in children:
        simple = _simplified(child)
        if simple is None:
            continue
        seen = True
        for part in clauses(simple):
            if isinstance(part, Dates):
                days_at = len(parts) if days_at < 0 else days_at
                first = part.first if first is None else max(first, part.first or first)
                last = part.last if last is None else min(last, part.last or last)
            else:
                parts[part] = None
    flat = list(parts)
    if days_at >= 0:
        days = _simplified(Dates(first, last))
        if days is not None:
            flat.insert(days_at, days)
    if not flat:
        return MATCH_ALL if seen else None
    if MATCH_NONE in flat:
        return MATCH_NONE
    return flat[0] if len(flat) == 1 else And(tuple(flat))


def _simplified_or(children: tuple[Query, ...]) -> Query | None:
    parts: dict[Query, None] = {}
    for child in children:
        match _simplified(child):
            case None:
                continue
            case Or(grandchildren):
                parts.update(dict.fromkeys(grandchildren))
            case simple:
                parts[simple] = None
    if not parts:
        return None
    if MATCH_ALL in parts:
        return MATCH_ALL
    if len(parts) > 1:
        parts.pop(MATCH_NONE, None)
    flat = tuple(parts)
    return flat[0] if len(flat) == 1 else Or(flat)


def _simplified_boost(child: Query | None, factor: float) -> Query | None:
    match child:
        case Boost(grandchild, inner):
            child, factor = grandchild, inner * factor
    # Four decimals are written in query text; more would not come back.
    factor = round(min(max(factor, MIN_BOOST), MAX_BOOST), 4)
    if child is None or factor == 1 or not wanted_leaves(child):
        return child
    return Boost(child, factor)


def _without_boosts(tree: Query | None) -> Query | None:
    """Return a simplified tree without factors, simplified again: nothing under a Not scores."""
    if tree is None or not any(isinstance(node, Boost) for node in walk(tree)):
        return tree

    def stripped(node: Query) -> Query:
        match node:
            case And(children):
                return And(tuple(map(stripped, children)))
            case Or(children):
                return Or(tuple(map(stripped, children)))
            case Boost(child, _):
                return stripped(child)
        return node  # a Not within holds no factor any more

    return _simplified(stripped(tree))


def clean_leaf(leaf: TextLeaf) -> TextLeaf | None:
    """Return a leaf with its text in the one form that parsing also gives, or None where no letter or digit is left."""
    clean: TextLeaf
    match leaf:
        case Word(text, field):
            text = clean_word(text)
            clean = Word(text, field)
        case Phrase(text, slop, field):
            text = clean_text(_QUOTE.sub(" ", text))
            clean = Phrase(text, min(max(slop, 0), MAX_SLOP) if " " in text else 0, field)
        case Prefix(text, field) if _ADDRESS not in text:
            text = clean_word(text.replace("*", "").replace("?", ""))
            clean = Prefix(text, field)
        case Wildcard(text, field) | Prefix(text, field):
            return _clean_pattern(text, field)
        case Fuzzy(text, distance, field):
            text = clean_word(text)
            fuzzy = len(text) >= MIN_FUZZY_CHARS and distance > 0 and not any(map(str.isdigit, text))
            clean = Fuzzy(text, min(distance, 2), field) if fuzzy else Word(text, field)
    return clean if has_substance(text) else None


def _clean_pattern(pattern: str, field: str | None) -> TextLeaf | None:
    pattern = _STARS.sub("*", clean_text(pattern)).strip(_EDGES).lstrip("+" + _EDGES).rstrip("?" + _EDGES)
    if not has_substance(pattern):
        return None
    if ("*" not in pattern and "?" not in pattern) or _ADDRESS in pattern:
        return clean_leaf(Word(pattern, field))
    stem = pattern[:-1]
    if pattern.endswith("*") and "*" not in stem and "?" not in stem:
        return clean_leaf(Prefix(stem, field))
    return Wildcard(pattern, field)
