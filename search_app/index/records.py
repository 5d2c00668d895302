"""What is stored of an article beside its arrays: compressed JSON, a few documents a block, each block checksummed.

In: an ``Article``. Out: the same article again, field for field. Contexts and topic are not stored twice: they are read
from the facet columns, and related articles by document number where they lie in the same segment.
"""

from __future__ import annotations

import hashlib
import json
import threading
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple

import numpy.typing as npt
import zstandard

from ..archive.model import Article, Related, Source, Version

STORED_DOCS = 4
"""Documents a block of stored rows. A page reads twenty of them, from as many blocks: in blocks of 16 that takes three
times as long, and saves 2 % of an index."""
RELATED_DOCS = 16
"""Documents a block of related links, of which an article's page reads one."""
DICTIONARY_BLOCKS = 512
"""Blocks that a dictionary is learnt from, spread over a segment; a quarter of them is the least."""
DICTIONARY_BYTES = 65536
LEVEL = 3
"""Level 9 saves 4 % of an index and costs 30 % of the time to write it."""


def path_hash(path: str) -> int:
    """Return 64 bits that stand for a site path in the sorted lookup columns; the stored path settles collisions."""
    return int.from_bytes(hashlib.blake2b(path.encode(), digest_size=8).digest(), "little")


def fingerprint(article: Article, row: str) -> int:
    """Return 64 bits that differ, for all practical purposes, whenever two linked articles differ in any field.

    row : the article's stored row as JSON, which holds all that is not said again here.
    """
    parts = [row, article.topic, str(article.date), "\x1e".join(article.contexts)]
    for link in article.related:
        parts += (link.path, link.headline, "\x1e".join(link.contexts))
    return int.from_bytes(hashlib.blake2b("\x1f".join(parts).encode(), digest_size=8).digest(), "little")


def _slug(headline: str) -> str:
    """Return the slug that the archive's own robots make of a headline, before they cut it."""
    if not headline.isascii():
        headline = unicodedata.normalize("NFKD", headline)
    return b"-".join(headline.encode("ascii", "ignore").translate(_IN_SLUG).split()).decode()


_IN_SLUG = bytes(ord(chr(code).lower()) if code < 128 and chr(code).isalnum() else ord(" ") for code in range(256))


def _cut_slug(headline: str, length: int) -> str:
    """Return the first characters of a headline's slug. Cost: that of so much of the headline as they come from."""
    begun = _slug(headline[: length + _SLUG_SLACK])
    return (begun if len(begun) >= length else _slug(headline))[:length]


_SLUG_SLACK = 24
"""Characters of a headline that rarely more than this leave nothing in its slug: the second blank, commas, quotes."""


def _pack_path(article: Article) -> str | int:
    """Return a path as the length of its slug, where day and headline say the rest; that saves a tenth of an index."""
    folder, _, slug = article.path.rpartition("/")
    if folder == _day_folder(article.date.toordinal()) and slug and _slug(article.headline)[: len(slug)] == slug:
        return len(slug)
    return article.path


def unpack_path(row: list[Any], day_ordinal: int) -> str:
    """Return the site path of a stored row."""
    if isinstance(row[0], str):
        return row[0]
    return f"{_day_folder(day_ordinal)}/{_cut_slug(row[1], row[0])}"


@lru_cache(maxsize=4096)
def _day_folder(day_ordinal: int) -> str:
    day = date.fromordinal(day_ordinal)
    return f"/news/{day.year:04}/{day.month:02}/{day.day}"


def default_file(path: str) -> str:
    """Return where the file of a site path usually lies in the archive."""
    return path[1:] + ".md"


def pack_article(article: Article) -> list[Any]:
    """Return the stored part of an article as a JSON array; empty fields at its end are left out."""
    fields: list[Any] = [
        _pack_path(article),
        article.headline,
        article.summary,
        [[source.name, source.url] for source in article.sources],
        article.image,
        article.markup,
        "" if article.file == default_file(article.path) else article.file,
        "" if article.kind == "news" else article.kind,
        "" if article.language == "en" else article.language,
        [[v.path, v.headline, v.changed, v.note, int(v.current)] for v in article.versions],
    ]
    while len(fields) > 2 and not fields[-1]:
        fields.pop()
    return fields


class Listed(NamedTuple):
    """What a list shows of an article, its topic and contexts apart. Made in a third of the time of an ``Article``."""

    path: str
    date: date
    kind: str
    language: str
    headline: str
    summary: str
    sources: tuple[Source, ...]
    image: str


def unpack_listed(fields: list[Any], day_ordinal: int) -> Listed:
    """Return what a list shows of the article that ``pack_article`` stored."""
    _, headline, summary, sources, image, _, _, kind, language, _ = fields + _EMPTY[len(fields) :]
    return Listed(
        unpack_path(fields, day_ordinal),
        date.fromordinal(day_ordinal),
        kind or "news",
        language or "en",
        headline,
        summary,
        tuple([Source(name, url) for name, url in sources]),
        image,
    )


def unpack_article(
    fields: list[Any], day_ordinal: int, topic: str, contexts: tuple[str, ...], related: tuple[Related, ...] = ()
) -> Article:
    """Return the article that ``pack_article`` stored."""
    markup, file, _, _, versions = (fields + _EMPTY[len(fields) :])[5:]
    listed = unpack_listed(fields, day_ordinal)
    return Article(
        path=listed.path,
        file=file or default_file(listed.path),
        kind=listed.kind,
        language=listed.language,
        date=listed.date,
        headline=listed.headline,
        summary=listed.summary,
        markup=markup,
        topic=topic,
        contexts=contexts,
        sources=listed.sources,
        image=listed.image,
        versions=tuple(Version(p, h, changed, note, bool(current)) for p, h, changed, note, current in versions),
        related=related,
    )


