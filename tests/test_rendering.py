"""Templates print what Jinja's own code would print."""

from __future__ import annotations

import os
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import pytest
from flask import Flask
from jinja2 import Environment, FileSystemLoader, StrictUndefined, UndefinedError
from markupsafe import Markup, escape

from search_app.settings import Settings
from search_app.web import rendering
from search_app.web.app import create_app
from search_app.web.language import markup, speaking
from search_app.web.rendering import QuickEnvironment, escaped, load_templates

VALUES = {
    "plain text": "Fog over Halvik",
    "nothing": "",
    "a tag": "<script>alert(1)</script>",
    "quotes": "“a” \"b\" 'c'",
    "an entity": "&lt;b&gt;",
    "safe text": Markup("<mark>fog</mark> &amp; rain"),
    "a number": 12,
    "no value": None,
    "a list": ["<a>", "b"],
    "Chinese": "码头<罢工>",
}
TEMPLATE = """
{% macro item(text, class="", caller=None) %}
<li{{ class }}>{{ text }}{{ text ~ "<" }}{{ caller() if caller }}</li>
{% endmacro %}
<p title="{{ value }}">{{ value }}{{ item(value, " class=x") }}{% set kept = item(value) %}{{ kept }}{{ kept | length }}
{% for one in [value, value] %}{{ one }}{{ ", " if not loop.last }}{% endfor %}
{{ [value, value] | join("<br>") }}{{ value | string | upper }}{{ value | e }}
{% call item("&") %}{{ value }}{% endcall %}{% filter lower %}{{ value }}{% endfilter %}
{% autoescape false %}{{ value }}{% endautoescape %}
"""


class Both(NamedTuple):
    """Something with an attribute and an item of one name."""

    text: str

    def __getitem__(self, name: object) -> str:
        return "b"


def quick() -> QuickEnvironment:
    return QuickEnvironment(Flask("x"), autoescape=True, undefined=StrictUndefined)


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
def test_values_are_escaped_alike(value: object) -> None:
    assert escaped(value) == str(escape(value))
    plain = Environment(autoescape=True, undefined=StrictUndefined)
    assert quick().from_string(TEMPLATE).render(value=value) == plain.from_string(TEMPLATE).render(value=value)


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
def test_texts_of_the_interface_are_said_alike(value: object) -> None:
    """In a block and in a loop too, where Jinja's own calls of functions look different."""
    asked = '{{ _("Did you mean {query}?", query=value) }} {{ _("not") ~ value }}'
    template = f"{asked}{{% block head %}}{asked}{{% for one in [1, 2] %}}{asked}{{% endfor %}}{{% endblock %}}"
    plain = Environment(autoescape=True, undefined=StrictUndefined)
    plain.globals["_"] = markup
    with speaking("zh"):
        rendered = quick().from_string(template).render(value=value)
        assert rendered == plain.from_string(template).render(value=value)
        assert "您是不是要找" in rendered


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
def test_values_are_escaped_alike_by_a_markupsafe_that_promises_no_more(
    value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "markupsafe", SimpleNamespace(Markup=Markup, escape=escape))
    spec = spec_from_file_location("search_app.web.rendering_there", rendering.__file__)
    assert spec and spec.loader
    there = module_from_spec(spec)
    spec.loader.exec_module(there)
    assert there.escaped(value) == str(escape(value))


def test_templates_are_read_once_unless_they_are_being_written(tmp_path: Path) -> None:
    for reload, text in ((False, "one"), (True, "two")):
        (tmp_path / "page.html").write_text("one", encoding="utf-8")
        environment = QuickEnvironment(Flask("x"), loader=FileSystemLoader(tmp_path), auto_reload=reload)
        page = environment.get_template("page.html")
        assert environment.get_template(page) is page
        assert page.render() == "one"
        (tmp_path / "page.html").write_text("two", encoding="utf-8")
        os.utime(tmp_path / "page.html", (0, 0))
        assert environment.get_template("page.html").render() == text
        assert environment.get_template("page.html", globals={"more": 1}).globals["more"] == 1


@pytest.mark.parametrize("template", ["{{ nothing }}", "{{ nothing.text }}", "{{ one['text'] }}", "{{ one.text }}"])
def test_what_is_not_given_is_an_error(template: str) -> None:
    with pytest.raises((UndefinedError, AttributeError)):
        quick().from_string(template).render(one={})


def test_an_attribute_is_no_item() -> None:
    template = "{{ one.text }}{{ one['text'] }}{{ one.text.upper() }}{{ 'x'.upper() }}{{ (one or two).text }}"
    assert quick().from_string(template).render(one=Both("a")) == "abAXa"
    with pytest.raises(AttributeError):
        quick().from_string("{{ one.text }}").render(one={"text": "b"})


def test_the_code_of_templates_is_the_quick_one() -> None:
    """A Jinja that writes its code in another way would make pages slower, and nothing else would tell."""
    code = quick().compile("{{ value.text }}{{ _('not') }}", raw=True)
    assert "environment.said('not')" in code
    body = code.partition("def root")[2]
    assert "escaped(" in body
    assert "escape(" not in body
    assert "getattr(" not in body


def test_a_page_of_an_application_with_all_templates_makes_none(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(settings)
    load_templates(app.jinja_env)

    def compiled(*arguments: object, **options: object) -> None:
        raise AssertionError("a template was made while a reader waited")

    monkeypatch.setattr(type(app.jinja_env), "compile", compiled)
    client = app.test_client()
    addresses = [
        "/",
        "/search?q=strike",
        "/search?q=strike+zebra",
        "/search/facet/context",
        "/api/",
        "/nowhere",
        "/news/",
    ]
    hits = client.get("/api/search?q=strike").json["hits"]  # type: ignore[index]
    addresses += [hits[0]["url"], hits[0]["url"].rpartition("/")[0] + "/"]
    for address in addresses:
        assert client.get(address, follow_redirects=True).status_code in (200, 404), address
