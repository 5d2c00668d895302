"""Publishing a generation on a cluster: send what differs, verify, and lead the alias to it in one step.

In: a snapshot of the local index, which the same command has just built. Out: a new index behind the alias. Every index
is complete before the alias leads to it, and is never written to again; an update begins as a clone of the index that
serves, which costs links and no copies. Whatever stops this leaves the alias where it was; what it left half done is
removed by the next run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import ClusterError
from ...index.files import FileSystem
from ...index.generation import Snapshot
from ...settings import Settings
from .canaries import check_index
from .cluster import ADMIN_SECONDS, Cluster, Json, index_number, patient_cluster
from .differences import NO_DIFFERENCES, Differences, Wanted, compare, recall, remember, scan
from .mapping import DocumentMaker, document_id, index_body, mapping_fingerprint
from .sending import Operation, delete_operation, index_operation, send_all
from .tables import TABLES, store_tables, tables_body

Progress = Callable[[str, int, int], None]
REBUILT_SHARE = 0.5
"""An update that would send more than this share of the documents builds from nothing instead."""
COPY_SECONDS = 300.0
TIMED_OUT = 408


@dataclass(frozen=True, slots=True)
class Published:
    """What a run did to the cluster. ``index`` serves now; ``new``, ``changed``, ``gone`` are to what served before.

    origin : the index that held the same already, of which it is a clone; ``""`` for none.
    """

    index: str
    published: bool
    new: int = 0
    changed: int = 0
    gone: int = 0
    seconds: float = 0.0
    origin: str = ""


def publish_snapshot(
    snapshot: Snapshot,
    index_dir: Path,
    settings: Settings,
    *,
    full: bool = False,
    progress: Progress | None = None,
    files: FileSystem | None = None,
) -> Published:
    """Bring the cluster up to date with a generation of the local index.

    index_dir : where it is remembered what the cluster holds. full : build from nothing.
    progress : called with a step's name, how much is done, how much there is.
    Raises ClusterError, after which readers still get what they got before. The caller holds the build lock.
    """
    cluster = patient_cluster(settings)
    try:
        step = progress or (lambda name, done, total: None)
        return _Publication(cluster, snapshot, index_dir, settings, step, files or FileSystem()).run(full)
    finally:
        cluster.close()


class _Publication:
    """One run: compare, make an index, fill it, verify it, lead the alias to it."""

    def __init__(
        self,
        cluster: Cluster,
        snapshot: Snapshot,
        index_dir: Path,
        settings: Settings,
        step: Progress,
        files: FileSystem,
    ) -> None:
        self._began = time.monotonic()
        self._cluster = cluster
        self._snapshot = snapshot
        self._index_dir = index_dir
        self._settings = settings
        self._step = step
        self._files = files
        self._wanted = Wanted(snapshot)

    def run(self, full: bool) -> Published:
        serving = self._cluster.serving_index()
        self._remove_unfinished(serving)
        meta = self._cluster.meta(serving) if serving else {}
        readable = bool(serving) and self._same_tokens(meta)
        digest = self._wanted.digest()
        if readable and serving and not full and meta.get("content") == digest and self._same_shape(serving):
            # Nothing to do, and readers may know that somebody looked.
            self._admin("PUT", f"/{serving}/_mapping", {"_meta": {**meta, "checked_at": _now()}})
            return Published(serving, False, seconds=self._seconds())
        differences = None
        if readable and serving:
            differences = compare(self._wanted.holdings, self._held(serving, meta))
        index = f"{self._cluster.alias}-{max(index_number(serving or ''), self._newest()) + 1:08d}"
        twin = "" if full else self._twin(digest, serving)
        try:
            if twin:
                self._update(index, twin, NO_DIFFERENCES)
            elif differences is None or full or not self._worth_cloning(differences, serving or ""):
                self._build(index)
            else:
                self._update(index, serving or "", differences)
            self._finish(index, digest)
        except BaseException:
            self._take_back(index)
            raise
        self._switch(serving, index)
        return self._tell(index, serving, differences, twin)

    def _seconds(self) -> float:
        return time.monotonic() - self._began

    def _twin(self, digest: str, serving: str | None) -> str:
        """Return an index that serves no longer and holds what is wanted, as after a rollback; ``""`` for none."""
        for name in self._cluster.own_indices():
            meta = self._cluster.meta(name)
            same = self._same_tokens(meta) and meta.get("content") == digest
            if same and name != serving and self._same_shape(name):
                return name
        return ""

    def _tell(self, index: str, serving: str | None, differences: Differences | None, twin: str) -> Published:
        counts = (len(self._wanted), 0, 0)
        if differences is not None:
            counts = (differences.new, differences.changed, len(differences.gone))
        self._tidy(index, serving)
        return Published(index, True, *counts, self._seconds(), twin)

    # -- what is there ------------------------------------------------------------------------------------------------

    def _newest(self) -> int:
        return max(map(index_number, self._cluster.own_indices()), default=0)

    def _same_tokens(self, meta: Json) -> bool:
        """Tell whether the documents of an index are as they would be sent now, where their articles are the same."""
        stemmer = self._snapshot.manifest.stemmer
        return (meta.get("format"), meta.get("stemmer")) == (mapping_fingerprint(), stemmer)

    def _same_shape(self, index: str) -> bool:
        """Tell whether an index has as many shards and copies as the settings ask for."""
        held = self._index_settings(index)
        return int(held["number_of_shards"]) == self._settings.number("opensearch_shards") and int(
            held["number_of_replicas"]
        ) == self._settings.number("opensearch_replicas")

    def _index_settings(self, index: str) -> dict[str, Any]:
        found: dict[str, Any] = self._cluster.request("GET", f"/{index}/_settings")[index]["settings"]["index"]
        return found

    def _held(self, serving: str, meta: Json) -> Any:
        known = recall(self._index_dir, self._index_settings(serving)["uuid"], str(meta.get("content", "")))
        return scan(self._cluster, serving) if known is None else known

    def _worth_cloning(self, differences: Differences, serving: str) -> bool:
        shards = int(self._index_settings(serving)["number_of_shards"])
        touched = len(differences.sent) + len(differences.gone)
        return shards == self._settings.number("opensearch_shards") and touched <= REBUILT_SHARE * len(self._wanted)

    # -- filling ------------------------------------------------------------------------------------------------------

    def _build(self, index: str) -> None:
        body = index_body(self._settings.number("opensearch_shards"), 0)
        self._admin("PUT", f"/{index}", body)
        self._send(index, np.arange(len(self._wanted)), ())

    def _update(self, index: str, serving: str, differences: Differences) -> None:
        # A clone takes the settings of its original; until it is complete it has no copies to keep up.
        settings = {"index.number_of_replicas": 0, "index.blocks.write": None}
        self._admin("PUT", f"/{serving}/_settings", {"index.blocks.write": True})
        self._admin("PUT", f"/{serving}/_clone/{index}", {"settings": settings})
        self._send(index, differences.sent, differences.gone)

    def _send(self, index: str, sent: Any, gone: tuple[str, ...]) -> None:
        self._await_shards(index, "yellow", ADMIN_SECONDS)
        total = len(sent) + len(gone)
        self._step("sending", 0, total)
        send_all(self._cluster, index, self._operations(sent, gone), lambda done: self._step("sending", done, total))

    def _operations(self, sent: Any, gone: tuple[str, ...]) -> Iterator[Operation]:
        yield from map(delete_operation, gone)
        maker = DocumentMaker()
        for stored in self._wanted.stored(sent):
            yield index_operation(document_id(stored.path), maker.document(stored))

    def _finish(self, index: str, digest: str) -> None:
        """Write what belongs to an index beside its documents, verify all of it, and give it its copies."""
        self._step("verifying", 0, 1)
        self._admin("POST", f"/{index}/_refresh")
        self._admin("POST", f"/{index}/_flush")
        tables = index + TABLES
        replicas = self._settings.number("opensearch_replicas")
        self._admin("PUT", f"/{tables}", tables_body(replicas))
        store_tables(self._cluster, tables, self._snapshot)
        meta = self._meta(index, digest, tables)
        check_index(self._cluster, index, meta, self._snapshot, self._settings)
        self._admin("PUT", f"/{index}/_mapping", {"_meta": meta})
        # From here on nothing is written: what a reader has begun to read stays as it is.
        self._admin("PUT", f"/{index}/_settings", {"index.blocks.write": True, "index.number_of_replicas": replicas})
        # Copies that find no node are told of by status; the first ones have to be there.
        self._await_shards(index, "green" if self._has_room(replicas) else "yellow", COPY_SECONDS)
        self._step("verifying", 1, 1)

    def _meta(self, index: str, digest: str, tables: str) -> Json:
        manifest = self._snapshot.manifest
        first, last = self._wanted.days() or (None, None)
        return {
            "format": mapping_fingerprint(),
            "stemmer": manifest.stemmer,
            "generation": index_number(index),
            "articles": len(self._wanted),
            "average_lengths": self._snapshot.average_lengths,
            "content": digest,
            "tables": tables,
            "first_day": _iso(first),
            "last_day": _iso(last),
            "archive": manifest.archive,
            "built_at": manifest.built_at,
            "checked_at": _now(),
            "build_seconds": round(manifest.seconds + self._seconds(), 2),
            "files": manifest.files,
            "skipped": len(manifest.skipped),
        }

    def _has_room(self, replicas: int) -> bool:
        health = self._cluster.request("GET", "/_cluster/health")
        return int(health["number_of_data_nodes"]) > replicas

    def _await_shards(self, index: str, status: str, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while True:
            health = self._health(index, status)
            if health.get("status") in (status, "green"):
                return
            if time.monotonic() > deadline:
                raise ClusterError(
                    self._cluster.name,
                    f"the shards of {index} are not assigned after {seconds:.0f} s. The index that served before still "
                    "does; see what the cluster says under /_cluster/allocation/explain",
                )

    def _health(self, index: str, status: str) -> Json:
        """Return the health of an index as soon as it is as wanted; ``{}`` where it is not within some seconds."""
        params = {"wait_for_status": status, "timeout": "5s"}
        try:
            return self._cluster.request("GET", f"/_cluster/health/{index}", seconds=15.0, missing_ok=True, **params)
        except ClusterError as error:
            if error.status == TIMED_OUT:
                return {}
            raise

    # -- switching ----------------------------------------------------------------------------------------------------

    def _switch(self, serving: str | None, index: str) -> None:
        alias = self._cluster.alias
        actions: list[Json] = [{"add": {"index": index, "alias": alias}}]
        if serving:
            actions.insert(0, {"remove": {"index": serving, "alias": alias}})
        self._admin("POST", "/_aliases", {"actions": actions})
        try:
            remember(self._index_dir, self._index_settings(index)["uuid"], self._wanted.holdings, self._files)
        except OSError:
            pass  # Only a shortcut: the next run asks the cluster.

    def _remove_unfinished(self, serving: str | None) -> None:
        """Remove what a run that was stopped left behind: indices newer than the one that serves."""
        newest = index_number(serving) if serving else 0
        self._remove([name for name in self._cluster.own_indices() if index_number(name) > newest])

    def _tidy(self, index: str, previous: str | None) -> None:
        """Remove all but the index that serves now and the one before it, from which some may still be reading."""
        try:
            self._remove([name for name in self._cluster.own_indices() if name not in (index, previous)])
        except ClusterError:
            pass  # The next run does it.

    def _take_back(self, index: str) -> None:
        try:
            self._remove([index])
        except ClusterError:
            pass

    def _remove(self, names: list[str]) -> None:
        for name in names:
            self._cluster.remove(name, name + TABLES)

    def _admin(self, method: str, path: str, body: Any = None) -> Json:
        return self._cluster.request(method, path, body, seconds=ADMIN_SECONDS)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
