"""The frozen records of the archive room: what a file says, and what an article is once linked.

In: nothing. Out: plain records that every later room may hold, compare and store; none of them knows how it is
indexed, searched or shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

NEWS = "news"
OPINION = "opinion"
DAY = "day"
FRONT = "front"
IGNORED = "ignored"

# Why a file is skipped.
NO_HEADLINE = "no headline"
NO_DATE = "no date"
NOT_UTF8 = "not UTF-8"
TOO_LARGE = "too large"
UNREADABLE = "unreadable"
OUTSIDE = "leads outside the archive"
DUPLICATE = "same address as another file"
BAD_NAME = "file name not UTF-8"
FAILED = "parser failed"


@dataclass(frozen=True, slots=True)
class Source:
    """Who reported an article: the name as printed, and the address, ``""`` where the file gives none that is safe."""

    name: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Version:
    """One line of an article's history.

    path : site path without ending.
    headline : the headline of that version.
    changed : ``"2017-08-27 03:47:37"`` as the file prints it, ``""`` where it does not.
    note : ``"First version"``, ``"Current version"``, … as printed, ``""`` where it does not.
    current : whether this version is the document.
    """

    path: str
    headline: str
    changed: str = ""
    note: str = ""
    current: bool = False


class Related(NamedTuple):
    """One link between two articles, seen from one of them. A build makes a dozen for each article.

    path : site path without ending of the other article, already led to its current version.
    headline : the other's headline as the link gives it where the archive holds no file for that path; ``""`` where it
        does, since the other article then says it itself.
    contexts : what the two share, in the order of the line.
    """

    path: str
    headline: str = ""
    contexts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Article:
    """One article after linking: a document of the index.

    path : site path without ending or language prefix, ``/news/2017/01/16/slug``; identifies the article.
    file : path of its file relative to the archive folder, with ``/``.
    kind : ``NEWS`` or ``OPINION``.
    language : primary language tag, ``"en"``, ``"zh"``.
    date : calendar day.
    headline, summary : plain text, NFC, entities decoded, wiki quotes removed, white space collapsed (a summary keeps
        ``"\\n\\n"`` between paragraphs).
    markup : the Markdown source of summary or editorial where the plain text does not say everything, else ``""``.
    topic : ``""`` for none.
    contexts : each once, spelled as the archive most often spells it, in order of first mention.
    sources : each (name, url) once, in the order of the file; cover images are not among them.
    image : address of the picture, ``""`` for none.
    versions : the history, oldest first, the current one included; ``()`` where the file tells none.
    related : own links first, in the order of the file, then links from other articles, newest first.
    """

    path: str
    file: str
    kind: str
    language: str
    date: date
    headline: str
    summary: str = ""
    markup: str = ""
    topic: str = ""
    contexts: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
    image: str = ""
    versions: tuple[Version, ...] = ()
    related: tuple[Related, ...] = ()


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that could not be used: where it lies, and why (``reason`` is one of a small set, ``detail`` is free)."""

    file: str
    reason: str
    detail: str = ""


class FileStat(NamedTuple):
    """A file of the archive as one ``stat`` shows it: where it lies, with ``/``, its bytes, and its time in ns."""

    file: str
    size: int
    mtime_ns: int


class Edge(NamedTuple):
    """One line under *Related*, as the file gives it.

    path : site path without ending of the other article, not yet led to its current version; ``""`` where the link
        leads nowhere that an article could lie: the contexts still are the holder's.
    contexts : the names on the line, cleaned, in its order.
    headline : the other's headline, ``""`` where the archive is known to hold a file for it.
    """

    path: str
    contexts: tuple[str, ...] = ()
    headline: str = ""


class Listing(NamedTuple):
    """One article as a day page or front page lists it; headline and summary as for ``Edge.headline``."""

    path: str
    topic: str = ""
    contexts: tuple[str, ...] = ()
    headline: str = ""
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """What one file says, before anything is joined to it; the fields that ``Article`` has too mean the same.

    kind : ``NEWS``, ``OPINION``, ``DAY``, ``FRONT`` or ``IGNORED`` (a file that is part of no archive).
    path : site path; ``/news/2017/01/16`` for a day page, ``/`` for the front page.
    date : calendar day; None for a front page and an ignored file.
    versions : the lines under *Changes*, in the order of the file.
    edges : the lines under *Related*, in the order of the file.
    listings : the articles that a day page or front page lists, in its order.
    """

    kind: str
    path: str
    file: str
    language: str
    date: date | None = None
    topic: str = ""
    headline: str = ""
    summary: str = ""
    markup: str = ""
    sources: tuple[Source, ...] = ()
    image: str = ""
    versions: tuple[Version, ...] = ()
    edges: tuple[Edge, ...] = ()
    listings: tuple[Listing, ...] = ()


@dataclass(frozen=True, slots=True)
class LinkedArchive:
    """A whole archive once linked: what an index is built from.

    articles : every article, newest day first, then by path. A sequence that makes each record when it is asked for:
        go through it once, or keep a list of it.
    superseded : path of an older version → path of the article that replaced it; holds versions without a file too.
    days : calendar days that have a page of their own.
    skipped : the files that could not be used, by file.
    files : every file that belongs to the archive, by file, as the walk saw it.
    """

    articles: Sequence[Article]
    superseded: Mapping[str, str]
    days: frozenset[date] = frozenset()
    skipped: tuple[Skipped, ...] = ()
    files: tuple[FileStat, ...] = ()

    @property
    def paths(self) -> list[str]:
        """The site paths of ``articles``, in their order, without making the articles where that can be avoided."""
        listed = getattr(self.articles, "paths", None)
        return list(listed()) if callable(listed) else [article.path for article in self.articles]
