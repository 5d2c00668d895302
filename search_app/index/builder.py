"""Building: an archive folder to a published generation, under the build lock.

In: an archive and an index folder. Out: a new generation that readers find by themselves, and a report. Whatever
stops a build, killing included, leaves the generation that served before as it was.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from ..archive import FileStat, Reading, Skipped, Walk, no_collector, read_all, read_some, walk_archive
from ..archive.model import UNREADABLE
from ..archive.walk import without_article
from ..errors import IndexDamagedError, IndexMissingError, IndexVersionError, SearchAppError
from ..settings import Settings, load_settings
from .catalogue import read_catalogue, read_walk, write_catalogue
from .changes import read_news
from .files import FileSystem, make_folders
from .generation import Snapshot, damage, live_docs, newest_generation, open_snapshot, prune
from .lock import BuildLock, build_lock
from .manifest import SEGMENTS, Manifest, SegmentEntry, manifest_path, mark_checked, sizes_of, write_manifest
from .marks import Files, Look, Marks, digests_of, walk_digest
from .memory import Memory
from .plan import Plan, plan_update, plan_whole
from .publishing import refuse_damage, refuse_loss, refuse_wrong_answers
from .relink import Changes, Chosen, Whole
from .schema import schema_fingerprint
from .segment import Segment
from .sightings import SIGHTINGS, Contents, last_sightings, see_again, write_sightings
from .suggesting import difference, documents, update_suggestions
from .suggestions import SUGGESTIONS, Part, Suggestions, write_suggestions
from .writer import write_segment

Progress = Callable[[str, int, int], None]
SETTLED_NS = 2_000_000_000
"""A file changed more recently than this is looked at again by the next build, whatever its stat says then."""

MADE_BY_DIFFERENCE = 0.25
"""Completions are made from those before where no more than this share of the articles differs."""


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
    files = files or FileSystem()
    _make_index_folder(index_dir, files)
    with build_lock(index_dir, wait_seconds) as lock, no_collector():
        settings = settings or load_settings({})
        build = _Build(archive, index_dir, settings, jobs, force, progress or _no_progress, files, lock)
        try:
            return build.run(full)
        except OSError as error:
            if error.errno == errno.ENOMEM:
                raise MemoryError(str(error)) from error
            raise SearchAppError(
                f"The new index could not be written to {index_dir}: {error}. "
                "The index that served before still does. Make room or check the permissions, then run again."
            ) from error


class _Build:
    """One build under the lock: read, link, decide what to write, write, verify, publish."""

    def __init__(
        self,
        archive: Path,
        index_dir: Path,
        settings: Settings,
        jobs: int,
        force: bool,
        step: Progress,
        files: FileSystem,
        lock: BuildLock,
    ) -> None:
        self._began = time.monotonic()
        self._started_ns = time.time_ns()
        self._archive = archive
        self._index_dir = index_dir
        self._settings = settings
        self._jobs = processes(jobs or settings.number("jobs"))
        self._force = force
        self._step = step
        self._files = files
        self._lock = lock
        self._previous = _previous(index_dir)
        self._articles_before = self._previous.articles if self._previous else 0
        self._mends = False
        self._max_file_bytes = settings.number("max_file_bytes")

    def run(self, full: bool) -> BuildReport:
        """Build and publish; publish nothing where nothing changed."""
        walk = walk_archive(self._archive, self._max_file_bytes, self._jobs)
        digests = digests_of(walk.folders)
        digest = walk_digest(walk, digests)
        previous = self._previous
        if previous is not None:
            damaged = damage(self._index_dir, sizes_of(previous.manifest))
            self._mends = bool(damaged or previous.degraded)
            if damaged and damage(self._index_dir, {entry.name: entry.bytes for entry in previous.manifest.segments}):
                # The archive is the truth: what cannot be read back is made anew from there.
                previous = self._previous = None
        reusable = (
            not full
            and previous is not None
            and previous.manifest.archive == str(self._archive.resolve())
            and not previous.stemmed_otherwise
        )
        if reusable and previous is not None and not self._mends and self._walk_before() == digest:
            manifest = previous.manifest
            skipped = tuple(Skipped(*item) for item in manifest.skipped)
            mark_checked(self._index_dir, manifest.generation)
            self._tidy()  # The build before may have been stopped after it had published.
            return BuildReport(manifest.articles, 0, 0, 0, skipped, self._seconds(), manifest.generation, False)
        plan = self._plan(walk, digests, self._memory() if reusable else None)
        # A file written while this build looks at it may change again within one tick of the disk's clock.
        recent = any(max(folder.times) >= self._started_ns - SETTLED_NS for folder in walk.folders)
        unread = any(item.reason == UNREADABLE for item in plan.skipped)
        return self._publish(walk, "" if unread or recent else digest, plan)

    def _tidy(self) -> None:
        """Remove what no generation needs; where that fails, the next build does it."""
        try:
            prune(self._index_dir, self._files, thorough=self._mends)
        except OSError:
            pass

    def _seconds(self) -> float:
        return time.monotonic() - self._began

    # -- what the last build remembers ----------------------------------------------------------------------------

    def _walk_before(self) -> str:
        manifest = self._previous.manifest if self._previous else None
        if manifest is None or manifest.catalogue is None:
            return ""
        try:
            return read_walk(self._index_dir / SEGMENTS / manifest.catalogue.name, manifest.catalogue)
        except IndexDamagedError:
            return ""

    def _memory(self) -> Memory | None:
        """Return what the generation that serves remembers; None where there is nothing that can be used."""
        previous = self._previous
        if previous is None or previous.manifest.catalogue is None:
            return None
        entry = previous.manifest.catalogue
        try:
            return read_catalogue(self._index_dir / SEGMENTS / entry.name, entry, previous)
        except IndexDamagedError:
            # The archive is the truth: what cannot be remembered is read again.
            return None

    # -- the two ways to build ------------------------------------------------------------------------------------

    def _plan(self, walk: Walk, digests: Marks, memory: Memory | None) -> Plan:
        """Read what has to be read and say what to make of it. digests : of the walk's folders."""

        def look(before: Files) -> Look:
            return Look(walk, digests, before, self._started_ns - SETTLED_NS)

        options = {"jobs": self._jobs, "max_file_bytes": self._max_file_bytes}
        if memory is None or self._previous is None:
            reading = read_all(self._archive, walk, **options, progress=self._reading)
            return plan_whole(reading, lambda: look(Files.none()), self._refuse)

        def read(files: Sequence[FileStat], known: Container[str]) -> Reading:
            return read_some(self._archive, files, known=known, **options, progress=self._reading)

        return plan_update(memory, read_news(memory, walk, look(memory.files), read), self._previous, self._refuse)

    def _refuse(self, articles: int, skipped: Sequence[Skipped]) -> None:
        """Raise where what was read looks like a mistake: no article at all, or far fewer than before."""
        if not articles:
            raise without_article(self._archive, sorted(skipped, key=lambda item: item.file))
        refuse_loss(articles, self._articles_before, self._settings, self._force)

    # -- publishing -----------------------------------------------------------------------------------------------

    def _publish(self, walk: Walk, digest: str, plan: Plan) -> BuildReport:
        """Write what is new beside what is kept, verify it, and publish the two as a new generation.

        digest : of the walk, ``""`` where the next build has to look at the files in any case.
        """
        seen = last_sightings(self._index_dir)
        prune(self._index_dir, self._files)
        generation = max(newest_generation(self._index_dir), self._lock.retired) + 1
        folder = self._index_dir / SEGMENTS
        made: list[Path] = []
        try:
            entries = [self._kept_entry(name, deleted) for name, deleted in plan.kept.items()]
            segment = None
            if plan.chosen or not entries:
                made.append(folder / f"{generation:08d}-1.seg")
                segment = self._write_segment(made[-1], plan.chosen)
                entries.insert(0, SegmentEntry(segment.name, segment.file.size, segment.docs))
            made.append(folder / f"{generation:08d}-1.cat")
            written = write_catalogue(made[-1], *plan.outcome(entries, digest), self._files)
            built_at = _now()
            parts = self._parts(entries, segment)
            was, now = self._contents_before(), Contents.of(parts)
            counts = _count(plan.changes) if plan.changes is not None else _compare(was, now)
            sighted = see_again(seen, was, now, int(built_at.timestamp()))
            made += [folder / f"{generation:08d}-1.{ending}" for ending in ("seen", "sug")]
            companions = {
                SIGHTINGS: write_sightings(made[-2], sighted, self._files),
                SUGGESTIONS: self._write_suggestions(made[-1], parts),
            }
            self._files.sync_folder(folder)
            manifest = Manifest(
                generation=generation,
                schema=schema_fingerprint(),
                segments=tuple(entries),
                articles=plan.articles,
                archive=str(self._archive.resolve()),
                built_at=built_at.isoformat(timespec="seconds"),
                seconds=round(self._seconds(), 2),
                files=len(walk),
                skipped=tuple((item.file, item.reason, item.detail) for item in plan.skipped),
                catalogue=written,
                companions=companions,
            )
            self._step("verifying", 0, 1)
            refuse_damage(self._index_dir, sizes_of(manifest))
            refuse_wrong_answers(self._index_dir, manifest, self._previous, plan.linked, sum(counts))
            write_manifest(self._index_dir, manifest, self._files)
        except BaseException:
            _take_back(self._index_dir, generation, made, self._files, self._lock)
            raise
        self._tidy()
        self._step("verifying", 1, 1)
        return BuildReport(plan.articles, *counts, plan.skipped, self._seconds(), generation, True)

    def _kept_entry(self, name: str, deleted: tuple[int, ...]) -> SegmentEntry:
        entries = self._previous.manifest.segments if self._previous else ()
        return replace(next(entry for entry in entries if entry.name == name), deleted=deleted)

    def _contents_before(self) -> Contents | None:
        previous = self._previous
        return Contents.of(zip(previous.segments, previous.live, strict=True)) if previous else None

    def _parts(self, entries: list[SegmentEntry], made: Segment | None) -> list[Part]:
        """Return the segments of the generation being made, each with its live documents."""
        before = self._previous.segments if self._previous else ()
        opened = {segment.name: segment for segment in (*before, made) if segment}
        return [(opened[entry.name], live_docs(entry)) for entry in entries]

    def _write_suggestions(self, path: Path, parts: list[Part]) -> SegmentEntry:
        """Write the table of completions: by difference where little differs from what serves."""
        previous = self._previous
        table = previous.companions.get(SUGGESTIONS) if previous and not self._mends else None
        if previous is not None and table is not None:
            went, came = difference(list(zip(previous.segments, previous.live, strict=True)), parts)
            if documents(went) + documents(came) <= MADE_BY_DIFFERENCE * documents(parts):
                try:
                    return update_suggestions(path, Suggestions(table), went, came, self._files)
                except IndexDamagedError:
                    pass  # Of another version: made from nothing.
        return write_suggestions(path, parts, self._files)

    def _write_segment(self, path: Path, chosen: Whole | Chosen) -> Segment:
        """Write a segment and open it."""
        info = write_segment(
            path,
            chosen,
            chosen.paths,
            self._files,
            jobs=self._jobs,
            progress=lambda done, total: self._step("indexing", done, total),
        )
        refuse_damage(self._index_dir, {info.name: info.bytes})
        return Segment(path, info.bytes)

    def _reading(self, done: int, total: int) -> None:
        self._step("reading", done, total)


