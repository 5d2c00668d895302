"""Files of the archive, handed out as they lie on disk.

In: places of files from the engine's records or from the calendar, never from an address. Out: a response.
"""

from __future__ import annotations

from pathlib import Path

from flask import Response, abort

from ..archive.model import Article
from ..messages import message
from .links import day_path
from .period_page import Period
from .site import conditional, site

NOT_SERVED = message(
    "This server does not hand out the archive's files; the same is at the .html, .json and .xml addresses."
)
DAY_FILES = ("index.md", "README.md")


def article_file(article: Article) -> Path | None:
    """Return the file of an article, or None where there is none or the server does not hand out files."""
    return _inside(article.file)


def day_file(period: Period) -> Path | None:
    """Return the file of a day's page, None for other periods and as for ``article_file``."""
    if period.kind != "day":
        return None
    folder = day_path(period.first).lstrip("/")
    return next((path for name in DAY_FILES if (path := _inside(f"{folder}/{name}"))), None)


def file_response(path: Path | None) -> Response:
    """Return a file as Markdown. Aborts with 404 where there is none."""
    if not site().settings.text("archive"):
        abort(404, NOT_SERVED)
    if path is None:
        abort(404, message("There is no such file in the archive, or no longer."))
    try:
        response = Response(path.read_bytes(), mimetype="text/markdown")
    except OSError:
        # The archive changes while it is served: a file may go before the next build notices.
        abort(404, message("The file is no longer in the archive."))
    response.add_etag()
    return conditional(response)


def _inside(file: str) -> Path | None:
    archive = site().settings.text("archive")
    if not archive:
        return None
    root = Path(archive).resolve()
    path = (root / file).resolve()
    # The record is data: it, or a link on disk, may still point outside the archive.
    return path if path.is_relative_to(root) and path.is_file() else None
