"""Indexes made by hand from articles, a segment for each group, without an archive and without a build."""

from __future__ import annotations

import json
import struct
from collections.abc import Collection, Sequence
from pathlib import Path

from search_app.archive.model import Article
from search_app.index.files import FileSystem
from search_app.index.generation import Snapshot, open_snapshot
from search_app.index.manifest import SEGMENTS, Manifest, SegmentEntry, write_manifest
from search_app.index.schema import schema_fingerprint
from search_app.index.segment import Segment
from search_app.index.writer import write_segment


def in_order(articles: Sequence[Article]) -> list[Article]:
    """Return articles in the order of a segment: newest first, then by path."""
    return sorted(articles, key=lambda article: (-article.date.toordinal(), article.path))


def make_segment(path: Path, articles: Sequence[Article]) -> Segment:
    """Write articles, in any order, to one segment file and open it."""
    ordered = in_order(articles)
    written = write_segment(path, ordered, [article.path for article in ordered], FileSystem())
    return Segment(path, written.bytes)


def publish(
    index_dir: Path, *groups: Sequence[Article], deleted: Collection[tuple[int, str]] = (), generation: int = 1
) -> Manifest:
    """Write a segment for each group of articles and publish them as one generation.

    deleted : (number of the group, path) of articles that are in a segment and no longer count.
    """
    (index_dir / SEGMENTS).mkdir(parents=True, exist_ok=True)
    entries = []
    for number, group in enumerate(groups):
        ordered = in_order(group)
        path = index_dir / SEGMENTS / f"{generation:08d}-{number + 1}.seg"
        written = write_segment(path, ordered, [article.path for article in ordered], FileSystem())
        gone = tuple(n for n, article in enumerate(ordered) if (number, article.path) in deleted)
        entries.append(SegmentEntry(written.name, written.bytes, written.docs, gone))
    live = sum(entry.docs - len(entry.deleted) for entry in entries)
    manifest = Manifest(generation, schema_fingerprint(), tuple(entries), live, built_at="2032-01-01T00:00:00+00:00")
    write_manifest(index_dir, manifest, FileSystem())
    return manifest


def make_snapshot(index_dir: Path, *groups: Sequence[Article], deleted: Collection[tuple[int, str]] = ()) -> Snapshot:
    """Publish groups of articles and open what was published."""
    publish(index_dir, *groups, deleted=deleted)
    return open_snapshot(index_dir)


def extents(path: Path) -> dict[str, tuple[int, int]]:
    """Return where each section of a file lies, first byte and number of bytes, by reading its footer and directory."""
    data = path.read_bytes()
    start, length, _, _ = struct.unpack("<QII8s", data[-24:])
    directory = json.loads(data[start : start + length])
    return {name: (offset, size) for name, (offset, size, _, _) in directory["sections"].items()}
