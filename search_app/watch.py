"""What is new in a search since it was last looked at, remembered in a file of the person who asks.

In: an engine, a search, a file. Out: the hits that the file does not know yet. A rebuild makes nothing look new, and
neither does an article that goes away for a while: what was once reported stays in the file.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from .engine.request import SearchRequest
from .engine.result import Engine, Hit
from .errors import WatchError

FORMAT = "search-app watch 1"


@dataclass(frozen=True, slots=True)
class WatchReport:
    """What a look found. new : hits not reported before, newest first; all of them on the ``first`` look.

    ``save`` remembers them; not called, the next look finds them again.
    """

    file: Path
    name: str
    first: bool
    total: int
    new: tuple[Hit, ...]
    seen: frozenset[str]

    def save(self) -> None:
        """Write the file anew, whole or not at all. Raises OSError."""
        body = {"format": FORMAT, "search": self.name, "seen": sorted(self.seen | set(map(_mark, self.new)))}
        temporary = self.file.with_name(f".{self.file.name}.{os.getpid()}.tmp")
        try:
            with temporary.open("w", encoding="utf-8") as stream:
                json.dump(body, stream, ensure_ascii=False, indent=0)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(self.file)
        finally:
            temporary.unlink(missing_ok=True)


def find_new(engine: Engine, request: SearchRequest, file: Path, name: str) -> WatchReport:
    """Return what a search finds that its file does not know. Partial matches are nothing to report.

    name : the search in words, the same each time; a file serves one search.
    Raises WatchError for a file that is not such a file, or is another search's. Cost: reads every hit.
    """
    known = _read(file, name)
    found = engine.stream(replace(request, as_typed=True))
    hits: Iterable[Hit] = () if found.relaxed else found.hits
    seen = known or frozenset()
    new = tuple(hit for hit in hits if _mark(hit) not in seen)
    return WatchReport(file, name, known is None, 0 if found.relaxed else found.total, new, seen)


def _mark(hit: Hit) -> str:
    return hashlib.blake2b(hit.path.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _read(file: Path, name: str) -> frozenset[str] | None:
    """Return what a file knows, None where there is no file yet."""
    try:
        body = json.loads(file.read_text(encoding="utf-8"))
        if body["format"] != FORMAT:
            raise ValueError(body["format"])
        search, seen = str(body["search"]), frozenset(map(str, body["seen"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        raise WatchError(f"{file} is not a file of search-app watch. Name another with --since.") from None
    if search != name:
        raise WatchError(f"{file} belongs to another search ({search}). Name a file for each search with --since.")
    return seen
