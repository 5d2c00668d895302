"""What the files say about each other: facts and edges joined to linked articles.

In: what each file says, as numbers. Out: articles, each made from the few edges that touch it when it is asked for.
Contexts are joined from both ends of every edge and from day pages, versions of one event are folded into the one in
force, spellings of one context into the most frequent.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import accumulate, chain, repeat
from typing import NamedTuple, overload

from . import model
from .history import current_versions, history
from .model import Article, Related, Skipped, Source, Version
from .packing import unpack_texts
from .paths import folder_of

MAX_INCOMING = 10
"""Links from other articles that ``related`` keeps beyond the article's own: the newest ones."""

Versions = tuple["array[int]", dict[int, list[int]]]
"""Which version leads to which, as ``current_versions`` tells it."""


class Facts(NamedTuple):
    """What a file says of its article alone, and its edges as numbers.

    node : of the article's path. texts : ``Texts``, packed.
    edges : first the target node of each edge, -1 for none, then the number of each edge's set of contexts.
    headlines : target node → headline, for the targets that the file gives one of.
    """

    node: int
    file: str
    kind: str
    language: str
    ordinal: int
    headline: str
    texts: bytes
    topic: str
    versions: tuple[Version, ...]
    edges: array[int]
    headlines: Mapping[int, str]


class ListingPage(NamedTuple):
    """A day page or front page: its day, and node, topic and number of contexts of each article that it lists."""

    kind: str
    file: str
    ordinal: int
    listed: tuple[tuple[int, str, int], ...]


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
        facts: Iterable[Facts],
        listings: Mapping[str, ListingPage],
        *,
        versions: Versions | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> None:
        """Join what pages say.

        paths : site path of each node, ``nodes`` its inverse. sets : sets of contexts by number. listings : by file.
        versions, labels : for a part of an archive, what only the whole of it tells.
        """
        self._paths = paths
        self.skipped: list[Skipped] = []
        self._facts = self._by_node(facts)
        in_force = pages_in_force(listings)
        pages = (listings[file] for file in in_force)
        self._listing_pages = sorted(pages, key=lambda page: (page.kind == model.FRONT, page.file))
        self.current, self.members = versions or current_versions(paths, nodes, self._facts)
        self.documents = sorted((node for node in self._facts if self.current[node] == node), key=paths.__getitem__)
        self.documents.sort(key=lambda node: self._facts[node].ordinal, reverse=True)
        sources, targets, numbers = self._own_edges()
        used = Counter(numbers)
        for page in self._listing_pages:
            used.update(number for _, _, number in page.listed)
        self.labels = self._spellings(sets, used) if labels is None else labels
        self._number(sets, used)
        self._join(sources, targets, numbers)
        self._list()
        self._days: dict[int, date] = {}

    def _by_node(self, facts: Iterable[Facts]) -> dict[int, Facts]:
        """Return the facts of each node; of two files with one address the one that lies where it says counts."""
        chosen: dict[int, Facts] = {}
        spare: list[Facts] = []
        for fact in facts:
            rival = chosen.setdefault(fact.node, fact)
            if rival is not fact:
                path = self._paths[fact.node]
                chosen[fact.node] = min(fact, rival, key=lambda item: placement(item.file, path))
                spare.append(rival if chosen[fact.node] is fact else fact)
        told = (duplicate(fact.file, fact.kind, chosen[fact.node].file) for fact in spare)
        self.skipped += sorted(filter(None, told), key=lambda item: item.file)
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

    def _spellings(self, sets: Sequence[tuple[str, ...]], used: Mapping[int, int]) -> dict[str, str]:
        """Return the spelling in force of every name. used : how many edges and listings name each set."""
        spelled = Counter(fact.topic for fact in self._facts.values())
        for page in self._listing_pages:
            spelled.update(topic for _, topic, _ in page.listed)
        for number, times in used.items():
            for name in sets[number]:
                spelled[name] += times
        return choose_spellings(spelled)

    def _number(self, sets: Sequence[tuple[str, ...]], used: Iterable[int]) -> None:
        """Number the sets of contexts that are used anew, in the spelling in force."""
        label = self.labels
        numbers: dict[tuple[str, ...], int] = {}
        self._renumbered = array("i", bytes(4 * len(sets)))
        for number in used:
            names = tuple(dict.fromkeys([label[name] for name in sets[number]]))
            if names == sets[number]:
                names = sets[number]  # one object for most of them, not two
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

    def _list(self) -> None:
        """Lay all lines of listings in a row: for each article its first line, for each line the article's next."""
        self._lines = [line for page in self._listing_pages for line in page.listed]
        self._first_line = array("i", repeat(-1, len(self._paths)))
        self._next_line = array("i", repeat(-1, len(self._lines)))
        for at in range(len(self._lines) - 1, -1, -1):
            node = self.current[self._lines[at][0]]
            self._next_line[at] = self._first_line[node]
            self._first_line[node] = at

    def _listed(self, node: int) -> list[tuple[str, int]]:
        """Return topic and number of contexts of each line that lists an article."""
        listed = []
        at = self._first_line[node]
        while at >= 0:
            _, topic, number = self._lines[at]
            listed.append((topic, self._renumbered[number]))
            at = self._next_line[at]
        return listed

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
        texts = unpack_texts(fact.texts)
        members = self.members.get(node)
        listed = self._listed(node)
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
            texts.summary,
            texts.markup,
            topic,
            tuple(names),
            tuple([Source(*fields) for fields in texts.sources]),
            texts.image,
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

    def _day(self, ordinal: int) -> date:
        day = self._days.get(ordinal)
        if day is None:
            day = self._days[ordinal] = date.fromordinal(ordinal)
        return day


