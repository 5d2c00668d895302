"""The table of what programs can ask: each address with its parameters and answers, beside the view that serves it.

In: views, as a decorator registers them. Out: ``OPERATIONS``, from which ``openapi`` makes the description. A parameter
is described by the same constants that its reader checks it with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Blueprint
from werkzeug.datastructures import MultiDict

from ..engine.recency import MOST_DAYS
from ..engine.request import FACET_FIELDS, MISSING_FIELDS, SORTS
from ..errors import QueryError
from ..settings import Settings
from .state import INTERVALS, MATCHES, MAX_VALUES, VALUE_FIELDS, read_number

View = TypeVar("View", bound=Callable[..., Any])
Schema = dict[str, Any]

SUGGEST_LIMIT = 10
MAX_SUGGEST_LIMIT = 50
FACET_ORDERS = ("count", "name")
PREFIX_CHARS = 100
PARTS, NO_PARTS = ("facets", "histogram"), "nothing"
MOST_PAGES = 10**9 - 1


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter. schema : its JSON Schema, given the settings in force. place : ``query`` or ``path``."""

    name: str
    help: str
    schema: Callable[[Settings], Schema]
    place: str = "query"
    example: Any = None


@dataclass(frozen=True, slots=True)
class Operation:
    """One address. answers : media type to the name of a schema, ``""`` for one that is not JSON.

    problems : the statuses it may answer beside 200, each as problem details.
    """

    rule: str
    name: str
    summary: str
    parameters: tuple[Parameter, ...]
    answers: Mapping[str, str]
    problems: tuple[int, ...]


OPERATIONS: list[Operation] = []


def operation(
    blueprint: Blueprint,
    rule: str,
    summary: str,
    *groups: tuple[Parameter, ...],
    answers: Mapping[str, str],
    problems: tuple[int, ...] = (400, 503),
) -> Callable[[View], View]:
    """Register a view for GET and HEAD, and describe it. groups : its parameters, in the order they are shown in."""

    def register(view: View) -> View:
        blueprint.get(rule)(view)
        parameters = tuple(parameter for group in groups for parameter in group)
        OPERATIONS.append(Operation(rule, view.__name__, summary, parameters, answers, problems))
        return view

    return register


def read_limit(args: MultiDict[str, str]) -> int:
    """Return how many completions are asked for. Raises QueryError."""
    return read_number(args, "limit", 1, MAX_SUGGEST_LIMIT, SUGGEST_LIMIT)


def read_include(args: MultiDict[str, str]) -> tuple[str, ...]:
    """Return the parts that an answer should have beside its hits: all, where nothing is said. Raises QueryError."""
    asked = [text for value in args.getlist("include") if (text := value.strip())]
    for value in asked:
        if value not in (*PARTS, NO_PARTS):
            raise QueryError("include", value, f"It takes {', '.join(PARTS)} or {NO_PARTS}.")
    return tuple(name for name in PARTS if name in asked) if asked else PARTS


def _fixed(schema: Schema) -> Callable[[Settings], Schema]:
    return lambda settings: schema


def _number(most: str | int, default: int, least: int = 1) -> Callable[[Settings], Schema]:
    """most : a bound, or the name of the setting that holds it."""

    def schema(settings: Settings) -> Schema:
        bound = settings.number(most) if isinstance(most, str) else most
        return {"type": "integer", "minimum": least, "maximum": bound, "default": min(default, bound)}

    return schema


def _choice(choices: tuple[str, ...], default: str = "") -> Callable[[Settings], Schema]:
    return _fixed({"type": "string", "enum": list(choices), **({"default": default} if default else {})})


def _values(name: str) -> Callable[[Settings], Schema]:
    def schema(settings: Settings) -> Schema:
        if name == "missing":
            item: Schema = {"type": "string", "enum": list(MISSING_FIELDS)}
        else:
            item = {"type": "string", "maxLength": settings.number("max_query_chars")}
        return {"type": "array", "items": item, "maxItems": MAX_VALUES}

    return schema


