"""Upkeep of the index of whichever engine the settings name: what the commands check, rollback and prune do.

In: an index folder. Out: reports.
"""

from __future__ import annotations

from pathlib import Path

from ..index.rollback import RollbackReport, prune_index, roll_back
from ..index.verify import CheckReport, check_index
from ..settings import Settings
from . import EMBEDDED, engine_name


def check_for_engine(index_dir: Path, settings: Settings) -> CheckReport:
    """Read the whole index and verify it. Raises IndexMissingError; ClusterError where a cluster does not answer."""
    if engine_name(settings) == EMBEDDED:
        return check_index(index_dir)
    # The client library is no part of the default install.
    from .opensearch.upkeep import check_on_cluster

    return check_on_cluster(index_dir, settings)


def roll_back_for_engine(index_dir: Path, settings: Settings, wait_seconds: float = 0.0) -> RollbackReport:
    """Let the index before the newest serve again; errors as of ``roll_back``, and ClusterError."""
    if engine_name(settings) == EMBEDDED:
        return roll_back(index_dir, wait_seconds=wait_seconds)
    from .opensearch.upkeep import roll_back_on_cluster

    return roll_back_on_cluster(index_dir, settings, wait_seconds)


def prune_for_engine(
    index_dir: Path, settings: Settings, *, dry_run: bool = False, wait_seconds: float = 0.0
) -> list[tuple[str, int]]:
    """Remove what nobody needs; return the names and bytes of it. Errors as of ``prune_index``, and ClusterError."""
    if engine_name(settings) == EMBEDDED:
        return prune_index(index_dir, dry_run=dry_run, wait_seconds=wait_seconds)
    from .opensearch.upkeep import prune_on_cluster

    return prune_on_cluster(index_dir, settings, dry_run=dry_run, wait_seconds=wait_seconds)
