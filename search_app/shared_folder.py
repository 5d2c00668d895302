"""A folder for the time that a server runs, in which its processes share what they count.

In: nothing. Out: a folder that is gone when the server has ended; one that a killed server left is removed by the next.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import ServeError

NAME = "search-app-serving-"
UNFINISHED = "search-app-starting-"
LOCK_NAME = "lock"


@contextmanager
def shared_folder(parent: Path | None = None) -> Iterator[Path]:
    """Make a folder for the length of a ``with`` block.

    Processes forked inside may leave through the end of the block: only the one that made the folder removes it.
    parent : where to make it; the system's folder for temporary files where None.
    Raises ServeError where no folder can be made.
    """
    try:
        parent = parent or Path(tempfile.gettempdir())
        _remove_left_behind(parent)
        folder, held = _make(parent)
    except OSError as error:
        raise ServeError(
            f"The server needs a folder for temporary files: {error.strerror or error}. Name one that can be written "
            "to with the environment variable TMPDIR."
        ) from None
    owner = os.getpid()
    try:
        yield folder
    finally:
        os.close(held)
        if os.getpid() == owner:
            shutil.rmtree(folder, ignore_errors=True)


def _make(parent: Path) -> tuple[Path, int]:
    """Make a folder whose lock is held before it has its name, so that nobody takes it for one left behind."""
    unfinished = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=parent))
    held = os.open(unfinished / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(held, fcntl.LOCK_EX)
    folder = unfinished.with_name(NAME + unfinished.name.removeprefix(UNFINISHED))
    unfinished.rename(folder)
    return folder, held


def _remove_left_behind(parent: Path) -> None:
    """Remove folders of servers that are gone. The kernel frees a lock when the last process that holds it ends."""
    for folder in parent.glob(f"{NAME}*"):
        with suppress(OSError):
            # Nothing is followed that somebody else has laid there.
            held = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                if folder.lstat().st_uid == os.getuid() and not folder.is_symlink():
                    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(held)
