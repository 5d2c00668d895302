"""Where things lie: files to site paths, links to site paths, and the calendar day that either names.

A site path is ``/news/2017/01/16/slug``: no language prefix, no ending, month with two digits, day without a leading
zero, NFC. It identifies an article wherever it is linked from.
"""

from __future__ import annotations

import posixpath
import re
import unicodedata
from datetime import date
from typing import NamedTuple
from urllib.parse import unquote

from . import model
from .text import decode_entities

_PREFIX = r"(?:/[a-z]{2}(?:-[a-z]{2,8})?(?=/(?:news|opinion)/))?"
_ENDING = r"\.(?:md|html|json|xml)"
# A link that needs no mending; nearly all do not.
_PLAIN_LINK = re.compile(
    _PREFIX + r"(/news/[0-9]{4}/[01][0-9]/(?:[1-9]|[12][0-9]|3[01])/(?!\.|index\.|README\.)[^/?#%&\\\s]+)" + _ENDING
)
_PLAIN_FILE = re.compile(
    r"(news/([0-9]{4})/([01][0-9])/([1-9]|[12][0-9]|3[01])/(?!index\.md|README\.md)[^/]+)\.md", re.DOTALL
)
_PLAIN_FOLDER = re.compile(r"news/([0-9]{4})/([01][0-9])/([1-9]|[12][0-9]|3[01])")
_PREFIX_PATH = re.compile(_PREFIX + r"(/.*)", re.DOTALL)
_DATED = re.compile(r"/(news|opinion)/([0-9]{4})/([0-9]{1,2})/([0-9]{1,2})(/[^/]+)?")
_DAY = re.compile(r"\s*([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})\s*")
_ENDINGS = (".md", ".html", ".json", ".xml")
_INDEXES = ("index", "README")
INDEX_FILES = frozenset(name + ".md" for name in _INDEXES)
"""Names of the pages of folders themselves: of days, months and years."""
_LANGUAGE_FOLDER = re.compile(r"[a-z]{2}(?:-[a-z]{2,8})?")

MAX_LINK_CHARS = 4096
"""A link longer than this leads nowhere."""


class Place(NamedTuple):
    """What a file's place in the archive says: its kind, site path, day (None for none) and language (``""``)."""

    kind: str
    path: str
    day: date | None
    language: str


def folder_of(file: str) -> str:
    """Return the folder of a file, ``""`` for the archive itself."""
    return file.rpartition("/")[0]


def parse_day(text: str) -> date | None:
    """Return the day that ``2017-01-16``, ``1999-01-2`` or ``2017-1-02`` names, None for an impossible one."""
    match = _DAY.fullmatch(text) if len(text) <= 40 else None
    return _day(match[1], match[2], match[3]) if match else None


