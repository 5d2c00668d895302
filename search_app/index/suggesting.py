"""Suggestions by difference: the table of a generation, made from the one before it and the documents that differ.

In: the table before, the documents that went and those that came. Out: the same bytes that a table made from nothing
has. What an update does not touch is copied: words are looked for in the texts that changed alone.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .files import FileSystem
from .manifest import SegmentEntry
from .suggestions import (
    BLOCK_ENTRIES,
    KINDS,
    Entry,
    Part,
    Suggestions,
    count_names,
    keys_of,
    name_order,
    pack_block,
    write_table,
)

Numbers = npt.NDArray[np.int64]
Name = tuple[str, str]
"""Text and kind of an entry."""
KIND_NUMBERS = {kind: number for number, kind in enumerate(KINDS)}


def difference(before: Sequence[Part], now: Sequence[Part]) -> tuple[list[Part], list[Part]]:
    """Return the documents that only the one of two generations has: those that went, and those that came."""
    return _missing(before, now), _missing(now, before)


def _missing(parts: Sequence[Part], others: Sequence[Part]) -> list[Part]:
    there = {segment.name: np.ones(segment.docs, bool) if live is None else live for segment, live in others}
    found: list[Part] = []
    for segment, live in parts:
        mask = np.ones(segment.docs, bool) if live is None else live.copy()
        if segment.name in there:
            mask &= ~there[segment.name]
        if mask.any():
            found.append((segment, mask))
    return found


def documents(parts: Sequence[Part]) -> int:
    """Return how many documents some parts of ``difference`` name."""
    return sum(segment.docs if live is None else int(live.sum()) for segment, live in parts)


def update_suggestions(
    path: Path, before: Suggestions, went: Sequence[Part], came: Sequence[Part], files: FileSystem
) -> SegmentEntry:
    """Make the table of a generation from that of the one before, and return its manifest entry.

    went, came : as ``difference`` gives them. Raises IndexDamagedError where ``before`` does not hold what was written.
    Cost: about a third of making it from nothing, nearly all of it for reading and writing what is there.
    """
    entries = before.all()
    steps = _steps(went, came)
    texts = {text for text, _ in steps}
    number_of = {entry[:2]: n for n, entry in enumerate(entries) if entry[0] in texts and entry[:2] in steps}
    ranked, origin = _ranked(entries, number_of, steps)
    keys, starts, filed = _filed(before, ranked, origin)
    return write_table(path, len(ranked), keys, starts, filed, _blocks(before, entries, ranked), files)


def _steps(went: Sequence[Part], came: Sequence[Part]) -> dict[Name, int]:
    """Return how many documents more, or fewer, have each name now; names that as many have are left out."""
    steps: dict[Name, int] = {}
    for parts, sign in ((went, -1), (came, 1)):
        for number, kind in enumerate(KINDS):
            for name, count in count_names(parts, number).items():
                steps[name, kind] = steps.get((name, kind), 0) + sign * count
    return {name: step for name, step in steps.items() if step}


def _ranked(
    entries: Sequence[Entry], number_of: Mapping[Name, int], steps: Mapping[Name, int]
) -> tuple[list[Entry], Numbers]:
    """Return all entries in their new order, and the number that each had before, -1 for new ones.

    number_of : of those entries, by name, whose count is another now. steps : see ``_steps``.
    """
    kept = np.delete(np.arange(len(entries)), list(number_of.values()))
    held = [entries[n] for n in kept.tolist()]
    counts = {name: step + (entries[number_of[name]][2] if name in number_of else 0) for name, step in steps.items()}
    moved = [(text, kind, count) for (text, kind), count in counts.items() if count]
    moved.sort(key=_order)
    # Places among those that stay, whose order is what it was.
    places = [bisect_left(held, _order(entry), key=_order) for entry in moved]
    origin = np.insert(kept, places, [number_of.get(entry[:2], -1) for entry in moved])
    ranked: list[Entry] = []
    at = 0
    for place, entry in zip(places, moved, strict=True):
        ranked += held[at:place]
        ranked.append(entry)
        at = place
    return ranked + held[at:], origin


def _order(entry: Entry) -> tuple[int, int, tuple[str, str]]:
    text, kind, count = entry
    number = KIND_NUMBERS[kind]
    return -count, number, name_order(number, text)


def _filed(before: Suggestions, ranked: Sequence[Entry], origin: Numbers) -> tuple[list[str], Numbers, Numbers]:
    """Return all keys, sorted; where the entries of each begin; and the entries, ascending within a key."""
    old_keys, old_starts, old_filed = before.filed_under()
    rank_of = np.full(len(before), -1)
    known = np.flatnonzero(origin >= 0)
    rank_of[origin[known]] = known
    ranks = rank_of[old_filed]
    owners = np.repeat(np.arange(len(old_keys)), np.diff(old_starts))[ranks >= 0]
    ranks = ranks[ranks >= 0]
    number_of = {key: number for number, key in enumerate(old_keys)}
    new = [(key, rank) for rank in np.flatnonzero(origin < 0).tolist() for key in keys_of(ranked[rank][0])]
    owners = np.concatenate((owners, [number_of.setdefault(key, len(number_of)) for key, _ in new])).astype(np.int64)
    ranks = np.concatenate((ranks, [rank for _, rank in new])).astype(np.int64)
    used = np.bincount(owners, minlength=len(number_of))
    every = list(number_of)
    keys = sorted(every[number] for number in np.flatnonzero(used).tolist())
    place = np.full(len(every), -1)
    place[np.fromiter((number_of[key] for key in keys), np.int64, len(keys))] = np.arange(len(keys))
    placed = place[owners]
    order = np.lexsort((ranks, placed))
    starts = np.concatenate(([0], np.cumsum(np.bincount(placed, minlength=len(keys)))))
    return keys, starts, ranks[order]


def _blocks(before: Suggestions, entries: Sequence[Entry], ranked: Sequence[Entry]) -> list[bytes]:
    """Return all entries as they are stored; a block that holds what it held is taken as it is."""
    raw = before.raw_blocks()
    blocks = []
    for number, start in enumerate(range(0, len(ranked), BLOCK_ENTRIES)):
        block = ranked[start : start + BLOCK_ENTRIES]
        if block == entries[start : start + BLOCK_ENTRIES]:
            blocks.append(raw[number])
        else:
            texts, kinds, counts = zip(*block, strict=True)
            blocks.append(pack_block(list(texts), [KIND_NUMBERS[kind] for kind in kinds], list(counts)))
    return blocks
