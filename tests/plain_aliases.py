"""Names that mean the same once more, plain and slow: every rule written out from its definition."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from search_app.engine.query import Alike, And, Boost, Not, Or, Phrase, Query, Word
from search_app.index.analysis import STOP_WORDS, analyse, fold, is_dense

Groups = Sequence[tuple[str, ...]]


class Names(Or):
    """What was typed, then its other names, each with its weight."""


def alike(typed: object, others: list[object]) -> object:
    """Return what a name and its equals mean; another name weighs nine tenths, less where it has more words."""
    if typed is None or not any(others):
        return typed
    weighed = (Boost(other, 0.9 * min(1.0, _size(typed) / _size(other))) for other in others if other is not None)  # type: ignore[arg-type]
    return Names((typed, *weighed))  # type: ignore[arg-type]


def _size(node: object) -> int:
    if isinstance(node, And):
        return max(1, sum(len(getattr(part, "tokens", ())) for part in node.children))
    return len(getattr(node, "tokens", ())) or 1


def expand(tree: Query, groups: Groups) -> Query:
    """Return a tree in which every name of a group has its equals beside it: tries every run of words.

    Letters side by side are a name that is also written as one word.
    """
    match tree:
        case And(children):
            for at, size in product(range(len(children)), range(len(children), 0, -1)):
                run = children[at : at + size]
                found = _alike(run, groups) if len(run) == size else None
                if found is None and size == _letters(children, at) > 1:
                    letters = [word for word in run if isinstance(word, Word)]
                    found = Alike(And(run), (Word("".join(word.text for word in letters), letters[0].field),))
                if found:
                    # The first, and of those the longest; what is left of it and right of it is looked at by itself.
                    parts = [*_expanded(children[:at], groups), found, *_expanded(children[at + size :], groups)]
                    return parts[0] if len(parts) == 1 else And(tuple(parts))
            return And(tuple(expand(child, groups) for child in children))
        case Or(children):
            return Or(tuple(expand(child, groups) for child in children))
        case Not(child):
            return Not(expand(child, groups))
        case Boost(child, factor):
            return Boost(expand(child, groups), factor)
    return _alike((tree,), groups) or tree


def _expanded(children: tuple[Query, ...], groups: Groups) -> tuple[Query, ...]:
    if not children:
        return ()
    found = expand(And(children), groups)
    return found.children if isinstance(found, And) else (found,)


def _alike(run: tuple[Query, ...], groups: Groups) -> Alike | None:
    words = [part for part in run if isinstance(part, Word)]
    if len(words) < len(run) or len({word.field for word in words}) > 1:
        return None
    typed = " ".join(word.text for word in words)
    stems = [stem for word in words for stem in _stems(word.text)]
    others: list[str] = []
    for group in groups:
        for name in group:
            same = stems and _stems(name) == stems
            if same and (not _common(name) or (typed.isupper() and name.isupper())):
                others += [other for other in group if _stems(other) != stems and not _common(other)]
    leaves = [
        (Phrase if len(analyse(other, query=True)) > 1 else Word)(other, field=words[0].field)
        for other in dict.fromkeys(others)
    ]
    return Alike(words[0] if len(words) == 1 else And(tuple(words)), tuple(leaves)) if leaves else None


def _letters(children: tuple[Query, ...], at: int) -> int:
    """Return how many letters stand side by side from a place on, in the same field."""
    count = 0
    for child in children[at:]:
        letter = isinstance(child, Word) and len(child.text) == 1 and child.text.isalpha() and not is_dense(child.text)
        if not letter or child.field != children[at].field:
            break
        count += 1
    return count


def _stems(name: str) -> list[str]:
    return [token.stem for token in analyse(name, query=True)]


def _common(name: str) -> bool:
    return fold(name) in STOP_WORDS or fold(name) == "us"
