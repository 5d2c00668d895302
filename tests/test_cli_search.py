"""The commands that ask an index, as people run them: ``search``, ``status`` and ``check``."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from program import PATIENCE_SECONDS, assert_one_sentence, command, environment, run

from search_app.index.builder import build_index

ARTICLES = 13  # 12 news articles and an editorial


def built(archive: Path, target: Path) -> Path:
    """Index an archive in this process, which is quicker, and return the index folder."""
    build_index(archive, target, jobs=1)
    return target


def test_search_prints_readable_hits_and_facets(index_dir: Path) -> None:
    done = run("search", "harbour", "strike", "--index", index_dir)
    assert done.returncode == 0, done.stderr
    assert re.match(r"\d+ articles in \d+\.\d ms\n\n1\. ", done.stdout)
    assert "/news/2031/04/1/the-harbour-strike-in-port-amaro-ends-after-four-weeks" in done.stdout
    assert "Topic:   Port Amaro harbour strike (3)" in done.stdout
    assert "Source:" in done.stdout
    assert "\x1b" not in done.stdout
    assert done.stderr == ""


def test_filters_and_order(index_dir: Path) -> None:
    done = run(
        "search", "--topic", "Port Amaro harbour strike", "--context", "Kestria", "--source", "Amaro Courier",
        "--from", "2031-03", "--to", "march 2031", "--sort", "oldest", "--limit", 5, "--json", "--index", index_dir,
    )  # fmt: skip
    answer = json.loads(done.stdout)
    assert [hit["date"] for hit in answer["hits"]] == ["2031-03-04"]
    assert answer["query"]["from"] == "2031-03-01"
    assert answer["query"]["to"] == "2031-03-31"
    assert answer["per_page"] == 5


def test_pages_of_results(index_dir: Path) -> None:
    done = run("search", "--limit", 5, "--page", 2, "--index", index_dir)
    assert "\n6. " in done.stdout
    assert "Page 2 of 3; --page 3 shows the next." in done.stdout


def test_json_is_what_the_web_answers(index_dir: Path, client: Any) -> None:
    printed = json.loads(
        run("search", "harbour", "--from", "2031", "--limit", 3, "--json", "--index", index_dir).stdout
    )
    answered = client.get("/api/search?q=harbour&from=2031&per_page=3").get_json()
    del printed["took_ms"], answered["took_ms"]
    assert printed == answered


def test_a_search_without_hits_is_no_failure(index_dir: Path) -> None:
    done = run("search", "zebrafish", "--index", index_dir)
    assert done.returncode == 0
    assert "No article" in done.stdout


def test_colours_go_to_a_terminal_that_wants_them(index_dir: Path) -> None:
    def shown(**variables: str) -> bytes:
        leader, follower = pty.openpty()
        process = subprocess.Popen(
            command("search", "harbour", "--index", index_dir),
            stdin=subprocess.DEVNULL,
            stdout=follower,
            env=environment(TERM="xterm", **variables),
        )
        os.close(follower)
        text = b""
        try:
            while chunk := os.read(leader, 4096):
                text += chunk
        except OSError:
            pass  # the other end was closed: the process is done
        finally:
            os.close(leader)
        process.wait(PATIENCE_SECONDS)
        return text

    assert b"\x1b[" in shown()
    assert b"\x1b" not in shown(NO_COLOR="1")


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        pytest.param(["--from", "31 february 2031"], ("--from", "31 february 2031"), id="impossible date"),
        pytest.param(["--to", "soon"], ("--to", "soon"), id="no date"),
        pytest.param(["--sort", "best"], ("--sort", "best", "newest"), id="unknown order"),
        pytest.param(["--limit", "0"], ("--limit", "100"), id="limit of nothing"),
        pytest.param(["--limit", "many"], ("--limit", "many"), id="limit in words"),
        pytest.param(["--page", "-1"], ("--page",), id="page below one"),
    ],
)
def test_a_value_that_cannot_be_used_is_wrong_usage(
    arguments: list[str], parts: tuple[str, ...], index_dir: Path
) -> None:
    assert_one_sentence(run("search", "harbour", *arguments, "--index", index_dir), 2, *parts)


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("harbour " * 2500, id="20,000 characters"),
        pytest.param('"peace talks', id="unbalanced quotes"),
        pytest.param("*", id="lone star"),
        pytest.param("(((((", id="parentheses"),
        pytest.param("headline:", id="field without words"),
        pytest.param("NOT", id="operator alone"),
        pytest.param("\x1b[31mred", id="control characters"),
        pytest.param("", id="nothing"),
    ],
)
def test_whatever_is_typed_gets_an_answer(query: str, index_dir: Path) -> None:
    done = run("search", "--index", index_dir, "--", query)
    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert "\x1b" not in done.stdout
    assert done.stderr == ""


def test_arguments_that_are_not_utf_8_get_an_answer(index_dir: Path) -> None:
    done = subprocess.run(
        [*command("search", "--index", index_dir), b"harb\xffour"],
        capture_output=True,
        env=environment(),
        timeout=PATIENCE_SECONDS,
    )
    assert done.returncode == 0, done.stderr


def test_a_page_past_the_end_says_which_is_the_last(index_dir: Path) -> None:
    assert_one_sentence(run("search", "harbour", "--page", 99, "--index", index_dir), 1, "99", "last page is 1")


def test_a_reader_that_leaves_early_ends_it_quietly(index_dir: Path) -> None:
    process = subprocess.Popen(
        command("search", "--limit", 100, "--json", "--index", index_dir),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    with process.stderr:
        assert process.stderr.read() == b""
    assert process.wait(PATIENCE_SECONDS) == 0


# status and check


def test_status_tells_what_the_index_holds(index_dir: Path) -> None:
    done = run("status", "--index", index_dir)
    assert done.returncode == 0, done.stderr
    for part in (f"{ARTICLES}", "2030-11-02", "2032-02-10", str(index_dir)):
        assert part in done.stdout
    assert done.stdout.splitlines()[-1].split() == ["Ready", "yes"]


def test_status_says_why_an_index_is_not_ready(archive: Path, tmp_path: Path) -> None:
    target = built(archive, tmp_path / "index")
    for manifest in target.glob("manifest-*"):
        os.utime(manifest, (1, 1))
    done = run("status", "--index", target, SEARCH_APP_MAX_INDEX_AGE_HOURS="24")
    assert done.returncode == 0
    assert "No build has succeeded for" in done.stdout.splitlines()[-1]


def test_status_for_programs(index_dir: Path) -> None:
    figures = json.loads(run("status", "--json", "--index", index_dir).stdout)
    assert figures["articles"] == ARTICLES
    assert figures["index"] == str(index_dir)
    assert figures["not_ready"] == []


def test_check_finds_a_sound_index_sound(index_dir: Path) -> None:
    done = run("check", "--index", index_dir)
    assert done.returncode == 0, done.stderr
    assert "sound" in done.stdout


def test_check_says_what_is_wrong(archive: Path, tmp_path: Path) -> None:
    target = built(archive, tmp_path / "index")
    largest = max((path for path in target.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    data = bytearray(largest.read_bytes())
    data[len(data) // 2] ^= 0x10
    largest.write_bytes(data)
    done = run("check", "--index", target)
    assert done.returncode == 1
    assert largest.name in done.stderr
    assert "search-app index ARCHIVE --full" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("name", ["search", "status", "check"])
def test_a_missing_index_says_how_to_build_one(name: str, tmp_path: Path) -> None:
    assert_one_sentence(run(name, "--index", tmp_path / "none"), 1, "There is no index", "search-app index ARCHIVE")


@pytest.mark.parametrize("name", ["search", "status", "check"])
@pytest.mark.parametrize("damage", ["a file", "rubbish", "truncated"])
def test_a_broken_index_folder_is_one_clear_failure(name: str, damage: str, archive: Path, tmp_path: Path) -> None:
    target = tmp_path / "index"
    if damage == "a file":
        target.write_text("not a folder", encoding="utf-8")
    elif damage == "rubbish":
        target.mkdir()
        (target / "whatever").write_bytes(b"\0" * 100)
    else:
        built(archive, target)
        for path in target.rglob("*"):
            if path.is_file() and path.stat().st_size > 10:
                os.truncate(path, path.stat().st_size // 2)
    done = run(name, "--index", target)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert "This should not have happened" not in done.stderr
    assert "search-app index ARCHIVE" in done.stderr
