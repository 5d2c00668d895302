"""Watching a search: what is new is told once, nothing else ever."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from index_making import publish
from program import assert_one_sentence, run

from search_app.archive.model import Article
from search_app.engine.embedded import EmbeddedEngine
from search_app.engine.request import SearchRequest
from search_app.errors import WatchError
from search_app.watch import find_new

Make = Callable[..., Article]
ALL = SearchRequest(q="storm", sort="newest")


def look(folder: Path, file: Path, request: SearchRequest = ALL, *, save: bool = True) -> list[str]:
    report = find_new(EmbeddedEngine(folder), request, file, "storm")
    if save:
        report.save()
    return [hit.headline for hit in report.new]


def test_what_is_new_is_told_once(make_article: Make, tmp_path: Path) -> None:
    first, second, other = (make_article(headline=text) for text in ("Storm one", "Storm two", "Calm"))
    index, file = tmp_path / "index", tmp_path / "storm.json"
    publish(index, [first, other])
    assert look(index, file) == ["Storm one"]
    assert look(index, file) == []
    publish(index, [first, second, other], generation=2)
    assert look(index, file, save=False) == ["Storm two"], "what was not saved is told again"
    assert look(index, file) == ["Storm two"]
    assert look(index, file) == []
    publish(index, [other], generation=3)
    assert look(index, file) == []
    publish(index, [first, second], generation=4)
    assert look(index, file) == [], "a rebuild that lost articles for a while makes nothing new"
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["storm.json"]


def test_partial_matches_are_nothing_to_report(make_article: Make, tmp_path: Path) -> None:
    publish(tmp_path / "index", [make_article(headline="Storm one")])
    report = find_new(
        EmbeddedEngine(tmp_path / "index"), SearchRequest(q="storm zeppelin"), tmp_path / "file", "storm zeppelin"
    )
    assert (report.total, report.new) == (0, ())


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"format": "other"}', "\ufeff{", '{"format": 1, "seen": 2}'])
def test_another_file_is_left_alone(make_article: Make, tmp_path: Path, body: str) -> None:
    publish(tmp_path / "index", [make_article()])
    file = tmp_path / "file"
    file.write_text(body, encoding="utf-8")
    with pytest.raises(WatchError, match="is not a file"):
        look(tmp_path / "index", file)
    assert file.read_text(encoding="utf-8") == body


def test_the_command_is_silent_where_nothing_is_new(index_dir: Path, tmp_path: Path) -> None:
    file = tmp_path / "strike.json"
    arguments = ("watch", "strike", "--since", file, "--index", index_dir)
    first = run(*arguments)
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout.startswith("Watching from now on: ")
    second = run(*arguments)
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    body = json.loads(file.read_text(encoding="utf-8"))
    body["seen"].pop()
    file.write_text(json.dumps(body), encoding="utf-8")
    third = run(*arguments)
    assert third.returncode == 0
    assert third.stdout.count("\n") == 2
    assert "/news/" in third.stdout


def test_the_command_tells_what_is_wrong(index_dir: Path, tmp_path: Path) -> None:
    file = tmp_path / "strike.json"
    assert run("watch", "strike", "--since", file, "--index", index_dir).returncode == 0
    done = run("watch", "storm", "--since", file, "--index", index_dir)
    assert_one_sentence(done, 2, "belongs to another search (strike)")
    missing = run("watch", "strike", "--since", tmp_path / "no" / "folder", "--index", index_dir)
    assert missing.returncode == 1
    assert missing.stderr.count("\n") == 1
    assert run("watch", "strike", "--index", index_dir).returncode == 2
