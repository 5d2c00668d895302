"""From the texts beside this file to a list of events, oldest first: what happened, when, in which contexts.

In: a generator of random numbers. Out: plain records; how they look as files is ``render``'s business.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.resources import files

from .world import CITIES, Gaps, pick_papers

FIRST_DAY = date(2023, 1, 2)
LAST_DAY = date(2025, 12, 30)
BRIEFS_EACH = 4


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. ``contexts`` begins with the topic; ``papers`` reported it."""

    day: date
    language: str
    topic: str
    headline: str
    summary: str
    contexts: tuple[str, ...]
    papers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Editorial:
    """One piece of opinion: free Markdown."""

    day: date
    title: str
    markdown: str


def compose_events(rng: random.Random) -> list[Event]:
    """Return all events of the sample, by day, then as written."""
    events = [*_told("stories.txt", rng), *_told("languages.txt", rng), *_filled(rng)]
    return sorted(events, key=lambda event: event.day)


def read_editorials() -> list[Editorial]:
    """Return the editorials, oldest first."""
    editorials = []
    for piece in _text("editorials.txt").split("=== ")[1:]:
        head, _, markdown = piece.partition("\n")
        day, _, title = head.partition(" | ")
        editorials.append(Editorial(date.fromisoformat(day), title, markdown.strip()))
    return editorials


def _text(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _paragraphs(name: str) -> Iterator[tuple[str, tuple[str, ...], str, list[str]]]:
    """Yield ``(topic, contexts, language, lines)`` for each ``# topic | contexts @language`` of a file."""
    for block in _text(name).split("# ")[1:]:
        head, *lines = block.strip().split("\n")
        head, _, language = head.partition(" @")
        topic, _, contexts = head.partition(" | ")
        yield topic, _names(contexts), language or "en", lines


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(";") if part.strip())


def _told(name: str, rng: random.Random) -> Iterator[Event]:
    """Yield the events of the running stories, which are told word for word."""
    for topic, shared, language, lines in _paragraphs(name):
        entries: list[list[str]] = []
        for line in lines:
            if line[:4].isdigit() and " | " in line:
                entries.append([line])
            else:
                entries[-1].append(line)
        for head, *rest in entries:
            day, _, headline = head.partition(" | ")
            own = tuple(name for line in rest if line.startswith("+ ") for name in _names(line[2:]))
            summary = " ".join(line for line in rest if not line.startswith("+ "))
            contexts = tuple(dict.fromkeys((topic, *shared, *own)))
            country = next((name for name in contexts if name in CITIES), "")
            papers = pick_papers(rng, country, language)
            yield Event(date.fromisoformat(day), language, topic, headline, summary, contexts, papers)


def _filled(rng: random.Random) -> Iterator[Event]:
    """Yield the small news of every day, made by filling the gaps of a pattern a few times each."""
    span = (LAST_DAY - FIRST_DAY).days
    for topic, contexts, language, lines in _paragraphs("briefs.txt"):
        headlines: set[str] = set()
        for _ in range(BRIEFS_EACH):
            gaps = Gaps(rng)
            texts = [gaps.fill(line) for line in lines]
            if texts[0] in headlines:
                continue
            headlines.add(texts[0])
            day = FIRST_DAY + timedelta(days=rng.randint(0, span))
            summary = "" if rng.random() < 0.2 else " ".join(texts[1:])
            named = tuple(dict.fromkeys((gaps.fill(topic), *(gaps.fill(name) for name in contexts))))
            papers = pick_papers(rng, gaps.country, language)
            yield Event(day, language, named[0], texts[0], summary, named, papers)
