"""What HTTP expects of every answer: links between pages, data open to other sites, right addresses behind a proxy.

In: responses, and settings about what stands before the server. Out: the same responses with their headers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from flask import Flask, Response, request
from flask_compress import Compress
from werkzeug.middleware.proxy_fix import ProxyFix

from ..settings import Settings

Environ = dict[str, Any]
Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

COMPRESSED = [
    "text/html", "text/css", "text/csv", "text/plain", "text/markdown", "text/javascript", "image/svg+xml",
    "application/json", "application/jsonl", "application/problem+json", "application/xml", "application/atom+xml",
    "application/opensearchdescription+xml", "application/x-suggestions+json",
]  # fmt: skip
OPEN_HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "ETag, Link, Retry-After, X-Total-Count",
}
PREFLIGHT_HEADERS = {
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Max-Age": "86400",
}


def neighbours(page: int, pages: int) -> dict[str, int]:
    """Return the pages that a page should link to, by the names of RFC 8288: first, prev, next, last."""
    if pages < 1:
        return {}
    found = {"first": 1, "prev": page - 1, "next": page + 1, "last": pages}
    return {name: number for name, number in found.items() if 1 <= number <= pages}


def link_pages(response: Response, targets: Mapping[str, str]) -> None:
    """Add a ``Link`` header: relation to address, as ``Links`` writes them (ASCII, encoded)."""
    response.headers["Link"] = ", ".join(f'<{address}>; rel="{name}"' for name, address in targets.items())


def open_to_other_sites(response: Response) -> Response:
    """Let pages of other sites read data: the archive is public, and no answer depends on who asks."""
    asking_first = request.method == "OPTIONS"
    if asking_first or response.mimetype != "text/html":
        add_headers(response, OPEN_HEADERS | PREFLIGHT_HEADERS if asking_first else OPEN_HEADERS)
    return response


def add_headers(response: Response, headers: Mapping[str, str]) -> Response:
    """Add to a response those headers that it does not have. Cost: a fifth of ``setdefault`` for each of six."""
    there = {name.lower() for name, _ in response.headers}
    for name, value in headers.items():
        if name.lower() not in there:
            response.headers.add(name, value)
    return response


def compress_answers(app: Flask) -> None:
    """Send text compressed to those who take it: a result page shrinks to a fifth for less than a millisecond.

    No answer holds a secret, so that the length of a compressed one tells nobody anything.
    """
    app.config.update(
        COMPRESS_ALGORITHM=["br", "gzip"],
        COMPRESS_ALGORITHM_STREAMING=["br", "gzip"],
        COMPRESS_BR_LEVEL=4,
        COMPRESS_LEVEL=6,
        COMPRESS_MIMETYPES=COMPRESSED,
        # A compressed answer has a validator of its own.
        COMPRESS_EVALUATE_CONDITIONAL_REQUEST=True,
    )
    Compress(app)


class Prefix:
    """Serves an application below a path, whether or not the proxy in front takes that path off before it hands on."""

    def __init__(self, wsgi: Wsgi, prefix: str) -> None:
        self._wsgi = wsgi
        self._prefix = prefix

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        path = environ.get("PATH_INFO", "")
        if path == self._prefix or path.startswith(self._prefix + "/"):
            environ["PATH_INFO"] = path[len(self._prefix) :] or "/"
        environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "").rstrip("/") + self._prefix
        return self._wsgi(environ, start_response)


def stand_behind_proxies(app: Flask, settings: Settings) -> None:
    """Make addresses right behind proxies and below a path, as the settings say.

    ``X-Forwarded-For``, ``-Proto``, ``-Host`` and ``-Prefix`` are believed only where the settings count proxies:
    anybody can send them.
    """
    prefix = "/" + settings.text("url_prefix").strip("/")
    if prefix != "/":
        app.wsgi_app = Prefix(app.wsgi_app, prefix)  # type: ignore[method-assign]
    proxies = settings.number("proxies")
    if proxies:
        fixed = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=proxies, x_prefix=proxies)
        app.wsgi_app = fixed  # type: ignore[method-assign]
