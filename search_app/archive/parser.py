"""What one file says: the text of a Markdown file to a page.

In: decoded text and the file's place in the archive. Out: a ``Page``, or an ``ArticleError`` that says why there is
none. Reads no disk and knows of no other file, so it may run in any process. The structure is read line by line; the
time it takes is linear in the length of the text, whatever the text holds.
"""

from __future__ import annotations

import re
from collections.abc import Container
from datetime import date
from functools import lru_cache

from ..errors import ArticleError
from . import labels, model
from .model import Edge, Listing, Page, Source, Version
from .paths import Place, link_language, link_path, locate, parse_day
from .render import has_markup, plain_text
from .text import MAX_NAME_CHARS, clean_line, clean_name, clean_paragraphs, safe_url, split_contexts

_CHANGED = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[ T][0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?)?")
_HEADING = re.compile(r"#{1,6}[ \t]+(.*)")
_UNDERLINE = re.compile(r"(?:=+|-{3,})[ \t]*")
_PLAIN_SOURCE = re.compile(r"[0-9]{1,9}\. \[([^\[\]]+)\]\(([^\s()]+)\)\s*")
_NUMBERING = re.compile(r"\s*(?:[0-9]{1,9}[.)]|[-*+])(?:\s+|$)")
_NOTHING: frozenset[str] = frozenset()
_WIKI_QUOTES = re.compile("'{2,}")


def parse_page(text: str, file: str, known: Container[str] = _NOTHING) -> Page:
    """Return what a file says.

    text : the file's text, decoded, with or without a byte order mark.
    file : its path relative to the archive folder, with ``/``; tells the kind of page and, where the text does not,
        the day.
    known : site paths that the archive holds a file for. Their headlines are left out of edges and listings.
    Raises ArticleError for an article or editorial without a headline, or without a day in text or path.
    Cost: linear in the text, about 40 µs for an article of 4 KB.
    """
    place = locate(file)
    if place.kind == model.IGNORED:
        return Page(kind=model.IGNORED, path="", file=file, language=labels.DEFAULT_LANGUAGE)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:
        text = text.replace("\0", "")
    text = text.removeprefix("\ufeff")
    if place.kind == model.NEWS:
        return _article(text, file, place, known)
    if place.kind == model.OPINION:
        return _editorial(text.split("\n"), file, place)
    return _day_page(text.split("\n"), file, place, known)


def _article(text: str, file: str, place: Place, known: Container[str]) -> Page:
    text = "\n" + text
    headline, start, stop = _headline(text)
    if not headline:
        raise ArticleError(file, model.NO_HEADLINE)
    day, language = _dated(text, start)
    day = day or place.day
    if day is None:
        raise ArticleError(file, model.NO_DATE)

    summary = ""
    sources: list[Source] = []
    versions: list[Version] = []
    edges: list[Edge] = []
    image = section = spoken = ""  # spoken: the language of the first heading that the table of languages knows
    for number, block in enumerate(text[stop:].split("\n### ")):
        label, _, body = block.partition("\n")
        found = labels.section_of(label) if number else None
        if found:
            section, tag = found
            spoken = spoken or tag
            if section == labels.SOURCES:
                named, picture = _sources(body)
                sources += named
                image = image or picture
            elif section == labels.RELATED:
                edges += _edges(body, file, known)
            else:
                versions += _versions(body, file)
        elif not section:
            summary = f"{summary}\n### {block}" if number else block
    markup, plain = _summary(summary)
    return Page(
        kind=model.NEWS,
        path=place.path,
        file=file,
        language=spoken or language or place.language or labels.script_language(headline),
        date=day,
        topic=_topic(text, start),
        headline=headline,
        summary=plain,
        markup=markup,
        sources=tuple(sources) if len(sources) < 2 else tuple(dict.fromkeys(sources)),
        image=image,
        versions=tuple(versions),
        edges=tuple(edges),
    )


def _headline(text: str) -> tuple[str, int, int]:
    """Return the first headline that holds a character, where its line begins, and where it ends."""
    start = text.find("\n# ")
    while start >= 0:
        stop = text.find("\n", start + 1)
        stop = len(text) if stop < 0 else stop
        headline = clean_line(text[start + 3 : stop])
        if headline:
            return headline, start, stop
        start = text.find("\n# ", stop)
    return "", 0, 0


