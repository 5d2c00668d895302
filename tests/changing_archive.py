"""An invented archive that changes: what each file says as a small record, written out in the archive's format.

In: edits. Out: files on disk, some of them with a time of long ago, as files have that nobody has touched for a while,
some just written. Names and texts repeat, so that edits meet each other's links, spellings and versions.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

DAYS = ("2031/10/3", "2031/10/4", "2031/11/12")
SLUGS = ("ferry-runs-aground", "dockers-walk-out", "talks-resume", "quay-opens", "storm-nears-halvik")
PATHS = tuple(f"news/{day}/{slug}" for day in DAYS for slug in SLUGS)
"""Site paths without the first slash."""

ARTICLE_FILES = (
    *(path + ".md" for path in PATHS),
    # Another file for an address that a file above has, too.
    f"zh/{PATHS[0]}.md",
    "news/2031/10/03/dockers-walk-out.md",
    "opinion/2031/10/4/on-ferries/index.md",
    "opinion/2031/10/4/on-ferries/README.md",
)
LISTING_FILES = (
    *(f"news/{day}/{name}.md" for day in DAYS[:2] for name in ("index", "README")),
    "index.md",
    "README.md",
    "zh/news/2031/10/3/index.md",
)
TARGETS = (*PATHS, "news/2031/12/1/never-written", "opinion/2031/10/4/on-ferries")
HEADLINES = (
    "Ferry runs aground",
    "Harbour strike: Ferry runs aground",
    "Harbour strike: Halvik: Ferry runs aground",
    "Mount Ysk. Storm nears Halvik",
    "Storm nears Halvik",
    "Talks to end the harbour strike resume",
    "Café opens on the quay of Łódź",
    "罢工结束",
)
SUMMARIES = (
    "",
    "Nobody was hurt.",
    "The ferries lie &quot;idle&quot; in the harbour.\n\nTalks go on.",
    "*Striking* dockers.",
)
NAMES = (
    "President",
    "president",
    "PRESIDENT",
    "Harbour strike",
    "harbour strike",
    "Halvik",
    "Élection, 2032",
    "Mount Ysk",
)
TOPICS = ("", *NAMES[:5])
SOURCES = ("Amaro Courier", "amaro courier", "The Halvik Post", "Straits Radio")
DATE_LINES = ("own", "none", "2031-10-3", "2031-10-04", "2031-12-24", "2031-02-30")
TIMES = ("", "2031-11-01 03:47:37", "2031-11-02 00:00:00", "2031-12-01 12:00:00")


@dataclass(frozen=True, slots=True)
class Line:
    """A link under *Related*, under *Changes* or on a day page, with what may stand beside it."""

    target: str
    names: tuple[str, ...] = ()
    headline: str = "As the link says"
    topic: str = ""
    changed: str = ""
    current: bool = False


@dataclass(frozen=True, slots=True)
class Draft:
    """What a file says of its article."""

    headline: str = HEADLINES[0]
    summary: str = ""
    topic: str = ""
    date_line: str = "own"
    sources: tuple[str, ...] = ()
    changes: tuple[Line, ...] = ()
    related: tuple[Line, ...] = ()

    def text(self, file: str) -> str:
        """Return the file's text."""
        day = "-".join(file.removesuffix(".md").split("/")[-4:-1])
        day = day if self.date_line == "own" else self.date_line
        out = [] if day == "none" else [f"### [{day}](/news/index.md)\n\n"]
        out += [f"##### {self.topic}\n"] if self.topic else []
        out.append(f"# {self.headline} \n\n{self.summary}\n\n")
        if self.sources:
            out.append("### Sources:\n\n")
            out += [f"1. [{name}](https://{n}.example/x)\n" for n, name in enumerate(self.sources)]
        if self.changes:
            out.append("\n### Changes:\n\n")
            for line in self.changes:
                note = "Current version" if line.current else "First version"
                out.append(f"1. [{line.headline}](/{line.target}.md) _{line.changed} ({note})_\n")
        if self.related:
            out.append("\n### Related:\n\n")
            for line in self.related:
                named = f" _Context: {', '.join(line.names)}_" if line.names else ""
                out.append(f"1. [{line.headline} ](/{line.target}.md){named}\n")
        return "".join(out)


def listing_text(lines: tuple[Line, ...]) -> str:
    """Return the text of a day page or front page."""
    out = ["## [2031-10-3](/news/2031/10/3/index.md)\n\n"]
    for line in lines:
        out.append(f"##### {line.topic}\n" if line.topic else "")
        under = f"_Context: {', '.join(line.names)}_" if line.names else "What the page says."
        out.append(f"### [{line.headline} ](/{line.target}.md)\n{under}\n\n")
    return "".join(out)


FIXED = 96


def fixed_articles() -> dict[str, Draft]:
    """Return articles that nobody edits: most of them link to articles that come, go and change their versions.

    There are so many that an update leaves the segment with them alone, unless one of them has to change.
    """
    made = {}
    for n in range(FIXED):
        links = (TARGETS[n % len(TARGETS)], TARGETS[n * 5 % len(TARGETS)]) if n % 3 else ()
        related = tuple(Line(target, NAMES[n % 5 : n % 5 + 2]) for target in dict.fromkeys(links))
        topic = NAMES[n % 8] if n % 4 == 1 else ""
        made[f"news/2031/09/{n % 28 + 1}/fixed-{n}.md"] = Draft(f"Fixed story {n}", topic=topic, related=related)
    return made


class ChangingArchive:
    """An archive on disk, and the drafts that its article files were written from."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.drafts: dict[str, Draft] = {}
        self._clock = 1_100_000_000

    def files(self) -> list[str]:
        """Return the files there are, sorted."""
        return sorted(path.relative_to(self.root).as_posix() for path in self.root.rglob("*.md"))

    def settle(self, file: str) -> None:
        """Give a file a time of long ago that no file had before."""
        self._clock += 1
        os.utime(self.root / file, (self._clock, self._clock))

    def write(self, file: str, data: bytes, settled: bool = True) -> None:
        """Write a file's bytes; with the time of now unless ``settled``."""
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        if settled:
            self.settle(file)

    def put(self, file: str, draft: Draft, settled: bool = True) -> None:
        """Write an article's file."""
        self.drafts[file] = draft
        self.write(file, draft.text(file).encode(), settled)

    def list(self, file: str, lines: tuple[Line, ...], settled: bool = True) -> None:
        """Write a day page or front page."""
        self.write(file, listing_text(lines).encode(), settled)

    def remove(self, file: str) -> None:
        """Remove a file, if it is there."""
        self.drafts.pop(file, None)
        (self.root / file).unlink(missing_ok=True)

    def rename(self, file: str, new: str) -> None:
        """Move a file, its time and what it says along with it."""
        target = self.root / new
        target.parent.mkdir(parents=True, exist_ok=True)
        (self.root / file).replace(target)
        self.drafts.pop(new, None)
        if file in self.drafts:
            self.drafts[new] = self.drafts.pop(file)
