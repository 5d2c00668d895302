"""From events to the files of an archive, in every form that the real format has: older and newer files, versions of
one event, missing summaries, pictures, entities, wiki quotes, links that lead astray, day pages and front pages.

In: events and a generator of random numbers. Out: ``(path, text)`` pairs; writing them is left to the caller.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from .compose import Editorial, Event
from .world import PAPERS

NEWER_FORMAT = date(2023, 7, 1)
MAX_RELATED = 10
MAX_SLUG_BYTES = 140
_LABELS = {"en": ("Sources", "Related", "Context"), "zh": ("信息来源", "有关", "消息")}
_QUOTED = re.compile(r'"([^"]*)"')


@dataclass(frozen=True, slots=True)
class File:
    """One file to write. ``kind`` is ``article``, ``superseded``, ``editorial``, ``day`` or ``page``."""

    path: str
    text: str
    kind: str


def render_files(events: Sequence[Event], editorials: Sequence[Editorial], rng: random.Random) -> Iterator[File]:
    """Yield every file of the archive. ``events`` are sorted by day."""
    related = _related(events)
    for event, neighbours in zip(events, related, strict=True):
        versions = _versions(event, rng)
        yield File(_path(event), _article(event, neighbours, versions, rng), "article")
        for headline, path, _ in versions:
            # The file of a first version is sometimes gone; its line in the history stays.
            if rng.random() < 0.8:
                yield File(path, _superseded(event, headline), "superseded")
    for editorial in editorials:
        day = editorial.day
        path = f"opinion/{day:%Y/%m}/{day.day}/{slug(editorial.title)}/index.md"
        yield File(path, f"# {editorial.title}\n\n{editorial.markdown}\n", "editorial")
    by_day: dict[date, list[Event]] = defaultdict(list)
    for event in events:
        by_day[event.day].append(event)
    for day, items in by_day.items():
        page = _day_page(day, items)
        yield File(f"news/{day:%Y/%m}/{day.day}/index.md", page, "day")
        yield File(f"news/{day:%Y/%m}/{day.day}/README.md", page, "day")
    front = _front_page(by_day)
    yield File("index.md", front, "page")
    yield File("README.md", front, "page")
    yield File(
        "faq/index.md", "# Questions\n\n### Is any of this true?\n\nNo. Every country here is invented.\n", "page"
    )
    yield File("api/index.md", "# Formats\n\nEvery page is there as HTML, JSON, XML and Markdown.\n", "page")


def slug(text: str) -> str:
    """Return the part of an address that stands for a headline: words joined by hyphens, at most 140 bytes."""
    joined = re.sub(r"[\W_]+", "-", text.lower()).strip("-")
    return joined.encode()[:MAX_SLUG_BYTES].decode(errors="ignore").strip("-")


def _path(event: Event, title: str = "") -> str:
    return f"news/{event.day:%Y/%m}/{event.day.day}/{slug(title or event.headline)}.md"


def _link(event: Event) -> str:
    return ("/zh/" if event.language == "zh" else "/") + _path(event)


def _related(events: Sequence[Event]) -> list[list[tuple[Event, tuple[str, ...]]]]:
    """Return, for each event, up to ten others that share most contexts with it, and which; nearest in time first."""
    found = []
    for event in events:
        shared = [
            (other, tuple(sorted(set(event.contexts) & set(other.contexts)))) for other in events if other != event
        ]
        shared = [pair for pair in shared if pair[1]]
        shared.sort(key=lambda pair: (-len(pair[1]), abs((pair[0].day - event.day).days), pair[0].headline))
        found.append(shared[:MAX_RELATED])
    return found


def _versions(event: Event, rng: random.Random) -> list[tuple[str, str, str]]:
    """Return ``(headline, path, remark)`` of the earlier versions, oldest first; most events have none."""
    if event.language != "en" or rng.random() > 0.1:
        return []
    changed = event.day + timedelta(days=rng.randint(1, 200))
    clock = f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}:{rng.randint(0, 59):02}"
    first = f"{event.topic}: {event.headline}"
    versions = [(first, _path(event, first), f"{changed} {clock} (First version)")]
    if rng.random() < 0.3:
        second = f"{event.topic}. {event.headline}"
        title = f"{event.topic} {event.headline} update"
        versions.append((second, _path(event, title), f"{changed + timedelta(days=3)} {clock}"))
    return versions


def _formats(path: str) -> str:
    stem = f"/{path}".removesuffix(".md")
    return "\nFormats: " + "  ".join(f"[{name.upper()}]({stem}.{name})" for name in ("html", "json", "xml")) + "  \n\n"


def _shown_day(day: date, rng: random.Random) -> str:
    """Return the date as files print it: the day of the month with a leading zero, or without."""
    return f"{day:%Y-%m-%d}" if rng.random() < 0.7 else f"{day:%Y-%m}-{day.day}"


def _dirty(text: str, rng: random.Random) -> str:
    """Return the text as robots leave it: now and then entities for quotes and spaces, or a doubled space."""
    roll = rng.random()
    if roll < 0.2:
        return _QUOTED.sub(r"&quot;\1&quot;", text)
    if roll < 0.3:
        return text.replace("'", "&#8217;").replace("–", "&ndash;")
    if roll < 0.34:
        return text.replace(" ", "&#x20;")
    if roll < 0.45:
        return text.replace(". ", ".  ")
    return text


def _article(
    event: Event,
    neighbours: Sequence[tuple[Event, tuple[str, ...]]],
    versions: Sequence[tuple[str, str, str]],
    rng: random.Random,
) -> str:
    newer = event.day >= NEWER_FORMAT or event.language != "en"
    sources, related, context = _LABELS.get(event.language, _LABELS["en"])
    stop = rng.choice(("", " ", ". ", ".")) if event.language == "en" else " "
    out = [_formats(_path(event)) if newer and rng.random() < 0.8 else ""]
    out.append(f"### [{_shown_day(event.day, rng)}](/news/{event.day:%Y/%m}/{event.day.day}/index.md)\n\n")
    if newer:
        out.append(f"##### {event.topic}\n")
    out.append(f"# {event.headline}{stop}\n\n{_dirty(event.summary, rng)}\n\n\n")
    out.append(_sources(event, sources, newer, rng))
    if versions:
        lines = [f"1. [{headline} ](/{path}) _{remark}_\n" for headline, path, remark in versions]
        out.append("### Changes:\n\n" + "".join(lines))
        out.append(f"1. [{event.headline} ](/{_path(event)}) _(Current version)_\n\n")
    if neighbours:
        out.append(f"### {related}:\n\n")
        for number, (other, shared) in enumerate(neighbours, 1):
            out.append(f"{number}. [{other.headline} ]({_link(other)}) _{context}: {', '.join(shared)}_\n")
    return "".join(out)


def _sources(event: Event, label: str, newer: bool, rng: random.Random) -> str:
    if not newer and len(event.papers) == 1:
        label = "Source"
    picture = rng.random()
    lines: list[str] = []
    for name in event.papers:
        site = f"https://{PAPERS[name][0]}"
        marked = f" [IMG]({site}/pictures/{slug(event.topic)}.jpg)" if picture < 0.12 and not lines else ""
        lines.append(f"1. [{name}]({site}/{event.day:%Y/%m}/{slug(event.headline)[:40].strip('-')}){marked}\n")
    if picture > 0.75:
        site = f"https://{PAPERS[event.papers[0]][0]}"
        lines.append(f"1. [Cover Image]({site}/pictures/{slug(event.topic)}.jpg?w=1200&amp;h=630)\n")
    return f"### {label}:\n\n" + "".join(lines) + "\n"


def _superseded(event: Event, headline: str) -> str:
    site = f"https://{PAPERS[event.papers[0]][0]}"
    return (
        f"### [{event.day}](/news/{event.day:%Y/%m}/{event.day.day}/index.md)\n\n# {headline} \n\n\n\n\n"
        f"### Source:\n\n1. [{event.papers[0]}]({site}/{event.day:%Y/%m})\n"
    )


def _entry(event: Event) -> str:
    """Return the lines of one article on a day page: its summary, or all of its contexts where it has none."""
    under = event.summary or f"_{_LABELS.get(event.language, _LABELS['en'])[2]}: {', '.join(event.contexts)}_"
    return f"##### {event.topic}\n### [{event.headline} ]({_link(event)})\n{under}\n\n"


def _day_page(day: date, items: Sequence[Event]) -> str:
    url = f"/news/{day:%Y/%m}/{day.day}/index.md"
    before = day - timedelta(days=1)
    # The archive's own pages link the day before like this, relative to nothing in particular.
    previous = f"[Previous Day...]({before:%Y/%m}/{before.day}/index.html)"
    entries = "".join(map(_entry, items))
    return f"{_formats(url.lstrip('/'))}## [{day:%Y-%m}-{day.day}]({url})\n\n{entries}## {previous}\n\n"


def _front_page(by_day: dict[date, list[Event]]) -> str:
    out = ["# News of the Straits\n\n"]
    for day in sorted(by_day, reverse=True)[:3]:
        out.append(f"## [{day:%Y-%m}-{day.day}](/news/{day:%Y/%m}/{day.day}/index.md)\n\n")
        out.extend(map(_entry, by_day[day]))
    return "".join(out)
