"""The frozen records of the archive room: what a file says, and what an article is once linked.

In: nothing. Out: plain records that every later room may hold, compare and store; none of them knows how it is
indexed, searched or shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

NEWS = "news"
OPINION = "opinion"


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


@dataclass(frozen=True, slots=True)
class Related:
    """One link between two articles, seen from one of them.

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
