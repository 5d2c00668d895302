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
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from ..errors import BuildRunningError

LOCK_NAME = "build.lock"
_held: set[str] = set()


@contextmanager
def build_lock(index_dir: Path, wait_seconds: float = 0.0) -> Iterator[None]:
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
            about = {"pid": os.getpid(), "started": datetime.now(UTC).isoformat(timespec="seconds")}
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps(about).encode(), 0)
            yield
            os.ftruncate(descriptor, 0)
        finally:
            _held.discard(key)
    finally:
        os.close(descriptor)


def _holder(descriptor: int) -> str:
    try:
        about = json.loads(os.pread(descriptor, 4096, 0))
        return f"pid {about['pid']}, started {about['started']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
