"""``search-app serve`` as a supervisor sees it: several processes, one set of figures, stops and starts."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from program import (
    PATIENCE_SECONDS,
    children_of,
    command,
    get,
    needs_proc,
    runs,
    started,
    wait_until,
)

from search_app.index.builder import build_index


def serving(
    index: Path, tmp: Path, workers: int = 2, through: Sequence[str] = (), **variables: str
) -> AbstractContextManager[tuple[subprocess.Popen[str], str]]:
    """Run the server on a free port with its own folder for temporary files; gives its process and address."""
    asked = command("serve", "--port", 0, "--workers", workers, "--index", index)
    return started([*through, *asked], TMPDIR=str(tmp), **variables)


def searches_counted(url: str) -> int:
    found = re.search(r"(?m)^search_app_searches_total (\S+)$", get(f"{url}metrics")[1])
    assert found
    return int(float(found[1]))


LARGE_ARTICLES = 1_500
# Longer than what the buffers between two processes hold of the whole export.
LONG_SUMMARY = "Cranes stood still on all nine quays, and nobody knew until when. " * 60


@pytest.fixture(scope="module")
def large_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index whose export is some six megabytes."""
    folder = tmp_path_factory.mktemp("large")
    day = folder / "archive" / "news" / "2031" / "03" / "4"
    day.mkdir(parents=True)
    for number in range(LARGE_ARTICLES):
        (day / f"walkout-{number}.md").write_text(
            f"### [2031-03-4](/news/2031/03/4/index.md)\n\n# Walkout number {number}.\n\n{LONG_SUMMARY}\n",
            encoding="utf-8",
        )
    build_index(folder / "archive", folder / "index", jobs=1)
    return folder / "index"


@needs_proc
def test_the_figures_are_those_of_all_processes(index_dir: Path, tmp_path: Path) -> None:
    with serving(index_dir, tmp_path, workers=3) as (process, url):
        asking = [threading.Thread(target=get, args=(f"{url}api/search?q=harbour",)) for _ in range(30)]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join(PATIENCE_SECONDS)
        assert [searches_counted(url) for _ in range(6)] == [30] * 6, "whichever process is asked"
        killed = children_of(process.pid)
        assert len(killed) == 3
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: len(set(children_of(process.pid)) - set(killed)) == 3)
        assert searches_counted(url) == 30, "what a process counted outlives it"
        assert get(f"{url}api/search?q=harbour")[0] == 200
        assert searches_counted(url) == 31
        assert any(tmp_path.iterdir())
        process.terminate()
        assert process.wait(PATIENCE_SECONDS) == 0
    assert list(tmp_path.iterdir()) == [], "nothing is left behind"


@needs_proc
def test_a_killed_server_leaves_nothing_that_the_next_does_not_remove(index_dir: Path, tmp_path: Path) -> None:
    with serving(index_dir, tmp_path) as (process, _):
        wait_until(lambda: len(children_of(process.pid)) == 2)
        workers = children_of(process.pid)
        process.kill()
        process.wait(PATIENCE_SECONDS)
        wait_until(lambda: not any(map(runs, workers)))
    left = {path.name for path in tmp_path.glob("search-app-*")}
    assert left
    with serving(index_dir, tmp_path) as (process, url):
        assert get(f"{url}readyz")[0] == 200
        assert not left & {path.name for path in tmp_path.iterdir()}
        process.terminate()
        process.wait(PATIENCE_SECONDS)


def test_every_process_serves_as_soon_as_there_is_an_index(archive: Path, tmp_path: Path) -> None:
    target = tmp_path / "index"
    with serving(target, tmp_path, workers=3) as (_, url):
        for path in ("api/search?q=harbour", "search?q=harbour", "readyz"):
            assert {get(url + path)[0] for _ in range(6)} == {503}
        assert get(f"{url}healthz")[0] == 200
        build_index(archive, target, jobs=1)
        assert {get(f"{url}api/search?q=harbour")[0] for _ in range(30)} == {200}
        assert get(f"{url}readyz")[0] == 200
        build_index(archive, target, jobs=1, full=True)
        time.sleep(1.5)  # a newer generation is looked for once a second
        generations = {json.loads(get(f"{url}api/search?q=harbour")[1])["generation"] for _ in range(30)}
        assert generations == {2}


def test_what_is_open_keeps_serving_while_the_folder_is_away(archive: Path, tmp_path: Path) -> None:
    target = tmp_path / "index"
    build_index(archive, target, jobs=1)
    with serving(target, tmp_path, workers=1) as (_, url):
        assert get(f"{url}api/search?q=harbour")[0] == 200
        target.rename(tmp_path / "away")
        time.sleep(1.2)  # the folder is looked at once a second
        assert get(f"{url}api/search?q=harbour")[0] == 200
        assert json.loads(get(f"{url}readyz")[1])["degraded"] is True
        (tmp_path / "away").rename(target)
        time.sleep(1.2)
        assert json.loads(get(f"{url}readyz")[1])["degraded"] is False


