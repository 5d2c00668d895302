"""Linking a part of an archive: the same articles as the whole would give, from the files near them alone.

In: a memory, what counts of it, some nodes. Out: a ``Graph`` of those nodes, of what they link to and what links to
them; and the articles that a build writes. Articles are made by the code that links whole archives, nowhere else.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..archive import Article
from ..archive.graph import Articles, Facts, Graph, ListingPage
from ..archive.packing import Texts, pack_texts
from .changes import State
from .columns import Mask, Numbers
from .memory import Memory, Said
from .records import encode_row, fingerprint, pack_article
from .segment import Segment


class Labels(dict[str, str]):
    """The spelling in force of every name, held for those alone whose own spelling is another."""

    def __missing__(self, name: str) -> str:
        return name


class Part:
    """Some articles of an archive, linked. Cost: about 50 µs for each node that is linked to or from one of them."""

    def __init__(self, memory: Memory, state: State, nodes: Numbers) -> None:
        """Link some nodes, which must be articles."""
        self._memory, self._state = memory, state
        columns = memory.columns
        rows = columns.rows
        chosen = np.zeros(columns.nodes + 1, bool)  # the last one stands for no node
        chosen[nodes] = True
        grouped = np.append(chosen[state.current], False)  # the chosen with all their versions
        owners, (targets, sets) = rows.edges.owners(), rows.edges.columns
        self._own = state.rows & grouped[rows.node]
        kept = np.flatnonzero((self._own[owners] | grouped[targets]) & state.rows[owners])
        owners, targets, sets = owners[kept], targets[kept], sets[kept]
        listed, topics, contexts = columns.pages.listed.columns
        pages = columns.pages.listed.owners()
        shown = np.flatnonzero(grouped[listed] & state.pages[pages])
        near = np.zeros(columns.nodes, bool)
        near[np.flatnonzero(grouped[:-1])] = True
        near[rows.node[owners]] = True
        near[targets[targets >= 0]] = True
        near[state.current[near]] = True
        self._nodes = np.flatnonzero(near)
        self._local = np.full(columns.nodes + 1, -1)
        self._local[self._nodes] = np.arange(len(self._nodes))
        numbers = np.unique(np.concatenate((sets, contexts[shown])))
        paths = list(memory.path_texts(self._nodes.tolist()).values())
        texts = columns.names.texts
        listings: dict[int, list[tuple[int, str, int]]] = {}
        for page, node, topic, number in zip(
            pages[shown].tolist(),
            self._local[listed[shown]].tolist(),
            topics[shown].tolist(),
            np.searchsorted(numbers, contexts[shown]).tolist(),
            strict=True,
        ):
            listings.setdefault(page, []).append((node, texts[topic], number))
        held = columns.pages
        self.graph = Graph(
            paths,
            {},
            columns.names.set_texts(numbers),
            self._facts(owners, self._local[targets], np.searchsorted(numbers, sets)),
            {
                held.files[page]: ListingPage(held.kinds[page], held.files[page], held.days[page], tuple(items))
                for page, items in listings.items()
            },
            versions=self._versions(paths),
            labels=Labels(state.labels),
        )

    def local(self, node: int) -> int:
        """Return the number of a node in the graph."""
        return int(self._local[node])

    def _versions(self, paths: Sequence[str]) -> tuple[array[int], dict[int, list[int]]]:
        current = self._local[self._state.current[self._nodes]]
        members: dict[int, list[int]] = {}
        for node in np.flatnonzero(current != np.arange(len(current))).tolist():
            members.setdefault(int(current[node]), []).append(node)
        for head, group in members.items():
            group.append(head)
            group.sort(key=paths.__getitem__)
        return array("i", current.tolist()), members

    def _facts(self, owners: Numbers, targets: Numbers, sets: Numbers) -> list[Facts]:
        """Return what the rows of all nodes say; of those that only lead to the chosen ones no more than that."""
        rows, texts = self._memory.columns.rows, self._memory.columns.names.texts
        filed = np.unique(self._state.row_of[self._nodes])
        filed = filed[filed >= 0]
        said = self._memory.said(filed[self._own[filed]].tolist())
        nodes, days = self._local[rows.node[filed]].tolist(), rows.day[filed].tolist()
        kinds, languages = rows.kind[filed].tolist(), rows.language[filed].tolist()
        topics = rows.topic[filed].tolist()
        starts = np.searchsorted(owners, filed).tolist()
        stops = np.searchsorted(owners, filed, "right").tolist()
        facts = []
        for n, row in enumerate(filed.tolist()):
            edges = array("i", targets[starts[n] : stops[n]].tolist())
            edges.extend(sets[starts[n] : stops[n]].tolist())
            own = said.get(row, _SILENT)
            topic = texts[topics[n]] if row in said else ""
            file, headline, summary, markup, sources, image, versions = own
            facts.append(
                Facts(
                    nodes[n],
                    file,
                    texts[kinds[n]],
                    texts[languages[n]],
                    days[n],
                    headline,
                    pack_texts(Texts(summary, markup, sources, image)),
                    topic,
                    versions,
                    edges,
                    self._headlines(row) if row in said else {},
                )
            )
        return facts

    def _headlines(self, row: int) -> Mapping[int, str]:
        rows = self._memory.columns.rows
        places = range(int(rows.headlines.starts[row]), int(rows.headlines.starts[row + 1]))
        nodes = rows.headlines.columns[0]
        return {self.local(int(nodes[at])): rows.headline_texts[at] for at in places}


_SILENT = Said("", "", "", "", (), "", ())


@dataclass(frozen=True, slots=True)
class Changes:
    """Nodes of articles that are new, that differ, and that are gone."""

    new: frozenset[int]
    changed: frozenset[int]
    gone: frozenset[int]

    def __bool__(self) -> bool:
        return bool(self.new or self.changed or self.gone)


def find_changes(memory: Memory, state: State, near: Mask, part: Part) -> Changes:
    """Return which articles differ from those in the index.

    near : nodes whose articles may differ; ``part`` has linked those of them that are articles now.
    Cost: about 100 µs an article.
    """
    documents = state.documents
    located = memory.places.segment >= 0
    new = np.flatnonzero(documents & ~located).tolist()
    gone = np.flatnonzero(located & ~documents).tolist()
    changed = []
    for node in np.flatnonzero(near & documents & located).tolist():
        before = memory.segments[memory.places.segment[node]].fingerprints[memory.places.doc[node]]
        article = part.graph.article(part.local(node))
        if fingerprint(article, encode_row(pack_article(article))) != int(before):
            changed.append(node)
    return Changes(frozenset(new), frozenset(changed), frozenset(gone))


class Whole(Articles):
    """All articles of a graph, newest first, then by path."""

    def __init__(self, graph: Graph) -> None:
        super().__init__(graph.documents, graph.article)
        self._graph = graph

    @property
    def paths(self) -> list[str]:
        """The site path of each article, without making the articles."""
        return [self._graph.path(node) for node in self.nodes]


class Chosen(Articles):
    """The articles that an update writes: some of a part, and others as the segments have them.

    Newest first, then by path. paths : the site path of each.
    """

    def __init__(self, memory: Memory, state: State, part: Part, linked: Iterable[int], copied: Iterable[int]) -> None:
        """linked, copied : nodes of articles that are taken from ``part``, and from the segments."""
        self._memory, self._part = memory, part
        self._linked = frozenset(linked)
        paths = memory.path_texts([*self._linked, *copied])
        days = memory.columns.rows.day[state.row_of[list(paths)]].tolist() if paths else []
        order = sorted(zip(days, paths, strict=True), key=lambda item: (-item[0], paths[item[1]]))
        super().__init__([node for _, node in order], self._article)
        self.paths = [paths[node] for node in self.nodes]

    def _article(self, node: int) -> Article:
        if node in self._linked:
            return self._part.graph.article(self._part.local(node))
        segment: Segment = self._memory.segments[self._memory.places.segment[node]]
        return segment.article(int(self._memory.places.doc[node]))
