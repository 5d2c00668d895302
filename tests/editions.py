"""An archive that comes out in editions: every article of one says which, so that no answer can mix two unnoticed.

Also a program: ``editions.py read INDEX STOP`` searches until a file called STOP exists, ``editions.py rebuild ARCHIVE
INDEX STOP`` brings out new ones, and ``editions.py build …`` is ``search-app …`` with workers for even a small archive.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from pathlib import Path

from search_app.archive import reader
from search_app.cli import main
from search_app.engine.embedded import EmbeddedEngine
from search_app.engine.request import SearchRequest
from search_app.engine.result import SearchResult
from search_app.index import gather, records
from search_app.index.builder import build_index

EDITION = re.compile(r"\bedition(\d+)\b")
ARTICLES = 60
STORY = """### [2031-10-{day}](/news/2031/10/{day}/index.md)

##### Harbour of edition{edition}
# Quay {n} opens in edition{edition}

Nobody at quay {n} knew of edition{edition}.

### Sources:

1. [Courier of edition{edition}](https://courier.example/{n})
"""


def articles_of(edition: int) -> int:
    """Return how many articles an edition has; neighbours differ, and never by so many that a build is refused."""
    return ARTICLES + edition % 7


def write_edition(archive: Path, edition: int) -> None:
    """Write an edition over the one before."""
    for n in range(ARTICLES + 7):
        day = n % 28 + 1
        path = archive / f"news/2031/10/{day}/story-{n}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        if n < articles_of(edition):
            path.write_text(STORY.format(day=day, n=n, edition=edition), encoding="utf-8")
        else:
            path.unlink(missing_ok=True)


def edition_of(result: SearchResult) -> int:
    """Return which edition answered a search for everything. Raises ValueError where it is not one, and whole."""
    told = [hit.headline + hit.summary + hit.topic + hit.sources[0].name for hit in result.hits]
    told += [bucket.value for facet in ("topic", "source") for bucket in result.facets[facet].buckets]
    editions = {int(found) for text in told for found in EDITION.findall(text)}
    if len(editions) != 1 or result.total != articles_of(*editions) or len(result.hits) != result.total:
        raise ValueError(f"editions {sorted(editions)} answer with {result.total} articles, {len(result.hits)} hits")
    counts = {bucket.count for facet in ("topic", "source") for bucket in result.facets[facet].buckets}
    if counts != {result.total} or sum(bar.count for bar in result.histogram.bars) != result.total:
        raise ValueError(f"{result.total} articles of edition {editions} are counted as {counts}")
    return editions.pop()


def read_until(index: Path, stop: Path) -> dict[str, object]:
    """Search until a file exists, with one engine that follows and one opened anew each time; return what was seen."""
    seen: list[int] = []
    searches, errors = 0, []
    engine = EmbeddedEngine(index)
    while not stop.exists():
        engine.refresh()
        fresh = EmbeddedEngine(index)
        for asked in (engine, fresh):
            try:
                result = asked.search(SearchRequest("quay" if searches % 2 else "", per_page=100))
                edition = edition_of(result)
                if edition not in seen[-1:]:
                    seen.append(edition)
            except Exception as error:
                errors.append(f"{type(error).__name__}: {error}")
            searches += 1
        fresh.close()
        time.sleep(0.03)
    engine.close()
    return {"searches": searches, "errors": errors, "seen": seen}


def rebuild_until(archive: Path, index: Path, stop: Path) -> dict[str, object]:
    """Bring out one edition after another until a file exists; return how many."""
    # How long the disk takes is of no interest here: the quicker, the more rebuilds.
    os.fsync = lambda descriptor: None
    edition = 0
    while not stop.exists():
        edition += 1
        write_edition(archive, edition)
        build_index(archive, index, jobs=1, full=edition % 3 == 0)
    return {"editions": edition}


def share_work() -> None:
    """Let even a small archive be read and indexed by several processes, in small pieces."""
    reader._FILES_A_PROCESS, reader.CHUNK_FILES = 10, 3
    gather.PART_DOCS, gather._DOCS_A_PROCESS = records.RELATED_DOCS, 10


if __name__ == "__main__":
    if sys.argv[1] == "read":
        print(json.dumps(read_until(Path(sys.argv[2]), Path(sys.argv[3]))))
        sys.exit()
    if sys.argv[1] == "rebuild":
        print(json.dumps(rebuild_until(*map(Path, sys.argv[2:5]))))
        sys.exit()
    share_work()
    print("ready", flush=True)
    sys.exit(main(sys.argv[2:]))
