"""Tables that a build leaves on the cluster beside its index: what typed text may be completed to, and all words.

In: a generation. Out: the same tables for every process that serves. Their bytes lie in documents of an index of their
own: made in a second by a build, fetched in a tenth of one by a server that needs them.
"""

from __future__ import annotations

import base64
from pathlib import Path

from ...errors import IndexDamagedError
from ...index.files import MemoryFiles
from ...index.generation import Snapshot
from ...index.sections import SectionFile
from ...index.suggestions import SUGGESTIONS, write_suggestions
from .cluster import Cluster, Json
from .vocabulary import VOCABULARY, make_vocabulary

TABLES = "-tables"
"""Ends the name of the index of tables that lies beside an index."""
PART_BYTES = 1_000_000


def tables_body(replicas: int) -> Json:
    """Return settings and mapping of the index of tables: stored, not searched."""
    return {
        "settings": {"index": {"number_of_shards": 1, "number_of_replicas": replicas}},
        "mappings": {"dynamic": False, "properties": {}},
    }


def store_tables(cluster: Cluster, index: str, snapshot: Snapshot) -> None:
    """Write a snapshot's tables to an index. Cost: half a second, and another where it comes without completions."""
    tables = {SUGGESTIONS: _suggestions_of(snapshot), VOCABULARY: make_vocabulary(snapshot)}
    for name, raw in tables.items():
        parts = [raw[start : start + PART_BYTES] for start in range(0, len(raw), PART_BYTES)]
        for number, part in enumerate(parts):
            document = {"parts": len(parts), "data": base64.b64encode(part).decode()}
            cluster.request("PUT", f"/{index}/_doc/{name}-{number}", document)
    cluster.request("POST", f"/{index}/_refresh")


def fetch_table(cluster: Cluster, index: str, name: str) -> SectionFile:
    """Return a table that a build left in an index. Raises IndexDamagedError where it is not whole."""
    first: Json = cluster.read("GET", f"/{index}/_doc/{name}-0")["_source"]
    others = [cluster.read("GET", f"/{index}/_doc/{name}-{number}")["_source"] for number in range(1, first["parts"])]
    raw = b"".join(base64.b64decode(document["data"]) for document in (first, *others))
    return SectionFile(Path(index), data=raw)


def _suggestions_of(snapshot: Snapshot) -> bytes:
    file = snapshot.companions.get(SUGGESTIONS)
    if file is not None:
        try:
            return file.path.read_bytes()
        except (OSError, IndexDamagedError):
            pass  # It can be made again.
    files, path = MemoryFiles(), Path(SUGGESTIONS)
    write_suggestions(path, list(zip(snapshot.segments, snapshot.live, strict=True)), files)
    return bytes(files.held[path.name])
