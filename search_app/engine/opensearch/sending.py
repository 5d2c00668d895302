"""Sending documents to a cluster in bulk: a few requests at a time, each item answered for, with back-off.

In: lines of a bulk request. Out: nothing, once every document is acknowledged. What the cluster has no room for at the
moment is sent again, later and later; what it refuses for good stops the build.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

from ...errors import ClusterError
from .cluster import RETRIED, Cluster, Json

CHUNK_BYTES = 3_000_000
CHUNK_DOCUMENTS = 1000
SENDERS = 3
"""Bulk requests on their way at once: one for each node of a small cluster."""
GIVE_UP_SECONDS = 90.0
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.25, 8.0
SEND_SECONDS = 60.0

Operation = tuple[str, bytes]
"""A document's id and the lines that a bulk request has for it."""


def index_operation(document_id: str, document: Json) -> Operation:
    """Return the operation that writes a document, whatever was there before: sending it twice does no harm."""
    lines = f'{{"index":{{"_id":"{document_id}"}}}}\n' + _encode(document) + "\n"
    return document_id, lines.encode("utf-8", "replace")


def delete_operation(document_id: str) -> Operation:
    """Return the operation that removes a document."""
    return document_id, f'{{"delete":{{"_id":"{document_id}"}}}}\n'.encode()


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode


def send_all(
    cluster: Cluster, index: str, operations: Iterable[Operation], progress: Callable[[int], None] = lambda done: None
) -> int:
    """Send every operation and return how many there were; all are acknowledged by then.

    progress : called with how many are. Raises ClusterError where the cluster refuses one, or takes none for
    ``GIVE_UP_SECONDS``.
    """
    done = 0
    with ThreadPoolExecutor(SENDERS) as pool:
        waiting: set[Future[int]] = set()
        try:
            for chunk in _chunks(operations):
                if len(waiting) > SENDERS:
                    finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    done += sum(future.result() for future in finished)
                    progress(done)
                waiting.add(pool.submit(_send, cluster, index, chunk))
            for future in waiting:
                done += future.result()
            progress(done)
        finally:
            for future in waiting:
                future.cancel()
    return done


def _chunks(operations: Iterable[Operation]) -> Iterator[list[Operation]]:
    chunk: list[Operation] = []
    size = 0
    for operation in operations:
        chunk.append(operation)
        size += len(operation[1])
        if size >= CHUNK_BYTES or len(chunk) >= CHUNK_DOCUMENTS:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _send(cluster: Cluster, index: str, chunk: list[Operation]) -> int:
    """Send one chunk until all of it is acknowledged; return how many operations that were."""
    left = chunk
    pause = FIRST_PAUSE_SECONDS
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while True:
        try:
            answer = cluster.request(
                "POST", f"/{index}/_bulk", b"".join(lines for _, lines in left), seconds=SEND_SECONDS, timeout="10s"
            )
            left, reason = _unfinished(cluster, answer, left)
        except ClusterError as error:
            if error.refused or (error.status and error.status not in RETRIED) or time.monotonic() > deadline:
                raise
            reason = ""
        if not left:
            return len(chunk)
        if time.monotonic() > deadline:
            raise ClusterError(cluster.name, f"it has taken no document for {GIVE_UP_SECONDS:.0f} s ({reason})")
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


def _unfinished(cluster: Cluster, answer: Json, sent: list[Operation]) -> tuple[list[Operation], str]:
    """Return the operations that have to be sent again, and why. Raises ClusterError for one that never will do."""
    if not answer.get("errors"):
        return [], ""
    again: list[Operation] = []
    reason = ""
    for item, operation in zip(answer["items"], sent, strict=True):
        kind, result = next(iter(item.items()))
        status = int(result["status"])
        if status < 300 or (kind == "delete" and status == 404):
            continue
        reason = _reason(result)
        if status not in RETRIED:
            raise ClusterError(cluster.name, f"it refuses the article with id {operation[0]} ({reason})")
        again.append(operation)
    return again, reason


def _reason(result: dict[str, Any]) -> str:
    error = result.get("error") or {}
    return f"{error.get('type', 'no type')}: {error.get('reason', 'no reason')}"[:200]
