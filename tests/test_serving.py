"""``search-app serve`` as a supervisor sees it: several processes, one set of figures, stops and starts."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from search_app.index.builder import build_index
from search_app.server import STOP_SECONDS

REPOSITORY = Path(__file__).resolve().parent.parent
PATIENCE_SECONDS = 30
SLOW_SECONDS = 1.5


@contextmanager
def serving(
    index: Path, tmp: Path, workers: int = 2, through: Sequence[str] = (), **variables: str
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the server on a free port with its own folder for temporary files; yield its process and address."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SEARCH_APP_")}
    process = subprocess.Popen(
        [
            *through,
            sys.executable,
            "-m",
            "search_app",
            *f"serve --port 0 --workers {workers} --index".split(),
            str(index),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**kept, "PYTHONPATH": str(REPOSITORY), "TMPDIR": str(tmp), **variables},
    )
    try:
        assert process.stdout is not None
        found = re.search(r"Serving on (http://\S+/)", process.stdout.readline())
        assert found, process.communicate()
        yield process, found[1]
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def get(url: str) -> tuple[int, str]:
    """Status and text of an address, over a connection of its own."""
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE_SECONDS) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    if not children.exists():
        pytest.skip("this system does not tell the children of a process")
    return [int(pid) for pid in children.read_text().split()]


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


def test_the_figures_are_those_of_all_processes(index_dir: Path, tmp_path: Path) -> None:
    with serving(index_dir, tmp_path, workers=3) as (process, url):
        asking = [threading.Thread(target=get, args=(f"{url}api/search?q=harbour",)) for _ in range(30)]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join(PATIENCE_SECONDS)
        assert [searches_counted(url) for _ in range(6)] == [30] * 6, "whichever process is asked"
        killed = workers_of(process)
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: len(set(workers_of(process)) - set(killed)) == 3)
        assert searches_counted(url) == 30, "what a process counted outlives it"
        assert get(f"{url}api/search?q=harbour")[0] == 200
        assert searches_counted(url) == 31
        assert any(tmp_path.iterdir())
        process.terminate()
        assert process.wait(PATIENCE_SECONDS) == 0
    assert list(tmp_path.iterdir()) == [], "nothing is left behind"


def test_a_killed_server_leaves_nothing_that_the_next_does_not_remove(index_dir: Path, tmp_path: Path) -> None:
    with serving(index_dir, tmp_path) as (process, _):
        workers = workers_of(process)
        process.kill()
        process.wait(PATIENCE_SECONDS)
        wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))
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


def read_slowly(url: str, begun: threading.Event) -> bytes:
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
        time.sleep(SLOW_SECONDS)
        while chunk := line.recv(65536):
            taken += chunk
    return taken


def test_a_stop_finishes_an_export_that_is_under_way(large_index: Path, tmp_path: Path) -> None:
    with serving(large_index, tmp_path) as (process, url):
        begun = threading.Event()
        taken: list[bytes] = []
        reading = threading.Thread(target=lambda: taken.append(read_slowly(f"{url}export.jsonl", begun)))
        reading.start()
        assert begun.wait(PATIENCE_SECONDS)
        process.terminate()
        time.sleep(SLOW_SECONDS / 2)
        assert process.poll() is None, "the answer was not under way any more"
        assert process.wait(STOP_SECONDS + 5) == 0
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
