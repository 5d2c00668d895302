"""The small records that pages are made of.

In: text and addresses, worked out by presenters. Out: what templates print. Those that a page has by the hundred are
named tuples, which are made four times as fast as frozen dataclasses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from markupsafe import Markup

from .language import _


class Link(NamedTuple):
    """Text that leads somewhere. ``current`` marks the place where the reader is; ``note`` stands beside the text.

    href : ``""`` for text that leads nowhere.
    """

    text: str
    href: str = ""
    current: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter in force: ``Topic: Floods`` and the address of the search without it."""

    label: str
    value: str
    href: str
    negative: bool = False

    @property
    def words(self) -> str:
        """Label and value."""
        return _("{label}: {value}", label=self.label, value=self.value)


class Value(NamedTuple):
    """A topic or context that a search can be narrowed to.

    href : the search with it, ``""`` where there is no link; name : where the search is so long that links would make
    the page heavy, the parameter of the search form that a button sets.
    """

    text: str
    href: str = ""
    name: str = ""


class Box(NamedTuple):
    """A checkbox of a facet: ``name=value`` is what it sends.

    exclude : the parameter that leaves the value out, ``""`` where that makes no sense.
    negative : it is left out.
    """

    name: str
    value: str
    text: str
    count: str  # type: ignore[assignment]  # a tuple's own count() is of no use here
    checked: bool = False
    negative: bool = False
    exclude: str = ""


@dataclass(frozen=True, slots=True)
class FacetGroup:
    """One facet: its boxes, picked ones first, and the page with all values.

    picked : how many boxes are ticked. match : ``"all"`` or ``"any"`` where the choice exists, else ``""``.
    """

    field: str
    title: str
    picked: int
    boxes: tuple[Box, ...]
    all_link: Link | None
    match: str


@dataclass(frozen=True, slots=True)
class SourceLine:
    """A source of an article: ``url`` leads outside and may be empty."""

    name: str
    url: str
    host: str


class Origin(NamedTuple):
    """A source of a hit. href : ``""`` where there is no link; before : what parts it from the one before."""

    text: str
    href: str
    before: str


class HitLine(NamedTuple):
    """A hit on the page.

    language : ``""`` where it is the page's own. long : whether the headline is a paragraph, as old articles have them.
    why : what its score is made of, for who asked.
    """

    href: str
    headline: Markup
    long: bool
    snippet: Markup
    found_in: tuple[Markup, ...]
    date: Link
    topic: Value | None
    sources: tuple[Origin, ...]
    contexts: tuple[Value, ...]
    more_contexts: str
    image: str
    language: str
    opinion: bool
    why: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SearchForm:
    """The controls of the search form as they stand. hidden : what they do not hold but the next search keeps."""

    action: str
    q: str
    date_from: str
    date_to: str
    hidden: tuple[tuple[str, str], ...]
    presets: tuple[Link, ...] = ()
