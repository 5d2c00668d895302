"""Templates print what Jinja's own code would print."""

from __future__ import annotations

import pytest
from flask import Flask
from jinja2 import Environment, StrictUndefined, UndefinedError
from markupsafe import Markup, escape

from search_app.web.language import markup, speaking
from search_app.web.rendering import QuickEnvironment, escaped

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


def test_what_is_not_given_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        quick().from_string("{{ nothing }}").render()


def test_the_code_of_templates_is_the_quick_one() -> None:
    """A Jinja that writes its code in another way would make pages slower, and nothing else would tell."""
    code = quick().compile("{{ value }}{{ _('not') }}", raw=True)
    assert "environment.escaped(" in code
    assert "environment.said('not')" in code
    assert "escape(" not in code.replace("environment.escaped(", "").partition("def root")[2]
