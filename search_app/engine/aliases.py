"""Names that mean the same, as the operator lists them: ``UK = United Kingdom``, a line each.

In: a text file. Out: query trees in which a name has its equals beside it, and for each facet value the group it
belongs to. Words in quotes, patterns and fuzzy words are taken as they were typed.
"""

from __future__ import annotations

import hashlib
import logging
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ..index.analysis import STOP_WORDS, analyse, fold, is_dense
from .query import Alike, And, Boost, Not, Or, Phrase, Query, TextLeaf, Word, clean_text, has_substance, walk

CHECK_SECONDS = 1.0
"""How often the file is looked at."""
MOST_BYTES = 1 << 20
MOST_NAMES = 32
"""Names that mean the same: each is one more thing to search for."""
LONGEST_NAME = 200
MOST_EQUALS = 64
"""Equals that are searched for beside one query: a query of hundreds of names must not cost what thousands would."""
_COMMENT = re.compile(r"(?:^|\s)#.*")
_PRONOUNS = frozenset({"us"})
"""Words that are names only in capitals, beside the stop words."""

_log = logging.getLogger(__name__)

Stems = tuple[str, ...]


@dataclass(frozen=True)
class Aliases:
    """Groups of names that mean the same.

    groups : each at least two names; the last is the one that is shown, where the archive has it. stamp : tells one
    state of the file from another, ``""`` without a file. problems : a sentence for each line that was not understood.
    """

    groups: tuple[tuple[str, ...], ...] = ()
    stamp: str = ""
    problems: tuple[str, ...] = ()
    _by_stems: dict[Stems, list[tuple[str, int]]] = field(init=False, default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        for number, names in enumerate(self.groups):
            for name in names:
                stems = _stems(name)
                if stems:
                    self._by_stems.setdefault(stems, []).append((name, number))

    @cached_property
    def _longest(self) -> int:
        return max(map(len, self._by_stems), default=0)

    @cached_property
    def group_of(self) -> dict[str, tuple[str, ...]]:
        """The group of each name, accents and case apart."""
        return {fold(name): names for names in self.groups for name in names}

    def expand(self, tree: Query) -> Query:
        """Return a tree in which each name that was typed has its equals beside it, as ``Alike``.

        A name of several words is found where these stand side by side and all must match; the longest is taken. A
        name that is also a common word, such as WHO or US, is one only in capitals.
        Single letters side by side are a name as well: of ``U S A`` the other name is ``USA``.
        Does not touch phrases, patterns and fuzzy words. Cost: a few lookups a word.
        """
        return _Expansion(self).of(tree) if self._by_stems or _has_letters(tree) else tree

    def equals(self, words: Sequence[Word]) -> list[str] | None:
        """Return the other names of what some words together name, None where they name nothing."""
        own = tuple(stem for word in words for stem in _stems(word.text))
        found = self._by_stems.get(own)
        if found is None:
            return None
        typed = " ".join(word.text for word in words)
        numbers = dict.fromkeys(
            number for name, number in found if not _is_common(name) or (typed.isupper() and name.isupper())
        )
        names = [name for number in numbers for name in self.groups[number]]
        # A name that is a common word in any case, as “it” is, would find every article.
        return [name for name in dict.fromkeys(names) if _stems(name) != own and not _is_common(name)] or None


NO_ALIASES = Aliases()


class _Expansion:
    """One walk through one tree."""

    def __init__(self, aliases: Aliases) -> None:
        self._aliases = aliases
        self._left = MOST_EQUALS

    def of(self, tree: Query) -> Query:
        match tree:
            case Word():
                return self._alike((tree,)) or tree
            case And(children):
                parts = tuple(self._row(children))
                return parts[0] if len(parts) == 1 else And(parts)
            case Or(children):
                return Or(tuple(map(self.of, children)))
            case Not(child):
                return Not(self.of(child))
            case Boost(child, factor):
                return Boost(self.of(child), factor)
        return tree

    def _row(self, children: tuple[Query, ...]) -> Iterable[Query]:
        at = 0
        while at < len(children):
            run = _words_from(children, at, self._aliases._longest)
            found = None
            while len(run) > 1 and found is None:
                found = self._alike(run)
                run = run if found else run[:-1]
            if found is None and (run := _letters_from(children, at)):
                found = Alike(And(run), (Word("".join(word.text for word in run), run[0].field),))
            yield found or self.of(children[at])
            at += len(run) if found else 1

    def _alike(self, words: tuple[Word, ...]) -> Alike | None:
        names = self._aliases.equals(words)
        if names is None or len(names) > self._left:
            return None
        self._left -= len(names)
        typed: Query = words[0] if len(words) == 1 else And(words)
        return Alike(typed, tuple(_leaf(name, words[0].field) for name in names))


def _words_from(children: tuple[Query, ...], at: int, most: int) -> tuple[Word, ...]:
    """Return the words that stand side by side from a place on, in the same field."""
    run: list[Word] = []
    for child in children[at : at + most]:
        if not isinstance(child, Word) or (run and child.field != run[0].field):
            break
        run.append(child)
    return tuple(run)


def _has_letters(tree: Query) -> bool:
    return any(isinstance(node, And) and sum(map(_is_letter, node.children)) > 1 for node in walk(tree))


def _is_letter(node: Query) -> bool:
    return isinstance(node, Word) and len(node.text) == 1 and node.text[0].isalpha() and not is_dense(node.text[0])


def _letters_from(children: tuple[Query, ...], at: int) -> tuple[Word, ...]:
    """Return the single letters that stand side by side from a place on, none where there are fewer than two.

    An s or t behind a word is what is left of an apostrophe: no name begins with it.
    """
    if at and isinstance(children[at - 1], Word) and _is_letter(children[at]) and _text_of(children[at]) in "st":
        return ()
    run = _words_from(children, at, len(children))
    size = next((n for n, word in enumerate(run) if not _is_letter(word)), len(run))
    return run[:size] if size > 1 else ()


def _text_of(node: Query) -> str:
    return fold(node.text) if isinstance(node, Word) else ""


def _leaf(name: str, field_name: str | None) -> TextLeaf:
    # One word in any of its forms, several as they are written.
    return Phrase(name, 0, field_name) if len(analyse(name, query=True)) > 1 else Word(name, field_name)


def _stems(name: str) -> Stems:
    return tuple(token.stem for token in analyse(name, query=True))


def _is_common(name: str) -> bool:
    folded = fold(name)
    return folded in STOP_WORDS or folded in _PRONOUNS


# -- reading the file -------------------------------------------------------------------------------------------------


def read_aliases(data: bytes, name: str) -> Aliases:
    """Return what a file says. Never raises: what is not understood is a problem, and left out.

    name : of the file, for the sentences. Lines that share a name are one group.
    """
    stamp = hashlib.sha256(data).hexdigest()[:16]
    if len(data) > MOST_BYTES:
        return Aliases(stamp=stamp, problems=(f"{name}: is larger than {MOST_BYTES:,} bytes and was not read.",))
    groups: dict[int, tuple[str, ...]] = {}
    number_of: dict[str, int] = {}
    problems = []
    for number, raw in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        names = _names(raw)
        if isinstance(names, str):
            problems.append(f"{name}, line {number}: {names}; the line was left out.")
            continue
        if not names:
            continue
        joined = dict.fromkeys(number_of[fold(own)] for own in names if fold(own) in number_of)
        merged = _merged([*(groups[other] for other in joined), names])
        if len(merged) > MOST_NAMES:
            problems.append(
                f"{name}, line {number}: with the lines before it, {len(merged)} names would mean the same, and "
                f"{MOST_NAMES} may; the line was left out."
            )
            continue
        for other in joined:
            del groups[other]
        groups[number] = merged
        number_of |= {fold(own): number for own in merged}
    return Aliases(tuple(groups.values()), stamp, tuple(problems))


def _names(raw: bytes) -> tuple[str, ...] | str:
    """Return the names on a line, none for an empty one, or what is wrong with it."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return "it is not UTF-8"
    text = _COMMENT.sub("", text).strip()
    if not text:
        return ()
    parts = [clean_text(part.replace('"', " ")) for part in text.split("=")]
    if len(parts) < 2:
        return f"it holds no “=” between two names but “{_short(text)}”"
    for part in parts:
        if not has_substance(part):
            return f"a name beside “=” is missing in “{_short(text)}”"
        if len(part) > LONGEST_NAME:
            return f"the name “{_short(part)}” is longer than {LONGEST_NAME} characters"
    names = _merged([tuple(parts)])
    return names if len(names) > 1 else f"“{_short(text)}” names the same name twice"


def _merged(groups: list[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the names of several lines as one group: of a name that comes twice, the last place counts."""
    last: dict[str, str] = {}
    for name in (name for names in groups for name in names):
        last.pop(fold(name), None)
        last[fold(name)] = name
    return tuple(last.values())


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"


class AliasFile:
    """The operator's file as it is now: looked at again once a second. Safe to use from any number of threads.

    path : ``""`` for none. A file that cannot be read leaves what was read before, and is a problem.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path).expanduser() if path else None
        self._checked = float("-inf")
        self._state: tuple[int, int, int] | None = None
        self._aliases = NO_ALIASES

    def current(self) -> Aliases:
        """Return what the file says. Cost: nothing within ``CHECK_SECONDS`` of the last look, else one stat."""
        now = time.monotonic()
        if self._path is not None and now - self._checked >= CHECK_SECONDS:
            self._checked = now
            self._aliases = self._looked_at(self._path)
        return self._aliases

    def refresh(self) -> None:
        """Look at the file at the next call, however recent the last look."""
        self._checked = float("-inf")

    def _looked_at(self, path: Path) -> Aliases:
        held = self._aliases
        try:
            found = path.stat()
            state = (found.st_mtime_ns, found.st_size, found.st_ino)
            if state == self._state:
                return held
            with path.open("rb") as file:
                read = read_aliases(file.read(MOST_BYTES + 1), str(path))
        except OSError as error:
            self._state = None
            problem = (
                f"{path}: cannot be read ({error.strerror or error}); it is expected to list names that are equal."
            )
            if problem in held.problems:
                return held
            _log.warning(problem)
            return Aliases(held.groups, held.stamp, (problem,))
        self._state = state
        for problem in read.problems:
            _log.warning(problem)
        return held if read == held else read
