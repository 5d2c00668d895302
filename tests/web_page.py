"""A page as its reader meets it: text, links by their words, boxes by their labels.

Reading is strict: a page whose HTML holds an error is not read at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit
from xml.etree.ElementTree import Element

import html5lib
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

SHOWN_NOWHERE = {"style", "script", "head", "title"}


class Page:
    """A parsed page. Raises html5lib's ParseError where the HTML is not well formed."""

    def __init__(self, response: TestResponse) -> None:
        self.status = response.status_code
        self._path = response.request.script_root + response.request.path
        self.html = response.get_data(as_text=True)
        parser = html5lib.HTMLParser(html5lib.getTreeBuilder("etree"), strict=True, namespaceHTMLElements=False)
        self.root: Element = parser.parse(self.html)
        for element in self.root.iter():
            if isinstance(element.tag, str):  # a comment has none
                element.tag = element.tag.rpartition("}")[2]
        self._parents = {child: parent for parent in self.root.iter() for child in parent}

    def all(self, tag: str, **attributes: str) -> list[Element]:
        """Return the elements of a tag that have all of these attributes (``class_`` for a class among others)."""
        wanted = attributes.pop("class_", "")
        return [
            element
            for element in self.root.iter(tag)
            if all(element.get(name.replace("_", "-")) == value for name, value in attributes.items())
            and (not wanted or wanted in (element.get("class") or "").split())
        ]

    def one(self, tag: str, **attributes: str) -> Element:
        """Return the only such element."""
        found = self.all(tag, **attributes)
        assert len(found) == 1, f"{len(found)} times <{tag}> with {attributes}"
        return found[0]

    @property
    def title(self) -> str:
        """The words of the window's title."""
        return words(self.all("title")[0])

    @property
    def text(self) -> str:
        """Everything that is shown, white space collapsed."""
        return words(self.one("body"))

    @property
    def links(self) -> list[tuple[str, str]]:
        """Words and address of every link."""
        return [(words(element), self.address(element)) for element in self.all("a")]

    def address(self, link: Element) -> str:
        """Return where a link leads, seen from the top of the host; outside links as they are."""
        href = link.get("href") or ""
        return href if href.startswith("#") else urljoin(self._path, href)

    def link(self, text: str, inside: Element | None = None) -> str:
        """Return the address of the first link with exactly these words. inside : where to look."""
        place = inside if inside is not None else self.root
        addresses = [self.address(element) for element in place.iter("a") if words(element) == text]
        assert addresses, f"no link “{text}” among {[words(element) for element in place.iter('a')]}"
        return addresses[0]

    def search_field(self, name: str) -> Element:
        """Return the field of the search form with a name."""
        (found,) = (field for field in self.one("form", id="search").iter("input") if field.get("name") == name)
        return found

    def boxes(self) -> dict[tuple[str, str], tuple[str, bool]]:
        """Return the checkboxes of the page: what each sends, to its label and whether it is ticked."""
        return {
            (box.get("name") or "", box.get("value") or ""): (words(self._parents[box]), "checked" in box.attrib)
            for box in self.all("input", type="checkbox")
        }

    def form_values(self, form_id: str = "search") -> list[tuple[str, str]]:
        """Return what sending a form as it stands would send."""
        form = self.one("form", id=form_id)
        inside = set(form.iter())
        values = []
        for control in self.all("input"):
            if control not in inside and control.get("form") != form_id:
                continue
            if control.get("type") in ("checkbox", "radio") and "checked" not in control.attrib:
                continue
            values.append((control.get("name") or "", control.get("value") or ""))
        return values

    @property
    def hits(self) -> list[str]:
        """The headlines of the list of articles, in order."""
        return [words(heading) for item in self.hit_items for heading in item.iter("h3")]

    @property
    def hit_items(self) -> list[Element]:
        """The articles of all such lists."""
        return [item for listed in self.all("ol", class_="hits") for item in listed]

    def language(self, element: Element) -> str:
        """Return the language that an element says it is in, or the nearest around it that says so."""
        while "lang" not in element.attrib:
            element = self._parents[element]
        return element.attrib["lang"]


def words(element: Element) -> str:
    """Return the text of an element, white space collapsed."""
    return " ".join("".join(_texts(element)).split())


def _texts(element: Element) -> Iterator[str]:
    if element.tag in SHOWN_NOWHERE and element.tag != "title":
        return
    yield element.text or ""
    for child in element:
        yield from _texts(child)
        yield child.tail or ""


def see(client: FlaskClient, path: str, **parameters: object) -> Page:
    """Return the page at an address, forms' detours followed."""
    query = urlencode(parameters, doseq=True)
    return Page(client.get(f"{path}?{query}" if query else path, follow_redirects=True))


def args(address: str) -> dict[str, list[str]]:
    """Return the parameters of an address."""
    return parse_qs(urlsplit(address).query)