def _dated(text: str, end: int) -> tuple[date | None, str]:
    """Return the first day that a line before ``end`` names, and the language of its link."""
    start = text.find("\n### [", 0, end)
    while start >= 0:
        day, language = _date_line(text[start + 1 : text.find("\n", start + 1)])
        if day:
            return day, language
        start = text.find("\n### [", start + 1, end)
    return None, ""


def _topic(text: str, end: int) -> str:
    """Return the first topic that stands on a line before ``end``."""
    start = text.find("\n##### ", 0, end)
    while start >= 0:
        topic = clean_name(text[start + 7 : text.find("\n", start + 1)])
        if topic:
            return topic
        start = text.find("\n##### ", start + 1, end)
    return ""


def _date_line(line: str) -> tuple[date | None, str]:
    """Return the day of ``### [2017-01-16](/zh/news/2017/01/16/index.md)``, and the language of its link's prefix."""
    shown, found, rest = line[5:].partition("](")
    return (parse_day(shown), link_language(rest)) if found else (None, "")


def _summary(text: str) -> tuple[str, str]:
    """Return ``(markup, plain text)`` of a summary; markup is ``""`` where plain text says everything."""
    text = text.strip()
    if not text:
        return "", ""
    if has_markup(text):
        markup = _WIKI_QUOTES.sub("", text) if "''" in text else text
        return markup, plain_text(markup)
    return "", clean_paragraphs(text.split("\n")) if "\n" in text else clean_line(text)


def _printed(body: str) -> list[str]:
    """Return the lines of a section that hold anything."""
    return [line for line in body.split("\n") if line and not line.isspace()]


def _edges(body: str, file: str, known: Container[str]) -> list[Edge]:
    edges = []
    for line in body.split("\n"):
        # Nearly every line leads to a file of the archive and ends in its contexts; the others take the long way.
        target, found, rest = line[line.rfind("](") + 2 :].partition(".md) _")
        if found and target in known:
            edges.append(Edge(target, contexts_of(rest)))
        elif line:
            edge = _edge(line, file, known)
            if edge:
                edges.append(edge)
    return edges


def _versions(body: str, file: str) -> list[Version]:
    return [version for version in (_version(line, file) for line in _printed(body)) if version]


def _sources(body: str) -> tuple[list[Source], str]:
    """Return the sources that a section names, and the first picture in it."""
    sources = []
    image = ""
    for line in _printed(body):
        source, picture = _source(line)
        image = image or picture
        if source:
            sources.append(source)
    return sources, image


def _link(line: str) -> tuple[str, str, str] | None:
    """Return ``(text, target, rest)`` of ``1. [text](target) rest``, None for a line without a link.

    The last ``](`` counts, since headlines of some files hold links themselves.
    """
    middle = line.rfind("](")
    first = line.find("[", 0, 16)
    if middle < 0 or not 0 <= first < middle:
        return None
    target, found, rest = line[middle + 2 :].partition(") _")
    if found:
        return line[first + 1 : middle], target, rest
    target, _, rest = target.rpartition(")")
    return line[first + 1 : middle], target, rest


@lru_cache(maxsize=1 << 16)
def contexts_of(text: str) -> tuple[str, ...]:
    """Return the contexts that ``Context: A, B_`` names, none where the text does not begin with such a label."""
    label, colon, names = text.partition(":")
    if not colon or len(label) > 64:
        label, colon, names = text.partition("：")
    if not colon or not labels.context_language(label):
        return ()
    return split_contexts(names.rstrip().removesuffix("_"))


def _edge(line: str, file: str, known: Container[str]) -> Edge | None:
    link = _link(line)
    if link is None:
        return None
    headline, target, rest = link
    contexts = contexts_of(rest) if rest else ()
    path = link_path(target, file)
    if path and path in known:
        return Edge(path, contexts)
    if path:
        return Edge(path, contexts, clean_line(headline))
    return Edge("", contexts) if contexts else None


