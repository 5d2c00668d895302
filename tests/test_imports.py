"""The map of the rooms, held by reading every module's imports: data flows one way, and each room has its own tools."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "search_app"
LONGEST_MODULE = 500


@dataclass(frozen=True, slots=True)
class Place:
    """What a room may import: other places of the package, and libraries beside the standard one."""

    rooms: frozenset[str]
    libraries: frozenset[str] = frozenset()


def place(rooms: str = "", libraries: str = "") -> Place:
    return Place(frozenset(rooms.split()), frozenset(libraries.split()))


PLACES = {
    "errors": place("messages"),
    "messages": place(),
    "settings": place("errors"),
    "dates": place("messages errors settings", "dateutil"),
    "archive": place("errors settings dates", "markdown nh3"),
    "index": place("errors settings dates archive", "whoosh Stemmer numpy zstandard"),
    "engine": place("messages errors settings dates archive index", "whoosh numpy rapidfuzz opensearchpy"),
    "web": place(
        "messages errors settings dates archive index engine",
        "flask flask_compress jinja2 markupsafe werkzeug dateutil prometheus_client",
    ),
    "sample": place(),
    "server_log": place("", "gunicorn"),
    "shared_folder": place("errors"),
    "server_worker": place("", "gunicorn"),
    "server": place("errors server_log server_worker", "flask gunicorn"),
    "cli_output": place("settings engine index", "click"),
    "watch": place("errors engine"),
    "cli_options": place("errors settings web", "click werkzeug"),
    "assistants": place("errors settings engine web __init__", "mcp pydantic werkzeug"),
    "cli_mcp": place("errors settings assistants cli_options", "click"),
    "cli_export": place("settings engine web watch cli_output cli_options", "click"),
    "cli": place(
        "errors settings index engine web sample server server_log shared_folder "
        "cli_output cli_options cli_export cli_mcp __init__",
        "click",
    ),
    "__main__": place("cli"),
    "library": place("errors settings dates engine"),
    "__init__": place("library"),
}
# Between a process and its own workers only, never from a file.
ALLOWED_BYTES = {"archive/packing.py": {"marshal"}}
MODULES = sorted(PACKAGE.rglob("*.py"))


def name_of(module: Path) -> str:
    return str(module.relative_to(PACKAGE))


def place_of(module: Path) -> str:
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


@cache
def tree_of(module: Path) -> ast.Module:
    """Return the source of a module as a tree."""
    return ast.parse(module.read_text(encoding="utf-8"))


def imports(module: Path, source: str = "") -> Iterator[tuple[str, bool]]:
    """Yield what a module imports: a place of the package and True, or a library and False."""
    inside = module.relative_to(PACKAGE).parts[:-1]
    for node in ast.walk(ast.parse(source) if source else tree_of(module)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _absolute(alias.name)
        elif isinstance(node, ast.ImportFrom):
            if node.level == 0:
                yield from _absolute(node.module or "")
                continue
            base = inside[: len(inside) - node.level + 1]
            target = [*base, *(node.module.split(".") if node.module else [])]
            for alias in node.names:
                first = target[0] if target else alias.name
                known = (PACKAGE / first).is_dir() or (PACKAGE / f"{first}.py").is_file()
                yield (first if known else "__init__"), True


def _absolute(name: str) -> Iterator[tuple[str, bool]]:
    parts = name.split(".")
    if parts[0] == "search_app":
        yield (parts[1] if len(parts) > 1 else "__init__"), True
    else:
        yield parts[0], False


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_a_module_imports_only_what_its_room_may(module: Path) -> None:
    here = place_of(module)
    allowed = PLACES[here]
    for imported, is_ours in imports(module):
        if is_ours:
            assert imported == here or imported in allowed.rooms, f"{here} must not import {imported}"
        elif imported not in sys.stdlib_module_names:
            assert imported in allowed.libraries, f"{here} must not import {imported}"


def test_the_map_has_no_circle() -> None:
    seen: list[str] = []
    waiting = dict(PLACES)
    while waiting:
        free = [name for name, here in waiting.items() if here.rooms <= set(seen)]
        assert free, f"these places import each other: {sorted(waiting)}"
        seen += free
        for name in free:
            del waiting[name]


def test_the_reader_of_imports_sees_every_form() -> None:
    module = PACKAGE / "engine" / "imagined.py"
    source = "import numpy.typing as npt\nfrom . import query\nfrom .. import web\nfrom ..web.app import create_app\n"
    assert set(imports(module, source)) == {("numpy", False), ("engine", True), ("web", True)}


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_only_the_settings_read_the_environment(module: Path) -> None:
    reads = [
        node.lineno
        for node in ast.walk(tree_of(module))
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv", "environb")
    ]
    assert not reads or name_of(module) == "settings.py", f"the environment is read in lines {reads}"


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_no_module_turns_data_into_code(module: Path) -> None:
    nodes = ast.walk(tree_of(module))
    calls = {node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert not calls & {"eval", "exec", "compile"}
    risky = {name for name, _ in imports(module)} & {"pickle", "marshal", "shelve", "dill", "yaml"}
    assert risky <= ALLOWED_BYTES.get(name_of(module), set())


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_modules_say_what_they_own_and_stay_short(module: Path) -> None:
    assert ast.get_docstring(tree_of(module))
    assert module.read_text(encoding="utf-8").count("\n") <= LONGEST_MODULE
