"""What the files say, gathered: pages to numbers that a ``Graph`` joins.

In: pages, in any order. Out: a ``LinkedArchive``. The result depends on the set of pages alone, not on their order.

The linker keeps numbers (*nodes*) instead of paths, and numbers instead of sets of contexts: the 800,000 edges of a
large archive are a few flat arrays.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from . import model
from .graph import Articles, Facts, Graph, ListingPage
from .model import LinkedArchive, Page, Skipped, Version
from .packing import Batch, Row, pack_pages

_NO_EDGES: array[int] = array("i")
_NO_HEADLINES: Mapping[int, str] = {}


class Linker:
    """Gathers pages and links them. Adding a page again replaces what its file said before.

    paths : site path of each number that batches use for a path; a number is the node of its path.
    sets : sets of contexts by number. facts, listings : what the files say, by file. nodes : node of each path.
    """

    def __init__(self, paths: Sequence[str] = ()) -> None:
        self.paths = list(paths)
        self.nodes = {path: node for node, path in enumerate(paths)}
        self.sets: list[tuple[str, ...]] = [()]
        self._set_numbers: dict[tuple[str, ...], int] = {(): 0}
        self.facts: dict[str, Facts] = {}
        self.listings: dict[str, ListingPage] = {}
        self._shared: dict[str, str] = {}

    def add(self, page: Page) -> None:
        """Take what a page says. Cost: linear in its edges; nothing is linked yet."""
        self.add_batch(pack_pages([page]))

    def add_batch(self, batch: Batch) -> list[Skipped]:
        """Take what a batch says, and return the files of it that say nothing."""
        skipped: list[Skipped] = []
        numbers = [self._set_number(names) for names in batch.sets]
        for file, result in zip(batch.files, batch.results, strict=True):
            if len(result) == 2:
                skipped.append(Skipped(file, *result))
                continue
            row = Row(*result)
            if row.kind in (model.NEWS, model.OPINION):
                self._add_article(file, row, numbers)
            elif row.kind in (model.DAY, model.FRONT):
                listed = tuple(
                    (self._node(path), self.share(topic), numbers[number])
                    for path, topic, number, _, _ in row.listings
                    if path != ""
                )
                self.listings[file] = ListingPage(row.kind, file, row.ordinal, listed)
        return skipped

    def _add_article(self, file: str, row: Row, numbers: Sequence[int]) -> None:
        if not row.ordinal:
            raise ValueError(f"{file}: the page of an article needs a date")
        edges = _NO_EDGES
        headlines: dict[int, str] = {}
        if row.targets:
            edges = array("i", row.targets)
            for at, path, headline in row.others:
                if path != "":
                    node = edges[at] = self._node(path)
                    if headline:
                        headlines.setdefault(node, headline)
            edges.extend(map(numbers.__getitem__, array("i", row.contexts)))
        for version in row.versions:
            self._node(version[0])
        self.facts[file] = Facts(
            self._node(row.path),
            file,
            self.share(row.kind),
            self.share(row.language),
            row.ordinal,
            row.headline,
            row.texts,
            self.share(row.topic),
            tuple([Version(*fields) for fields in row.versions]),
            edges,
            headlines or _NO_HEADLINES,
        )

    def wanting(self) -> list[str]:
        """Return the files, sorted, that link to a path without an article and gave no headline for it.

        They were parsed while that path seemed to have a usable file; parsed again without it they give the headline.
        """
        documents = {facts.node for facts in self.facts.values()}
        return sorted(
            facts.file
            for facts in self.facts.values()
            if any(
                node >= 0 and node not in documents and node not in facts.headlines
                for node in facts.edges[: len(facts.edges) // 2]
            )
        )

    def link(self) -> LinkedArchive:
        """Return everything linked: ``articles``, ``superseded``, ``days``, and the files skipped as duplicates.

        Cost: linear in edges, and sorting the articles; about 1.5 s for 800,000 edges, before any article is made.
        """
        return self.linked(self.graph())

    def graph(self) -> Graph:
        """Join what the pages say now; adding or removing a page afterwards changes nothing in it."""
        return Graph(list(self.paths), self.nodes, self.sets, self.facts.values(), self.listings)

    def linked(self, graph: Graph) -> LinkedArchive:
        """Return the linked archive of a graph of this linker."""
        return LinkedArchive(
            articles=Articles(graph.documents, graph.article),
            superseded=graph.superseded(),
            days=frozenset(date.fromordinal(page.ordinal) for page in self.listings.values() if page.ordinal),
            skipped=tuple(graph.skipped),
        )

    def _node(self, path: int | str) -> int:
        if isinstance(path, int):
            return path
        node = self.nodes.get(path)
        if node is None:
            node = self.nodes[path] = len(self.paths)
            self.paths.append(path)
        return node

    def _set_number(self, names: tuple[str, ...]) -> int:
        number = self._set_numbers.get(names)
        if number is None:
            names = tuple([self.share(name) for name in names])
            number = self._set_numbers[names] = len(self.sets)
            self.sets.append(names)
        return number

    def share(self, text: str) -> str:
        """Return the one object that stands for all strings equal to ``text``."""
        return self._shared.setdefault(text, text)


def link(pages: Iterable[Page]) -> LinkedArchive:
    """Return the archive that ``pages`` make up; see ``Linker.link``."""
    linker = Linker()
    for page in pages:
        linker.add(page)
    return linker.link()