def _version(line: str, file: str) -> Version | None:
    link = _link(line)
    if link is None:
        return None
    headline, target, rest = link
    path = link_path(target, file)
    if not path:
        return None
    rest = rest.strip().removesuffix("_")
    changed, _, note = rest.partition("(")
    stamp = _CHANGED.match(changed.strip()) if len(rest) <= 200 else None
    note = clean_line(note.rpartition(")")[0]) if len(rest) <= 200 else ""
    return Version(path, clean_line(headline), stamp[0] if stamp else "", note, labels.is_current(note))


def _source(line: str) -> tuple[Source | None, str]:
    """Return ``(source, picture's address)`` of a line under *Sources*; either may be missing."""
    picture = ""
    plain = _PLAIN_SOURCE.fullmatch(line)
    if plain and not labels.is_image(plain[1]):
        name, url = clean_line(plain[1]), safe_url(plain[2])
    else:
        middle = line.rfind("](")
        opening = line.rfind("[", 0, middle) if middle > 0 else -1
        if opening >= 0 and labels.is_image(line[opening + 1 : middle]):
            picture = safe_url(line[middle + 2 :].rpartition(")")[0])
            line = line[:opening]
        link = _link(line)
        if link:
            name, url = clean_line(link[0]), safe_url(link[1])
        else:
            name, url = clean_line(_NUMBERING.sub("", line, count=1)), ""
    name = name or url.partition("://")[2].partition("/")[0]
    if len(name) > MAX_NAME_CHARS:
        name = name[: MAX_NAME_CHARS - 1] + "…"
    return (Source(name, url) if name else None), picture


def _editorial(lines: list[str], file: str, place: Place) -> Page:
    day: date | None = None
    language = headline = ""
    start = len(lines)
    for number, line in enumerate(lines):
        if line[:5] == "### [" and day is None:
            day, language = _date_line(line)
            if day:
                continue
        heading = _HEADING.match(line) if line[:1] == "#" else None
        if heading:
            title, start = heading[1].rstrip("# \t"), number + 1
        elif line.strip() and number + 1 < len(lines) and _UNDERLINE.fullmatch(lines[number + 1]):
            title, start = line, number + 2
        else:
            continue
        headline = " ".join(plain_text(title).split()) if has_markup(title) else clean_line(title)
        if headline:
            break
    if not headline:
        raise ArticleError(file, model.NO_HEADLINE)
    day = day or place.day
    if day is None:
        raise ArticleError(file, model.NO_DATE)
    markup = "\n".join(lines[start:]).strip()
    return Page(
        kind=model.OPINION,
        path=place.path,
        file=file,
        language=language or place.language or labels.script_language(headline),
        date=day,
        headline=headline,
        summary=plain_text(markup) if markup else "",
        markup=markup,
    )


def _day_page(lines: list[str], file: str, place: Place, known: Container[str]) -> Page:
    listings: list[Listing] = []
    topic = path = headline = language = ""
    contexts: tuple[str, ...] = ()
    summary: list[str] = []

    def close() -> None:
        if path:
            shown = path not in known
            listings.append(
                Listing(path, topic, contexts, headline if shown else "", clean_paragraphs(summary) if shown else "")
            )

    pending = ""  # the topic printed above the next headline
    for line in lines:
        if line[:1] == "#":
            if line[:5] == "### [":
                close()
                link = _link(line)
                path = link_path(link[1], file) if link else ""
                if link and not listings:
                    language = language or link_language(link[1])
                headline = clean_line(link[0]) if link and path not in known else ""
                topic, pending, contexts, summary = pending, "", (), []
                continue
            if line[:6] == "##### ":
                close()
                path, pending = "", clean_name(line[6:])
                continue
            if line[:3] == "## ":
                close()
                path = pending = ""
                language = language or _date_line("##" + line[1:])[1]
                continue
        if path and line:
            named = contexts_of(line[1:]) if line[0] == "_" and line.rstrip().endswith("_") else ()
            if named:
                contexts = tuple(dict.fromkeys((*contexts, *named)))
                continue
        if path:
            summary.append(line)
    close()
    return Page(
        kind=place.kind,
        path=place.path,
        file=file,
        language=language or place.language or labels.script_language("".join(item.headline for item in listings[:5])),
        date=place.day,
        listings=tuple(listings),
    )
