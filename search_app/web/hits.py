"""Hits as the pages show them: what is said of each, where its links lead, and why it stands where it stands.

In: an engine's hits and the links of one request. Out: frozen records for a template.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from markupsafe import Markup

from ..archive.model import Source
from ..engine.highlight import MARK
from ..engine.result import Found, Hit, ScorePart, made_of
from ..messages import message
from .language import _, current_language, markup, say
from .links import Links, Refinements, safe_url
from .records import HitLine, Link, Origin, Value
from .words import said_day, shortened

CONTEXTS_A_HIT = 3
# Where the address names a language, so do some 150 links of its page: that many bytes have to be spared elsewhere.
CONTEXTS_BESIDE_LANGUAGE = 2
LONG_HEADLINE = 160
# Old articles have paragraphs for headlines, the longest of a thousand characters: a list shows how these begin.
PARAGRAPH = 250
BEGINNING = 200
# A topic or context may be a sentence too. It stands on a page up to six times.
MOST_VALUE = 60
_as_markup: Callable[[str], Markup] = partial(str.__new__, Markup)
_PIECES = re.compile("<mark>.*?</mark>|[^<]+")
_MARK_CHARS = len("<mark></mark>")
# A page has some sixty links that add a value to its search: where that takes more bytes, they are buttons of its form.
HEAVY_SEARCH = 64
# What lies below is counted with the rest.
REASONS_SHOWN = 5
FOUND_IN = {
    "topic": message("In the topic: {text}"),
    "context": message("In a context: {text}"),
    "source": message("In a source: {text}"),
}
PLACES = {
    "headline": message("the headline"),
    "topic": message("the topic"),
    "summary": message("the summary"),
    "context": message("a context"),
    "source": message("a source"),
}
REASONS = {
    "word": message("“{text}” in {place}"),
    "as typed": message("“{text}” spelt as typed in {place}"),
    "pattern": message("a word like “{text}” in {place}"),
    "nearness": message("the words stand close together"),
    "headline": message("the headline is what was asked for"),
    "agreement": message("other good matches tell of the same"),
    "recency": message("its age"),
}


def present_hits(hits: tuple[Hit, ...], links: Links, refine: Refinements) -> tuple[HitLine, ...]:
    """Return hits for a page. Their topics and contexts lead to the same search with that value added."""
    code = current_language().code
    most = CONTEXTS_BESIDE_LANGUAGE if links.language_args else CONTEXTS_A_HIT
    topics, contexts = _Narrowings("topic", refine), _Narrowings("context", refine)
    besides = [_besides(hit, refine.in_all_hits) for hit in hits]
    return made_of(
        HitLine,
        [links.article(hit.path) for hit in hits],
        [_shown(hit.headline_html, whole=len(hit.headline) <= PARAGRAPH) for hit in hits],
        [len(hit.headline) > LONG_HEADLINE for hit in hits],
        [_shown(hit.snippet_html) for hit in hits],
        [_present_found(hit.found_in) if hit.found_in else () for hit in hits],
        [Link(said_day(hit.date), links.day(hit.date)) for hit in hits],
        [topics[hit.topic] if hit.topic else None for hit in hits],
        [_present_sources(hit.sources) for hit in hits],
        [tuple([contexts[context] for context in found[:most]]) for found in besides],
        [_("and {count} more", count=len(found) - most) if len(found) > most else "" for found in besides],
        [safe_url(hit.image) if hit.image else "" for hit in hits],
        [hit.language if hit.language != code else "" for hit in hits],
        [hit.kind != "news" for hit in hits],
        [present_reasons(hit.score_parts) if hit.score_parts else () for hit in hits],
    )


class _Narrowings(dict[str, Value]):
    """The values of one parameter, each made when it is first asked for: many hits have the same."""

    def __init__(self, name: str, refine: Refinements) -> None:
        super().__init__()
        self._name = name
        self._refine = refine

    def __missing__(self, value: str) -> Value:
        name, refine = self._name, self._refine
        if refine.has(name, value):
            # The link would lead to where it stands.
            made = Value(value)
        elif refine.weight > HEAVY_SEARCH:
            made = Value(value, name=name)
        else:
            made = Value(shortened(value, MOST_VALUE), refine.add(name, value))
        self[value] = made
        return made


def _besides(hit: Hit, in_all_hits: frozenset[str]) -> list[str]:
    """Return the contexts that say more than the line above them, which is the topic, or the head of the page."""
    return [context for context in hit.contexts if context != hit.topic and context not in in_all_hits]


def _present_found(found: tuple[Found, ...]) -> tuple[Markup, ...]:
    return tuple([markup(FOUND_IN[one.field], text=_shown(one.html)) for one in found])


def _present_sources(sources: tuple[Source, ...]) -> tuple[Origin, ...]:
    return tuple([Origin(source.name, safe_url(source.url), ", " if n else "") for n, source in enumerate(sources)])


def shared_language(hits: tuple[HitLine, ...]) -> str | None:
    """Return the language that all hits are in, ``""`` for the page's own; None where they are in several."""
    languages = {hit.language for hit in hits}
    return languages.pop() if len(languages) == 1 else None


def _shown(html: str, *, whole: bool = True) -> Markup:
    """Return text of the engine, in which all but its marks is escaped, with words marked side by side as one.

    For what stands between tags alone: quotes, which need no escape there, are themselves again.
    whole : or only its beginning.
    """
    shorter = html.replace("</mark> <mark>", " ")
    if "&" in shorter:
        shorter = shorter.replace("&#x27;", "'").replace("&quot;", '"')
    if not whole:
        shorter = cut_marked(shorter, BEGINNING)
    # What is made of text has no HTML of its own, which is what Markup's own constructor looks for first.
    return _as_markup(shorter)


def cut_marked(html: str, most: int) -> str:
    """Return marked text cut between words, outside its marks, after about ``most`` characters and its first mark.

    html : text in which all but its marks is escaped. Where there is no blank to be cut at, it stays whole.
    """
    room = most
    marked = MARK not in html
    for piece in _PIECES.finditer(html):
        text = piece[0]
        if text.startswith(MARK):
            marked = True
            room -= len(text) - _MARK_CHARS
            continue
        if marked and len(text) > room:
            blank = text.rfind(" ", 0, max(room, 0) + 1)
            blank = blank if blank >= 0 else text.find(" ")
            if blank >= 0:
                return f"{html[: piece.start() + blank]}…"
        room -= len(text)
    return html


def present_reasons(parts: tuple[ScorePart, ...]) -> tuple[str, ...]:
    """Return what a score is made of in words, greatest first, with worths: ``“storm” in a context: 2.1``.

    Parts that say the same are added up; those past ``REASONS_SHOWN`` are one. What takes much away is great too.
    """
    worths: dict[str, float] = {}
    for part in parts:
        place = say(PLACES[part.field]) if part.field in PLACES else ""
        words = _(REASONS[part.kind], text=part.text, place=place)
        worths[words] = worths.get(words, 0.0) + part.worth
    reasons = sorted(worths.items(), key=lambda reason: -abs(reason[1]))
    rest = sum(worth for _words, worth in reasons[REASONS_SHOWN:])
    shown = reasons[:REASONS_SHOWN] + ([(_("all else"), rest)] if rest else [])
    return tuple(_("{reason}: {worth:.1f}", reason=words, worth=worth) for words, worth in shown)
