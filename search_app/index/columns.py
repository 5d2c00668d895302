"""What the files of an archive say, as columns of numbers: what an update compares and follows without making objects.

In: a linker, or the catalogue of the generation before. Out: arrays by row (a file of an article), by node (a site
path), by page (a day page or front page) and by edge. Rows are only ever added; which of them count is for a mask to
say, so that what was and what is share their numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ..archive.graph import Facts
from ..archive.linker import Linker
from .sections import Array, expand

Numbers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def starts_of(counts: Array) -> Numbers:
    """Return where each of some stretches begins, and where the last one ends."""
    return np.concatenate(([0], np.cumsum(counts, dtype=np.int64)))


@dataclass(slots=True)
class Ragged:
    """Lists of numbers, one after another. ``columns`` have a number each for every place of ``starts``."""

    starts: Numbers
    columns: tuple[Array, ...]

    @classmethod
    def of(cls, counts: Array, *columns: Array) -> Ragged:
        """Make lists from how many places each has. Numbers of a million links are held in 32 bits."""
        return cls(starts_of(counts), tuple(np.asarray(column, np.int32) for column in columns))

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def counts(self) -> Numbers:
        """How many places each list has."""
        return np.diff(self.starts)

    def owners(self) -> Numbers:
        """Return the list that each place belongs to."""
        return np.repeat(np.arange(len(self)), self.counts)

    def places(self, lists: Array) -> Numbers:
        """Return the places of some lists, one list after another."""
        return expand(self.starts[lists], self.counts[lists])

    def kept(self, lists: Array) -> Ragged:
        """Return some of the lists."""
        places = self.places(lists)
        return Ragged(starts_of(self.counts[lists]), tuple(column[places] for column in self.columns))

    def joined(self, other: Ragged) -> Ragged:
        """Return these lists and then those of another."""
        columns = zip(self.columns, other.columns, strict=True)
        starts = np.concatenate((self.starts, other.starts[1:] + self.starts[-1]))
        return Ragged(starts, tuple(np.concatenate(pair) for pair in columns))


@dataclass(slots=True)
class Rows:
    """The files of articles.

    node, day : of each; a day is its ordinal. topic, kind, language : numbers of names.
    edges : target node (-1 for none) and set of contexts, in the order of the file.
    versions : nodes of the versions that the file names. headlines : nodes without a file to which it gives a headline,
    ``headline_texts`` says which.
    facts : what the file says, for rows that were read just now. told : for others, what no segment stores (see
    ``catalogue``), whether with texts is for ``full`` to say.
    """

    node: Numbers
    day: Numbers
    topic: Numbers
    kind: Numbers
    language: Numbers
    edges: Ragged
    versions: Ragged
    headlines: Ragged
    headline_texts: list[str]
    full: Mask
    facts: dict[int, Facts] = field(default_factory=dict)
    told: dict[int, bytes] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.node)

    def joined(self, other: Rows) -> Rows:
        """Return these rows and then those of another, whose numbers mean the same."""
        plain = ("node", "day", "topic", "kind", "language", "full")
        base = len(self)
        return Rows(
            **{name: np.concatenate((getattr(self, name), getattr(other, name))) for name in plain},
            edges=self.edges.joined(other.edges),
            versions=self.versions.joined(other.versions),
            headlines=self.headlines.joined(other.headlines),
            headline_texts=self.headline_texts + other.headline_texts,
            facts=self.facts | {base + row: facts for row, facts in other.facts.items()},
            told=self.told | {base + row: told for row, told in other.told.items()},
        )

    def kept(self, rows: Numbers) -> Rows:
        """Return some rows."""
        plain = ("node", "day", "topic", "kind", "language", "full")
        texts = self.headlines.places(rows).tolist()
        place = np.full(len(self), -1)
        place[rows] = np.arange(len(rows))
        return Rows(
            **{name: getattr(self, name)[rows] for name in plain},
            edges=self.edges.kept(rows),
            versions=self.versions.kept(rows),
            headlines=self.headlines.kept(rows),
            headline_texts=[self.headline_texts[at] for at in texts],
            facts={int(place[row]): facts for row, facts in self.facts.items() if place[row] >= 0},
            told={int(place[row]): told for row, told in self.told.items() if place[row] >= 0},
        )


@dataclass(slots=True)
class Pages:
    """The day pages and front pages. listed : node, topic and set of contexts of each article that one lists."""

    kinds: list[str]
    files: list[str]
    days: list[int]
    listed: Ragged

    def __len__(self) -> int:
        return len(self.files)

    def joined(self, other: Pages) -> Pages:
        """Return these pages and then those of another, whose numbers mean the same."""
        return Pages(
            self.kinds + other.kinds,
            self.files + other.files,
            self.days + other.days,
            self.listed.joined(other.listed),
        )

    def kept(self, pages: Numbers) -> Pages:
        """Return some pages."""
        chosen = pages.tolist()
        return Pages(
            [self.kinds[page] for page in chosen],
            [self.files[page] for page in chosen],
            [self.days[page] for page in chosen],
            self.listed.kept(pages),
        )


@dataclass(slots=True)
class Names:
    """Topics, contexts, kinds and languages by number, and the sets of contexts as lists of such numbers."""

    texts: list[str]
    sets: Ragged

    def set_texts(self, numbers: Array) -> list[tuple[str, ...]]:
        """Return the names of some sets."""
        found = self.sets.kept(numbers)
        names = [self.texts[number] for number in found.columns[0].tolist()]
        starts = found.starts.tolist()
        return [tuple(names[a:b]) for a, b in zip(starts, starts[1:], strict=False)]

    def take(self, other: Names) -> tuple[Numbers, Numbers]:
        """Add what another table holds, each name and set once, and return the number of each of its names and sets."""
        number_of = {text: number for number, text in enumerate(self.texts)}
        names = np.array([number_of.setdefault(text, len(number_of)) for text in other.texts], np.int64)
        self.texts = list(number_of)
        theirs = Ragged(other.sets.starts, (names[other.sets.columns[0]],))
        numbers = np.arange(len(theirs)) + len(self.sets)
        same = _find_lists(self.sets, theirs)
        numbers = np.where(same >= 0, same, numbers)
        self.sets = self.sets.joined(theirs)
        return names, numbers


def _find_lists(among: Ragged, wanted: Ragged) -> Numbers:
    """Return where each list stands in another table, -1 where it was not found there."""
    if not len(among):
        return np.full(len(wanted), -1)
    held, hashes = _hashes(among), _hashes(wanted)
    order = np.argsort(held, kind="stable")
    at = np.minimum(np.searchsorted(held[order], hashes), len(order) - 1)
    found = order[at]
    alike = (held[found] == hashes) & (among.counts[found] == wanted.counts)
    # Hashes may be equal by chance: only what is equal number for number is the same list.
    chosen = np.flatnonzero(alike)
    differ = among.kept(found[chosen]).columns[0] != wanted.kept(chosen).columns[0]
    alike[np.repeat(chosen, wanted.counts[chosen])[differ]] = False
    return np.where(alike, found, -1)


def _hashes(lists: Ragged) -> npt.NDArray[np.uint64]:
    """Return a number for each list that hardly any other list has."""
    cells = lists.columns[0].astype(np.uint64)
    places = (np.arange(len(cells)) - np.repeat(lists.starts[:-1], lists.counts)).astype(np.uint64)
    mixed = (cells + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(29))) * (places * np.uint64(2) + np.uint64(0xBF58476D1CE4E5B9))
    sums = np.concatenate((np.zeros(1, np.uint64), np.cumsum(mixed, dtype=np.uint64)))
    return sums[lists.starts[1:]] - sums[lists.starts[:-1]]


@dataclass(slots=True)
class Columns:
    """What the files of an archive say. nodes : how many there are."""

    rows: Rows
    pages: Pages
    names: Names
    nodes: int

    def joined(self, fresh: Columns, node_of: Numbers, nodes: int) -> Columns:
        """Return these columns with those of files read just now behind them.

        node_of : the number here of each node of ``fresh``. nodes : how many there are then.
        """
        names = Names(self.names.texts, self.names.sets)
        name_of, set_of = names.take(fresh.names)
        led = np.append(node_of, -1)  # so that -1, no node, stays what it is
        rows, pages = fresh.rows, fresh.pages
        targets, sets = rows.edges.columns
        listed, topics, contexts = pages.listed.columns
        moved = Rows(
            led[rows.node],
            rows.day,
            name_of[rows.topic],
            name_of[rows.kind],
            name_of[rows.language],
            Ragged(rows.edges.starts, (led[targets], set_of[sets])),
            Ragged(rows.versions.starts, (led[rows.versions.columns[0]],)),
            Ragged(rows.headlines.starts, (led[rows.headlines.columns[0]],)),
            rows.headline_texts,
            rows.full,
            rows.facts,
            rows.told,
        )
        listings = Ragged(pages.listed.starts, (led[listed], name_of[topics], set_of[contexts]))
        moved_pages = Pages(pages.kinds, pages.files, pages.days, listings)
        return Columns(self.rows.joined(moved), self.pages.joined(moved_pages), names, nodes)

    def compact(self, rows: Numbers, pages: Numbers, also: Array) -> tuple[Columns, Numbers]:
        """Return some rows and pages, and the nodes that are left: those that they name, and some more.

        What nothing names any more is left out and the rest numbered anew; nodes keep their order.
        """
        kept, listings = self.rows.kept(rows), self.pages.kept(pages)
        targets, sets = kept.edges.columns
        listed, topics, contexts = listings.listed.columns
        named = (kept.node, targets[targets >= 0], kept.versions.columns[0], kept.headlines.columns[0], listed, also)
        node_of, nodes = _renumber(named, self.nodes)
        set_of, left = _renumber((sets, contexts), len(self.names.sets))
        held = self.names.sets.kept(left)
        name_of, texts = _renumber(
            (kept.topic, kept.kind, kept.language, topics, held.columns[0]), len(self.names.texts)
        )
        kept.node, kept.topic = node_of[kept.node], name_of[kept.topic]
        kept.kind, kept.language = name_of[kept.kind], name_of[kept.language]
        kept.edges.columns = (node_of[targets], set_of[sets])
        kept.versions.columns = (node_of[kept.versions.columns[0]],)
        kept.headlines.columns = (node_of[kept.headlines.columns[0]],)
        listings.listed.columns = (node_of[listed], name_of[topics], set_of[contexts])
        held.columns = (name_of[held.columns[0]],)
        names = Names([self.names.texts[number] for number in texts.tolist()], held)
        return Columns(kept, listings, names, len(nodes)), nodes


def _renumber(used: Sequence[Array], size: int) -> tuple[Array, Numbers]:
    """Return the new number of each old one (-1 for those not used, and for -1), and the old ones that are."""
    mask = np.zeros(size, bool)
    for numbers in used:
        mask[numbers] = True
    kept = np.flatnonzero(mask)
    numbers = np.full(size + 1, -1, np.int32)
    numbers[kept] = np.arange(len(kept))
    return numbers, kept


def columns_of(linker: Linker) -> Columns:
    """Return what a linker holds, rows and pages sorted by file."""
    facts = sorted(linker.facts.values(), key=lambda fact: fact.file)
    listings = sorted(linker.listings.values(), key=lambda page: page.file)
    number_of: dict[str, int] = {}
    cells = _numbers(number_of.setdefault(name, len(number_of)) for names in linker.sets for name in names)
    sets = Ragged.of(_numbers(map(len, linker.sets)), cells)
    halves = [len(fact.edges) // 2 for fact in facts]
    edges = np.concatenate([np.zeros(0, np.int32), *(np.array(fact.edges, np.int32) for fact in facts)])
    counts = np.array(halves, np.int64)
    # A file's targets come before its sets: of every stretch of both, the first half and the second.
    begins = starts_of(2 * counts)[:-1]
    rows = Rows(
        _numbers(fact.node for fact in facts),
        _numbers(fact.ordinal for fact in facts),
        _numbers(number_of.setdefault(fact.topic, len(number_of)) for fact in facts),
        _numbers(number_of.setdefault(fact.kind, len(number_of)) for fact in facts),
        _numbers(number_of.setdefault(fact.language, len(number_of)) for fact in facts),
        Ragged.of(counts, edges[expand(begins, counts)], edges[expand(begins + counts, counts)]),
        Ragged.of(
            _numbers(len(fact.versions) for fact in facts),
            _numbers(linker.nodes[version.path] for fact in facts for version in fact.versions),
        ),
        Ragged.of(
            _numbers(len(fact.headlines) for fact in facts), _numbers(node for fact in facts for node in fact.headlines)
        ),
        [text for fact in facts for text in fact.headlines.values()],
        np.zeros(len(facts), bool),
        dict(enumerate(facts)),
    )
    listed = [item for page in listings for item in page.listed]
    pages = Pages(
        [page.kind for page in listings],
        [page.file for page in listings],
        [page.ordinal for page in listings],
        Ragged.of(
            _numbers(len(page.listed) for page in listings),
            _numbers(node for node, _, _ in listed),
            _numbers(number_of.setdefault(topic, len(number_of)) for _, topic, _ in listed),
            _numbers(number for _, _, number in listed),
        ),
    )
    return Columns(rows, pages, Names(list(number_of), sets), len(linker.paths))


def _numbers(items: Iterable[Any]) -> Numbers:
    return np.fromiter(items, np.int64)
