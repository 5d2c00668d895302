"""How templates become Python: Jinja's own code, with quicker ways to escape what they print and to read attributes.

In: templates. Out: the same pages. A result page prints some seven hundred values, nearly all of them text without
anything to escape; Jinja makes a ``Markup`` of each, which is then thrown away when the pieces are joined. In templates
here ``one.name`` is an attribute alone, and what a dict holds is ``one["name"]``.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from functools import cached_property
from types import CodeType
from typing import Any

from flask.templating import Environment
from jinja2 import Environment as BaseEnvironment
from jinja2 import Template, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.environment import TemplateModule
from jinja2.runtime import Context
from markupsafe import Markup, escape

from .language import markup

try:
    # What ``escape`` makes its ``Markup`` of. It is not promised to stay.
    from markupsafe import _escape_inner as _as_html  # type: ignore[attr-defined]
except ImportError:
    _as_html = escape


def escaped(value: Any) -> str:
    """Return a value as text for HTML, as ``markupsafe.escape`` does, but as plain text.

    For joining alone: what it returns must not be escaped again. Cost: 0.1 µs for plain text, against 0.9 µs.
    """
    if type(value) is str:
        return _as_html(value)
    return value if type(value) is Markup else escape(value)


class QuickCode(CodeGenerator):
    """Jinja's code generator, with ``escaped`` for ``escape`` where something is printed, and short ways to what it
    reads and to ``_``.
    """

    def write(self, x: str) -> None:
        """Write a piece of a template's code. Were Jinja to write it otherwise, pages would be as slow as before."""
        super().write("escaped(" if x == "escape(" else x)

    def visit_Getattr(self, node: nodes.Getattr, frame: Frame) -> None:
        """Write an attribute as one. Jinja calls a function, which looks for an item where there is none."""
        self.write("(")
        self.visit(node.node, frame)
        self.write(f").{node.attr}")

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

    @classmethod
    def from_code(
        cls,
        environment: BaseEnvironment,
        code: CodeType,
        globals: MutableMapping[str, Any],
        uptodate: Callable[[], bool] | None = None,
    ) -> Template:
        """Return a template of its code, which finds ``escaped`` among its own names."""
        # Jinja looks in two places for what is global; a page that is begun copies all of it, one by one.
        made = super().from_code(environment, code, dict(globals), uptodate)
        made.root_render_func.__globals__["escaped"] = escaped
        return made


class QuickEnvironment(Environment):
    """Flask's environment of templates with that code generator and those templates, in which ``_`` is ``markup``."""

    code_generator_class = QuickCode
    template_class = QuickTemplate
    said = staticmethod(markup)

    @cached_property
    def _loaded(self) -> dict[str, Template]:
        return {}

    def get_template(
        self, name: str | Template, parent: str | None = None, globals: MutableMapping[str, Any] | None = None
    ) -> Template:
        """Return a template. Jinja hands all names that are global to it each time; a page asks for nine of them."""
        if globals is not None or self.auto_reload or not isinstance(name, str):
            return super().get_template(name, parent, globals)
        if name not in self._loaded:
            self._loaded[name] = super().get_template(name, parent)
        return self._loaded[name]


def load_templates(environment: BaseEnvironment) -> None:
    """Make every template of an environment now, rather than when a reader waits for it. Cost: 0.2 s.

    For a process that forks others: they have what it has.
    """
    for name in environment.list_templates():
        environment.get_template(name)
