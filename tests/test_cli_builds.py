"""The command ``index`` under cron: waiting for its turn, and one line of JSON a run for those who ask for it."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from program import PATIENCE_SECONDS, command, environment, needs_proc, run, run_process, wait_until

from search_app.index.lock import LOCK_NAME, build_lock


def logged(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """Return the line of JSON that a run printed: the only one."""
    assert done.stdout.count("\n") == 1
    line: dict[str, Any] = json.loads(done.stdout)
    assert line["exit_code"] == done.returncode
    assert (line["event"], line["seconds"] >= 0) == ("index", True)
    assert datetime.fromisoformat(line["time"]).tzinfo is not None
    return line


@pytest.mark.parametrize("quiet", [(), ("--quiet",)], ids=["", "quiet"])
def test_one_line_of_json_a_run_on_request(archive: Path, tmp_path: Path, quiet: tuple[str, ...]) -> None:
    call = ("index", archive, "--index", tmp_path / "index", "--jobs", 1, "--log", "json", *quiet)
    line = logged(run(*call))
    told = {name: line[name] for name in ("outcome", "generation", "articles", "new", "changed", "gone", "skipped")}
    expected = {"generation": 1, "articles": 13, "new": 13, "changed": 0, "gone": 0, "skipped": 0}
    assert told == {"outcome": "published", **expected}
    assert (line["archive"], line["index"]) == (str(archive), str(tmp_path / "index"))
    for path in archive.rglob("*.md"):
        os.utime(path, (1_700_000_000, 1_700_000_000))
    assert logged(run(*call))["outcome"] == "published"
    line = logged(run(*call))
    assert (line["outcome"], line["generation"], line["new"]) == ("unchanged", 2, 0)


def test_a_run_that_fails_says_so_in_its_line_and_on_stderr(archive: Path, tmp_path: Path) -> None:
    target = tmp_path / "index"
    done = run("index", tmp_path / "never", "--index", target, "--log", "json")
    line = logged(done)
    assert (line["outcome"], line["exit_code"], "generation" in line) == ("failed", 1, False)
    assert done.stderr == f"search-app: {line['error']}\n"
    with build_lock(target):
        line = logged(run_process("index", archive, "--index", target, SEARCH_APP_LOG="json"))
    assert (line["outcome"], line["exit_code"]) == ("failed", 75)
    assert f"pid {os.getpid()}, started 20" in line["error"]


def test_without_waiting_a_busy_index_ends_a_run_at_once(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "index").mkdir()
    with build_lock(tmp_path / "index"):
        done = run_process("index", archive, "--index", tmp_path / "index", "--wait", 0)
    assert (done.returncode, done.stdout, f"pid {os.getpid()}, started 20" in done.stderr) == (75, "", True)


@needs_proc
def test_waiting_takes_its_turn(archive: Path, tmp_path: Path) -> None:
    target = tmp_path / "index"
    target.mkdir()
    call = command("index", archive, "--index", target, "--jobs", 1, "--wait", 50)
    with build_lock(target):
        waiting = subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment())
        wait_until(lambda: waiting.poll() is not None or target / LOCK_NAME in opened_by(waiting.pid))
        assert waiting.poll() is None, waiting.communicate()
    _, errors = waiting.communicate(timeout=PATIENCE_SECONDS)
    assert (waiting.returncode, errors) == (0, "")


def opened_by(pid: int) -> set[Path]:
    """Return the files that a process has open."""
    return {link.readlink() for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()}


def test_waiting_ends_with_75_when_it_was_long_enough(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "index").mkdir()
    with build_lock(tmp_path / "index"):
        done = run_process("index", archive, "--index", tmp_path / "index", SEARCH_APP_WAIT="1")
    assert (done.returncode, "Another build is writing" in done.stderr) == (75, True)


@pytest.mark.parametrize("value", ["soon", "-1", "1.5", "99999999"])
def test_a_wait_that_cannot_be_used_is_wrong_usage(archive: Path, tmp_path: Path, value: str) -> None:
    done = run("index", archive, "--index", tmp_path / "index", "--wait", value)
    assert (done.returncode, done.stderr.count("\n"), "wait" in done.stderr) == (2, 1, True)
