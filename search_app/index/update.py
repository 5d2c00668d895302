"""Which articles an update must write: those whose linked record may differ from the one in the index.

In: what the files said last time and say now. Out: nodes. A change in one file changes the contexts of others, so this
goes from the changed files along their links; what it names too many is found equal by its fingerprint and left alone.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..archive import Article, Linker
from ..archive.linker import Facts, Graph, ListingPage
from .catalogue import Catalogue
from .generation import Snapshot
from .records import encode_row, fingerprint, pack_article


@dataclass(frozen=True, slots=True)
class Before:
    """What the linker held before the changed files were read again; the two dicts are copies."""

    facts: Mapping[str, Facts]
    listings: Mapping[str, ListingPage]
    ordinals: Mapping[int, int]

    @classmethod
    def of(cls, catalogue: Catalogue) -> Before:
        """Keep what ``catalogue.linker`` holds now."""
        linker = catalogue.linker
        ordinals = {fact.node: fact.ordinal for fact in linker.facts.values() if fact.node in catalogue.locations}
        return cls(dict(linker.facts), dict(linker.listings), ordinals)


@dataclass(frozen=True, slots=True)
class Changes:
    """Nodes of articles that are new, that differ, and that are gone."""

    new: frozenset[int]
    changed: frozenset[int]
    gone: frozenset[int]

    def __bool__(self) -> bool:
        return bool(self.new or self.changed or self.gone)


def find_changes(
    catalogue: Catalogue, before: Before, touched: Iterable[str], graph: Graph, snapshot: Snapshot
) -> Changes:
    """Return which articles differ from those in the index.

    catalogue : of the generation in ``snapshot``, its linker brought up to date. touched : files read again or gone.
    graph : of that linker now. Cost: about 150 µs for each article near a changed file, and one pass over all links.
    """
    documents = frozenset(graph.documents)
    old = catalogue.locations.keys()
    new, gone = documents - old, frozenset(old - documents)
    near = _affected(catalogue, before, touched, graph)
    segments = {segment.name: segment for segment in snapshot.segments}
    changed = set()
    for node in sorted((near & documents) - new):
        name, doc = catalogue.locations[node]
        article = graph.article(node)
        if fingerprint(article, encode_row(pack_article(article))) != int(segments[name].fingerprints[doc]):
            changed.add(node)
    return Changes(new, frozenset(changed), gone)


def _affected(catalogue: Catalogue, before: Before, touched: Iterable[str], graph: Graph) -> set[int]:
    linker = catalogue.linker
    near: set[int] = set()
    moved: set[int] = set()  # nodes that are another article now, or none, or of another day
    days = {node: graph.ordinal(node) for node in graph.documents}
    for file in touched:
        for facts in (before.facts.get(file), linker.facts.get(file)):
            if facts is not None:
                near |= _mentioned(facts, linker)
                if before.ordinals.get(facts.node) != days.get(facts.node):
                    moved.add(facts.node)
        for page in (before.listings.get(file), linker.listings.get(file)):
            if page is not None:
                near.update(node for node, _, _ in page.listed)
    current = superseded_nodes(graph)
    for node in catalogue.current.keys() | current.keys():
        was, now = catalogue.current.get(node, node), current.get(node, node)
        if was != now:
            moved |= {node, was, now}
    near |= moved
    if moved:
        near |= _neighbours(moved, before, linker)
    respelled = _respelled(catalogue.labels, spelling_changes(graph))
    if respelled:
        near |= _holders(respelled, linker)
    leads = {catalogue.current.get(node, node) for node in near} | {graph.current[node] for node in near}
    return near | leads


def superseded_nodes(graph: Graph) -> dict[int, int]:
    """Return ``{node of an older version: node of the version in force}``."""
    return {node: head for head, group in graph.members.items() for node in group if node != head}


def spelling_changes(graph: Graph) -> dict[str, str]:
    """Return the spelling in force of the names whose own spelling is another."""
    return {name: label for name, label in graph.labels.items() if name != label}


def _mentioned(facts: Facts, linker: Linker) -> set[int]:
    """Return the nodes that a file's page speaks of, its own included."""
    found = {facts.node, *facts.edges[: len(facts.edges) // 2]}
    found.update(linker.nodes[version.path] for version in facts.versions)
    found.discard(-1)
    return found


def _neighbours(moved: set[int], before: Before, linker: Linker) -> set[int]:
    """Return the nodes at the other end of every link, old or new, from or to a node that moved."""
    found: set[int] = set()
    for facts in (before.facts, linker.facts):
        for fact in facts.values():
            if fact.node in moved:
                found |= _mentioned(fact, linker)
        nodes, targets, _ = _edges(facts.values())
        found.update(nodes[np.isin(targets, np.fromiter(moved, np.int64, len(moved)))].tolist())
    return found


def _respelled(before: Mapping[str, str], now: Mapping[str, str]) -> set[str]:
    return {name for name in before.keys() | now.keys() if before.get(name) != now.get(name)}


def _holders(names: set[str], linker: Linker) -> set[int]:
    """Return the nodes that any file connects with one of some names, as topic or context."""
    numbers = {number for number, held in enumerate(linker.sets) if not names.isdisjoint(held)}
    nodes, targets, sets = _edges(linker.facts.values())
    hit = np.isin(sets, np.fromiter(numbers, np.int64, len(numbers)))
    found = set(nodes[hit].tolist()) | set(targets[hit].tolist())
    found.update(fact.node for fact in linker.facts.values() if fact.topic in names)
    for page in linker.listings.values():
        found.update(node for node, topic, number in page.listed if topic in names or number in numbers)
    found.discard(-1)
    return found


def _edges(facts: Iterable[Facts]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return holder, target and set of every edge."""
    holders, counts = array("i"), array("i")
    targets, sets = array("i"), array("i")
    for fact in facts:
        half = len(fact.edges) // 2
        holders.append(fact.node)
        counts.append(half)
        targets.extend(fact.edges[:half])
        sets.extend(fact.edges[half:])
    return np.repeat(np.array(holders), np.array(counts, np.int64)), np.array(targets), np.array(sets)


class Chosen(Sequence[Article]):
    """Some articles of a graph, newest first, then by path, each made when it is asked for."""

    def __init__(self, graph: Graph, nodes: Iterable[int]) -> None:
        self._graph = graph
        chosen = frozenset(nodes)
        self.nodes = [node for node in graph.documents if node in chosen]

    def __len__(self) -> int:
        return len(self.nodes)

    @property
    def paths(self) -> list[str]:
        """The site path of each article, without making the articles."""
        return [self._graph.path(node) for node in self.nodes]

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        if isinstance(index, slice):
            return [self._graph.article(node) for node in self.nodes[index]]
        return self._graph.article(self.nodes[index])


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
