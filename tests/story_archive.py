"""A small archive of stories that tests build, change and build again, and what must hold of every index of it."""

from __future__ import annotations

from pathlib import Path

from search_app.engine.embedded import EmbeddedEngine
from search_app.engine.request import SearchRequest
from search_app.index.lock import LOCK_NAME
from search_app.index.manifest import SEGMENTS, list_generations, manifest_path, read_manifest, sizes_of
from search_app.index.verify import check_index
from search_app.settings import load_settings

STORY = """### [2031-10-{day}](/news/2031/10/{day}/index.md)

##### Harbour
# {headline}

{summary}

### Sources:

1. [Amaro Courier](https://courier.example/{day})
"""


def write_story(archive: Path, day: int, headline: str, summary: str = "Nothing more is known.") -> Path:
    """Write one article into an archive; its file is named for its day."""
    path = archive / f"news/2031/10/{day}/story-{day}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(STORY.format(day=day, headline=headline, summary=summary), encoding="utf-8")
    return path


def write_stories(archive: Path) -> Path:
    """Write ten articles, one a day."""
    for day in range(1, 11):
        write_story(archive, day, f"Quay {day} opens")
    return archive


def found(index: Path) -> list[str]:
    """Return every headline of the index, newest first."""
    engine = EmbeddedEngine(index, load_settings({}))
    return [hit.headline for hit in engine.search(SearchRequest(per_page=100)).hits]


def assert_tidy(index: Path) -> None:
    """Nothing lies in the index but the files of at most two generations, byte for byte, and the lock; it verifies."""
    generations = list_generations(index)
    assert 1 <= len(generations) <= 2
    manifests = {manifest_path(index, number).name for number in generations}
    needed: dict[str, int] = {}
    for number in generations:
        needed |= sizes_of(read_manifest(index, number))
    assert {path.name for path in index.iterdir()} == manifests | {SEGMENTS, LOCK_NAME}
    assert {path.name: path.stat().st_size for path in (index / SEGMENTS).iterdir()} == needed
    assert check_index(index).problems == ()
