"""The parameters of an address as one value: read into a ``SearchRequest``, and written back in one canonical order.

In: the parameters of an address. Out: a ``SearchState`` (the request, and notes for the reader). The functions that
add, remove or replace a filter return a new request on its first page; every link of every page is made from those.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from operator import attrgetter
from typing import Any

from werkzeug.datastructures import MultiDict

from ..dates import month_end, parse_day_span
from ..engine.recency import MOST_DAYS
from ..engine.request import FACET_FIELDS, MISSING_FIELDS, SORTS, SearchRequest
from ..errors import DateTextError, QueryError
from ..messages import Message, message
from ..settings import Settings

NOT_FIELDS = tuple(f"not_{field}" for field in FACET_FIELDS)
VALUE_FIELDS = (*FACET_FIELDS, *NOT_FIELDS, "missing")
MATCHES = ("all", "any")
INTERVALS = ("day", "month", "year")
# Radio buttons always send something: this is what they send where nothing was chosen.
FORM_DEFAULTS = {"context_match": "all"}
ALIASES = {
    "query": "q",
    "begin_date": "from", "from-date": "from", "from_date": "from",
    "end_date": "to", "to-date": "to", "to_date": "to",
    "page-size": "per_page", "page_size": "per_page",
    **{f"{name}[]": name for name in VALUE_FIELDS},
    **{f"f[{name}][]": name for name in FACET_FIELDS},
    **{f"{name}.not": f"not_{name}" for name in FACET_FIELDS},
}  # fmt: skip
"""What other services of this kind call the same parameters: addresses written for them work here."""
# Every value stands in every link of the page, some 300 of them: without a cap a long address makes a huge page.
MAX_VALUES = 40
WHOLE_NUMBER = re.compile("[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class SearchState:
    """What an address asks for.

    request : the search. notes : what was changed on the way, a sentence each.
    tidy : whether the address holds nothing but what says something; what a form sends holds its empty fields too.
    """

    request: SearchRequest
    notes: tuple[str, ...] = ()
    tidy: bool = True


def request_from_args(args: MultiDict[str, str], today: date, settings: Settings) -> SearchRequest:
    """Return the search that the parameters ask for; see ``read_state`` for the notes that come with it."""
    return read_state(args, today, settings).request


def read_state(args: MultiDict[str, str], today: date, settings: Settings, *, least_hits: int = 1) -> SearchState:
    """Return the parameters as a value. Parameters that nobody knows are ignored, empty ones dropped.

    Names that other search services give the same parameters are taken (``ALIASES``), and are not tidy.

    today : the day that ``last week`` is counted from. least_hits : the least that ``per_page`` takes.
    Raises QueryError, which names parameter, value and what it takes, for a value that cannot be used.
    """
    notes: list[str] = []
    named_otherwise = not ALIASES.keys().isdisjoint(args)
    if named_otherwise:
        args = MultiDict((ALIASES.get(name, name), value) for name, value in args.items(multi=True))
    date_from, date_to = _read_dates(args, today, notes)
    values = {name: _read_values(args, name, settings) for name in VALUE_FIELDS}
    request = SearchRequest(
        q=_read_query(args, settings, notes),
        topic=values["topic"],
        context=values["context"],
        source=values["source"],
        not_topic=values["not_topic"],
        not_context=values["not_context"],
        not_source=values["not_source"],
        missing=values["missing"],
        context_match=_read_choice(args, "context_match", MATCHES, "all"),
        date_from=date_from,
        date_to=date_to,
        sort=_read_choice(args, "sort", SORTS, ""),
        page=read_number(args, "page", 1, 10**9 - 1, 1),
        per_page=read_number(args, "per_page", least_hits, settings.number("max_per_page"), 20),
        facet_size=read_number(args, "facet_size", 1, settings.number("max_facet_size"), 20),
        interval=_read_choice(args, "interval", INTERVALS, ""),
        as_typed=_read_choice(args, "as_typed", ("1",), "") == "1",
        half_life=read_number(args, "half_life", 0, MOST_DAYS, 0),
        explain=_read_choice(args, "explain", ("1",), "") == "1",
    )
    tidy = not named_otherwise and not any(
        name in _PARAMETERS and value.strip() in ("", FORM_DEFAULTS.get(name)) for name, value in args.items(multi=True)
    )
    return SearchState(request, tuple(notes), tidy)


def read_number(args: MultiDict[str, str], name: str, least: int, most: int, default: int) -> int:
    """Return a whole-number parameter, both bounds included. Raises QueryError for anything else."""
    text = _last(args, name)
    if not text:
        return default
    if not WHOLE_NUMBER.fullmatch(text) or not least <= int(text) <= most:
        raise QueryError(
            name, text, message("It takes a whole number from {least} to {most:,}.", least=least, most=most)
        )
    return int(text)


def args_from_request(request: SearchRequest) -> list[tuple[str, str]]:
    """Return the parameters of a search in their canonical order, defaults left out: the inverse of ``read_state``.

    Cost: about 1 µs; a result page writes a dozen addresses with it.
    """
    pairs: list[tuple[str, str]] = []
    for (name, default, written), value in zip(_ROWS, _values_of(request), strict=True):
        if value != default:
            pairs += [(name, text) for text in written(value, request)]
    return pairs


def args_without(request: SearchRequest, *names: str) -> list[tuple[str, str]]:
    """Return ``args_from_request`` of the same search with some of its parameters at their defaults."""
    return [pair for pair in args_from_request(request) if pair[0] not in names]


def adding(request: SearchRequest, name: str, value: str) -> SearchRequest:
    """Return the search with one more value of ``name`` (one of ``VALUE_FIELDS``), on its first page.

    A value is never both selected and excluded: adding it to one side takes it from the other.
    """
    opposite = name.removeprefix("not_") if name.startswith("not_") else f"not_{name}"
    changes: dict[str, Any] = {name: (*_without(getattr(request, name), value), value)}
    if opposite in VALUE_FIELDS:
        changes[opposite] = _without(getattr(request, opposite), value)
    return replacing(request, **changes)


def removing(request: SearchRequest, name: str, value: str) -> SearchRequest:
    """Return the search without one value of ``name`` (one of ``VALUE_FIELDS``), on its first page."""
    return replacing(request, **{name: _without(getattr(request, name), value)})


def replacing(request: SearchRequest, **changes: Any) -> SearchRequest:
    """Return the search with other values for some of its fields, on its first page unless ``page`` is among them."""
    return replace(request, **{"page": 1, **changes})


def without_filters(request: SearchRequest) -> SearchRequest:
    """Return the search with its query text alone: no values, no dates."""
    return replacing(request, **dict.fromkeys(VALUE_FIELDS, ()), date_from=None, date_to=None, context_match="all")


def has_filters(request: SearchRequest) -> bool:
    """Tell whether anything but the query text narrows the search."""
    return any(getattr(request, name) for name in VALUE_FIELDS) or bool(request.date_from or request.date_to)


def _without(values: tuple[str, ...], value: str) -> tuple[str, ...]:
    return tuple(kept for kept in values if kept != value)


def _last(args: MultiDict[str, str], name: str) -> str:
    if name not in args:
        return ""
    given = [text for value in args.getlist(name) if (text := value.strip())]
    return given[-1] if given else ""


def _read_query(args: MultiDict[str, str], settings: Settings, notes: list[str]) -> str:
    text = _last(args, "q")
    limit = settings.number("max_query_chars")
    if len(text) <= limit:
        return text
    notes.append(
        message(
            "The query is {count:,} characters long; only the first {limit:,} were read.", count=len(text), limit=limit
        )
    )
    return text[:limit].rstrip()


def _read_values(args: MultiDict[str, str], name: str, settings: Settings) -> tuple[str, ...]:
    if name not in args:
        return ()
    values = tuple(dict.fromkeys(text for value in args.getlist(name) if (text := value.strip())))
    if len(values) > MAX_VALUES:
        expected = message("It takes up to {count} values in one search.", count=MAX_VALUES)
        raise QueryError(name, f"{len(values)} values", expected)
    limit = settings.number("max_query_chars")
    for value in values:
        if name == "missing" and value not in MISSING_FIELDS:
            raise QueryError(name, value, _one_of(MISSING_FIELDS))
        if len(value) > limit:
            raise QueryError(name, value, message("It takes a value of up to {count:,} characters.", count=limit))
    return values


def _read_choice(args: MultiDict[str, str], name: str, choices: tuple[str, ...], default: str) -> str:
    value = _last(args, name) or default
    if value != default and value not in choices:
        raise QueryError(name, value, _one_of(choices))
    return value


def _one_of(choices: tuple[str, ...]) -> Message:
    return message("It takes {choices}.", choices=f"{', '.join(choices[:-1])} or {choices[-1]}")


def _read_dates(args: MultiDict[str, str], today: date, notes: list[str]) -> tuple[date | None, date | None]:
    # Each end is read by itself, so that the error can name the parameter.
    first_span, last_span = _read_span(args, "from", today), _read_span(args, "to", today)
    if first_span and last_span and first_span[0] > last_span[1]:
        notes.append(message("The two dates were the wrong way round and have been swapped."))
        first_span, last_span = last_span, first_span
    return (first_span[0] if first_span else None), (last_span[1] if last_span else None)


def _read_span(args: MultiDict[str, str], name: str, today: date) -> tuple[date, date] | None:
    text = _last(args, name)
    if not text:
        return None
    try:
        return parse_day_span(text, today)
    except DateTextError as error:
        expected = message("It {problem} {expected}", problem=error.problem, expected=error.expected)
        raise QueryError(name, text, expected) from None


def _whole(value: str | int, _: SearchRequest) -> tuple[str, ...]:
    return (str(value),)


def _each(values: tuple[str, ...], _: SearchRequest) -> tuple[str, ...]:
    return values


@lru_cache(maxsize=8192)
def span_texts(first: date | None, last: date | None) -> tuple[str, str]:
    """Return the shortest texts that ``from`` and ``to`` read as these days, ``""`` for None.

    >>> span_texts(date(2017, 1, 1), date(2017, 12, 31)), span_texts(date(2017, 3, 2), None)
    (('2017', '2017'), ('2017-03-02', ''))

    Beside a month or a day, a year alone would leave readers to wonder which end of it is meant.

    >>> span_texts(date(2017, 1, 1), date(2017, 1, 31))
    ('2017-01', '2017-01')
    """
    start, end = first.isoformat() if first else "", last.isoformat() if last else ""
    if first and first.day == 1:
        start = start[: 4 if first.month == 1 else 7]
    if last and last == month_end(last):
        end = end[: 4 if last.month == 12 else 7]
    if first and len(start) == 4 < len(end):
        start = first.isoformat()[:7]
    elif last and len(end) == 4 < len(start):
        end = last.isoformat()[:7]
    return start, end


# One row a parameter, in canonical order: the field of a request that it sets, and how the address writes its value.
_PARAMETERS: dict[str, tuple[str, Callable[[Any, SearchRequest], Iterable[str]]]] = {
    "q": ("q", _whole),
    "topic": ("topic", _each),
    "context": ("context", _each),
    "context_match": ("context_match", _whole),
    "source": ("source", _each),
    "not_topic": ("not_topic", _each),
    "not_context": ("not_context", _each),
    "not_source": ("not_source", _each),
    "missing": ("missing", _each),
    "from": ("date_from", lambda _, request: span_texts(request.date_from, request.date_to)[:1]),
    "to": ("date_to", lambda _, request: span_texts(request.date_from, request.date_to)[1:]),
    "sort": ("sort", _whole),
    "page": ("page", _whole),
    "per_page": ("per_page", _whole),
    "facet_size": ("facet_size", _whole),
    "interval": ("interval", _whole),
    "as_typed": ("as_typed", lambda _, request: ("1",)),
    "half_life": ("half_life", _whole),
    "explain": ("explain", lambda _, request: ("1",)),
}
PARAMETER_ORDER = tuple(_PARAMETERS)
_values_of = attrgetter(*(field for field, _ in _PARAMETERS.values()))
_ROWS = [
    (name, default, written)
    for (name, (_, written)), default in zip(_PARAMETERS.items(), _values_of(SearchRequest()), strict=True)
]
