"""Going back: the generation before the newest serves again, under a number of its own.

In: an index folder. Out: a new manifest that names the files of an older generation. Numbers only ever rise, so that
servers and caches notice a rollback as they notice a build; the generation left behind is not fallen back to.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import IndexDamagedError, IndexMissingError, IndexVersionError, RollbackError
from .files import FileSystem
from .generation import damage, left_behind, prune, unneeded
from .lock import build_lock
from .manifest import Manifest, SegmentEntry, list_generations, read_manifest, sizes_of, write_manifest
from .sightings import SIGHTINGS


@dataclass(frozen=True, slots=True)
class RollbackReport:
    """What a rollback did. left : the generation that served. back_to : whose content serves now, as ``generation``."""

    left: int
    back_to: int
    generation: int
    articles: int
    built_at: str


def roll_back(index_dir: Path, *, files: FileSystem | None = None, wait_seconds: float = 0.0) -> RollbackReport:
    """Publish the content of the generation before the newest again, and forget the newest.

    Every byte of it is read first. Raises IndexMissingError where there is no index, RollbackError where nothing older
    can be returned to, BuildRunningError while a build runs.
    """
    files = files or FileSystem()
    if not list_generations(index_dir):
        raise IndexMissingError(index_dir)
    with build_lock(index_dir, wait_seconds) as lock:
        generations = list_generations(index_dir)
        newest = generations[0]
        now = _read(index_dir, newest)
        gone = left_behind(now) if now else range(0)
        for generation in generations[1:]:
            manifest = _read(index_dir, generation)
            if manifest is None or generation in gone or (now and not _can_replace(manifest, now)):
                continue
            if damage(index_dir, sizes_of(manifest)):
                continue
            number = max(newest, lock.retired) + 1
            told = {"rollback": {"from": newest, "to": generation}}
            companions = manifest.companions | _sightings(index_dir, now)
            back = replace(manifest, generation=number, companions=companions, extra=manifest.extra | told)
            write_manifest(index_dir, back, files)
            prune(index_dir, files)
            return RollbackReport(newest, generation, number, manifest.articles, manifest.built_at)
    raise RollbackError(index_dir)


def _can_replace(manifest: Manifest, now: Manifest) -> bool:
    """Return whether a generation holds anything else than the newest, and is of the same stems: servers have those."""
    other = (manifest.segments, manifest.catalogue) != (now.segments, now.catalogue)
    return other and manifest.stemmer == now.stemmer


def _sightings(index_dir: Path, left: Manifest | None) -> dict[str, SegmentEntry]:
    """Return the sightings of the generation that is left: what it saw come will come again, and is not new then."""
    entry = left.companions.get(SIGHTINGS) if left else None
    return {} if entry is None or damage(index_dir, {entry.name: entry.bytes}) else {SIGHTINGS: entry}


def prune_index(
    index_dir: Path, *, dry_run: bool = False, files: FileSystem | None = None, wait_seconds: float = 0.0
) -> list[tuple[str, int]]:
    """Remove what neither of the two generations kept names; return the names and bytes of it.

    dry_run : remove nothing. Raises IndexMissingError where there is no index, BuildRunningError while a build runs.
    """
    if not list_generations(index_dir):
        raise IndexMissingError(index_dir)
    with build_lock(index_dir, wait_seconds):
        found = [(path.name, path.stat().st_size) for path in unneeded(index_dir)]
        if not dry_run:
            prune(index_dir, files or FileSystem())
    return found


def _read(index_dir: Path, generation: int) -> Manifest | None:
    try:
        return read_manifest(index_dir, generation)
    except (IndexDamagedError, IndexVersionError):
        return None