def _now() -> datetime:
    return datetime.now(UTC)


def _count(changes: Changes) -> tuple[int, int, int]:
    return len(changes.new), len(changes.changed), len(changes.gone)


def _take_back(index_dir: Path, generation: int, made: list[Path], files: FileSystem, lock: BuildLock) -> None:
    """Remove what a failed build wrote; where even this fails, the next build removes it.

    The manifest goes first: it may be in place already, only not safely, and must not name a file that is gone. Its
    number is spent then: a reader may hold it, and would not notice another generation of the same number.
    """
    manifest = manifest_path(index_dir, generation)
    try:
        if manifest.exists():
            lock.retire(generation)
            files.remove(manifest)
            files.sync_folder(index_dir)
        for path in made:
            files.remove(path)
    except OSError:
        pass


def _no_progress(name: str, done: int, total: int) -> None:
    return


def processes(jobs: int) -> int:
    """Return how many processes ``jobs`` asks for: 0 is one a core."""
    return jobs or len(os.sched_getaffinity(0))


def _make_index_folder(index_dir: Path, files: FileSystem) -> None:
    try:
        make_folders(files, index_dir / SEGMENTS)
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


def _compare(previous: Contents | None, now: Contents) -> tuple[int, int, int]:
    """Return how many articles are new, changed and gone, by the hashes of their paths and contents."""
    if previous is None:
        return len(now), 0, 0
    was, is_now = previous.common(now)
    changed = int(np.count_nonzero(previous.prints[was] != now.prints[is_now]))
    return len(now) - len(was), changed, len(previous) - len(was)
