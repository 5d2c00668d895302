"""The commands as people and cron jobs run them, and ``index`` above all: output, exit codes, what stays as it is."""

from __future__ import annotations

import os
import pty
import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from program import PATIENCE_SECONDS, assert_one_sentence, command, environment, run, run_process, wait_until

from search_app.index.builder import build_index
from search_app.index.generation import open_snapshot
from search_app.index.lock import build_lock

ARTICLES = 13  # 12 news articles and an editorial


def built(archive: Path, target: Path) -> Path:
    """Index an archive in this process, which is quicker, and return the index folder."""
    build_index(archive, target, jobs=1)
    return target


def articles_in(target: Path) -> int:
    return open_snapshot(target).articles


def snapshot_of(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file() and path.name != "build.lock"
    }


# index


def test_index_ends_with_one_line_of_counts(archive: Path, tmp_path: Path) -> None:
    done = run_process("index", archive, "--index", tmp_path / "index")
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(rf"{ARTICLES} articles: {ARTICLES} new, 0 changed, 0 gone, 0 skipped; \d+\.\d s\n", done.stdout)
    assert done.stderr == ""


def test_the_default_index_folder_is_below_the_current_one(archive: Path, tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    assert run("index", archive, cwd=place).returncode == 0
    assert (place / "index").is_dir()
    assert run("status", cwd=place).returncode == 0


def test_options_have_environment_variables_and_win_over_them(archive: Path, tmp_path: Path) -> None:
    variables = {"SEARCH_APP_ARCHIVE": str(archive), "SEARCH_APP_INDEX": str(tmp_path / "named")}
    assert run("index", **variables).returncode == 0
    assert (tmp_path / "named").is_dir()
    assert run("index", "--index", tmp_path / "option", **variables).returncode == 0
    assert (tmp_path / "option").is_dir()
    assert run("search", "volcano", "--index", tmp_path / "named", SEARCH_APP_JSON="1").stdout.startswith("{")


def test_a_quiet_build_prints_nothing_when_all_is_well(archive: Path, tmp_path: Path) -> None:
    done = run_process("index", archive, "--index", tmp_path / "index", "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_quiet_build_names_files_that_were_skipped(archive: Path, tmp_path: Path) -> None:
    bad = archive / "news" / "2031" / "05" / "1" / "no-headline.md"
    bad.parent.mkdir(parents=True)
    bad.write_text("### [2031-05-1](/news/2031/05/1/index.md)\n\nOnly a summary.\n", encoding="utf-8")
    done = run("index", archive, "--index", tmp_path / "index", "--quiet")
    assert done.returncode == 0
    assert done.stdout == ""
    assert re.fullmatch(r"search-app: skipped news/2031/05/1/no-headline\.md: .*\n", done.stderr)


def test_a_second_build_counts_what_changed(archive: Path, tmp_path: Path) -> None:
    target = built(archive, tmp_path / "index")
    day = archive / "news" / "2032" / "02" / "3"
    day.mkdir(parents=True)
    (day / "a-quiet-day-in-sel.md").write_text(
        "### [2032-02-3](/news/2032/02/3/index.md)\n\n# A quiet day in Sel\n\nNothing happened.\n", encoding="utf-8"
    )
    done = run("index", archive, "--index", target)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{ARTICLES + 1} articles: 1 new, ")
    assert articles_in(target) == ARTICLES + 1


def test_another_build_is_met_with_75_and_its_holder(archive: Path, tmp_path: Path) -> None:
    target = tmp_path / "index"
    target.mkdir()
    with build_lock(target):
        done = run_process("index", archive, "--index", target, "--quiet")
    assert_one_sentence(done, 75, "Another build", f"pid {os.getpid()}")


@pytest.mark.parametrize(
    ("make", "parts"),
    [
        pytest.param(lambda folder: folder / "nowhere", ("nowhere",), id="missing"),
        pytest.param(lambda folder: folder, ("archive",), id="empty"),
        pytest.param(lambda folder: _file_in(folder), ("notes.txt",), id="a file"),
        pytest.param(lambda folder: _without_articles(folder), ("archive",), id="without an article"),
    ],
)
def test_an_archive_that_cannot_be_used_is_refused_and_the_index_stands(
    make: Any, parts: tuple[str, ...], archive: Path, tmp_path: Path
) -> None:
    target = built(archive, tmp_path / "index")
    before = snapshot_of(target)
    empty = tmp_path / "other-archive"
    empty.mkdir()
    done = run("index", make(empty), "--index", target)
    assert_one_sentence(done, 1, *parts)
    assert snapshot_of(target) == before
    assert articles_in(target) == ARTICLES


def _file_in(folder: Path) -> Path:
    path = folder / "notes.txt"
    path.write_text("not a folder", encoding="utf-8")
    return path


def _without_articles(folder: Path) -> Path:
    (folder / "README.md").write_text("# Nothing here\n", encoding="utf-8")
    return folder


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unreadable to root")
def test_an_unreadable_archive_is_refused(archive: Path, tmp_path: Path) -> None:
    archive.chmod(0)
    try:
        assert_one_sentence(run("index", archive, "--index", tmp_path / "index"), 1, str(archive))
    finally:
        archive.chmod(0o755)


def test_an_archive_that_lost_many_articles_is_refused_unless_forced(archive: Path, tmp_path: Path) -> None:
    target = built(archive, tmp_path / "index")
    for path in (archive / "news" / "2031").rglob("*.md"):
        path.unlink()
    done = run("index", archive, "--index", target)
    assert_one_sentence(done, 1, "--force")
    assert articles_in(target) == ARTICLES
    assert run("index", archive, "--index", target, "--force").returncode == 0
    assert articles_in(target) < ARTICLES


def test_an_index_folder_that_cannot_be_made_is_one_sentence(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    assert_one_sentence(run("index", archive, "--index", tmp_path / "file" / "index"), 1, str(tmp_path / "file"))


def test_progress_bars_go_to_a_terminal_only(archive: Path, tmp_path: Path) -> None:
    def on_terminal(*arguments: object) -> str:
        leader, follower = pty.openpty()
        process = subprocess.Popen(
            command(*arguments), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=follower, env=environment()
        )
        os.close(follower)
        shown = b""
        try:
            while chunk := os.read(leader, 4096):
                shown += chunk
        except OSError:
            pass  # the other end was closed: the process is done
        finally:
            os.close(leader)
        assert process.wait(PATIENCE_SECONDS) == 0
        return shown.decode()

    assert re.search(r"reading\s+\[.*\].*\n?", on_terminal("index", archive, "--index", tmp_path / "one"))
    assert on_terminal("index", archive, "--index", tmp_path / "two", "--quiet") == ""


# the program as a whole


@pytest.mark.parametrize("name", ["index", "search", "status", "check", "serve", "demo"])
def test_every_command_has_help(name: str) -> None:
    done = run(name, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"Usage: search-app {name}")


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["serch"], id="unknown command"),
        pytest.param(["search", "--topc", "x"], id="unknown option"),
        pytest.param(["index"], id="no archive"),
        pytest.param(["status", "surplus"], id="surplus argument"),
    ],
)
def test_wrong_usage_is_2_and_says_so(arguments: list[str]) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert "Usage: search-app" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_setting_that_cannot_be_used_names_its_variable(index_dir: Path) -> None:
    done = run("search", "harbour", "--index", index_dir, SEARCH_APP_MAX_CLAUSES="none")
    assert_one_sentence(done, 2, "SEARCH_APP_MAX_CLAUSES", "none")