def test_an_index_that_may_not_be_read_is_told_and_served_once_it_may(archive: Path, tmp_path: Path) -> None:
    target = tmp_path / "index"
    build_index(archive, target, jobs=1)
    shut_in = ["setpriv", "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all"] if os.geteuid() == 0 else []
    if shut_in and not shutil.which("setpriv"):
        pytest.skip("root may read everything, and here cannot give that up")
    for closed in (target, *target.glob("manifest-*")):
        mode = closed.stat().st_mode
        closed.chmod(0)
        try:
            with serving(target, tmp_path, 1, shut_in) as (process, url):
                for path in ("search?q=harbour", "api/search", "readyz"):
                    assert get(url + path)[0] == 503, closed
                assert "search_app_ready 0.0" in get(f"{url}metrics")[1]
                closed.chmod(mode)
                assert get(f"{url}search?q=harbour")[0] == 200
                process.terminate()
                _, errors = process.communicate(timeout=PATIENCE_SECONDS)
                assert "cannot be read: the system says “Permission denied”" in errors
                assert "Traceback" not in errors
        finally:
            closed.chmod(mode)


def read_slowly(url: str, begun: threading.Event, go_on: threading.Event) -> bytes:
    """Read an answer as a client behind a narrow line does: little buffer, with a pause before most of it is taken."""
    host, port = re.findall(r"//([^:/]+):(\d+)/", url)[0]
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        line.settimeout(PATIENCE_SECONDS)
        line.connect((host, int(port)))
        path = url.split(port, 1)[1]
        line.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        taken = line.recv(512)
        begun.set()
        go_on.wait(PATIENCE_SECONDS)
        while chunk := line.recv(65536):
            taken += chunk
    return taken


@needs_proc
def test_a_stop_finishes_an_export_that_is_under_way(large_index: Path, tmp_path: Path) -> None:
    with serving(large_index, tmp_path) as (process, url):
        begun, go_on = threading.Event(), threading.Event()
        taken: list[bytes] = []
        reading = threading.Thread(target=lambda: taken.append(read_slowly(f"{url}export.jsonl", begun, go_on)))
        reading.start()
        assert begun.wait(PATIENCE_SECONDS)
        process.terminate()
        # The process that has nothing to do ends at once.
        wait_until(lambda: len(children_of(process.pid)) == 1)
        assert process.poll() is None, "it waits for the answer that is under way"
        go_on.set()
        assert process.wait(PATIENCE_SECONDS) == 0
        reading.join(PATIENCE_SECONDS)
    lines = [line for line in taken[0].split(b"\n") if line.startswith(b"{")]
    assert len(lines) == LARGE_ARTICLES
    assert len({json.loads(line)["id"] for line in lines}) == LARGE_ARTICLES


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "text"])
def test_requests_are_logged_where_asked_for(as_json: bool, index_dir: Path, tmp_path: Path) -> None:
    with serving(index_dir, tmp_path, SEARCH_APP_ACCESS_LOG="1", SEARCH_APP_LOG_JSON=str(int(as_json))) as (
        process,
        url,
    ):
        get(f"{url}search?q=verysecretword")
        get(f"{url}search?page=0")
        process.terminate()
        logged, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert errors == ""
    assert "verysecretword" not in logged
    assert "127.0.0.1" not in logged
    lines = sorted(logged.splitlines())
    assert len(lines) == 2
    if as_json:
        parts = [json.loads(line) for line in lines]
        assert [(part["method"], part["path"], part["status"]) for part in parts] == [
            ("GET", "/search", 200),
            ("GET", "/search", 400),
        ]
    else:
        assert [re.sub(r"\d+ bytes .*", "", line.split(" ", 1)[1]) for line in lines] == [
            "INFO GET /search 200 ",
            "INFO GET /search 400 ",
        ]


def test_addresses_are_logged_only_where_asked_for(index_dir: Path, tmp_path: Path) -> None:
    wanted = {"SEARCH_APP_ACCESS_LOG": "1", "SEARCH_APP_LOG_ADDRESSES": "1", "SEARCH_APP_PROXIES": "1"}
    with serving(index_dir, tmp_path, **wanted) as (process, url):
        asked = urllib.request.Request(f"{url}search?q=x", headers={"X-Forwarded-For": "192.0.2.5"})
        urllib.request.urlopen(asked, timeout=PATIENCE_SECONDS).close()
        process.terminate()
        logged, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert "192.0.2.5 GET /search 200 " in logged


def test_what_goes_wrong_is_a_line_of_json_where_asked_for(tmp_path: Path) -> None:
    with serving(tmp_path / "none", tmp_path, SEARCH_APP_LOG_JSON="1") as (process, url):
        assert get(f"{url}search?q=x")[0] == 503
        process.terminate()
        _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert "There is no index in" in errors.splitlines()[0], "as it starts"
    body = json.loads(errors.splitlines()[1])
    assert body["level"] == "error"
    assert "There is no index" in body["message"]
