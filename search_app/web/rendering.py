"""How templates become Python: Jinja's own code, with a quicker way to escape what they print.

In: templates. Out: the same pages. A result page prints some seven hundred values, nearly all of them text without
anything to escape; Jinja makes a ``Markup`` of each, which is then thrown away when the pieces are joined.
"""

from __future__ import annotations

import re
from typing import Any

from flask.templating import Environment
from jinja2 import Template, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.environment import TemplateModule
from jinja2.runtime import Context
from markupsafe import Markup, escape

from .language import markup

_find_special = re.compile("[&<>\"']").search


def escaped(value: Any) -> str:
    """Return a value as text for HTML, as ``markupsafe.escape`` does, but as plain text where nothing is to be escaped.

    For joining alone: what it returns must not be escaped again. Cost: 0.3 µs for plain text, against 0.9 µs.
    """
    if type(value) is str:
        return escape(value) if _find_special(value) else value
    return value if type(value) is Markup else escape(value)


class QuickCode(CodeGenerator):
    """Jinja's code generator, with ``escaped`` in place of ``escape`` for what is printed, and a short way to ``_``."""

    def write(self, x: str) -> None:
        """Write a piece of a template's code. Were Jinja to write it otherwise, pages would be as slow as before."""
        super().write("environment.escaped(" if x == "escape(" else x)

    def visit_Call(self, node: nodes.Call, frame: Frame, forward_caller: bool = False) -> None:
        """Write a call: of ``_`` as it is, of all else with what Jinja does for functions that want its context."""
        if not (isinstance(node.node, nodes.Name) and node.node.name == "_" and len(node.args) == 1):
            super().visit_Call(node, frame, forward_caller=forward_caller)
            return
        self.write("environment.said(")
        self.visit(node.args[0], frame)
        for value in node.kwargs:
            self.write(", ")
            self.visit(value, frame)
        self.write(")")


class QuickTemplate(Template):
    """A template whose macros are made once, for whatever imports them: what is global here is so from the start."""

    def _get_default_module(self, ctx: Context | None = None) -> TemplateModule:
        # Jinja compares all names that are global, at every import of every page.
        return super()._get_default_module()


class QuickEnvironment(Environment):
    """Flask's environment of templates with that code generator and those templates, in which ``_`` is ``markup``."""

    code_generator_class = QuickCode
    template_class = QuickTemplate
    escaped = staticmethod(escaped)
    said = staticmethod(markup)