def test_a_process_ends_with_the_code_of_its_command(tmp_path: Path) -> None:
    assert run_process("--version").returncode == 0
    assert_one_sentence(run_process("status", "--index", tmp_path / "none"), 1, "There is no index")
    assert run_process("serch").returncode == 2


@pytest.mark.parametrize("variables", [{"SEARCH_APP_DEBUG": "1"}, {}], ids=["variable", "option"])
def test_tracebacks_only_where_asked(variables: dict[str, str], tmp_path: Path) -> None:
    asked = () if variables else ("--debug",)
    assert "Traceback" in run("status", *asked, "--index", tmp_path, **variables).stderr
    assert "Traceback" not in run("status", "--index", tmp_path).stderr


def test_an_interrupted_build_ends_with_130_and_loses_nothing(archive: Path, tmp_path: Path) -> None:
    from search_app.sample import write_sample

    target = built(archive, tmp_path / "index")
    before = snapshot_of(target)
    large = tmp_path / "large"
    write_sample(large)
    years = sorted((large / "news").iterdir())
    for copy in range(1, 6):
        for year in years:
            shutil.copytree(year, large / "news" / str(int(year.name) + 10 * copy))
    process = subprocess.Popen(
        command("index", large, "--index", target, "--force", "--full"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        start_new_session=True,
    )
    lock = target / "build.lock"
    wait_until(lambda: process.poll() is not None or (lock.exists() and lock.stat().st_size))
    assert process.poll() is None, process.communicate()
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    # Caught while Python runs code made from text, as for a named tuple, it ends by the signal: 130 to a shell as well.
    assert process.returncode in (130, -signal.SIGINT), errors
    assert errors.strip() == "search-app: Stopped."
    assert articles_in(target) == ARTICLES
    assert before.items() <= snapshot_of(target).items()
    assert build_index(archive, target, jobs=1).articles == ARTICLES
