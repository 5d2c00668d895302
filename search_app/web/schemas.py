"""The JSON Schemas of what the API answers, by name, as its description shows them.

In: nothing. Out: ``SCHEMAS``. The tests hold every answer to them.
"""

from __future__ import annotations

from typing import Any

from ..engine.request import FACET_FIELDS, MISSING_FIELDS, SORTS
from ..engine.suggest import KINDS
from .operations import FACET_ORDERS
from .state import INTERVALS, MATCHES

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
TEXTS: Schema = {"type": "array", "items": TEXT}
COUNT: Schema = {"type": "integer", "minimum": 0}
NUMBER: Schema = {"type": "number"}
FLAG: Schema = {"type": "boolean"}
ADDRESS: Schema = {"type": "string", "format": "uri-reference"}
DAY: Schema = {"type": "string", "format": "date"}
INSTANT: Schema = {"type": "string", "format": "date-time"}


def ref(name: str) -> Schema:
    """Return a reference to a schema by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def _choice(choices: tuple[str, ...]) -> Schema:
    return {"type": "string", "enum": list(choices)}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _list(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _map(keys: tuple[str, ...], schema: Schema) -> Schema:
    return _object(**dict.fromkeys(keys, schema))


_RELATED = {
    "id": TEXT,
    "url": _or_null(TEXT),
    "date": _or_null(DAY),
    "headline": TEXT,
    "contexts": TEXTS,
    "known": FLAG,
}
_ARTICLE = {
    "id": TEXT,
    "url": ADDRESS,
    "date": DAY,
    "kind": _choice(("news", "opinion")),
    "language": TEXT,
    "headline": TEXT,
    "summary": TEXT,
    "topic": TEXT,
    "contexts": TEXTS,
    "sources": _list(ref("Source")),
    "image": TEXT,
    "first_seen": {**_or_null(INSTANT), "description": "When a build first found it; null where it was there before."},
    "last_changed": {**_or_null(INSTANT), "description": "When a build last found it new or changed."},
}
_HIT = {
    **_ARTICLE,
    "headline_html": TEXT,
    "snippet_html": TEXT,
    "found_in": _list(ref("Found")),
    "score": NUMBER,
    "partial": FLAG,
}
_COUNTS = {"total": COUNT, "page": COUNT, "per_page": COUNT, "pages": COUNT}

SEARCH_REQUIRED = [
    "query", "total", "page", "per_page", "pages", "took_ms", "generation", "relaxed", "did_you_mean", "corrected",
    "ways_on", "understood", "warnings", "hits", "partial",
]  # fmt: skip

SCHEMAS: dict[str, Schema] = {
    "Search": {
        **_object(
            query=ref("Query"),
            **_COUNTS,
            took_ms=NUMBER,
            generation=COUNT,
            relaxed={**FLAG, "description": "No article has all the words; the hits have some of them."},
            did_you_mean={
                **_or_null(TEXT),
                "description": "A query with known words for unknown ones that finds more.",
            },
            corrected={**_or_null(TEXT), "description": "The query answered, where the one typed finds nothing."},
            ways_on={
                **_list(_object(without=TEXT, value=TEXT, total=COUNT, url=ADDRESS)),
                "description": "Where nothing was found: searches with one condition less, and what they find.",
            },
            understood={**TEXT, "description": "The query in plain words."},
            warnings={**TEXTS, "description": "What was ignored or guessed, a sentence each."},
            hits=_list(ref("Hit")),
            partial={
                **_list(ref("Hit")),
                "description": "Beside a first page with few hits, articles that have some of the words. In no count.",
            },
            facets=_map(FACET_FIELDS, _list(ref("Value"))),
            facet_totals=_map(FACET_FIELDS, COUNT),
            missing=_map(MISSING_FIELDS, COUNT),
            histogram=ref("Histogram"),
            next_cursor={**_or_null(TEXT), "description": "Where a cursor goes on; null after the last hit."},
            next={**_or_null(ADDRESS), "description": "The address that goes on there."},
        ),
        "required": SEARCH_REQUIRED,
        "description": "A page of hits with exact counts. What include leaves out is not there.",
    },
    "Query": _object(
        q=TEXT,
        **{prefix + field: TEXTS for prefix in ("", "not_") for field in FACET_FIELDS},
        context_match=_choice(MATCHES),
        missing=_list(_choice(MISSING_FIELDS)),
        **{"from": _or_null(DAY), "to": _or_null(DAY)},
        sort=_choice(SORTS),
        half_life=COUNT,
    ),
    "Hit": {
        **_object(**_HIT, score_parts=_list(ref("ScorePart"))),
        "required": list(_HIT),
        "description": "An article that was found. score_parts is there where explain=1 asks for it.",
    },
    "ScorePart": {
        **_object(kind=TEXT, field=TEXT, text=TEXT, worth=NUMBER),
        "description": "A part of a score: a word in a field, what it gains as typed, nearness, the headline itself, "
        "agreement with other good matches; what it loses by age, below 0.",
    },
    "Found": {
        **_object(field=_choice(FACET_FIELDS), html=TEXT),
        "description": "Where words of the query stand, for a hit that shows none in headline and extract.",
    },
    "PlainHit": {**_object(**_ARTICLE), "description": "One line of an export."},
    "Source": _object(name=TEXT, url=TEXT),
    "Value": _object(value=TEXT, count=COUNT, selected=FLAG),
    "Histogram": _object(
        interval=_choice(INTERVALS),
        buckets=_list(_object(start=DAY, count=COUNT)),
        no_data={**_list(DAY), "description": "The first days of buckets in which the archive has no article at all."},
    ),
    "Facet": _object(
        query=ref("Query"),
        field=_choice(FACET_FIELDS),
        prefix=TEXT,
        order=_choice(FACET_ORDERS),
        **_COUNTS,
        values=_list(ref("Value")),
    ),
    "Suggestions": _object(suggestions=_list(_object(text=TEXT, kind=_choice(KINDS), count=COUNT))),
    "BrowserSuggestions": {
        "type": "array",
        "items": {"anyOf": [TEXT, TEXTS]},
        "minItems": 4,
        "maxItems": 4,
        "description": "What was typed; then texts, descriptions and addresses, one a completion.",
    },
    "Article": _object(
        **_ARTICLE,
        versions=_list(_object(id=TEXT, headline=TEXT, changed=TEXT, note=TEXT, current=FLAG)),
        related=_list(ref("Related")),
        previous=_or_null(ref("Related")),
        next=_or_null(ref("Related")),
        similar=_list(ref("Similar")),
    ),
    "Related": _object(**_RELATED),
    "Similar": {
        **_object(**_RELATED, same_topic=FLAG, words=TEXTS),
        "description": "An article that shares the topic, these contexts and these words of the headline.",
    },
    "Status": _object(
        articles=COUNT,
        first_day=_or_null(DAY),
        last_day=_or_null(DAY),
        generation=COUNT,
        built_at=TEXT,
        checked_at=TEXT,
        build_seconds=NUMBER,
        files=COUNT,
        skipped=COUNT,
        bytes=COUNT,
        degraded={
            **FLAG,
            "description": "A newer index cannot be read and the one before serves, or stems are of another version.",
        },
    ),
    "Problem": {
        **_object(type=TEXT, title=TEXT, status=COUNT, detail=TEXT),
        "description": "What went wrong (RFC 9457). A 400 names parameter, value, and what is expected.",
    },
}
