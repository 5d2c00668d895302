"""Which language a reader gets: what the address says, else what the browser asks for, else English.

In: requests. Out: the language that ``language`` speaks while a page is made, the header that tells caches, and what
the templates need for the switch from one language to another.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from flask import Flask, Response, g, request
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from ..messages import message
from .language import (
    LANGUAGES,
    around,
    choose_language,
    current_language,
    find_language,
    markup,
    named_language,
    say,
    speak,
)
from .links import query_string

# Answers for programs are in English whatever the address says, so that what reads them can rely on it.
DATA_PATHS = ("/api/", "/export", "/feed.atom", "/opensearch", "/static/")
DATA_ENDINGS = (".json", ".xml", ".md")
# Longer ones are not what browsers send, and are not remembered.
USUAL_CHARS = 200
SCRIPT_TEXTS = (
    message("{count} article"),
    message("{count} articles"),
    message("{count} completion"),
    message("{count} completions"),
    message("Completions"),
    message("Show {articles}"),
    message("Ticking a box searches at once."),
    message("The button below tells how many articles are left."),
    message("topic"),
    message("context"),
    message("source"),
)
"""What ``app.js`` says."""


def is_page(path: str) -> bool:
    """Tell whether a page for people lies at a path, rather than data for programs. ``/api/`` itself is a page."""
    return path == "/api/" or not (path.startswith(DATA_PATHS) or path.endswith(DATA_ENDINGS))


def given_language() -> str:
    """Return the language that the current address names, ``""`` where it names none that there is."""
    return str(g.get("given_language", ""))


def speak_to_readers(app: Flask) -> None:
    """Make the pages of an application speak the language of whoever reads them."""
    app.before_request(_listen)
    app.after_request(_tell_caches)
    app.teardown_request(lambda error: speak())
    app.jinja_env.globals.update(_=markup, around=around, say=say, page_lang=lambda: current_language().code)
    app.context_processor(_for_templates)


def _listen() -> None:
    g.given_language = ""
    if not is_page(request.path):
        speak()
        return
    g.given_language = named_language(request.args.get("lang", ""))
    speak(g.given_language or _accepted_language(request.headers.get("Accept-Language", "")))


def _accepted_language(header: str) -> str:
    """Return the code of the language that a browser asks for. Cost: a look-up, for what most browsers send."""
    return _usual_language(header) if len(header) <= USUAL_CHARS else _usual_language.__wrapped__(header)


@lru_cache(maxsize=1024)
def _usual_language(header: str) -> str:
    return choose_language("", parse_accept_header(header, LanguageAccept))


def _tell_caches(response: Response) -> Response:
    if response.mimetype == "text/html" and not given_language():
        told = response.headers.get("Vary")
        response.headers["Vary"] = f"{told}, Accept-Language" if told else "Accept-Language"
    return response


def _for_templates() -> dict[str, Any]:
    """Return the other languages, each with the address of this page in it, and the words of the script."""
    language = current_language()
    kept = [pair for pair in request.args.items(multi=True) if pair[0] != "lang"]
    others = [
        (code, name, f"?{query_string([*kept, ('lang', code)], lettered=True)}")
        for code, name in LANGUAGES.items()
        if code != language.code
    ]
    return {"other_languages": others, "script_words": _script_words(language.code)}


@lru_cache
def _script_words(code: str) -> Markup | str:
    language = find_language(code)
    said = {text: language.text(text) for text in SCRIPT_TEXTS}
    changed = {text: translated for text, translated in said.items() if translated != text}
    return htmlsafe_json_dumps(changed, ensure_ascii=False, separators=(",", ":")) if changed else ""
