"""What the files say about each other: pages to linked articles.

In: pages, in any order. Out: a ``LinkedArchive``. Contexts are joined from both ends of every edge and from day pages,
versions of one event are folded into the one in force, spellings of one context into the most frequent. The result
depends on the set of pages alone, not on their order.

The linker keeps numbers (*nodes*) instead of paths, and numbers instead of sets of contexts: the 800,000 edges of a
large archive are a few flat arrays. An article is made from the few edges that touch it when it is asked for, so that
a later run may make just those that a changed file touches.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import accumulate, chain, repeat
from typing import NamedTuple, overload

from . import model
from .history import current_versions, history
from .model import Article, LinkedArchive, Page, Related, Skipped, Source, Version
from .packing import Batch, Row, pack_pages
from .paths import folder_of

MAX_INCOMING = 10
"""Links from other articles that ``related`` keeps beyond the article's own: the newest ones."""

_NO_EDGES: array[int] = array("i")


class Facts(NamedTuple):
    """What a file says of its article alone, and its edges as numbers.

    node : of the article's path.
    edges : first the target node of each edge, -1 for none, then the number of each edge's set of contexts.
    headlines : target node → headline, for the targets that the file gives one of.
    """

    node: int
    file: str
    kind: str
    language: str
    ordinal: int
    headline: str
    summary: str
    markup: str
    topic: str
    sources: tuple[tuple[str, str], ...]
    image: str
    versions: tuple[Version, ...]
    edges: array[int]
    headlines: Mapping[int, str]


