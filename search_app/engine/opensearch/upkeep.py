"""Upkeep of what lies on a cluster: verify all of it, go back to the index before, remove what nobody reads.

In: the settings, and the index folder of the machine that builds. Out: reports, as for a folder alone. The folder and
the cluster are two copies of one index: a rollback takes both back, so that the next build goes on from there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...errors import (
    ClusterError,
    ClusterIndexMissingError,
    ClusterIndexVersionError,
    IndexDamagedError,
    NotTheBuilderError,
)
from ...index.generation import open_snapshot
from ...index.lock import build_lock
from ...index.manifest import list_generations
from ...index.rollback import RollbackReport, prune_index, roll_back
from ...index.suggestions import SUGGESTIONS, check_suggestions
from ...index.verify import CheckReport, check_index
from ...settings import Settings
from . import canaries
from .cluster import Cluster, Json, Missing, index_number, patient_cluster
from .differences import Wanted, digest_of, scan
from .mapping import mapping_fingerprint
from .publishing import publish_snapshot
from .tables import TABLES, fetch_table
from .vocabulary import VOCABULARY, Vocabulary


def check_on_cluster(index_dir: Path, settings: Settings) -> CheckReport:
    """Verify the index that serves: every document is there and of the right version, the tables are whole.

    Where the folder of the builds is on this machine, it is checked too; and where the cluster holds the same, articles
    and the answers to some searches are compared. Raises ClusterError where the cluster does not answer,
    IndexMissingError where it holds no index. Cost: about 20 µs an article, and that of checking the folder.
    """
    with _cluster(settings) as (cluster, index):
        meta = cluster.meta(index)
        if meta.get("format") != mapping_fingerprint():
            raise ClusterIndexVersionError(cluster.name, index, str(meta.get("format", "")), mapping_fingerprint())
        problems = [*_documents(cluster, index, meta), *_tables(cluster, str(meta["tables"]))]
        checked = {"documents": int(meta["articles"]), "tables": 2}
        if not list_generations(index_dir):
            return CheckReport(tuple(problems), checked)
        folder = check_index(index_dir)
        problems += folder.problems
        if not problems:
            snapshot = open_snapshot(index_dir)
            # Another machine, or a later run, may have built what the cluster serves.
            if Wanted(snapshot).digest() == meta.get("content"):
                try:
                    canaries.check_index(cluster, index, meta, snapshot, settings)
                except ClusterError as error:
                    problems.append(str(error))
        return CheckReport(tuple(problems), checked | folder.checked)


def _documents(cluster: Cluster, index: str, meta: Json) -> Iterator[str]:
    """Yield what is wrong with the documents of an index, a sentence each."""
    health = cluster.read("GET", f"/_cluster/health/{index}")
    if health["status"] == "red":
        yield f"{index}: a shard has no node; bring back the one that was lost"
        return
    held = scan(cluster, index)
    if len(held) != meta["articles"]:
        yield f"{index} holds {len(held)} articles, its build left {meta['articles']} there"
    elif digest_of(held) != meta["content"]:
        yield f"{index} holds other articles than its build left there"


def _tables(cluster: Cluster, tables: str) -> Iterator[str]:
    """Yield what is wrong with the tables that lie beside an index, a sentence each."""
    for name in (SUGGESTIONS, VOCABULARY):
        try:
            file = fetch_table(cluster, tables, name)
            yield from file.problems()
            if name == SUGGESTIONS:
                yield from check_suggestions(file)
            else:
                Vocabulary(file)
        except (Missing, IndexDamagedError):
            yield f"{tables}: the table of {name} is not whole"


def roll_back_on_cluster(index_dir: Path, settings: Settings, wait_seconds: float = 0.0) -> RollbackReport:
    """Let the index before the newest serve again, on the cluster and in the folder of the builds.

    What the cluster still holds of it is cloned, under a number of its own; else it is sent again. A run that failed
    once the folder was taken back is finished by the next. Raises RollbackError where there is nothing to return to,
    NotTheBuilderError where the folder is not here, BuildRunningError while a build runs, ClusterError.
    """
    with _cluster(settings) as (cluster, before):
        if not list_generations(index_dir):
            raise NotTheBuilderError(index_dir)
        meta = cluster.meta(before)
        snapshot = open_snapshot(index_dir)
        unfinished = "rollback" in snapshot.manifest.extra and Wanted(snapshot).digest() != meta.get("content")
    if not unfinished:
        roll_back(index_dir, wait_seconds=wait_seconds)
    with build_lock(index_dir, wait_seconds):
        snapshot = open_snapshot(index_dir)
        done = publish_snapshot(snapshot, index_dir, settings)
    return RollbackReport(
        index_number(before),
        index_number(done.origin),
        index_number(done.index),
        snapshot.articles,
        snapshot.manifest.built_at,
    )


def prune_on_cluster(
    index_dir: Path, settings: Settings, *, dry_run: bool = False, wait_seconds: float = 0.0
) -> list[tuple[str, int]]:
    """Remove every index of ours but the one that serves and the one before it, and what the folder can spare.

    Returns names and bytes. Raises as ``roll_back_on_cluster``.
    """
    with _cluster(settings) as (cluster, _):
        if not list_generations(index_dir):
            raise NotTheBuilderError(index_dir)
        found = prune_index(index_dir, dry_run=dry_run, wait_seconds=wait_seconds)
        with build_lock(index_dir, wait_seconds):
            # Asked again: while this one waited, a build may have led the alias elsewhere.
            serving = cluster.serving_index() or ""
            names = cluster.own_indices()
            older = [name for name in names if index_number(name) < index_number(serving)]
            for name in names:
                if name == serving or name in older[-1:]:
                    continue
                found.append((name, _bytes_of(cluster, name)))
                if not dry_run:
                    cluster.remove(name, name + TABLES)
    return found


def _bytes_of(cluster: Cluster, name: str) -> int:
    stats = cluster.read("GET", f"/{name},{name}{TABLES}/_stats/store", ignore_unavailable="true")
    return int(stats["_all"]["total"]["store"]["size_in_bytes"])


@contextmanager
def _cluster(settings: Settings) -> Iterator[tuple[Cluster, str]]:
    """Open the door to the cluster, and give the index that serves. Raises ClusterIndexMissingError without one."""
    cluster = patient_cluster(settings)
    try:
        index = cluster.serving_index()
        if index is None:
            raise ClusterIndexMissingError(cluster.name, cluster.alias)
        yield cluster, index
    finally:
        cluster.close()
