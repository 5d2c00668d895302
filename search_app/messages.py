"""Sentences for people that can be said in another language later.

In: an English template and what it is filled with. Out: ``Message``, a text in English that remembers both, so that a
page can translate it while programs, files and the terminal get English. Knows no catalogue; ``web.language`` does.
"""

from __future__ import annotations

from typing import Any


class Message(str):
    """English text that remembers how it was made. Everywhere a ``str`` will do, it is one.

    template : what a catalogue translates, with ``{names}`` as in ``str.format``. many : the template of the plural, or
    ``""``. values : what the names stand for; may hold further messages.
    """

    __slots__ = ("many", "template", "values")
    template: str
    many: str
    values: dict[str, Any]


def message(template: str, /, **values: Any) -> Message:
    """Return a sentence. Templates are written out where they are used, so that they can be collected."""
    return _made(template, template, "", values)


def plural(one: str, many: str, count: int, /, **values: Any) -> Message:
    """Return ``one`` for a count of 1, else ``many``; both may show ``{count:,}``."""
    return _made(one if count == 1 else many, one, many, {"count": count, **values})


def _made(chosen: str, template: str, many: str, values: dict[str, Any]) -> Message:
    made = Message(chosen.format(**values) if values else chosen)
    made.template, made.many, made.values = template, many, values
    return made
