"""One build at a time: a kernel lock on a file in the index folder, freed by the kernel when its holder dies.

A record lock (``fcntl.lockf``) belongs to one process and is not inherited by forked workers, so that a killed build
leaves nothing locked even while its workers still run. Local disks only: network file systems may not honour it.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..errors import BuildRunningError

LOCK_NAME = "build.lock"
_LONGEST = 128
_held: set[str] = set()


class BuildLock:
    """The lock as its holder has it. It also remembers which generation numbers must not be used again.

    The memory is that of the running system, not of the disk: readers that know a number do not outlive a power cut.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        number = _about(descriptor).get("retired", 0)
        self.retired = number if isinstance(number, int) else 0

    def retire(self, generation: int) -> None:
        """Remember that a generation was taken back after readers may have seen it: its number is spent."""
        self.retired = max(self.retired, generation)
        self.note(**_myself())

    def note(self, **about: int | str) -> None:
        """Write what the lock file says: ``about`` its holder, and the last number that is spent."""
        text = json.dumps(about | {"retired": self.retired} if self.retired else about) if about or self.retired else ""
        # Blanks over what stood there: a process that is refused may read this at any moment.
        os.pwrite(self._descriptor, text.ljust(_LONGEST).encode(), 0)
        os.ftruncate(self._descriptor, len(text))


def _myself() -> dict[str, int | str]:
    return {"pid": os.getpid(), "started": datetime.now(UTC).isoformat(timespec="seconds")}


@contextmanager
def build_lock(index_dir: Path, wait_seconds: float = 0.0) -> Iterator[BuildLock]:
    """Hold the build lock of an index folder for the length of a ``with`` block.

    wait_seconds : how long to wait for another holder; 0 gives up at once.
    Raises BuildRunningError, which names the holder's process and when it began.
    """
    path = index_dir / LOCK_NAME
    key = str(path.resolve())
    deadline = time.monotonic() + wait_seconds
    if key in _held:
        raise BuildRunningError(index_dir, f"this process, pid {os.getpid()}")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        while True:
            try:
                fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() >= deadline:
                    raise BuildRunningError(index_dir, _holder(descriptor)) from None
                time.sleep(0.1)
        _held.add(key)
        try:
            lock = BuildLock(descriptor)
            lock.note(**_myself())
            yield lock
            with suppress(OSError):
                lock.note()
        finally:
            _held.discard(key)
    finally:
        os.close(descriptor)


def _about(descriptor: int) -> dict[str, Any]:
    """Return what the lock file says; nothing where it is empty or holds something else."""
    try:
        about = json.loads(os.pread(descriptor, 4096, 0))
    except (OSError, ValueError):
        return {}
    return about if isinstance(about, dict) else {}


def _holder(descriptor: int) -> str:
    about = _about(descriptor)
    if "pid" not in about or "started" not in about:
        return "another process"
    return f"pid {about['pid']}, started {about['started']}"