class Articles(Sequence[Article]):
    """The articles of some nodes, in their order, each made when it is asked for."""

    def __init__(self, nodes: Sequence[int], make: Callable[[int], Article]) -> None:
        self.nodes = nodes
        self._make = make

    def __len__(self) -> int:
        return len(self.nodes)

    def __iter__(self) -> Iterator[Article]:
        return map(self._make, self.nodes)

    @overload
    def __getitem__(self, index: int) -> Article: ...

    @overload
    def __getitem__(self, index: slice) -> list[Article]: ...

    def __getitem__(self, index: int | slice) -> Article | list[Article]:
        if isinstance(index, slice):
            return [self._make(node) for node in self.nodes[index]]
        return self._make(self.nodes[index])


def choose_spellings(spelled: Mapping[str, int]) -> dict[str, str]:
    """Return the spelling in force of each name: of those that differ in case alone the most frequent.

    spelled : how often each name stands. Of equally frequent ones the first by name.
    """
    best: dict[str, tuple[int, str]] = {}
    for name, times in spelled.items():
        key = name.casefold()
        rival = best.get(key)
        if rival is None or (-times, name) < rival:
            best[key] = (-times, name)
    return {name: best[name.casefold()][1] for name in spelled}


def placement(file: str, path: str) -> tuple[bool, bool, str]:
    """Return a sort key: of several files with one address the first counts, the one that lies where that says."""
    return (file not in (f"{path[1:]}.md", f"{path[1:]}/index.md"), not file.endswith("index.md"), file)


def duplicate(file: str, kind: str, winner: str) -> Skipped | None:
    """Return what a report says of a file whose address is another one's; None for an editorial's second page."""
    told = kind == model.NEWS or folder_of(winner) != folder_of(file)
    return Skipped(file, model.DUPLICATE, winner) if told else None


def pages_in_force(files: Iterable[str]) -> list[str]:
    """Return which of some day pages and front pages count; README.md beside an index.md is the same page again."""
    chosen: dict[str, str] = {}
    ordered = sorted(files)
    for is_index in (True, False):
        for file in ordered:
            if file.endswith("index.md") is is_index:
                chosen.setdefault(folder_of(file), file)
    return list(chosen.values())
