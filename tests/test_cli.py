"""The commands as people and cron jobs run them: real processes, their output, their exit codes."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from search_app.index.builder import build_index
from search_app.index.generation import open_snapshot
from search_app.index.lock import build_lock

REPOSITORY = Path(__file__).resolve().parent.parent
ARTICLES = 13  # 12 news articles and an editorial
PATIENCE_SECONDS = 30


def environment(**changes: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SEARCH_APP_")}
    return {**kept, "PYTHONPATH": str(REPOSITORY), **changes}


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "search_app", *map(str, arguments)]


def run(*arguments: object, cwd: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        cwd=cwd,
        env=environment(**variables),
    )


def assert_one_sentence(done: subprocess.CompletedProcess[str], code: int, *parts: str) -> None:
    """The command failed with one line on stderr that says these things, and with nothing on stdout."""
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("search-app: ")
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
    for part in parts:
        assert part in done.stderr


@contextmanager
def serving(*arguments: object, **variables: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a serving command; yield its process and address. It is killed at the end if it still runs."""
    process = subprocess.Popen(
        command(*arguments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(**variables),
    )
    try:
        yield process, wait_for_address(process)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def wait_for_address(process: subprocess.Popen[str]) -> str:
    deadline = time.monotonic() + PATIENCE_SECONDS
    assert process.stdout is not None
    while time.monotonic() < deadline:
        ready, _, _ = select.select([process.stdout], [], [], 0.5)
        line = process.stdout.readline() if ready else ""
        if match := re.search(r"Serving on (http://\S+/)", line):
            return match[1]
        if process.poll() is not None:
            break
    process.kill()
    raise AssertionError(f"no address was printed: {process.communicate()}")


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE_SECONDS) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


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
    done = run("index", archive, "--index", tmp_path / "index")
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
    done = run("index", archive, "--index", tmp_path / "index", "--quiet")
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
        done = run("index", archive, "--index", target, "--quiet")
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


# search


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
        [*command("search", "--index", index_dir), b"harb\xffour"], capture_output=True, env=environment(), timeout=60
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


# serve and demo


def test_serve_answers_over_http_and_stops_in_peace(index_dir: Path) -> None:
    with serving("serve", "--index", index_dir, "--port", 0, "--workers", 2) as (process, url):
        status, page = get(f"{url}search?q=harbour")
        assert status == 200
        assert "<mark>" in page
        assert json.loads(get(f"{url}api/search?q=harbour")[1])["total"] > 0
        assert get(f"{url}healthz")[0] == 200
        status, page = get(f"{url}search?q={'harbour+' * 2500}")
        assert status == 200
        assert "2,048" in page
        process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        assert process.wait(PATIENCE_SECONDS) == 0
        assert time.monotonic() - began < 6
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_serve_stops_at_ctrl_c_as_it_does_in_a_terminal(index_dir: Path) -> None:
    process = subprocess.Popen(
        command("serve", "--index", index_dir, "--port", 0),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        start_new_session=True,
    )
    try:
        url = wait_for_address(process)
        assert get(f"{url}healthz")[0] == 200
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(PATIENCE_SECONDS) == 0
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        _, errors = process.communicate()
    assert errors == ""


def test_serve_starts_without_an_index_and_serves_as_soon_as_there_is_one(archive: Path, tmp_path: Path) -> None:
    target = tmp_path / "index"
    with serving("serve", "--index", target, "--port", 0, "--workers", 1) as (_, url):
        assert get(f"{url}api/search?q=harbour")[0] == 503
        assert run("index", archive, "--index", target).returncode == 0
        assert get(f"{url}api/search?q=harbour")[0] == 200


def test_a_port_in_use_is_one_sentence(index_dir: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run("serve", "--index", index_dir, "--port", port)
    assert_one_sentence(done, 1, f"Port {port}", "--port")


@pytest.mark.parametrize(
    ("host", "parts"),
    [
        pytest.param("203.0.113.7", ("203.0.113.7", "--host"), id="another machine's"),
        pytest.param("nowhere.invalid", ("nowhere.invalid", "--host"), id="unknown name"),
    ],
)
def test_a_host_that_is_not_ours_is_one_sentence(host: str, parts: tuple[str, ...], index_dir: Path) -> None:
    assert_one_sentence(run("serve", "--index", index_dir, "--host", host, "--port", 0), 1, *parts)


def test_a_port_that_does_not_exist_is_wrong_usage(index_dir: Path) -> None:
    assert_one_sentence(run("serve", "--index", index_dir, "--port", 70000), 2, "70000", "65535")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_demo_serves_its_sample_and_leaves_nothing_behind(number: signal.Signals, tmp_path: Path) -> None:
    with serving("demo", "--port", 0, TMPDIR=str(tmp_path)) as (process, url):
        assert list(tmp_path.glob("search-app-demo-*"))
        status, page = get(f"{url}search?q=harbour+strike")
        assert status == 200
        assert "Port Amaro" in page
        assert get(url)[0] == 200
        process.send_signal(number)
        assert process.wait(PATIENCE_SECONDS) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert list(tmp_path.iterdir()) == []


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
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (lock.exists() and lock.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert process.poll() is None, process.communicate()
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    # Caught while Python runs code made from text, as for a named tuple, it ends by the signal: 130 to a shell as well.
    assert process.returncode in (130, -signal.SIGINT), errors
    assert errors.strip() == "search-app: Stopped."
    assert articles_in(target) == ARTICLES
    assert before.items() <= snapshot_of(target).items()
    assert build_index(archive, target, jobs=1).articles == ARTICLES
