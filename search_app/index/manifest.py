"""The manifest: which files make up one generation, in JSON below its own checksum.

In: a ``Manifest``. Out: the newest one on disk that holds what was written. A generation exists from the moment its
manifest is renamed into place, and never changes afterwards.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..errors import IndexDamagedError, IndexVersionError
from .analysis import STEMMER
from .files import FileSystem, write_whole
from .schema import FORMAT, schema_fingerprint

SEGMENTS = "segments"
_NAME = re.compile(r"manifest-(\d{8,})\.json\Z")


@dataclass(frozen=True, slots=True)
class SegmentEntry:
    """One segment of a generation. ``deleted`` are document numbers that no longer count, ascending."""

    name: str
    bytes: int
    docs: int
    deleted: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """One generation.

    archive : folder it was built from. built_at : UTC, ISO 8601. seconds : how long the build took.
    articles : live documents. skipped : unusable files, (file, reason, detail). stemmer : what made the stems.
    catalogue : the file that remembers the archive's files for the next build, ``None`` where there is none.
    companions : files that a generation is better with and can do without, by what they hold.
    """

    generation: int
    schema: str
    segments: tuple[SegmentEntry, ...]
    articles: int
    archive: str = ""
    built_at: str = ""
    seconds: float = 0.0
    files: int = 0
    skipped: tuple[tuple[str, str, str], ...] = ()
    stemmer: str = STEMMER
    catalogue: SegmentEntry | None = None
    companions: dict[str, SegmentEntry] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)


def manifest_path(index_dir: Path, generation: int) -> Path:
    """Return where the manifest of a generation lies."""
    return index_dir / f"manifest-{generation:08d}.json"


def mark_checked(index_dir: Path, generation: int) -> None:
    """Note that a generation still says what the archive says: its manifest's time becomes now, its bytes stay."""
    os.utime(manifest_path(index_dir, generation))


def checked_at(index_dir: Path, generation: int) -> str | None:
    """Return when a generation was last known to say what the archive says, None where its manifest has gone."""
    try:
        seconds = manifest_path(index_dir, generation).stat().st_mtime
    except OSError:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def list_generations(index_dir: Path) -> list[int]:
    """Return the generations that have a manifest, newest first, whether or not it can be read."""
    try:
        names = [entry.name for entry in index_dir.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted((int(match.group(1)) for match in map(_NAME.match, names) if match), reverse=True)


def write_manifest(index_dir: Path, manifest: Manifest, files: FileSystem) -> None:
    """Publish a generation: after this returns, readers find it, and a power cut does not undo it."""
    body = json.dumps(asdict(manifest), ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    digest = hashlib.sha256(body).hexdigest().encode()
    write_whole(files, manifest_path(index_dir, manifest.generation), digest + b"\n" + body + b"\n")


def read_manifest(index_dir: Path, generation: int) -> Manifest:
    """Read one manifest.

    Raises IndexDamagedError where it does not hold what was written, IndexVersionError where another version wrote it.
    """
    path = manifest_path(index_dir, generation)
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise IndexDamagedError(path, "the file is missing") from None
    digest, _, rest = raw.partition(b"\n")
    body = rest[:-1]
    if rest[-1:] != b"\n" or hashlib.sha256(body).hexdigest().encode() != digest:
        raise IndexDamagedError(path, "the checksum does not hold")
    fields = json.loads(body)
    if fields.get("schema") != schema_fingerprint():
        raise IndexVersionError(index_dir, str(fields.get("schema", f"not {FORMAT}")), schema_fingerprint())
    fields["segments"] = tuple(_entry(entry) for entry in fields["segments"])
    fields["skipped"] = tuple(tuple(item) for item in fields["skipped"])
    fields["catalogue"] = _entry(fields["catalogue"]) if fields["catalogue"] else None
    # A generation of before there were any has none.
    fields["companions"] = {name: _entry(entry) for name, entry in fields.get("companions", {}).items()}
    return Manifest(**fields)


def _entry(fields: dict[str, Any]) -> SegmentEntry:
    return SegmentEntry(fields["name"], fields["bytes"], fields["docs"], tuple(fields["deleted"]))


def sizes_of(manifest: Manifest) -> dict[str, int]:
    """Return name, below ``segments/``, and size in bytes of the files that a generation needs."""
    entries = (
        *manifest.segments,
        *manifest.companions.values(),
        *((manifest.catalogue,) if manifest.catalogue else ()),
    )
    return {entry.name: entry.bytes for entry in entries}


def files_of(manifest: Manifest) -> set[str]:
    """Return the names, below ``segments/``, of the files that a generation needs."""
    return set(sizes_of(manifest))
