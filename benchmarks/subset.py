"""What a run works in: its folder, and a smaller archive, so that figures can be had at several sizes."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from search_app.archive import walk_archive


@contextmanager
def work_folder(chosen: Path | None) -> Iterator[Path]:
    """Give the folder that was chosen for what a run writes, made where it is missing, or else a temporary one."""
    with tempfile.TemporaryDirectory() as temporary:
        work = (chosen or Path(temporary)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        yield work


def copy_articles(archive: Path, folder: Path, count: int) -> Path:
    """Put whole days of an archive into a folder until it has about ``count`` files of articles. Returns the folder.

    Files are linked where the disk can, else copied. A folder that is there already is taken as it is.
    """
    if folder.is_dir():
        return folder
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    days: dict[tuple[int, ...], list[str]] = {}
    for item in walk_archive(archive).files:
        parts = item.file.split("/")
        if len(parts) == 5 and parts[0] == "news" and all(part.isdigit() for part in parts[1:4]):
            days.setdefault(tuple(map(int, parts[1:4])), []).append(item.file)
    taken = 0
    for day in sorted(days):
        if taken >= count:
            break
        for file in days[day]:
            _put(archive / file, partial / file)
            taken += not file.endswith(("/index.md", "/README.md"))
    partial.rename(folder)
    return folder


def _put(origin: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(origin, place)
    except OSError:
        shutil.copyfile(origin, place)