def _day(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def locate(file: str) -> Place:
    """Return what the place of a file says; ``file`` is relative to the archive, with ``/``.

    Pages about the site (``api/``, ``faq/``), months' and years' own pages and everything that is not Markdown are
    IGNORED. A file below a language's folder (``zh/news/…``) lies where it would without it.
    """
    plain = _PLAIN_FILE.fullmatch(file) if file.isascii() else None
    if plain:
        day = _day(plain[2], plain[3], plain[4])
        if day is not None:
            return Place(model.NEWS, "/" + plain[1], day, "")
    ignored = Place(model.IGNORED, "", None, "")
    if not file.endswith(".md"):
        return ignored
    parts = unicodedata.normalize("NFC", file)[:-3].split("/")
    language = ""
    if _LANGUAGE_FOLDER.fullmatch(parts[0]):
        language = parts.pop(0).partition("-")[0]
    is_index = bool(parts) and parts[-1] in _INDEXES
    if is_index:
        parts.pop()
    if not parts:
        return Place(model.FRONT, "/", None, language) if is_index else ignored
    room, depth = parts[0], len(parts)
    if room not in (model.NEWS, model.OPINION) or depth == 1:
        return ignored
    path = _normal("/" + "/".join(parts))
    match = _DATED.fullmatch(path)
    day = _day(match[2], match[3], match[4]) if match else None
    if room == model.NEWS and is_index:
        return Place(model.DAY, path, day, language) if match and day and not match[5] else ignored
    if room == model.OPINION and (not match or not match[5]):
        return ignored
    return Place(room, path, day, language)


def is_plain_folder(folder: str) -> bool:
    """Tell whether the site path of every article in a folder is the folder's path and the file's name, in NFC."""
    return _PLAIN_FOLDER.fullmatch(folder) is not None


def kinds_in(folder: str) -> tuple[str, str]:
    """Return of what kind the Markdown files in a folder are, and the folder's own page (``INDEX_FILES``)."""
    plain = _PLAIN_FOLDER.fullmatch(folder)
    if plain and _day(plain[1], plain[2], plain[3]) is not None:
        return model.NEWS, model.DAY
    prefix = f"{folder}/" if folder else ""
    return locate(f"{prefix}a.md").kind, locate(f"{prefix}index.md").kind


def _normal(path: str) -> str:
    """Return a path with its month and day spelled as the archive spells them."""
    room, rest = path[1:].split("/", 1)
    parts = rest.split("/", 3)
    if len(parts) >= 3 and all(part.isascii() and part.isdecimal() for part in parts[:3]):
        parts[1] = parts[1].lstrip("0").zfill(2)
        parts[2] = parts[2].lstrip("0") or "0"
    return f"/{room}/{'/'.join(parts)}"


def link_path(link: str, file: str = "") -> str:
    """Return the site path that a link inside ``file`` leads to, ``""`` where no article or editorial can lie there.

    Language prefix, ending, query and fragment go; percent signs are decoded; ``../17/slug.md`` counts from the
    file's folder; ``2017/01/7/slug.html`` without its ``/news/`` is understood. Days' own pages are no article.
    """
    match = _PLAIN_LINK.fullmatch(link) if len(link) <= MAX_LINK_CHARS else None
    if match and match[1].isascii():
        return match[1]
    return _mended_path(link, file) if len(link) <= MAX_LINK_CHARS else ""


def _mended_path(link: str, file: str) -> str:
    path = decode_entities(link.strip())
    try:
        path = unquote(path, errors="strict")
    except UnicodeDecodeError:
        pass  # percent signs that encode something else than UTF-8 stay as they are
    path = unicodedata.normalize("NFC", path).split("#", 1)[0].split("?", 1)[0]
    if not path or "\\" in path or "\0" in path or ":" in path.split("/", 1)[0] or path.startswith("//"):
        return ""
    if path[:4].isdecimal() and path[4:5] == "/":
        path = f"/{model.NEWS}/{path}"
    elif path.startswith((f"{model.NEWS}/", f"{model.OPINION}/")):
        path = "/" + path
    elif not path.startswith("/"):
        path = posixpath.join("/", posixpath.dirname(file), path)
    match = _PREFIX_PATH.fullmatch(posixpath.normpath(path))
    path = match[1] if match else ""
    for ending in _ENDINGS:
        if path.endswith(ending):
            path = path[: -len(ending)]
            break
    if not path.startswith((f"/{model.NEWS}/", f"/{model.OPINION}/")) or path.endswith(("/", "/.", "/..")):
        return ""
    head, _, last = path.rpartition("/")
    if last in _INDEXES:
        path = head if head.startswith(f"/{model.OPINION}/") else ""
    if not path or not path.split("/", 2)[2]:
        return ""
    path = _normal(path)
    dated = _DATED.fullmatch(path)
    if dated and dated[5]:
        return path
    return path if not dated and path.startswith(f"/{model.NEWS}/") else ""


def link_language(link: str) -> str:
    """Return the language whose prefix a link bears, ``""`` for none: ``zh`` for ``/zh/news/2007/01/7/index.md``."""
    first = link[1:12].partition("/")[0] if link.startswith("/") else ""
    return first.partition("-")[0] if _LANGUAGE_FOLDER.fullmatch(first) else ""