class ListingPage(NamedTuple):
    """A day page or front page: its day, and node, topic and number of contexts of each article that it lists."""

    kind: str
    file: str
    ordinal: int
    listed: tuple[tuple[int, str, int], ...]


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
        self._pairs: dict[tuple[str, str], tuple[str, str]] = {}

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
            row.summary,
            row.markup,
            self.share(row.topic),
            tuple([self._pairs.setdefault(pair, pair) for pair in row.sources]),
            row.image,
            tuple([Version(*fields) for fields in row.versions]),
            edges,
            headlines or _NO_HEADLINES,
        )

    def adopt(self, facts: Facts) -> None:
        """Take what a file says as an earlier linker with the same nodes and sets gave it."""
        self.facts[facts.file] = facts

    def adopt_listing(self, page: ListingPage) -> None:
        """Take a day page or front page as an earlier linker with the same nodes and sets gave it."""
        self.listings[page.file] = page

    def adopt_sets(self, sets: Iterable[tuple[str, ...]]) -> None:
        """Take the numbered sets of contexts of an earlier linker, before anything else."""
        for names in sets:
            self._set_number(names)

    def remove(self, file: str) -> None:
        """Forget what a file said; nothing happens where it said nothing."""
        self.facts.pop(file, None)
        self.listings.pop(file, None)

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
        return Graph(list(self.paths), self.nodes, self.sets, self.facts, self.listings)

    def linked(self, graph: Graph) -> LinkedArchive:
        """Return the linked archive of a graph of this linker."""
        return LinkedArchive(
            articles=_Articles(graph),
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


_NO_HEADLINES: Mapping[int, str] = {}


class Graph:
    """The pages of one moment, joined; nothing in it changes.

    documents : node of each article, newest day first, then by path.
    current : for each node, the node of the version in force; itself where it has none.
    members : for each article with other versions, the nodes of all of them, its own included, by path.
    labels : the spelling in force of every topic and context that the archive names.
    """

    def __init__(
        self,
        paths: Sequence[str],
        nodes: Mapping[str, int],
        sets: Sequence[tuple[str, ...]],
        facts: Mapping[str, Facts],
        listings: Mapping[str, ListingPage],
    ) -> None:
        self._paths = paths
        self.skipped: list[Skipped] = []
        self._facts = self._by_node(facts.values())
        self._listing_pages = _one_a_folder(listings)
        self.current, self.members = current_versions(paths, nodes, self._facts)
        self.documents = sorted((node for node in self._facts if self.current[node] == node), key=paths.__getitem__)
        self.documents.sort(key=lambda node: self._facts[node].ordinal, reverse=True)
        sources, targets, numbers = self._own_edges()
        self._spell(sets, Counter(numbers))
        self._join(sources, targets, numbers)
        self._listed: dict[int, list[tuple[str, int]]] = {}
        for page in self._listing_pages:
            for node, topic, number in page.listed:
                self._listed.setdefault(self.current[node], []).append((topic, self._renumbered[number]))
        self._sources: dict[tuple[str, str], Source] = {}
        self._days: dict[int, date] = {}

    def _by_node(self, facts: Iterable[Facts]) -> dict[int, Facts]:
        """Return the facts of each node; of two files with one address the one that lies where it says counts."""
        chosen: dict[int, Facts] = {}
        spare: list[Facts] = []
        for fact in facts:
            rival = chosen.setdefault(fact.node, fact)
            if rival is not fact:
                path = self._paths[fact.node]
                first, second = sorted((fact, rival), key=lambda item: (*_misplacement(item.file, path), item.file))
                chosen[fact.node] = first
                spare.append(second)
        for fact in sorted(spare, key=lambda item: item.file):
            winner = chosen[fact.node].file
            if fact.kind == model.NEWS or folder_of(winner) != folder_of(fact.file):
                self.skipped.append(Skipped(fact.file, model.DUPLICATE, winner))
        return chosen

    def _own_edges(self) -> tuple[array[int], array[int], array[int]]:
        """Return every edge by its article, newest first: the article, the node it leads to, its number of contexts."""
        facts, members = self._facts, self.members
        sources, targets, numbers = array("i"), array("i"), array("i")
        self._own_start = array("i", bytes(4 * (len(self._paths) + 1)))
        self._own_stop = self._own_start[:]
        for node in self.documents:
            edges = facts[node].edges
            if node in members:
                edges = edges[:0]
                halves = [facts[other].edges for other in self._versions(node)]
                for half in halves:
                    edges.extend(half[: len(half) // 2])
                for half in halves:
                    edges.extend(half[len(half) // 2 :])
            start, count = len(sources), len(edges) // 2
            self._own_start[node], self._own_stop[node] = start, start + count
            sources.extend(repeat(node, count))
            targets.extend(edges[:count])
            numbers.extend(edges[count:])
        return sources, targets, numbers

    def _versions(self, node: int) -> list[int]:
        """Return an article's node, then those of its other versions that have a file, by path."""
        return [node, *(other for other in self.members[node] if other != node and other in self._facts)]

    def _spell(self, sets: Sequence[tuple[str, ...]], used: Counter[int]) -> None:
        """Choose one spelling for each context, and number the sets of contexts anew in it.

        used : how many edges name each set.
        """
        spelled = Counter(fact.topic for fact in self._facts.values())
        for page in self._listing_pages:
            used.update(number for _, _, number in page.listed)
            spelled.update(topic for _, topic, _ in page.listed)
        for number, times in used.items():
            for name in sets[number]:
                spelled[name] += times
        best: dict[str, tuple[int, str]] = {}
        for name, times in spelled.items():
            key = name.casefold()
            rival = best.get(key)
            if rival is None or (-times, name) < rival:
                best[key] = (-times, name)
        label = self.labels = {name: best[name.casefold()][1] for name in spelled}
        numbers: dict[tuple[str, ...], int] = {}
        self._renumbered = array("i", bytes(4 * len(sets)))
        for number in used:
            names = tuple(dict.fromkeys([label[name] for name in sets[number]]))
            self._renumbered[number] = numbers.setdefault(names, len(numbers))
        self._sets = list(numbers)

    def _join(self, sources: array[int], targets: array[int], numbers: array[int]) -> None:
        """Lay all edges in a row by their article, and in another by the article that they lead to, newest first.

        Both rows hold the article at the other end and the number of the contexts shared with it.
        """
        current = [*self.current, -1]  # so that -1, no target, stays what it is
        targets = array("i", map(current.__getitem__, targets))
        numbers = array("i", map(self._renumbered.__getitem__, numbers))
        self._own_targets, self._own_sets = targets, numbers
        # Counting sort: it keeps the edges to one article in the order of their sources. Those without a target, whose
        # -1 means the last place to Python, come last.
        counts = Counter(targets)
        self._in_start = array("i", accumulate((counts[node] for node in range(len(self._paths))), initial=0))
        place = self._in_start.tolist()
        self._in_sources = array("i", bytes(4 * len(targets)))
        self._in_sets = self._in_sources[:]
        in_sources, in_sets = self._in_sources, self._in_sets
        for source, target, number in zip(sources, targets, numbers, strict=True):
            slot = place[target]
            place[target] = slot + 1
            in_sources[slot] = source
            in_sets[slot] = number

    def superseded(self) -> dict[str, str]:
        """Return ``{path of an older version: path of its article}``, sorted by path."""
        paths = self._paths
        pairs = ((paths[node], paths[head]) for head, group in self.members.items() for node in group if node != head)
        return dict(sorted(pairs))

    def path(self, node: int) -> str:
        """Return the site path of a node."""
        return self._paths[node]

    def ordinal(self, node: int) -> int:
        """Return the day of a document, as ``date.toordinal()``."""
        return self._facts[node].ordinal

    def article(self, node: int) -> Article:
        """Return the article that a document's node stands for. Cost: linear in the edges at both its ends."""
        facts = self._facts
        fact = facts[node]
        members = self.members.get(node)
        listed = self._listed.get(node, ())
        topic = fact.topic or next((name for name, _ in listed if name), "")
        if members and not topic:
            topic = next((facts[other].topic for other in members if other in facts and facts[other].topic), "")
        topic = self.labels[topic]
        own = slice(self._own_start[node], self._own_stop[node])
        incoming = slice(self._in_start[node], self._in_start[node + 1])
        own_sets, in_sets = self._own_sets[own], self._in_sets[incoming]
        numbers = dict.fromkeys(chain(own_sets, [number for _, number in listed], in_sets))
        names = dict.fromkeys(chain((topic,) if topic else (), *[self._sets[number] for number in numbers]))
        return Article(
            self._paths[node],
            fact.file,
            fact.kind,
            fact.language,
            self._day(fact.ordinal),
            fact.headline,
            fact.summary,
            fact.markup,
            topic,
            tuple(names),
            tuple([self._source(pair) for pair in fact.sources]),
            fact.image,
            history(node, members, self._paths, facts) if members else (),
            self._related(
                node,
                zip(self._own_targets[own], own_sets, strict=True),
                zip(self._in_sources[incoming], in_sets, strict=True),
            ),
        )

    def _related(
        self, node: int, own: Iterable[tuple[int, int]], incoming: Iterable[tuple[int, int]]
    ) -> tuple[Related, ...]:
        """Return the other articles that ``node`` links to, then the newest of those that link to it, each once."""
        shared: dict[int, int] = {}  # other article → number of the contexts that the first line to it names
        further: dict[int, list[int]] = {}  # the same for lines that name others
        for other, number in own:
            if other == node or other < 0:
                continue
            if shared.setdefault(other, number) != number:
                further.setdefault(other, []).append(number)
        room = len(shared) + MAX_INCOMING
        for other, number in incoming:
            if other in shared:
                if shared[other] != number:
                    further.setdefault(other, []).append(number)
            elif other != node and len(shared) < room:
                shared[other] = number
        paths, facts, sets = self._paths, self._facts, self._sets
        related = []
        for other, number in shared.items():
            contexts = sets[number]
            if other in further:
                contexts = tuple(dict.fromkeys(chain(contexts, *[sets[number] for number in further[other]])))
            related.append(Related(paths[other], "" if other in facts else self._headline(node, other), contexts))
        return tuple(related)

    def _headline(self, node: int, other: int) -> str:
        """Return what an article, or else an older version of it, calls another one that has no file."""
        told = [self._facts[node].headlines]
        told += [self._facts[version].headlines for version in self.members.get(node, ()) if version in self._facts]
        return next((headlines[other] for headlines in told if other in headlines), "")

    def _source(self, pair: tuple[str, str]) -> Source:
        source = self._sources.get(pair)
        if source is None:
            source = self._sources[pair] = Source(*pair)
        return source

    def _day(self, ordinal: int) -> date:
        day = self._days.get(ordinal)
        if day is None:
            day = self._days[ordinal] = date.fromordinal(ordinal)
        return day


class _Articles(Sequence[Article]):
    """The articles of a graph, each made when it is asked for."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def __len__(self) -> int:
        return len(self._graph.documents)

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


def _one_a_folder(listings: Mapping[str, ListingPage]) -> list[ListingPage]:
    """Return the day pages, then the front pages, by file; README.md beside an index.md is the same page again."""
    chosen: dict[str, ListingPage] = {}
    for file in sorted(listings, key=lambda file: (not file.endswith("index.md"), file)):
        chosen.setdefault(folder_of(file), listings[file])
    return sorted(chosen.values(), key=lambda page: (page.kind == model.FRONT, page.file))
