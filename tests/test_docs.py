"""The prose: what exists is described, what is described exists, and every link leads somewhere."""

from __future__ import annotations

import doctest
import importlib
import re
from datetime import date
from pathlib import Path

import click
import pytest
from flask import Flask

from search_app import __version__, cli
from search_app.engine.lexer import FIELD_NAMES, KNOWN_NAMES
from search_app.engine.syntax import parse_query
from search_app.settings import SETTINGS, Setting
from search_app.web.state import PARAMETER_ORDER

REPOSITORY = Path(__file__).resolve().parent.parent
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
PAGES = sorted(
    path
    for path in REPOSITORY.rglob("*.md")
    if not {part for part in path.relative_to(REPOSITORY).parts[:-1] if part.startswith(".")}
    and "data" not in path.parts
    and "node_modules" not in path.parts
)
COMMANDS = cli.commands.commands


WITH_EXAMPLES = sorted(
    ".".join(path.relative_to(REPOSITORY).with_suffix("").parts)
    for path in (REPOSITORY / "search_app").rglob("*.py")
    if ">>>" in path.read_text(encoding="utf-8")
)


def section(title: str) -> str:
    """The text below a heading of the README, up to the next heading of the same rank or a higher one."""
    rank = title.split(" ")[0]
    start = README.index(f"\n{title}\n") + len(title) + 2
    end = re.compile(rf"(?m)^#{{1,{len(rank)}}} ").search(README, start)
    return README[start : end.start() if end else None]


def rows(text: str) -> list[list[str]]:
    """The rows of the tables in a text, as cells, without heads."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    heads = {number - 1 for number, row in enumerate(cells) if set(row[0]) <= {"-"}}
    return [row for number, row in enumerate(cells) if number not in heads and not set(row[0]) <= {"-"}]


def in_code(text: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", text))


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_in_the_code_give_what_they_say(name: str) -> None:
    done = doctest.testmod(importlib.import_module(name))
    assert done.attempted
    assert not done.failed


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_setting_has_its_row(setting: Setting) -> None:
    row = next((row for row in rows(section("## Settings")) if row[0] == f"`{setting.name}`"), None)
    assert row is not None, f"{setting.name} is not in the README"
    assert row[1].strip("`") == str(setting.default)
    assert row[2] == setting.help


def test_no_setting_is_described_that_does_not_exist() -> None:
    assert {row[0].strip("`") for row in rows(section("## Settings"))} == {setting.name for setting in SETTINGS}


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_and_option_is_described(name: str) -> None:
    described = section("### Commands")
    assert f"`search-app {name}" in described
    for parameter in COMMANDS[name].params:
        if isinstance(parameter, click.Option):
            assert parameter.opts[0] in described, f"{name} {parameter.opts[0]}"


def test_every_option_has_help_and_an_environment_variable() -> None:
    for command in COMMANDS.values():
        assert command.help
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, parameter.opts
                assert parameter.envvar == "SEARCH_APP_" + parameter.opts[0][2:].upper().replace("-", "_")


def test_every_exit_code_is_described() -> None:
    described = {row[0] for row in rows(section("### Commands"))}
    assert {str(code) for code in (cli.DONE, cli.FAILED, cli.MISUSED, cli.BUSY, cli.INTERRUPTED)} <= described


def test_every_field_of_the_query_language_is_described() -> None:
    described = section("## Searching")
    for name in re.findall(r"\w+:", KNOWN_NAMES):
        assert name in described
    assert {f"{field}:" for field in FIELD_NAMES.values()} <= set(re.findall(r"\w+:", described))


def test_every_example_query_is_understood_without_a_warning() -> None:
    examples = [example for row in rows(section("## Searching")) for example in re.findall(r"`([^`]+)`", row[0])]
    assert len(examples) > 12
    for example in examples:
        assert parse_query(example, today=date(2026, 1, 1)).warnings == (), example


def test_every_parameter_is_described() -> None:
    described = set().union(*(in_code(row[0]) for row in rows(section("## As JSON"))))
    assert set(PARAMETER_ORDER) <= described


def test_every_address_is_described(app: Flask) -> None:
    described = section("## As JSON")
    for rule in app.url_map.iter_rules():
        fixed = str(rule).split("<")[0]
        assert f"`{fixed}" in described, f"{rule} is not in the README"


@pytest.mark.parametrize("status", [200, 301, 400, 404, 405, 503])
def test_every_status_of_the_table_is_given(status: int, app: Flask) -> None:
    described = {row[0] for row in rows(section("## As JSON"))}
    assert str(status) in described
    client = app.test_client()
    asked = {
        200: "/search?topic=unknown",
        301: "/news/2031/03/9/port-amaro-harbour-strike-talks-begin.html",
        400: "/search?from=soon",
        404: "/search?q=harbour&page=99",
    }
    if status == 405:
        assert client.post("/search").status_code == 405
    elif status == 503:
        from search_app.web.app import create_app

        empty = create_app({"index": "nowhere", "TESTING": True}).test_client().get("/search?q=harbour")
        assert empty.status_code == 503
        assert empty.headers["Retry-After"]
    else:
        assert client.get(asked[status]).status_code == status


def test_the_two_commands_come_first() -> None:
    commands = [line.strip() for line in README.splitlines() if line.startswith("    ")]
    assert commands[0].endswith("search-app demo")
    assert commands[1].endswith("-m pytest")
    assert all("venv .venv" in line and "pip install" in line for line in commands[:2])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"(?s)```.*?```", "", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target.split("#")[0]).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_files_that_are_named_exist(page: Path) -> None:
    text = re.sub(r"(?s)```.*?```", "", page.read_text(encoding="utf-8"))
    for name in re.findall(r"`((?:archive|index|engine|web|tests|sample)/[\w/.]+\.(?:py|txt|md))`", text):
        assert any((folder / name).exists() for folder in (page.parent, REPOSITORY, REPOSITORY / "search_app")), name


def test_every_promise_names_its_tests() -> None:
    page = (REPOSITORY / "search_app" / "README.md").read_text(encoding="utf-8")
    promises = rows(page[page.index("## What is promised") : page.index("## How to change it")])
    assert len(promises) > 80
    assert len({promise for promise, _ in promises}) == len(promises), "each stands once"
    for promise, tests in promises:
        assert re.search(r"\]\(\.\./tests/(opensearch/)?test_\w+\.py\)", tests), promise


def test_the_changelog_begins_with_this_version() -> None:
    changes = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"(?m)^## (\S+)", changes)[0] == __version__
