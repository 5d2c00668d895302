"""Cursors: where a program that reads all of a search goes on, as a short text for its address.

In: a search, and the place that an engine gave with its answer. Out: text that leads back to it, and to nothing else.
"""

from __future__ import annotations

import base64
import binascii
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..engine.request import SearchRequest
from ..engine.result import SearchResult
from ..errors import QueryError
from .links import Links, query_string
from .state import args_from_request, replacing

_FORM = struct.Struct("<BII")
"""Version of the form, generation, hits before."""
VERSION = 1
MOST_CHARS = 400
EXPECTED = "It takes what next_cursor of an answer to this same search gave."


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in one search of one generation. seen : hits before it. after : the engine's own word for it."""

    generation: int
    seen: int
    after: str


def cursor_text(request: SearchRequest, cursor: Cursor) -> str:
    """Return a cursor as text of letters, digits, ``-`` and ``_``. It is of use for this search alone."""
    body = _FORM.pack(VERSION, cursor.generation, cursor.seen) + cursor.after.encode()
    check = zlib.crc32(body, _check_of(request)).to_bytes(4, "little")
    return base64.urlsafe_b64encode(check + body).decode().rstrip("=")


def read_cursor(text: str, request: SearchRequest) -> Cursor:
    """Return the place that a text leads to. Raises QueryError for one that was not made for this search."""
    try:
        if len(text) > MOST_CHARS:
            raise ValueError(text)
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        check, body = int.from_bytes(raw[:4], "little"), raw[4:]
        if check != zlib.crc32(body, _check_of(request)):
            raise ValueError(text)
        version, generation, seen = _FORM.unpack_from(body)
        if version != VERSION:
            raise ValueError(text)
        return Cursor(generation, seen, body[_FORM.size :].decode())
    except (ValueError, binascii.Error, struct.error):
        raise QueryError("cursor", text, EXPECTED) from None


def way_on(
    result: SearchResult, request: SearchRequest, seen: int, links: Links, kept: Sequence[tuple[str, str]] = ()
) -> dict[str, str | None]:
    """Return how an answer says where the hits after it are: ``next_cursor`` and ``next``, None after the last.

    request : the search without a cursor. seen : hits before the answer's. kept : other parameters of its address.
    """
    if not result.next:
        return {"next_cursor": None, "next": None}
    text = cursor_text(request, Cursor(result.generation, seen + len(result.hits), result.next))
    return {"next_cursor": text, "next": links.api_search(replacing(request), [*kept, ("cursor", text)])}


def going_on(request: SearchRequest, cursor: Cursor) -> SearchRequest:
    """Return the search as it goes on at a cursor."""
    return replace(request, generation=cursor.generation, after=cursor.after)


def _check_of(request: SearchRequest) -> int:
    """Return a number that differs between searches whose hits, or their order, may differ."""
    plain = replacing(request, per_page=20, facet_size=20, interval="", sort=request.order)
    return zlib.crc32(query_string(args_from_request(plain)).encode("utf-8", "surrogatepass"))