def row_texts(fields: list[Any]) -> tuple[str, str, list[str], list[str]]:
    """Return what a stored row says of headline, summary, names of sources and paths of versions."""
    _, headline, summary, sources, *_, versions = fields + _EMPTY[len(fields) :]
    return headline, summary, [name for name, _ in sources], [version[0] for version in versions]


_EMPTY: list[Any] = ["", "", "", [], "", "", "", "", "", []]


def pack_related(article: Article, doc_of: Mapping[str, int]) -> list[Any]:
    """Return an article's related links as a JSON array.

    doc_of : document number by path, for the articles of the same segment; others are stored by path. Shared contexts
    are positions among the article's own.
    """
    number = {context: n for n, context in enumerate(article.contexts)}
    packed: list[Any] = []
    for link in article.related:
        shared = [number.get(context, context) for context in link.contexts]
        target = doc_of.get(link.path, link.path)
        packed.append([target, shared, link.headline] if link.headline else [target, shared])
    return packed


def related_by_path(related: list[Any], path_of: Callable[[int], str]) -> list[Any]:
    """Return packed related links with paths in place of numbers. path_of : gives the path of a document."""
    return [[path_of(target), *rest] if isinstance(target, int) else [target, *rest] for target, *rest in related]


def unpack_related(related: list[Any], contexts: tuple[str, ...]) -> tuple[Related, ...]:
    """Return the related links that ``pack_related`` stored, named by path. contexts : the article's own."""
    return tuple(
        Related(
            path,
            headline[0] if headline else "",
            tuple(context if isinstance(context, str) else contexts[context] for context in shared),
        )
        for path, shared, *headline in related
    )


def train_dictionary(rows: Sequence[str]) -> bytes:
    """Return a dictionary for blocks of rows like these, ``b""`` where they are too few to learn from.

    Blocks are small, so that what articles have in common is said anew in each of them unless a dictionary says it
    once: stored records shrink by a quarter. The same rows give the same bytes.
    """
    samples: list[bytes | bytearray | memoryview] = [
        "\n".join(rows[n : n + STORED_DOCS]).encode() for n in range(0, len(rows), STORED_DOCS)
    ]
    if len(samples) < DICTIONARY_BLOCKS // 4:
        return b""
    try:
        return zstandard.train_dictionary(DICTIONARY_BYTES, samples).as_bytes()
    except zstandard.ZstdError:
        # Nothing in common, or the same throughout: plain blocks do as well.
        return b""


class _Local(threading.local):
    """One decompressor a thread: making one costs as much as opening a block, and two threads must not share one."""

    def __init__(self, dictionary: zstandard.ZstdCompressionDict | None) -> None:
        self.decompressor = zstandard.ZstdDecompressor(dict_data=dictionary)


class Blocks:
    """Rows of JSON in compressed blocks, held as one blob and the offsets of the blocks.

    docs : rows a block. dictionary : what ``train_dictionary`` gave when they were written.
    """

    def __init__(self, blob: memoryview, offsets: npt.NDArray[Any], docs: int, dictionary: bytes = b"") -> None:
        self.docs = docs
        self._blob = blob
        self._offsets = offsets
        self._local = _Local(zstandard.ZstdCompressionDict(dictionary) if dictionary else None)

    def opened(self, block: int) -> bytes:
        """Return the rows of one block, a line each. Raises zstandard.ZstdError where the block is damaged."""
        blob = self._blob[self._offsets.item(block) : self._offsets.item(block + 1)]
        return self._local.decompressor.decompress(blob)

    def row(self, number: int) -> list[Any]:
        """Return one row, parsed. Cost: one block opened, 4 µs for a block of 4."""
        return parse_row(self.opened(number // self.docs), number % self.docs)


def parse_row(opened: bytes, place: int) -> list[Any]:
    """Return the row at a place of an opened block. Raises ValueError or IndexError where there is none."""
    line = opened.split(b"\n", place + 1)[place].decode()
    row: list[Any]
    # Neither blanks before nor anything after: half of the time of json.loads goes into looking for them.
    row, end = _decode(line)
    if end != len(line):
        raise ValueError(f"{len(line) - end} characters follow the row")
    return row


_decode = json.JSONDecoder().raw_decode


def encode_row(row: list[Any]) -> str:
    """Return a row as JSON on one line."""
    return _encode(row)


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode


class BlockPacker:
    """Gathers rows of JSON into compressed blocks of ``docs``. The same rows and dictionary give the same bytes."""

    def __init__(self, docs: int, dictionary: bytes = b"") -> None:
        self._docs = docs
        self._compress = zstandard.ZstdCompressor(
            level=LEVEL,
            dict_data=zstandard.ZstdCompressionDict(dictionary) if dictionary else None,
            write_checksum=True,
            write_content_size=True,
            # Each block is of this dictionary and says so by lying beside it: four bytes saved in each.
            write_dict_id=False,
        ).compress
        self._parts: list[bytes] = []
        self._pending: list[str] = []

    def add(self, row: str) -> None:
        """Take one row: JSON on one line."""
        self._pending.append(row)
        if len(self._pending) == self._docs:
            self._flush()

    def _flush(self) -> None:
        self._parts.append(self._compress("\n".join(self._pending).encode()))
        self._pending.clear()

    def blocks(self) -> list[bytes]:
        """Return all blocks; the last may hold fewer rows."""
        if self._pending:
            self._flush()
        return self._parts
