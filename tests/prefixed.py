"""A client that takes a service below a path for one at the top of its host, as far as its every link allows.

It asks below the path, fails where an answer leads out of it, and takes the path off before a test sees the answer. So
whatever holds at the top is tested below a path by the same test.
"""

from __future__ import annotations

import gzip
import re
from typing import Any
from urllib.parse import urlsplit

import brotli
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

PREFIX = "/below/a-path"
HERE = "http://localhost"
# Addresses within the host, by where they stand: attributes of pages, members of JSON, headers, whole ones anywhere.
_LINKS = {
    "text/html": re.compile(r'\s(?:href|src|action|data-[a-z-]*url)="(/[^"]*)"'),
    "application/json": re.compile(r'"(?:url|next|self|href)":\s*"(/[^"]*)"'),
}
_WHOLE = re.compile(rf"{HERE}(/[^\s\"<>{{]*)?")
_CODINGS = {
    None: (bytes, bytes),
    "gzip": (gzip.decompress, gzip.compress),
    "br": (brotli.decompress, brotli.compress),
}
_HEADERS = ("Location", "Link", "Content-Location")
_IN_HEADER = re.compile(r"(?:^|<)(/[^>]*)")


class PrefixedClient(FlaskClient):
    """A client below ``PREFIX``."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Ask for an address, the first argument, and return its answer as if it came from the top of the host."""
        address = str(args[0]).removeprefix(HERE)
        follow = kwargs.pop("follow_redirects", False)
        mounted = urlsplit(kwargs.get("base_url") or HERE).path.rstrip("/") + PREFIX
        response = _plain(super().open(PREFIX + address, *args[1:], **kwargs), address, mounted)
        response.request.path = response.request.path.removeprefix(PREFIX)
        if follow and "Location" in response.headers:
            return self.open(response.headers["Location"], follow_redirects=True)
        return response


def _plain(response: TestResponse, address: str, mounted: str) -> TestResponse:
    """Check every link of an answer and take the path off. mounted : what all of them have to begin with."""

    def expect(found: str) -> None:
        inside = found == mounted or found.startswith((f"{mounted}/", f"{mounted}?"))
        assert inside, f"{found} in {address} leads out of {mounted}"

    for name in _HEADERS:
        if name in response.headers:
            for found in _IN_HEADER.findall(response.headers[name]):
                expect(found)
            response.headers[name] = _without(response.headers[name])
    mimetype = response.mimetype or ""
    if (not mimetype.startswith("text/") and not mimetype.endswith(("json", "jsonl", "xml"))) or not response.data:
        return response
    unpack, pack = _CODINGS[response.content_encoding]
    text = unpack(response.data).decode()
    pattern = _LINKS.get(mimetype)
    for found in pattern.findall(text) if pattern else ():
        expect(found)
    # What somebody typed comes back in the details of a problem.
    for found in _WHOLE.findall(text) if mimetype != "application/problem+json" else ():
        expect(found or "/")
    if PREFIX in text:
        response.set_data(pack(_without(text).encode()))
    return response


def _without(text: str) -> str:
    return text.replace(f"{PREFIX}/", "/").replace(PREFIX, "/")
