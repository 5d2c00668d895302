"""What a cluster holds against what it should hold: documents by id and fingerprint, and the articles to be sent.

In: a snapshot; what is known of an index on the cluster. Out: ids to remove, articles to send. What an index holds is
remembered in a file beside the local index; where that is lost, it is read from the cluster.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...index.files import FileSystem, write_whole
from ...index.generation import Snapshot
from ...index.records import related_by_path, unpack_path
from ...index.segment import Segment
from .cluster import Cluster
from .mapping import Stored, document_id
from .walk import Walk

HOLDINGS = np.dtype([("id", "<u8"), ("id_end", "<u8"), ("fingerprint", "<u8")])
Holdings = npt.NDArray[Any]
ARTICLES_AT_ONCE = 256
SCANNED_AT_ONCE = 5000


@dataclass(frozen=True, slots=True)
class Differences:
    """What has to happen to one set of documents to make it another.

    sent : positions in the wanted holdings of documents that are new or differ. gone : ids to remove.
    new, changed : how many of those that are sent.
    """

    sent: npt.NDArray[np.int64]
    gone: tuple[str, ...]
    new: int
    changed: int


NO_DIFFERENCES = Differences(np.zeros(0, np.int64), (), 0, 0)


class Wanted:
    """The live documents of a snapshot, in order: segment after segment."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._segments = snapshot.segments
        self._dates = snapshot.dates
        docs = [
            np.arange(segment.docs) if live is None else np.flatnonzero(live)
            for segment, live in zip(snapshot.segments, snapshot.live, strict=True)
        ]
        self._docs = np.concatenate(docs) if docs else np.zeros(0, np.int64)
        self._segment_of = np.repeat(np.arange(len(docs)), [len(own) for own in docs])
        # Every path once, since articles name each other by document number: looking each up costs ten times as much.
        self._paths = [_paths(segment) for segment in snapshot.segments]
        self.holdings = np.zeros(len(self._docs), HOLDINGS)
        ids = b"".join(
            bytes.fromhex(document_id(self._paths[n][doc]))
            for n, doc in zip(self._segment_of.tolist(), self._docs.tolist(), strict=True)
        )
        halves = np.frombuffer(ids, "<u8").reshape(-1, 2)
        self.holdings["id"], self.holdings["id_end"] = halves[:, 0], halves[:, 1]
        prints = [segment.fingerprints[own] for segment, own in zip(snapshot.segments, docs, strict=True)]
        self.holdings["fingerprint"] = np.concatenate(prints) if prints else 0

    def __len__(self) -> int:
        return len(self._docs)

    def stored(self, chosen: npt.NDArray[np.int64]) -> Iterator[Stored]:
        """Yield the articles at some positions, ascending. Cost: about 40 µs each."""
        prints = self.holdings["fingerprint"]
        for number, segment in enumerate(self._segments):
            paths, dates = self._paths[number], self._dates[number]
            own = chosen[self._segment_of[chosen] == number].tolist()
            for start in range(0, len(own), ARTICLES_AT_ONCE):
                batch = own[start : start + ARTICLES_AT_ONCE]
                docs = self._docs[batch].tolist()
                rows, links = segment.stored_rows(docs), segment.related_rows(docs)
                for at, doc, row, related in zip(batch, docs, rows, links, strict=True):
                    yield Stored(
                        paths[doc],
                        segment.days.item(doc),
                        "".join(segment.columns["topic"].values_of(doc)[:1]),
                        tuple(segment.columns["context"].values_of(doc)),
                        row,
                        related_by_path(related, paths.__getitem__),
                        prints.item(at),
                        (dates.first.item(doc), dates.changed.item(doc)),
                    )

    def days(self) -> tuple[date, date] | None:
        """Return the first and the last day."""
        days = [segment.days[self._docs[self._segment_of == number]] for number, segment in enumerate(self._segments)]
        ends = [(int(own.min()), int(own.max())) for own in days if len(own)]
        if not ends:
            return None
        return date.fromordinal(min(low for low, _ in ends)), date.fromordinal(max(high for _, high in ends))

    def digest(self) -> str:
        """Return a text that is equal for equal documents, in whatever order."""
        return digest_of(self.holdings)


def _paths(segment: Segment) -> list[str]:
    found: list[str] = []
    for start in range(0, segment.docs, ARTICLES_AT_ONCE):
        docs = list(range(start, min(start + ARTICLES_AT_ONCE, segment.docs)))
        rows = segment.stored_rows(docs)
        found += [unpack_path(row, int(segment.days[doc])) for doc, row in zip(docs, rows, strict=True)]
    return found


def digest_of(holdings: Holdings) -> str:
    """Return a text that is equal for equal holdings, in whatever order."""
    return hashlib.blake2b(np.sort(holdings).tobytes(), digest_size=16).hexdigest()


def id_text(row: Any) -> str:
    """Return the id of one row of holdings as the cluster knows it."""
    return (int(row["id"]).to_bytes(8, "little") + int(row["id_end"]).to_bytes(8, "little")).hex()


def compare(wanted: Holdings, held: Holdings) -> Differences:
    """Return what makes ``held`` into ``wanted``. Cost: two sorts."""
    held = np.sort(held)
    at = np.searchsorted(held["id"], wanted["id"])
    known = at < len(held)
    near = held[np.minimum(at, max(len(held) - 1, 0))] if len(held) else wanted[:0]
    if len(held):
        known &= (near["id"] == wanted["id"]) & (near["id_end"] == wanted["id_end"])
        same = known & (near["fingerprint"] == wanted["fingerprint"])
    else:
        same = np.zeros(len(wanted), bool)
    kept = np.zeros(len(held), bool)
    kept[at[known]] = True
    sent = np.flatnonzero(~same)
    gone = tuple(id_text(row) for row in held[~kept])
    changed = int(np.count_nonzero(known[sent]))
    return Differences(sent, gone, len(sent) - changed, changed)


def remember(folder: Path, index_uuid: str, holdings: Holdings, files: FileSystem) -> None:
    """Keep what an index holds beside the local index; what earlier indexes held is forgotten."""
    path = folder / f"cluster-{index_uuid}.holdings"
    write_whole(files, path, np.sort(holdings).tobytes())
    for old in folder.glob("cluster-*.holdings"):
        if old != path:
            files.remove(old)


def recall(folder: Path, index_uuid: str, digest: str) -> Holdings | None:
    """Return what was remembered of an index, None where that is missing or not what the index says it holds."""
    try:
        raw = (folder / f"cluster-{index_uuid}.holdings").read_bytes()
    except OSError:
        return None
    if len(raw) % HOLDINGS.itemsize:
        return None
    found = np.frombuffer(raw, HOLDINGS)
    return found if digest_of(found) == digest else None


def scan(cluster: Cluster, index: str) -> Holdings:
    """Return what an index holds, read from the cluster. Cost: about 20 µs a document."""
    body = {
        "size": SCANNED_AT_ONCE,
        "_source": False,
        "docvalue_fields": ["fingerprint"],
        "sort": [{"path": "asc"}],
        "query": {"match_all": {}},
    }
    rows: list[tuple[int, int, int]] = []
    for batch in Walk(cluster, index, body, {}).batches(None, 2**62):
        for hit in batch:
            raw = bytes.fromhex(hit["_id"])
            mark = int(hit["fields"]["fingerprint"][0], 16)
            rows.append((int.from_bytes(raw[:8], "little"), int.from_bytes(raw[8:], "little"), mark))
    return np.array(rows, HOLDINGS)
