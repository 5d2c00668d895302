"""What the files say about each other: pages to linked articles.

In: pages, in any order. Out: a ``LinkedArchive``. Contexts are joined from both ends of every edge and from day pages,
versions of one event are folded into the one in force, spellings of one context into the most frequent. The result
depends on the set of pages alone, not on their order.

The linker keeps numbers instead of paths and of sets of contexts: some 900,000 edges of a large archive are two small
arrays. An article is made from the few edges that touch it when it is asked for, so that a later run may make just
those that a changed file touches.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import chain
from typing import NamedTuple, overload

from . import model
from .history import current_versions, history
from .model import Article, LinkedArchive, Page, Related, Skipped, Source, Version
from .paths import folder_of

MAX_INCOMING = 10
"""Links from other articles that ``related`` keeps beyond the article's own: the newest ones."""


class Facts(NamedTuple):
    """What a file says of its article alone, and its edges as numbers.

    edges : target node and contexts number of each edge, one after the other; -1 for a target that is no article.
    headlines : target node → headline, for targets without a file.
    """

    node: int
    file: str
    kind: str
    language: str
    date: date
    headline: str
    summary: str
    markup: str
    topic: str
    sources: tuple[Source, ...]
    image: str
    versions: tuple[Version, ...]
    edges: array[int]
    headlines: dict[int, str]


class _ListingPage(NamedTuple):
    """A day page or front page: its day, and node, topic and contexts number of each article that it lists."""

    kind: str
    file: str
    day: date | None
    listed: tuple[tuple[int, str, int], ...]


