"""The commands that serve, as people and supervisors run them: real processes, asked over HTTP."""

from __future__ import annotations

import json
import os
import signal
import socket
from pathlib import Path

import pytest
from program import PATIENCE_SECONDS, assert_one_sentence, get, run, serving


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
        assert process.wait(PATIENCE_SECONDS) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_serve_stops_at_ctrl_c_as_it_does_in_a_terminal(index_dir: Path) -> None:
    with serving("serve", "--index", index_dir, "--port", 0) as (process, url):
        assert get(f"{url}healthz")[0] == 200
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(PATIENCE_SECONDS) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


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
