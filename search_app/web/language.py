"""The language of a page: chosen for each request, and every text of the interface said in it.

In: English texts and messages, catalogues below ``search_app/locale/``. Out: the same in the language of the page.
JSON, feeds, exports and the terminal never come here: they stay English.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from gettext import GNUTranslations
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape
from werkzeug.datastructures import LanguageAccept

from ..messages import Message

LOCALE_FOLDER = Path(__file__).resolve().parent.parent / "locale"
DOMAIN = "search_app"
LANGUAGES = {"en": "English", "zh": "中文"}
"""Codes of the catalogues, and what their readers call them."""
ENGLISH = "en"
_NUMBERS = (int, float)


class Language:
    """One language of the interface. Shared by all requests; holds nothing of any of them."""

    def __init__(self, code: str) -> None:
        self.code = code
        with (LOCALE_FOLDER / code / "LC_MESSAGES" / f"{DOMAIN}.mo").open("rb") as file:
            self._catalogue = GNUTranslations(file)
        self._texts: dict[str, str] = {}
        self._markup: dict[str, Markup] = {}

    def text(self, template: str, **values: Any) -> str:
        """Return a text in this language, filled in. A text without a translation stays English."""
        found = self._texts.get(template)
        if found is None:
            # Templates are those of the code, so this cannot grow without end.
            found = self._texts.setdefault(template, self._catalogue.gettext(template))
        return found.format(**values) if values else found

    def plural(self, one: str, many: str, count: int, **values: Any) -> str:
        """Return a text in the form that this language has for ``count``."""
        return self._catalogue.ngettext(one, many, count).format(count=count, **values)

    def markup(self, template: str, **values: Any) -> Markup:
        """Return a text for a template: safe HTML in which the values are escaped unless they are safe themselves."""
        found = self._markup.get(template)
        if found is None:
            found = self._markup.setdefault(template, escape(self.text(template)))
        if not values:
            return found
        # Markup's own way of filling in works through each field by itself, and takes ten times as long.
        safe = {name: value if type(value) in _NUMBERS else escape(value) for name, value in values.items()}
        return Markup(str.format(found, **safe))  # noqa: S704 - template and values are escaped

    def say(self, text: str) -> str:
        """Return a message in this language; any other text as it is."""
        if not isinstance(text, Message):
            return text
        values: dict[str, Any] = {
            name: self.say(value) if isinstance(value, Message) else value for name, value in text.values.items()
        }
        if text.many:
            return self.plural(text.template, text.many, values.pop("count"), **values)
        return self.text(text.template, **values)


@lru_cache
def find_language(code: str) -> Language:
    """Return a language by its code, one of ``LANGUAGES``."""
    return Language(code)


def named_language(asked: str) -> str:
    """Return the code of the language that a text names, ``zh`` for ``zh-CN`` too; ``""`` where there is none such."""
    code = asked.strip().lower().replace("_", "-").split("-")[0]
    return code if code in LANGUAGES else ""


def choose_language(named: str, accepted: LanguageAccept) -> str:
    """Return the code of the language for a reader: the one that is named, else the best of those accepted."""
    return named or accepted.best_match(list(LANGUAGES), ENGLISH)


_current: ContextVar[Language | None] = ContextVar("language", default=None)


def current_language() -> Language:
    """Return the language that is spoken here and now; English outside of a page."""
    return _current.get() or find_language(ENGLISH)


def speak(code: str = "") -> None:
    """Speak a language from now on in this thread; the default without one."""
    _current.set(find_language(code) if code else None)


@contextmanager
def speaking(code: str) -> Iterator[Language]:
    """Speak a language for a while."""
    before = _current.set(find_language(code))
    try:
        yield current_language()
    finally:
        _current.reset(before)


def _(template: str, /, **values: Any) -> str:
    """Return a text of the interface in the current language, filled in."""
    return current_language().text(template, **values)


def ngettext(one: str, many: str, count: int, /, **values: Any) -> str:
    """Return the form of a text that the current language has for ``count``, filled in."""
    return current_language().plural(one, many, count, **values)


def say(text: str) -> str:
    """Return a message in the current language; any other text as it is."""
    return current_language().say(text)


def markup(template: str, /, **values: Any) -> Markup:
    """Return a text of a template in the current language, as safe HTML."""
    return current_language().markup(template, **values)


def around(template: str) -> tuple[Markup, Markup]:
    """Return what stands before and after ``{value}`` in a text, as safe HTML. Cost: a look-up, after once."""
    return _around(current_language(), template)


@lru_cache
def _around(language: Language, template: str) -> tuple[Markup, Markup]:
    before, _value, after = language.markup(template, value="|").partition("|")
    return before, after