class Linker:
    """Gathers pages and links them. Adding a page again replaces what its file said before."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self._nodes: dict[str, int] = {}
        self._contexts: list[tuple[str, ...]] = [()]
        self._context_numbers: dict[tuple[str, ...], int] = {(): 0}
        self._facts: dict[str, Facts] = {}
        self._listings: dict[str, _ListingPage] = {}

    def add(self, page: Page) -> None:
        """Take what a page says. Cost: linear in its edges; nothing is linked yet."""
        if page.kind in (model.NEWS, model.OPINION):
            if page.date is None:
                raise ValueError(f"{page.file}: an article's page needs a date")
            number = self._context_number
            edges = array("i")
            headlines: dict[int, str] = {}
            for path, contexts, headline in page.edges:
                node = self._node(path) if path else -1
                edges.append(node)
                edges.append(number(contexts))
                if headline and node not in headlines:
                    headlines[node] = headline
            for version in page.versions:
                self._node(version.path)
            self._facts[page.file] = Facts(
                self._node(page.path),
                page.file,
                page.kind,
                page.language,
                page.date,
                page.headline,
                page.summary,
                page.markup,
                page.topic,
                page.sources,
                page.image,
                page.versions,
                edges,
                headlines,
            )
        elif page.kind in (model.DAY, model.FRONT):
            listed = tuple(
                (self._node(path), topic, self._context_number(contexts))
                for path, topic, contexts, _, _ in page.listings
                if path
            )
            self._listings[page.file] = _ListingPage(page.kind, page.file, page.date, listed)

    def remove(self, file: str) -> None:
        """Forget what a file said; nothing happens where it said nothing."""
        self._facts.pop(file, None)
        self._listings.pop(file, None)

    def wanting(self) -> list[str]:
        """Return the files, sorted, that link to a path without an article and gave no headline for it.

        Their pages were read while that path still seemed to have a usable file; read them again without it.
        """
        documents = {facts.node for facts in self._facts.values()}
        return sorted(
            facts.file
            for facts in self._facts.values()
            if any(node >= 0 and node not in documents and node not in facts.headlines for node in facts.edges[::2])
        )

    def link(self) -> LinkedArchive:
        """Return everything linked: ``articles``, ``superseded``, ``days``, and the files skipped as duplicates.

        Cost: linear in edges, and sorting the articles; about 1.5 s for 900,000 edges, before any article is made.
        """
        graph = _Graph(self.paths, self._nodes, self._contexts, self._facts, self._listings)
        return LinkedArchive(
            articles=_Articles(graph),
            superseded=graph.superseded(),
            days=frozenset(page.day for page in self._listings.values() if page.day is not None),
            skipped=tuple(graph.skipped),
        )

    def _node(self, path: str) -> int:
        node = self._nodes.get(path)
        if node is None:
            node = self._nodes[path] = len(self.paths)
            self.paths.append(path)
        return node

    def _context_number(self, contexts: tuple[str, ...]) -> int:
        number = self._context_numbers.get(contexts)
        if number is None:
            number = self._context_numbers[contexts] = len(self._contexts)
            self._contexts.append(contexts)
        return number


class _Graph:
    """The pages of one moment, joined; nothing in it changes.

    documents : node of each article, newest day first, then by path.
    current : for each node, the node of the version in force; itself where it has none.
    """

    def __init__(
        self,
        paths: Sequence[str],
        nodes: dict[str, int],
        contexts: Sequence[tuple[str, ...]],
        facts: dict[str, Facts],
        listings: dict[str, _ListingPage],
    ) -> None:
        self.paths = paths
        self.skipped: list[Skipped] = []
        self.facts = self._by_node(facts)
        self._listing_pages = _one_a_folder(listings)
        self.current, self.members = current_versions(paths, nodes, self.facts)
        self.documents = sorted(
            (node for node in self.facts if self.current[node] == node),
            key=lambda node: (-self.facts[node].date.toordinal(), paths[node]),
        )
        self._spell(contexts)
        self._join_incoming()
        self._listed: dict[int, list[tuple[str, int]]] = {}
        for page in self._listing_pages:
            for node, topic, number in page.listed:
                self._listed.setdefault(self.current[node], []).append((topic, number))

    def _by_node(self, facts: dict[str, Facts]) -> dict[int, Facts]:
        """Return the facts of each node; of two files with one address the one that lies where it says counts."""
        chosen: dict[int, Facts] = {}
        for fact in facts.values():
            rival = chosen.get(fact.node)
            if rival is None:
                chosen[fact.node] = fact
                continue
            path = self.paths[fact.node]
            first, second = sorted((fact, rival), key=lambda item: (*_misplacement(item.file, path), item.file))
            chosen[fact.node] = first
            if folder_of(first.file) != folder_of(second.file) or first.kind == model.NEWS:
                self.skipped.append(Skipped(second.file, model.DUPLICATE, first.file))
        self.skipped.sort(key=lambda item: item.file)
        return chosen

    def _spell(self, contexts: Sequence[tuple[str, ...]]) -> None:
        """Choose one spelling for each context and number the sets of contexts anew in it."""
        used: Counter[int] = Counter()
        spelled: Counter[str] = Counter()
        for fact in self.facts.values():
            used.update(fact.edges[1::2])
            if fact.topic:
                spelled[fact.topic] += 1
        for page in self._listing_pages:
            for _, topic, number in page.listed:
                used[number] += 1
                if topic:
                    spelled[topic] += 1
        for number, times in used.items():
            for name in contexts[number]:
                spelled[name] += times
        best: dict[str, tuple[int, str]] = {}
        for name, times in spelled.items():
            key = name.casefold()
            if key not in best or (-times, name) < best[key]:
                best[key] = (-times, name)
        self._label = {name: best[name.casefold()][1] for name in spelled}
        label = self._label
        numbers: dict[tuple[str, ...], int] = {}
        self.contexts: list[tuple[str, ...]] = []
        self._canonical = array("i", bytes(4 * len(contexts)))
        for number in sorted(used.keys() | {0}):
            names = tuple(dict.fromkeys([label[name] for name in contexts[number]]))
            canonical = numbers.setdefault(names, len(numbers))
            if canonical == len(self.contexts):
                self.contexts.append(names)
            self._canonical[number] = canonical

    def _join_incoming(self) -> None:
        """Turn the edges round: for each document, who links to it, the newest first, as ``(source, contexts)``."""
        current, canonical, members = self.current, self._canonical, self.members
        counts = array("i", bytes(4 * (len(self.paths) + 1)))
        for fact in self.facts.values():
            for node in fact.edges[::2]:
                if node >= 0:
                    counts[current[node]] += 1
        starts, total = array("i"), 0
        for count in counts:
            starts.append(total)
            total += count
        place = starts[:]
        incoming = array("i", bytes(8 * total))
        for source in self.documents:
            for member in members.get(source, (source,)):
                if member not in self.facts:
                    continue
                edges = self.facts[member].edges
                for at in range(0, len(edges), 2):
                    if edges[at] >= 0:
                        target = current[edges[at]]
                        slot = 2 * place[target]
                        place[target] += 1
                        incoming[slot] = source
                        incoming[slot + 1] = canonical[edges[at + 1]]
        self._starts, self._incoming = starts, incoming

    def superseded(self) -> dict[str, str]:
        """Return ``{path of an older version: path of its article}``, sorted by path."""
        paths = self.paths
        pairs = ((paths[node], paths[head]) for head, nodes in self.members.items() for node in nodes if node != head)
        return dict(sorted(pairs))

    def article(self, node: int) -> Article:
        """Return the article that a document's node stands for. Cost: linear in the edges at both its ends."""
        facts, current, canonical, sets = self.facts, self.current, self._canonical, self.contexts
        fact = facts[node]
        own = fact.edges
        members = self.members.get(node)
        headlines = fact.headlines
        topic = fact.topic
        listed = self._listed.get(node, ())
        versions: tuple[Version, ...] = ()
        if members:
            versions = history(node, members, self.paths, facts)
            own = own[:]
            headlines = dict(headlines)
            for member in members:
                if member != node and member in facts:
                    own += facts[member].edges
                    for target, headline in facts[member].headlines.items():
                        headlines.setdefault(target, headline)
        if not topic:
            topic = next((name for name, _ in listed if name), "")
            if not topic and members:
                topic = next((facts[member].topic for member in members if member in facts and facts[member].topic), "")
        topic = self._label[topic] if topic else ""

        seen: dict[int, None] = {}  # numbers of the sets of contexts, in order of first mention
        shared: dict[int, int] = {}  # other article → number of the contexts shared with it
        further: dict[int, list[int]] = {}  # the same, where another line names others
        for at in range(0, len(own), 2):
            number = canonical[own[at + 1]]
            seen[number] = None
            target = own[at]
            if target < 0:
                continue
            target = current[target]
            if target == node:
                continue
            if shared.setdefault(target, number) != number:
                further.setdefault(target, []).append(number)
        for _, number in listed:
            seen[canonical[number]] = None
        room = len(shared) + MAX_INCOMING
        incoming = self._incoming[2 * self._starts[node] : 2 * self._starts[node + 1]]
        for at in range(0, len(incoming), 2):
            number = incoming[at + 1]
            seen[number] = None
            source = incoming[at]
            if source == node or (source not in shared and len(shared) >= room):
                continue
            if shared.setdefault(source, number) != number:
                further.setdefault(source, []).append(number)

        names = dict.fromkeys(chain((topic,) if topic else (), *[sets[number] for number in seen]))
        related = []
        for target, number in shared.items():
            contexts = sets[number]
            if target in further:
                contexts = tuple(dict.fromkeys(chain(contexts, *[sets[other] for other in further[target]])))
            headline = "" if target in facts else headlines.get(target, "")
            related.append(Related(self.paths[target], headline, contexts))
        return Article(
            self.paths[node],
            fact.file,
            fact.kind,
            fact.language,
            fact.date,
            fact.headline,
            fact.summary,
            fact.markup,
            topic,
            tuple(names),
            fact.sources,
            fact.image,
            versions,
            tuple(related),
        )


