"""Makes the golden indexes: ``python tests/golden.py`` writes one of the format of today below ``tests/data/golden``.

In: the small archive of ``tests/data/archive``. Out: a folder named for the format, with the index in it, two
generations as an update leaves them, and ``answers.json``, what it answered when it was made. A golden index is made
once for each format and then never again: what matters is that later versions open it, or refuse it clearly.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from typing import Any

from search_app.engine.embedded import EmbeddedEngine
from search_app.engine.request import SearchRequest
from search_app.index.builder import build_index
from search_app.index.files import FileSystem
from search_app.index.lock import LOCK_NAME
from search_app.index.manifest import list_generations, read_manifest, write_manifest
from search_app.index.schema import schema_fingerprint

DATA = Path(__file__).resolve().parent / "data"
GOLDEN = DATA / "golden"
ARCHIVE = "/srv/archive"
QUERIES = ("", "harbour", '"of the"', "topic:harbour OR strik*", "the -harbour")


def golden_answers(index: Path) -> dict[str, Any]:
    """Return what an index answers to a few searches: totals, paths and counts of topics, and its articles in full."""
    engine = EmbeddedEngine(index, today=date(2031, 12, 1))
    try:
        found = {query: engine.search(SearchRequest(query, per_page=100)) for query in QUERIES}
        searches = {
            query: {
                "total": result.total,
                "paths": [hit.path for hit in result.hits],
                "topics": {bucket.value: bucket.count for bucket in result.facets["topic"].buckets},
            }
            for query, result in found.items()
        }
        records = [engine.record(hit.path) for hit in found[""].hits]
        articles = [
            asdict(record) | {"date": record.date.isoformat(), "related": [link._asdict() for link in record.related]}
            for record in records
            if record
        ]
        plain: dict[str, Any] = json.loads(json.dumps({"searches": searches, "articles": articles}))
        return plain
    finally:
        engine.close()


def make_golden(folder: Path) -> Path:
    """Write the golden index of the format of today below a folder, and return where.

    Raises FileExistsError if there is one.
    """
    made = folder / schema_fingerprint()
    made.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as temporary:
        archive = Path(shutil.copytree(DATA / "archive", Path(temporary) / "archive"))
        last = sorted(archive.rglob("*.md"))[-1]
        kept = last.read_bytes()
        last.unlink()
        for path in archive.rglob("*.md"):
            os.utime(path, (1_700_000_000, 1_700_000_000))
        build_index(archive, made / "index", jobs=1)
        last.write_bytes(kept)
        build_index(archive, made / "index", jobs=1)
    (made / "index" / LOCK_NAME).unlink()
    for generation in list_generations(made / "index"):
        # Where it was made is nobody's business.
        write_manifest(
            made / "index", replace(read_manifest(made / "index", generation), archive=ARCHIVE), FileSystem()
        )
    text = json.dumps(golden_answers(made / "index"), ensure_ascii=False, indent=1)
    (made / "answers.json").write_text(text + "\n", encoding="utf-8")
    return made


if __name__ == "__main__":
    print(make_golden(GOLDEN))
    sys.exit()
