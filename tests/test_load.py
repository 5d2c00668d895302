"""The load that is put on a server is the load that is reported."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.http_load import PYTHON, WRK, Load, ask, draw_paths, find_client
from benchmarks.load import held_by, load_table
from benchmarks.processes import Server, serving
from benchmarks.servers import CALLERS, SERVERS, Figures, middle, stop_under_load, table
from search_app.index.builder import build_index
from search_app.sample import write_sample

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def sample_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("load")
    write_sample(folder / "archive")
    build_index(folder / "archive", folder / "index", jobs=1)
    return folder / "index"


@pytest.fixture(scope="module")
def server(sample_index: Path) -> Iterator[Server]:
    if not Path("/proc/self/smaps_rollup").exists():
        pytest.skip("the benchmarks need Linux")
    with serving(sample_index, workers=2) as running:
        yield running


@pytest.fixture(params=[WRK, PYTHON])
def client(request: pytest.FixtureRequest) -> str:
    if request.param == WRK and find_client() != WRK:
        pytest.skip("wrk is not installed")
    return str(request.param)


def test_the_questions_are_the_same_for_the_same_seed(sample_index: Path) -> None:
    paths = draw_paths(sample_index, seed=1, count=50)
    assert paths == draw_paths(sample_index, seed=1, count=50)
    assert paths != draw_paths(sample_index, seed=2, count=50)
    assert all(path.isascii() and path.startswith("/") and " " not in path for path in paths)
    for start in ("/search?q=", "/api/search?", "/api/suggest?", "/news/20", "/search?from="):
        assert any(path.startswith(start) for path in paths), start


def test_every_question_is_answered(sample_index: Path, server: Server) -> None:
    for path in draw_paths(sample_index, seed=1, count=60):
        assert server.get(path)


def ask_enough(client: str, url: str, paths: list[str], clients: int) -> Load:
    """Ask until each client may have had an answer, for longer and longer: a busy machine gives none in a second."""
    for seconds in (1, 2, 4, 8, 16, 32):
        load = ask(client, url, paths, clients, seconds)
        if load.requests >= clients:
            break
    return load


def test_answers_are_counted_and_timed(client: str, sample_index: Path, server: Server) -> None:
    paths = draw_paths(sample_index, seed=1, count=50)
    load = ask_enough(client, server.url, paths, clients=3)
    assert load.clients == 3
    assert load.errors == 0
    assert load.requests >= 3
    assert 0 < load.median_ms <= load.p99_ms <= load.slowest_ms + 1
    assert load.per_second == pytest.approx(load.requests / load.seconds)


def test_errors_are_counted(client: str, server: Server) -> None:
    load = ask_enough(client, server.url, ["/nowhere", "/search?page=0"], clients=2)
    assert load.errors == load.requests > 0


def test_a_server_that_is_gone_is_all_errors() -> None:
    load = ask(PYTHON, "http://127.0.0.1:9", ["/"], clients=1, seconds=0.05)
    assert load.requests == 0
    assert load.errors > 0
    assert load.per_second == 0


def test_what_a_process_holds_is_seen(server: Server) -> None:
    held = held_by(server.workers[0])
    assert held.resident > held.private > 1_000_000
    assert held.files > 3
    assert held.threads >= 1
    assert held_by(2**22 + 1).files == 0


def test_tables_are_markdown() -> None:
    load = Load(clients=8, requests=1000, seconds=2.0, median_ms=5.0, p99_ms=20.0, slowest_ms=31.0, errors=1)
    assert load_table([load]).splitlines()[-1] == "| 8 | 500 | 5.0 ms | 20.0 ms | 31 ms | 1 of 1,000 |"
    quicker = Load(clients=8, requests=3000, seconds=2.0, median_ms=1.0, p99_ms=2.0, slowest_ms=3.0, errors=0)
    chosen = middle([quicker, load, load])
    assert (chosen.requests, chosen.errors) == (1000, 2)
    shown = table([Figures("one 1.0", [load, load, quicker], 12.3, None, "all", 7)])
    assert "| answers a second, 64 clients | 1,500 |" in shown
    assert "| none in 20 s |" in shown
    assert shown.endswith(" all the time | 7 |")


def test_every_server_has_a_command_with_a_port() -> None:
    assert len({server.name for server in SERVERS}) == len(SERVERS) == 5
    assert all(sum("PORT" in part for part in server.command) == 1 for server in SERVERS)


def test_clients_that_a_stop_breaks_off_are_counted_and_refused_ones_are_not() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, text=True) as process:
        with socket.create_server(("127.0.0.1", 0), backlog=CALLERS) as listening:
            url = f"http://127.0.0.1:{listening.getsockname()[1]}"

            def hang_up() -> None:
                for _ in range(CALLERS):
                    listening.accept()[0].close()

            rude = threading.Thread(target=hang_up)
            rude.start()
            assert stop_under_load(process, url) == CALLERS
            rude.join()
        assert stop_under_load(process, url) == 0


def test_one_command_puts_load_on_an_index(sample_index: Path, server: Server) -> None:
    command = [sys.executable, str(REPOSITORY / "benchmarks" / "load.py"), "--index", str(sample_index)]
    done = subprocess.run(
        [*command, "--clients", "2", "--seconds", "1", "--soak", "1", "--workers", "1"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "| 2 | " in done.stdout
    assert "8 clients for 1 s" in done.stdout
    assert "→" in done.stdout
    refused = subprocess.run(
        [*command, "--url", server.url, "--clients", "1", "--seconds", "1", "--soak", "1"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert refused.returncode == 1
    assert "--soak needs a server" in refused.stderr
    assert "Traceback" not in refused.stderr