class _Articles(Sequence[Article]):
    """The articles of a graph, each made when it is asked for."""

    def __init__(self, graph: _Graph) -> None:
        self._graph = graph

    def __len__(self) -> int:
        return len(self._graph.documents)

    def paths(self) -> list[str]:
        """Return the site path of each article, without making the articles."""
        return [self._graph.paths[node] for node in self._graph.documents]

    def __iter__(self) -> Iterator[Article]:
        return map(self._graph.article, self._graph.documents)

    @overload
    def __getitem__(self, index: int) -> Article: ...

    @overload
    def __getitem__(self, index: slice) -> list[Article]: ...

    def __getitem__(self, index: int | slice) -> Article | list[Article]:
        if isinstance(index, slice):
            return [self._graph.article(node) for node in self._graph.documents[index]]
        return self._graph.article(self._graph.documents[index])


def link(pages: Iterable[Page]) -> LinkedArchive:
    """Return the archive that ``pages`` make up; see ``Linker.link``."""
    linker = Linker()
    for page in pages:
        linker.add(page)
    return linker.link()


def _misplacement(file: str, path: str) -> tuple[bool, bool]:
    """Return how far a file lies from where its address says: ``(False, False)`` for the proper place."""
    return (file not in (f"{path[1:]}.md", f"{path[1:]}/index.md"), not file.endswith("index.md"))


def _one_a_folder(listings: dict[str, _ListingPage]) -> list[_ListingPage]:
    """Return the day pages, then the front pages, by file; README.md beside an index.md is the same page again."""
    chosen: dict[str, _ListingPage] = {}
    for file in sorted(listings, key=lambda file: (not file.endswith("index.md"), file)):
        chosen.setdefault(folder_of(file), listings[file])
    return sorted(chosen.values(), key=lambda page: (page.kind == model.FRONT, page.file))
