"""Static files, read once when the application is made, and sent without the comments that only their authors read.

In: a folder. Out: bodies by name, an address's fingerprint, and the view that answers them.
"""

from __future__ import annotations

import hashlib
import mimetypes
import re
from collections.abc import Mapping
from pathlib import Path

from flask import Flask, Response, abort, request

STATIC_SECONDS = 365 * 24 * 3600
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_TEXT_IN_QUOTES = re.compile(r'("[^"\n]*")')
# Texts in quotes or backticks, and regular expressions, which in our script stand first in brackets.
_SCRIPT_TEXT = re.compile(r"""("(?:[^"\\\n]|\\.)*"|`(?:[^`\\\n]|\\.)*`|(?<=\()/(?:[^/\\\n]|\\.)+/)""")
_SCRIPT_SPACE = re.compile(r" ?([][(){}<>=!&|?:,;*+-]) ?")


def squeeze_css(text: str) -> str:
    """Return a style sheet without comments and without white space that means nothing. Texts in it stay as they are.

    Space around signs of arithmetic and between brackets is left alone, where it may mean something.
    """
    parts = _TEXT_IN_QUOTES.split(_COMMENT.sub("", text))
    return "".join(part if number % 2 else _squeezed(part) for number, part in enumerate(parts)).strip()


def _squeezed(text: str) -> str:
    text = re.sub(r" ?([{};,>]) ?", r"\1", re.sub(r"\s+", " ", text))
    return text.replace(": ", ":").replace(";}", "}")


def squeeze_script(text: str) -> str:
    """Return a script without indentation, blank lines, lines of comment and white space around signs.

    Its own texts may not span lines or hold texts of their own, and no sign may be doubled by what stands beside it
    (``a + +b``).
    """
    lines = (line.strip() for line in text.splitlines())
    kept = "\n".join(line for line in lines if line and not line.startswith(("//", "/** "))) + "\n"
    parts = _SCRIPT_TEXT.split(kept)
    return "".join(part if number % 2 else _SCRIPT_SPACE.sub(r"\1", part) for number, part in enumerate(parts))


SQUEEZERS = {".css": squeeze_css, ".js": squeeze_script}
# A page has one sheet and one script: what result pages need, or that and more.
BEGINS_WITH = {"article.js": "app.js", "pages.css": "style.css"}


def read_static(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder as they are sent, by name."""
    bodies = {}
    for path in sorted(folder.iterdir()):
        squeeze = SQUEEZERS.get(path.suffix)
        bodies[path.name] = squeeze(path.read_text(encoding="utf-8")).encode() if squeeze else path.read_bytes()
    for name, beginning in BEGINS_WITH.items():
        bodies[name] = bodies[beginning] + bodies[name]
    return bodies


def fingerprint(bodies: Mapping[str, bytes]) -> str:
    """Return a text that changes with any of the files, so that browsers may keep each one for a year."""
    digest = hashlib.sha256()
    for name, body in bodies.items():
        digest.update(name.encode() + b"\0" + body)
    return digest.hexdigest()[:10]


def serve_static(app: Flask, bodies: Mapping[str, bytes]) -> None:
    """Answer ``/static/<name>``: for a year where the address holds the fingerprint, else until the next question."""

    def static(filename: str) -> Response:
        if filename not in bodies:
            abort(404)
        mimetype = {".js": "text/javascript"}.get(Path(filename).suffix) or mimetypes.guess_type(filename)[0]
        response = Response(bodies[filename], mimetype=mimetype or "application/xml")
        response.add_etag()
        kept = f"public, max-age={STATIC_SECONDS}, immutable" if "v" in request.args else "no-cache"
        response.headers["Cache-Control"] = kept
        response.make_conditional(request)
        return response

    app.add_url_rule("/static/<filename>", endpoint="static", view_func=static)