_VALUE_HELP = {
    "topic": "Only this topic; several are any of.",
    "context": "Only with this context; several are all of (see context_match).",
    "source": "Only from this source; several are any of.",
    "not_topic": "Leave this topic out.",
    "not_context": "Leave this context out.",
    "not_source": "Leave this source out.",
    "missing": "Only articles that have none of these; beside values of which any will do, those too.",
}
_DAY = "Both ends included: 2017, 2017-01, 2017-01-16, jan 2017, last week."

QUERY = (
    Parameter("q", "Query text, in the language of the search pages.", _fixed({"type": "string"}), example="comet"),
)
FILTERS = (
    *(Parameter(name, _VALUE_HELP[name], _values(name)) for name in VALUE_FIELDS),
    Parameter("context_match", "Whether several contexts are all of or any of.", _choice(MATCHES, "all")),
    Parameter(
        "half_life",
        "By relevance, days in which the part of a score that fades with age halves; 0: age does not matter.",
        _number(MOST_DAYS, 0, 0),
    ),
    Parameter("explain", "1: also what the score of each hit is made of.", _choice(("1",))),
    Parameter("as_typed", "1: never search for words other than those typed.", _choice(("1",))),
    Parameter("from", f"First day. {_DAY}", _fixed({"type": "string"}), example="2024"),
    Parameter("to", f"Last day. {_DAY}", _fixed({"type": "string"})),
)
SORT = (Parameter("sort", "Order; relevance where there is a q, else newest.", _choice(SORTS)),)
PAGE = (Parameter("page", "Page, from 1; one past the last is a 404.", _number(MOST_PAGES, 1)),)
PER_PAGE = (Parameter("per_page", "Hits a page.", _number("max_per_page", 20)),)
PER_PAGE_OR_COUNTS = (Parameter("per_page", "Hits a page; 0 for the counts alone.", _number("max_per_page", 20, 0)),)
CURSOR = (
    Parameter(
        "cursor",
        "Where to go on: next_cursor of the answer before, to the same search. Takes the place of page, costs the same "
        "however deep, and stays with one build of the index: 410 when that is gone.",
        _fixed({"type": "string"}),
    ),
)
INCLUDE = (
    Parameter(
        "include",
        "What the answer has beside its hits; all of it where this is left out.",
        _fixed({"type": "array", "items": {"type": "string", "enum": [*PARTS, NO_PARTS]}}),
    ),
)
FEED_SIZE = (Parameter("per_page", "Entries a page; 50 by default.", _number("max_per_page", 50)),)
FACET_SIZE = (Parameter("facet_size", "Values a facet.", _number("max_facet_size", 20)),)
INTERVAL = (Parameter("interval", "Span of a bar of the histogram; follows the span of the hits.", _choice(INTERVALS)),)
FIELD = (Parameter("field", "The facet.", _choice(FACET_FIELDS), place="path", example="topic"),)
VALUES = (
    Parameter(
        "prefix", "Only values with a word that begins so.", _fixed({"type": "string", "maxLength": PREFIX_CHARS})
    ),
    Parameter("order", "Most articles first, or by name.", _choice(FACET_ORDERS, "count")),
    *PAGE,
    Parameter("per_page", "Values a page.", _number("max_per_page", 100)),
)
TYPED = (Parameter("q", "Text as far as it was typed.", _fixed({"type": "string"}), example="syr"),)
LIMIT = (Parameter("limit", "Completions.", _number(MAX_SUGGEST_LIMIT, SUGGEST_LIMIT)),)
PATH = (
    Parameter(
        "path",
        "Site path of an article without its first slash; an ending is ignored.",
        _fixed({"type": "string"}),
        place="path",
    ),
)
DATE = (Parameter("date", "A day of the calendar.", _fixed({"type": "string", "format": "date"}), place="path"),)
