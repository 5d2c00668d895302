"""What goes wrong with clusters, for real: nodes killed, hanging, all gone; a door that wants a password and a key."""

from __future__ import annotations

import base64
import http.server
import shutil
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from search_app.engine.opensearch.building import build_on_cluster
from search_app.engine.opensearch.engine import OpenSearchEngine
from search_app.engine.request import SearchRequest
from search_app.errors import ClusterError, ClusterIndexMissingError
from search_app.sample import write_sample
from search_app.settings import Settings
from search_app.web.app import create_app

from .contract import cluster_settings, remove_indices
from .local_cluster import LocalCluster

ALIAS = "faults"
PATIENCE_SECONDS = 120


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample") / "archive"
    write_sample(folder)
    return folder


@pytest.fixture
def settings(cluster: LocalCluster) -> Iterator[Settings]:
    """Settings with a copy of each shard; every node runs before and after the test."""
    cluster.start()
    yield cluster_settings(cluster.url, ALIAS, opensearch_replicas=1, opensearch_shards=2)
    cluster.start()
    remove_indices(cluster.url, ALIAS)


def until(true: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.2)


def test_searches_go_on_when_a_node_is_killed(
    cluster: LocalCluster, settings: Settings, sample: Path, tmp_path: Path
) -> None:
    """Without one error, and with every article that was there."""
    total = build_on_cluster(sample, tmp_path / "index", settings=settings, jobs=1).articles
    engine = OpenSearchEngine(settings)
    stop, totals, troubles = Event(), [], []

    def read() -> None:
        while not stop.is_set():
            try:
                totals.append(engine.search(SearchRequest(per_page=5)).total)
            except Exception as error:
                troubles.append(error)

    readers = [Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        until(lambda: len(totals) > 5)
        cluster.nodes[0].kill()
        seen = len(totals)
        until(lambda: len(totals) > seen + 20)
    finally:
        stop.set()
        for reader in readers:
            reader.join()
    assert troubles == []
    assert set(totals) == {total}
    cluster.await_nodes(2, "yellow")
    assert engine.status()["articles"] == total
    cluster.start()
    until(lambda: engine.status()["problem"] == "")


def test_a_node_killed_during_a_build_costs_nothing_that_was_there(
    cluster: LocalCluster, settings: Settings, sample: Path, tmp_path: Path
) -> None:
    """The build may fail, in a sentence; what served goes on, and the next build succeeds."""
    total = build_on_cluster(sample, tmp_path / "index", settings=settings, jobs=1).articles
    engine = OpenSearchEngine(settings)
    outcome: list[object] = []

    def build() -> None:
        try:
            outcome.append(build_on_cluster(sample, tmp_path / "index", settings=settings, jobs=1, full=True))
        except ClusterError as error:
            outcome.append(error)

    builder = Thread(target=build)
    builder.start()
    time.sleep(1.0)
    cluster.nodes[1].kill()
    while builder.is_alive():
        assert engine.search(SearchRequest(per_page=1)).total == total
        time.sleep(0.2)
    builder.join()
    assert len(outcome) == 1
    assert engine.search(SearchRequest(per_page=1)).total == total
    cluster.start()
    assert build_on_cluster(sample, tmp_path / "index", settings=settings, jobs=1, full=True).articles == total


def test_a_cluster_that_is_gone_is_a_503_and_comes_back_by_itself(
    cluster: LocalCluster, settings: Settings, sample: Path, tmp_path: Path
) -> None:
    build_on_cluster(sample, tmp_path / "index", settings=settings, jobs=1)
    client = create_app({**settings, "TESTING": True}).test_client()
    assert client.get("/search?q=harbour").status_code == 200
    assert client.get("/readyz").status_code == 200
    for node in cluster.nodes:
        node.kill()
    for address in ("/search?q=harbour", "/", "/api/search?q=harbour", "/api/suggest?q=h"):
        answer = client.get(address)
        assert answer.status_code == 503, address
        assert "Retry-After" in answer.headers
        assert "127.0.0.1" not in answer.get_data(as_text=True)
    ready = client.get("/readyz")
    assert (ready.status_code, ready.get_json()["reasons"]) == (503, ["The search cluster does not answer."])
    assert client.get("/healthz").status_code == 200
    cluster.start()
    until(lambda: client.get("/search?q=harbour").status_code == 200)


def test_a_node_that_hangs_keeps_nobody_waiting_for_ever(
    cluster: LocalCluster, settings: Settings, sample: Path, tmp_path: Path
) -> None:
    """Requests end with an answer or a sentence, and are all answered once the others have left it behind."""
    total = build_on_cluster(sample, tmp_path / "index", settings=settings, jobs=1).articles
    engine = OpenSearchEngine(settings)
    cluster.nodes[2].pause()

    def answered() -> bool:
        try:
            return engine.search(SearchRequest(per_page=1)).total == total
        except ClusterError:
            return False

    try:
        until(lambda: answered() and answered() and answered())
    finally:
        cluster.nodes[2].resume()


@contextmanager
def guarded(url: str, certificate: Path | None = None) -> Iterator[str]:
    """A door before a node that wants a user name and a password, and speaks TLS where there is a certificate."""
    wanted = "Basic " + base64.b64encode(b"reader:open sesame").decode()

    class Door(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, kind, data = 401, "application/json", b"{}"
            if self.headers.get("Authorization") == wanted:
                kept = {"Content-Type": self.headers.get("Content-Type", "application/json")}
                asked = Request(url + self.path, body or None, kept, method=self.command)
                try:
                    with urlopen(asked, timeout=60) as found:
                        status, kind, data = found.status, found.headers.get("Content-Type", ""), found.read()
                except HTTPError as error:
                    status, kind, data = error.code, error.headers.get("Content-Type", ""), error.read()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_DELETE = answer

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Door)
    scheme = "http"
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, certificate.with_suffix(".key"))
        server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "https"
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"{scheme}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def test_wrong_credentials_are_told(cluster_url: str, archive: Path, tmp_path: Path) -> None:
    """And right ones open the door, from the settings or from the address."""
    with guarded(cluster_url.split(",")[0]) as url:
        right = cluster_settings(url, ALIAS, opensearch_user="reader", opensearch_password="open sesame")
        total = build_on_cluster(archive, tmp_path / "index", settings=right, jobs=1).articles
        assert OpenSearchEngine(right).search(SearchRequest()).total == total
        inside = cluster_settings(url.replace("//", "//reader:open%20sesame@"), ALIAS)
        assert OpenSearchEngine(inside).search(SearchRequest()).total == total
        wrong = cluster_settings(url, ALIAS, opensearch_user="reader", opensearch_password="open barley")
        with pytest.raises(ClusterError, match="it refuses the user name or password") as caught:
            OpenSearchEngine(wrong).search(SearchRequest())
        assert "barley" not in str(caught.value)
        client = create_app({**wrong, "TESTING": True}).test_client()
        assert client.get("/search?q=strike").status_code == 503
    remove_indices(cluster_url, ALIAS)


def test_a_certificate_has_to_be_signed_by_the_authority_that_is_named(cluster_url: str, tmp_path: Path) -> None:
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("no openssl to make a certificate with")
    made = tmp_path / "door.pem"
    command = [program, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=door"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(made.with_suffix(".key")), "-out", str(made)]
    subprocess.run(command, check=True, capture_output=True)
    with guarded(cluster_url.split(",")[0], made) as url:
        known = {"opensearch_user": "reader", "opensearch_password": "open sesame"}
        with pytest.raises(ClusterError, match="certificate cannot be verified"):
            OpenSearchEngine(cluster_settings(url, ALIAS, **known)).status()
        trusted = cluster_settings(url, ALIAS, opensearch_ca=str(made), **known)
        with pytest.raises(ClusterIndexMissingError):
            OpenSearchEngine(trusted).status()
