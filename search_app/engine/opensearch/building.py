"""Building for a cluster: the local index first, with all its care, then the cluster from it.

In: an archive and an index folder. Out: a new index behind the alias, and a report. The local index remembers the
archive: which files changed, which articles that reaches. It lies on the machine that builds, and on no other.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from ...index.builder import BuildReport, Progress, build_index
from ...index.files import FileSystem
from ...index.generation import open_snapshot
from ...index.lock import build_lock
from ...settings import Settings
from .cluster import patient_cluster
from .publishing import publish_snapshot


def build_on_cluster(
    archive: Path,
    index_dir: Path,
    *,
    settings: Settings,
    full: bool = False,
    jobs: int = 0,
    force: bool = False,
    progress: Progress | None = None,
    files: FileSystem | None = None,
    wait_seconds: float = 0.0,
) -> BuildReport:
    """Bring the index of an archive up to date, here and on the cluster; arguments and errors as for ``build_index``.

    The report's counts are those of the cluster: where it missed a build, it catches up. Raises ClusterError too, after
    which readers still get what they got before, and the next run begins where this one ended.
    """
    began = time.monotonic()
    # Whoever cannot publish need not read the archive first.
    cluster = patient_cluster(settings)
    cluster.serving_index()
    cluster.close()
    report = build_index(
        archive,
        index_dir,
        settings=settings,
        full=full,
        jobs=jobs,
        force=force,
        progress=progress,
        files=files,
        wait_seconds=wait_seconds,
    )
    with build_lock(index_dir, wait_seconds):
        snapshot = open_snapshot(index_dir)
        done = publish_snapshot(snapshot, index_dir, settings, full=full, progress=progress, files=files)
    return replace(
        report,
        new=done.new,
        changed=done.changed,
        gone=done.gone,
        published=done.published,
        seconds=time.monotonic() - began,
    )
