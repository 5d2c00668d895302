"""Building: an archive folder to a published generation, under the build lock.

In: an archive and an index folder. Out: a new generation that readers find by themselves, and a report. Whatever
stops a build, killing included, leaves the generation that served before as it was.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..archive import LinkedArchive, Skipped, read_archive
from ..errors import BuildRefusedError, IndexDamagedError, IndexMissingError, IndexVersionError, SearchAppError
from ..settings import Settings, load_settings
from .files import FileSystem
from .generation import Snapshot, newest_generation, open_snapshot, prune
from .lock import build_lock
from .manifest import SEGMENTS, Manifest, SegmentEntry, write_manifest
from .schema import schema_fingerprint
from .segment import Segment
from .writer import write_segment

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build did. ``published`` tells whether readers see a new generation.

    new, changed, gone : articles compared with the generation before. skipped : files that could not be used.
    """

    articles: int
    new: int
    changed: int
    gone: int
    skipped: tuple[Skipped, ...]
    seconds: float
    generation: int
    published: bool


def build_index(
    archive: Path,
    index_dir: Path,
    *,
    settings: Settings | None = None,
    full: bool = False,
    jobs: int = 0,
    force: bool = False,
    progress: Progress | None = None,
    files: FileSystem | None = None,
    wait_seconds: float = 0.0,
) -> BuildReport:
    """Bring the index of an archive up to date and publish it as a new generation.

    archive : folder of the archive. index_dir : folder of the index; made where it is missing.
    full : start afresh. jobs : processes that read; 0 is one a core. force : publish even what looks wrong.
    progress : called with a step's name, how much is done, how much there is.
    Raises ArchiveError, BuildRunningError, BuildRefusedError, and SearchAppError where the disk refuses; the generation
    that served before stands in every case.
    """
    began = time.monotonic()
    settings = settings or load_settings({})
    files = files or FileSystem()
    step = progress or _no_progress
    _make_index_folder(index_dir, files)
    with build_lock(index_dir, wait_seconds):
        previous = _previous(index_dir)
        jobs = jobs or settings.number("jobs")
        linked = read_archive(
            archive,
            jobs=jobs,
            max_file_bytes=settings.number("max_file_bytes"),
            progress=lambda done, total: step("reading", done, total),
        )
        try:
            return _publish(linked, archive, index_dir, previous, settings, force, jobs, step, files, began)
        except OSError as error:
            raise SearchAppError(
                f"The new index could not be written to {index_dir}: {error}. "
                "The index that served before still does. Make room or check the permissions, then run again."
            ) from error


def _publish(
    linked: LinkedArchive,
    archive: Path,
    index_dir: Path,
    previous: Snapshot | None,
    settings: Settings,
    force: bool,
    jobs: int,
    step: Progress,
    files: FileSystem,
    began: float,
) -> BuildReport:
    prune(index_dir, files)
    count = len(linked.articles)
    _refuse_loss(count, previous, settings, force)
    generation = newest_generation(index_dir) + 1
    path = index_dir / SEGMENTS / f"{generation:08d}-1.seg"
    try:
        written = write_segment(
            path,
            linked.articles,
            linked.paths,
            files,
            jobs=processes(jobs),
            progress=lambda done, total: step("indexing", done, total),
        )
        files.sync_folder(path.parent)
        step("verifying", 0, 1)
        segment = Segment(path, written.bytes)
        problems = segment.file.problems()
        if problems:
            raise IndexDamagedError(path, problems[0])
        changes = _compare(previous, segment)
        manifest = Manifest(
            generation=generation,
            schema=schema_fingerprint(),
            segments=(SegmentEntry(written.name, written.bytes, written.docs),),
            articles=count,
            archive=str(archive.resolve()),
            built_at=datetime.now(UTC).isoformat(timespec="seconds"),
            seconds=round(time.monotonic() - began, 2),
            files=len(linked.files),
            skipped=tuple((item.file, item.reason, item.detail) for item in linked.skipped),
        )
        write_manifest(index_dir, manifest, files)
    except BaseException:
        # Not published, so nobody reads it; where even this fails, the next build removes it.
        try:
            files.remove(path)
        except OSError:
            pass
        raise
    prune(index_dir, files)
    step("verifying", 1, 1)
    seconds = time.monotonic() - began
    return BuildReport(count, *changes, linked.skipped, seconds, generation, True)


def _no_progress(name: str, done: int, total: int) -> None:
    return


def processes(jobs: int) -> int:
    """Return how many processes ``jobs`` asks for: 0 is one a core."""
    return jobs or len(os.sched_getaffinity(0))


def _make_index_folder(index_dir: Path, files: FileSystem) -> None:
    try:
        files.make_folder(index_dir / SEGMENTS)
    except (FileExistsError, NotADirectoryError):
        raise SearchAppError(f"{index_dir} is not a folder. Name a folder for the index with --index.") from None
    except OSError as error:
        raise SearchAppError(
            f"The index folder {index_dir} cannot be made: {error.strerror}. Check its permissions."
        ) from error


def _previous(index_dir: Path) -> Snapshot | None:
    """Return the generation that serves now; None where there is none that this version can read."""
    try:
        return open_snapshot(index_dir)
    except (IndexMissingError, IndexDamagedError, IndexVersionError):
        return None


def _refuse_loss(count: int, previous: Snapshot | None, settings: Settings, force: bool) -> None:
    most = settings.number("max_lost_percent")
    if previous is None or force or count * 100 >= previous.articles * (100 - most):
        return
    raise BuildRefusedError(
        f"The archive now has {count} articles; the index that serves has {previous.articles}. A loss of more than "
        f"{most} % looks like a mistake, so nothing was published. If it is right, run again with --force."
    )


def _compare(previous: Snapshot | None, segment: Segment) -> tuple[int, int, int]:
    """Return how many articles are new, changed and gone, by the hashes of their paths and contents."""
    old = _contents(previous) if previous else {}
    new = _of_segment(segment)
    common = old.keys() & new.keys()
    changed = sum(old[path] != new[path] for path in common)
    return len(new) - len(common), changed, len(old) - len(common)


def _contents(snapshot: Snapshot) -> dict[int, int]:
    contents: dict[int, int] = {}
    for segment, live in zip(snapshot.segments, snapshot.live, strict=True):
        contents |= _of_segment(segment, live)
    return contents


def _of_segment(segment: Segment, live: npt.NDArray[np.bool_] | None = None) -> dict[int, int]:
    docs = segment.file.array("paths.doc")
    hashes = segment.file.array("paths.hash")
    prints = segment.fingerprints[docs]
    if live is not None:
        hashes, prints = hashes[live[docs]], prints[live[docs]]
    return dict(zip(hashes.tolist(), prints.tolist(), strict=True))
