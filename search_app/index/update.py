"""Which articles an update must look at: those whose linked record may differ from the one in the index.

In: what counted before and what counts now. Out: nodes. A change in one file changes the contexts of others, so this
goes from the changed files along their links; what it names too many is found equal by its fingerprint and left alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ..archive.graph import choose_spellings
from ..archive.history import current_versions
from ..archive.model import Version
from .changes import State
from .columns import Mask, Numbers, Ragged
from .memory import Memory


def spellings(memory: Memory, state: State) -> dict[str, str]:
    """Return the spelling in force of the names that count and whose own spelling is another."""
    columns = memory.columns
    rows, listed, sets = columns.rows, columns.pages.listed, columns.names.sets
    shown = np.flatnonzero(state.pages[listed.owners()])
    _, topics, contexts = (column[shown] for column in listed.columns)
    used = rows.edges.columns[1][state.rows[rows.edges.owners()]]
    times = np.bincount(np.concatenate((used, contexts)), minlength=len(sets))
    counts = np.bincount(np.concatenate((rows.topic[state.rows], topics)), minlength=len(columns.names.texts))
    counts = counts + np.bincount(sets.columns[0], np.repeat(times, sets.counts), len(counts)).astype(np.int64)
    numbers = np.flatnonzero(counts)
    names = [columns.names.texts[number] for number in numbers.tolist()]
    labels = choose_spellings(dict(zip(names, counts[numbers].tolist(), strict=True)))
    return {name: label for name, label in labels.items() if name != label}


class _Told(NamedTuple):
    """What decides which version is in force."""

    kind: str
    ordinal: int
    headline: str
    versions: tuple[Version, ...]


def current_now(memory: Memory, was: State, now: State) -> Numbers:
    """Return for each node that of the version in force now.

    Only files of one day, and those that name each other as versions, can decide on each other: whoever is not
    connected so with a file that changed keeps its version. Cost: about 30 µs a file that is.
    """
    rows = memory.columns.rows
    nodes = np.flatnonzero(_connected(memory, was, now, rows.node[was.rows != now.rows]))
    current = was.current.copy()
    current[nodes] = nodes
    filed = now.row_of[nodes]
    filed = filed[filed >= 0]
    said = memory.said(filed.tolist())
    paths = memory.path_texts(nodes.tolist())
    local = {node: n for n, node in enumerate(paths)}
    kinds, days = rows.kind[filed].tolist(), rows.day[filed].tolist()
    facts = {}
    for row, node, kind, day in zip(filed.tolist(), rows.node[filed].tolist(), kinds, days, strict=True):
        facts[local[node]] = _Told(memory.columns.names.texts[kind], day, said[row].headline, said[row].versions)
    node_of = {path: local[node] for node, path in paths.items()}
    found, _ = current_versions(list(paths.values()), node_of, facts)
    current[nodes] = nodes[np.array(found, np.int64)]
    return current


def _connected(memory: Memory, was: State, now: State, begin: Numbers) -> Mask:
    """Return the nodes that are connected with some, in what was or is, by a day or as versions."""
    rows = memory.columns.rows
    there = was.rows | now.rows
    namers, named = rows.versions.owners(), rows.versions.columns[0]
    counts = there[namers]
    namers, named = rows.node[namers[counts]], named[counts]
    reached = np.zeros(memory.columns.nodes, bool)
    reached[begin] = True
    before = -1
    while before != (before := int(np.count_nonzero(reached))):
        days = np.unique(rows.day[there & reached[rows.node]])
        reached[rows.node[there & np.isin(rows.day, days)]] = True
        reached[named[reached[namers]]] = True
        reached[namers[reached[named]]] = True
    return reached


def affected(memory: Memory, was: State, now: State) -> Mask:
    """Return the nodes whose article may differ from the one before. Cost: a few passes over all links."""
    rows, listed = memory.columns.rows, memory.columns.pages.listed
    near = np.zeros(memory.columns.nodes + 1, bool)  # the last one stands for no node
    touched = np.unique(rows.node[was.rows != now.rows])
    near[touched] = True
    near[_linked_otherwise(rows.edges, touched, was, now)] = True
    near[listed.columns[0][(was.pages != now.pages)[listed.owners()]]] = True
    moved = _moved(memory, was, now)
    near |= moved
    if moved.any():
        near |= _neighbours(memory, moved, was.rows | now.rows)
    names = was.labels.keys() | now.labels.keys()
    respelled = {name for name in names if was.labels.get(name) != now.labels.get(name)}
    if respelled:
        near |= _holders(memory, respelled, was.rows | now.rows, was.pages | now.pages)
    near = near[:-1]
    near[was.current[near]] = True
    near[now.current[near]] = True
    return near


def _linked_otherwise(edges: Ragged, touched: Numbers, was: State, now: State) -> list[int]:
    """Return the nodes to which some other nodes link with other contexts than before, or in another order."""
    found: set[int] = set()
    for before, after in zip(was.row_of[touched].tolist(), now.row_of[touched].tolist(), strict=True):
        if before != after:
            old, new = _sets_by_target(edges, before), _sets_by_target(edges, after)
            found.update(target for target in old.keys() | new.keys() if old.get(target) != new.get(target))
    return sorted(found)


def _sets_by_target(edges: Ragged, row: int) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    if row >= 0:
        stretch = slice(int(edges.starts[row]), int(edges.starts[row + 1]))
        for target, number in zip(*(column[stretch].tolist() for column in edges.columns), strict=True):
            found.setdefault(target, []).append(number)
    return found


def _moved(memory: Memory, was: State, now: State) -> Mask:
    """Return the nodes that are another article now, or none, or of another day, with those that they led to."""
    day = np.append(memory.columns.rows.day, 0)  # the last one is of nodes without a row
    days = [np.where(state.documents, day[state.row_of], 0) for state in (was, now)]
    led = was.current != now.current
    moved = np.append(led | (days[0] != days[1]) | ((was.row_of < 0) != (now.row_of < 0)), False)
    for state in (was, now):
        moved[state.current[led]] = True
    return moved


def _neighbours(memory: Memory, moved: Mask, there: Mask) -> Mask:
    """Return the nodes at the other end of every link, old or new, from or to a node that moved."""
    rows = memory.columns.rows
    found = np.zeros(len(moved), bool)
    for links in (rows.edges, rows.versions):
        owners, targets = links.owners(), links.columns[0]
        from_moved = moved[rows.node[owners]] & there[owners]
        found[targets[from_moved]] = True
        found[rows.node[owners[moved[targets] & there[owners]]]] = True
    return found


def _holders(memory: Memory, names: set[str], there: Mask, shown: Mask) -> Mask:
    """Return the nodes that any file connects with one of some names, as topic or context."""
    columns = memory.columns
    rows, listed, sets = columns.rows, columns.pages.listed, columns.names.sets
    named = np.array([text in names for text in columns.names.texts], bool)
    holding = np.zeros(len(sets), bool)
    holding[sets.owners()[named[sets.columns[0]]]] = True
    found = np.zeros(columns.nodes + 1, bool)
    found[rows.node[there & named[rows.topic]]] = True
    owners = rows.edges.owners()
    hit = np.flatnonzero(holding[rows.edges.columns[1]] & there[owners])
    found[rows.node[owners[hit]]] = True
    found[rows.edges.columns[0][hit]] = True
    nodes, topics, contexts = listed.columns
    found[nodes[(named[topics] | holding[contexts]) & shown[listed.owners()]]] = True
    return found


def segments_to_rewrite(live: Mapping[str, int], docs: Mapping[str, int], written: int) -> set[str]:
    """Return which segments an update that writes ``written`` articles should write anew beside them.

    live, docs : articles of each segment that will still count, and all of them.
    A segment goes where more than a quarter of it is deleted, or where it is no more than twice what is written anyway:
    sizes then at least double from one segment to the next, so that their number grows with the logarithm of the
    archive and an article is rewritten that often.
    """
    chosen = {name for name, count in live.items() if docs[name] - count > docs[name] // 4}
    total = written + sum(live[name] for name in chosen)
    for name in sorted(live.keys() - chosen, key=lambda name: (live[name], name)):
        if live[name] > 2 * total:
            break
        chosen.add(name)
        total += live[name]
    return chosen
