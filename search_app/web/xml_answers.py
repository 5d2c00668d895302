"""Articles and lists of them as XML: the same as the JSON, for programs that read the archive's XML format.

In: the dicts of ``answers``. Out: bytes that ``static/archive.rng`` describes.
"""

from __future__ import annotations

import re
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

# What XML 1.0 cannot hold, not even as a character reference.
UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def article_xml(answer: dict[str, Any]) -> bytes:
    """Return an article's answer as an XML document."""
    return _document(_article(answer))


def list_xml(answer: dict[str, Any], first: str, last: str) -> bytes:
    """Return a page of a search as an XML document. first, last : the days that it covers, both included."""
    root = Element("articles")
    for name, value in (("from", first), ("to", last), *((name, answer[name]) for name in ("total", "page", "pages"))):
        root.set(name, str(value))
    root.extend([_article(hit) for hit in answer["hits"]])
    return _document(root)


def _article(answer: dict[str, Any]) -> Element:
    """Return an article or a hit; what a hit does not have is left out."""
    element = Element("article", {"id": _clean(answer["id"]), "url": _clean(answer["url"])})
    for name in ("date", "kind"):
        element.set(name, answer[name])
    element.set("xml:lang", answer["language"])
    _add(element, "headline", answer["headline"])
    for name in ("topic", "summary", "image"):
        if answer[name]:
            _add(element, name, answer[name])
    for context in answer["contexts"]:
        _add(element, "context", context)
    for source in answer["sources"]:
        _add(element, "source", source["name"], url=source["url"])
    for version in answer.get("versions", ()):
        _add(
            element,
            "version",
            version["headline"],
            id=version["id"],
            changed=version["changed"],
            note=version["note"],
            current="true" if version["current"] else "",
        )
    for name in ("previous", "next"):
        if answer.get(name):
            _add_related(element, name, answer[name])
    for related in answer.get("related", ()):
        _add_related(element, "related", related)
    return element


def _add_related(parent: Element, name: str, related: dict[str, Any]) -> None:
    attributes = {key: related[key] or "" for key in ("id", "url", "date")}
    element = _add(parent, name, None, **attributes)
    if related["headline"]:
        _add(element, "headline", related["headline"])
    for context in related["contexts"]:
        _add(element, "context", context)


def _add(parent: Element, name: str, text: str | None, **attributes: str) -> Element:
    kept = {key: _clean(value) for key, value in attributes.items() if value}
    element = SubElement(parent, name, kept)
    if text is not None:
        element.text = _clean(text)
    return element


def _clean(text: str) -> str:
    return UNWRITABLE.sub("\ufffd", text)


def _document(root: Element) -> bytes:
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"
