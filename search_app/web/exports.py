"""Everything that a search finds, as files: every hit, every value of every facet, the histogram.

In: the parameters of a search. Out: CSV or JSON Lines, written as it is read. The command line writes the same through
``export_lines``, so nothing in the first half needs a web server.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator

from flask import Blueprint, Response, request

from ..engine.request import FACET_FIELDS, FacetRequest, SearchRequest
from ..engine.result import Engine, Hit
from . import operations as ops
from .answers import plain_hit
from .links import Links
from .site import conditional, site
from .state import replacing
from .timeline import UNITS

blueprint = Blueprint("exports", __name__)

CSV, JSONL = "text/csv", "application/jsonl"
CSV_FIELDS = (
    "date", "headline", "summary", "topic", "contexts", "sources", "source_urls", "kind", "language", "image",
    "id", "url", "first_seen", "last_changed",
)  # fmt: skip
BETWEEN_VALUES = " | "
# What makes a spreadsheet take a cell for a formula, their full-width twins included (OWASP, "CSV injection").
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
CHUNK_CHARS = 16 * 1024
ALL_VALUES = 10**9


def safe_cell(text: str) -> str:
    """Return text for a cell of a spreadsheet: an apostrophe in front keeps what looks like a formula from being one.

    >>> safe_cell('=HYPERLINK("http://example.org")')
    '\\'=HYPERLINK("http://example.org")'
    """
    begins = text.lstrip(" \u00a0\ufeff\0")
    return f"'{text}" if begins.startswith(FORMULA_STARTS) else text


def csv_lines(rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """Yield rows as lines of CSV (RFC 4180). Every cell is quoted: no separator of a language can cut one in two."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL)
    for row in rows:
        writer.writerow([safe_cell(cell) for cell in row])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def export_lines(hits: Iterable[Hit], form: str, links: Links) -> Iterator[str]:
    """Yield hits as the lines of a file. form : ``csv``, which begins with the names of its columns, or ``jsonl``."""
    if form == "csv":
        yield from csv_lines(_hit_rows(hits, links))
    else:
        for hit in hits:
            yield json.dumps(plain_hit(hit, links), ensure_ascii=False, separators=(",", ":")) + "\n"


def _hit_rows(hits: Iterable[Hit], links: Links) -> Iterator[Iterable[str]]:
    yield CSV_FIELDS
    for hit in hits:
        plain = plain_hit(hit, links)
        plain["contexts"] = BETWEEN_VALUES.join(hit.contexts)
        plain["sources"] = BETWEEN_VALUES.join(source.name for source in hit.sources)
        plain["source_urls"] = BETWEEN_VALUES.join(source.url for source in hit.sources)
        yield [plain[name] or "" for name in CSV_FIELDS]


def facet_rows(engine: Engine, search: SearchRequest) -> Iterator[Iterable[str]]:
    """Yield every value of every facet with its count; the row without a value counts the articles that have none.

    All counts are of one generation, whatever is published meanwhile.
    """
    counted = engine.search(replacing(search, per_page=0, facets=(), histogram=False))
    whole = replacing(search, generation=counted.generation)
    yield ("field", "value", "count")
    for field in FACET_FIELDS:
        for bucket in engine.facet(FacetRequest(whole, field, per_page=ALL_VALUES)).buckets:
            yield (field, bucket.value, str(bucket.count))
        yield (field, "", str(counted.missing[field]))


def histogram_rows(engine: Engine, search: SearchRequest) -> Iterator[Iterable[str]]:
    """Yield every span of the histogram: its first and last day, and how many hits fall into it."""
    histogram = engine.search(replacing(search, per_page=0, facets=())).histogram
    yield ("first_day", "last_day", "count")
    for bar in histogram.bars:
        first, last = UNITS[histogram.interval](bar.start)
        yield (first.isoformat(), last.isoformat(), str(bar.count))


# -- the addresses -------------------------------------------------------------------------------------------------

SEARCH = (*ops.QUERY, *ops.FILTERS, *ops.SORT)


@ops.operation(
    blueprint,
    "/export.csv",
    "Every hit of a search as CSV, in the order of its pages. Cells never begin like a formula.",
    SEARCH,
    answers={CSV: ""},
)
def export_csv() -> Response:
    """Answer every hit as CSV."""
    return _export("csv", CSV)


@ops.operation(
    blueprint,
    "/export.jsonl",
    "Every hit of a search, a JSON object a line, in the order of its pages.",
    SEARCH,
    answers={JSONL: "PlainHit"},
)
def export_jsonl() -> Response:
    """Answer every hit as JSON Lines."""
    return _export("jsonl", JSONL)


@ops.operation(
    blueprint,
    "/export/facets.csv",
    "Every value of every facet of a search, with its count.",
    (*ops.QUERY, *ops.FILTERS),
    answers={CSV: ""},
)
def export_facets() -> Response:
    """Answer the counts of all values as CSV."""
    return _export_counts("facets", facet_rows(site().engine(), site().state().request))


@ops.operation(
    blueprint,
    "/export/histogram.csv",
    "How many hits of a search fall into each day, month or year.",
    (*ops.QUERY, *ops.FILTERS, *ops.INTERVAL),
    answers={CSV: ""},
)
def export_histogram() -> Response:
    """Answer the histogram as CSV."""
    return _export_counts("histogram", histogram_rows(site().engine(), site().state().request))


def _export(form: str, mimetype: str) -> Response:
    here = site()
    found = here.engine().stream(here.state().request)
    lines = export_lines(found.hits, form, Links(request.url_root))
    response = _file(_chunks(lines), f"articles.{form}", mimetype)
    response.headers["X-Total-Count"] = str(found.total)
    return here.cached(response, found.generation)


def _export_counts(name: str, rows: Iterable[Iterable[str]]) -> Response:
    response = _file("".join(csv_lines(rows)), f"{name}.csv", CSV)
    response.add_etag()
    return conditional(response)


def _file(body: str | Iterator[str], name: str, mimetype: str) -> Response:
    header = "; header=present" if mimetype == CSV else ""
    response = Response(body, content_type=f"{mimetype}; charset=utf-8{header}")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    # Lists of everything have no place in the results of other search engines.
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def _chunks(lines: Iterable[str]) -> Iterator[str]:
    """Yield lines in larger pieces: one write to the network for about a hundred of them."""
    held: list[str] = []
    size = 0
    for line in lines:
        held.append(line)
        size += len(line)
        if size >= CHUNK_CHARS:
            yield "".join(held)
            held, size = [], 0
    yield "".join(held)
