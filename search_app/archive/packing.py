"""Pages on their way from one process to another: as few bytes and objects as will do.

In: a page. Out: a plain tuple of numbers and strings for ``marshal``, and the page again on the other side. Paths of
the archive's own files travel as numbers; so do contexts, which repeat, each set once in a chunk; a day is its ordinal.
Packing and unpacking give back the same page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from .model import Edge, Listing, Page, Skipped, Source, Version

Row = tuple[Any, ...]


class Packer:
    """Packs the pages of one chunk. ``sets`` are the sets of contexts that its rows name by number.

    numbers : site path → number, for every path that the other side can tell from its number.
    """

    def __init__(self, numbers: Mapping[str, int]) -> None:
        self._numbers = numbers
        self._sets: dict[tuple[str, ...], int] = {}

    @property
    def sets(self) -> list[tuple[str, ...]]:
        """The sets of contexts, by number."""
        return list(self._sets)

    def pack(self, page: Page | Skipped) -> Row:
        """Return a page as a row; a skipped file is a short one."""
        if isinstance(page, Skipped):
            return (page.reason, page.detail)
        numbers, sets = self._numbers, self._sets
        targets: list[int | str] = []
        contexts: list[int] = []
        headlines: list[tuple[int, str]] = []
        for at, (path, names, headline) in enumerate(page.edges):
            targets.append(numbers.get(path, path))
            contexts.append(sets.setdefault(names, len(sets)))
            if headline:
                headlines.append((at, headline))
        return (
            page.kind,
            numbers.get(page.path, page.path),
            page.language,
            page.date.toordinal() if page.date else 0,
            page.topic,
            page.headline,
            page.summary,
            page.markup,
            tuple([(source.name, source.url) for source in page.sources]),
            page.image,
            tuple([(item.path, item.headline, item.changed, item.note, item.current) for item in page.versions]),
            tuple(targets),
            tuple(contexts),
            tuple(headlines),
            tuple(
                [
                    (numbers.get(path, path), topic, sets.setdefault(names, len(sets)), headline, summary)
                    for path, topic, names, headline, summary in page.listings
                ]
            ),
            page.digest,
        )


class Unpacker:
    """Unpacks rows; equal days, sources and sets of contexts become one object each.

    paths : site path of each number.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = paths
        self._days: dict[int, date] = {}
        self._sources: dict[tuple[str, str], Source] = {}
        self._contexts: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._names: dict[str, str] = {}

    def shared(self, sets: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
        """Return a chunk's sets of contexts, each as the one object that stands for all its equals."""
        known = self._contexts
        return [known.setdefault(names, names) for names in sets]

    def unpack(self, file: str, row: Row, sets: Sequence[tuple[str, ...]]) -> Page | Skipped:
        """Return the page of ``file``; ``sets`` are what ``shared`` gave for the row's chunk."""
        if len(row) == 2:
            return Skipped(file, *row)
        (
            kind,
            path,
            language,
            ordinal,
            topic,
            headline,
            summary,
            markup,
            sources,
            image,
            versions,
            targets,
            contexts,
            headlines,
            listings,
            digest,
        ) = row
        paths = self._paths
        edges: list[Edge] = []
        for target, number in zip(targets, contexts, strict=True):
            edges.append(Edge(paths[target] if type(target) is int else target, sets[number]))
        for at, text in headlines:
            edges[at] = Edge(edges[at].path, edges[at].contexts, text)
        return Page(
            kind=kind,
            path=self._path(path),
            file=file,
            language=self._names.setdefault(language, language),
            date=self._day(ordinal) if ordinal else None,
            topic=self._names.setdefault(topic, topic),
            headline=headline,
            summary=summary,
            markup=markup,
            sources=tuple([self._source(pair) for pair in sources]),
            image=image,
            versions=tuple([Version(*fields) for fields in versions]),
            edges=tuple(edges),
            listings=tuple(
                [
                    Listing(self._path(path), self._names.setdefault(topic, topic), sets[number], headline, summary)
                    for path, topic, number, headline, summary in listings
                ]
            ),
            digest=digest,
        )

    def _path(self, path: int | str) -> str:
        return self._paths[path] if isinstance(path, int) else path

    def _day(self, ordinal: int) -> date:
        day = self._days.get(ordinal)
        if day is None:
            day = self._days[ordinal] = date.fromordinal(ordinal)
        return day

    def _source(self, pair: tuple[str, str]) -> Source:
        source = self._sources.get(pair)
        if source is None:
            source = self._sources[pair] = Source(self._names.setdefault(pair[0], pair[0]), pair[1])
        return source
