"""Pages as plain tuples: the form in which they go from one process to another and into the linker.

In: a page. Out: a row of numbers, strings and bytes, and the page again on the other side. The paths of the archive's
own files are numbers in it; so are sets of contexts, which repeat, each written once a batch; a day is its ordinal;
what only the article itself needs is one piece of bytes. Packing and unpacking give back the same page. Bytes were
packed a moment ago, by this process or one that it started, and never come from a file: so ``marshal`` will do.
"""

from __future__ import annotations

import marshal
from array import array
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from .model import Edge, Listing, Page, Skipped, Source, Version


class Row(NamedTuple):
    """A page, packed; fields are as in ``Page`` where nothing else is said.

    path : number of the path, or the path where it has none.
    ordinal : ``date.toordinal()``, 0 for no date.
    texts : ``Texts``, packed.
    versions : the fields of each.
    targets : int32 of each edge, the number of its path, -1 where it has none.
    contexts : int32 of each edge, the number of its set of contexts in the batch.
    others : ``(position, path or number, headline)`` of the edges without a number or with a headline.
    listings : ``(path or number, topic, number of the set of contexts, headline, summary)`` of each.
    """

    kind: str
    path: int | str
    language: str
    ordinal: int
    topic: str
    headline: str
    texts: bytes
    versions: tuple[tuple[str, str, str, str, bool], ...]
    targets: bytes
    contexts: bytes
    others: tuple[tuple[int, int | str, str], ...]
    listings: tuple[tuple[int | str, str, int, str, str], ...]


class Texts(NamedTuple):
    """What a page says that nothing else depends on; sources are the fields of each."""

    summary: str = ""
    markup: str = ""
    sources: tuple[tuple[str, str], ...] = ()
    image: str = ""


NO_TEXTS = Texts()


def pack_texts(texts: Texts) -> bytes:
    """Return texts as bytes, a third of the memory that they take by themselves."""
    return dumps(tuple(texts)) if any(texts) else b""


def unpack_texts(packed: bytes) -> Texts:
    """Return the texts that ``pack_texts`` packed. Cost: about 1 µs."""
    return Texts._make(loads(packed)) if packed else NO_TEXTS


def dumps(plain: Any) -> bytes:
    """Return tuples, lists, strings, numbers and bytes as bytes, for ``loads``."""
    return marshal.dumps(plain)


def loads(packed: bytes) -> Any:
    """Return what ``dumps`` packed."""
    return marshal.loads(packed)  # noqa: S302 - packed a moment ago, by this process or one that it started


class Batch(NamedTuple):
    """What some files say.

    results : for each file its row as a plain tuple, or ``(reason, detail)`` where it cannot be used.
    sets : the sets of contexts that the rows name by number.
    """

    files: Sequence[str]
    results: Sequence[tuple[Any, ...]]
    sets: Sequence[tuple[str, ...]]


class Packer:
    """Packs the pages of one batch.

    numbers : site path → number, for every path that the other side can tell from its number.
    """

    def __init__(self, numbers: Mapping[str, int]) -> None:
        self._numbers = numbers
        self._sets: dict[tuple[str, ...], int] = {}

    @property
    def sets(self) -> list[tuple[str, ...]]:
        """The sets of contexts, by number."""
        return list(self._sets)

    def pack(self, page: Page | Skipped) -> tuple[Any, ...]:
        """Return a page as the plain tuple of a ``Row``, a skipped file as ``(reason, detail)``."""
        if isinstance(page, Skipped):
            return (page.reason, page.detail)
        numbers, sets = self._numbers, self._sets
        targets = contexts = b""
        others: list[tuple[int, int | str, str]] = []
        if page.edges:
            numbered = [numbers.get(edge[0], -1) for edge in page.edges]
            targets = array("i", numbered).tobytes()
            contexts = array("i", [sets.setdefault(edge[1], len(sets)) for edge in page.edges]).tobytes()
            if -1 in numbered or any(edge[2] for edge in page.edges):
                for at, (path, _, headline) in enumerate(page.edges):
                    if numbered[at] < 0 or headline:
                        others.append((at, path if numbered[at] < 0 else numbered[at], headline))
        return (
            page.kind,
            numbers.get(page.path, page.path),
            page.language,
            page.date.toordinal() if page.date else 0,
            page.topic,
            page.headline,
            pack_texts(
                Texts(
                    page.summary,
                    page.markup,
                    tuple([(source.name, source.url) for source in page.sources]),
                    page.image,
                )
            ),
            tuple([(item.path, item.headline, item.changed, item.note, item.current) for item in page.versions]),
            targets,
            contexts,
            tuple(others),
            tuple(
                [
                    (numbers.get(path, path), topic, sets.setdefault(names, len(sets)), headline, summary)
                    for path, topic, names, headline, summary in page.listings
                ]
            ),
        )


def pack_pages(pages: Sequence[Page]) -> Batch:
    """Return pages as a batch in which every path stands in full."""
    packer = Packer({})
    results = [packer.pack(page) for page in pages]
    return Batch([page.file for page in pages], results, packer.sets)


def unpack(file: str, result: tuple[Any, ...], paths: Sequence[str], sets: Sequence[tuple[str, ...]]) -> Page | Skipped:
    """Return the page of ``file``, or why there is none.

    paths : site path of each number; ``sets`` are those of the row's batch.
    """
    if len(result) == 2:
        return Skipped(file, *result)
    row = Row(*result)
    summary, markup, sources, image = unpack_texts(row.texts)
    targets, contexts = array("i", row.targets), array("i", row.contexts)
    edges = [
        Edge(paths[target] if target >= 0 else "", sets[number])
        for target, number in zip(targets, contexts, strict=True)
    ]
    for at, path, headline in row.others:
        edges[at] = Edge(_path(path, paths), edges[at].contexts, headline)
    return Page(
        kind=row.kind,
        path=_path(row.path, paths),
        file=file,
        language=row.language,
        date=date.fromordinal(row.ordinal) if row.ordinal else None,
        topic=row.topic,
        headline=row.headline,
        summary=summary,
        markup=markup,
        sources=tuple(Source(*fields) for fields in sources),
        image=image,
        versions=tuple(Version(*fields) for fields in row.versions),
        edges=tuple(edges),
        listings=tuple(
            Listing(_path(path, paths), topic, sets[number], headline, summary)
            for path, topic, number, headline, summary in row.listings
        ),
    )


def _path(path: int | str, paths: Sequence[str]) -> str:
    return paths[path] if isinstance(path, int) else path
