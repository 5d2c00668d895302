"""Doors before a node: they want a password, speak TLS, or answer in its place what a cluster in trouble would."""

from __future__ import annotations

import base64
import http.server
import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import Thread
from urllib.error import HTTPError
from urllib.request import Request, urlopen

Refusal = Callable[[http.server.BaseHTTPRequestHandler], tuple[int, bytes] | None]


@contextmanager
def door(url: str, refusal: Refusal, certificate: Path | None = None) -> Iterator[str]:
    """A door before a node, which speaks TLS where there is a certificate. refusal : says what is answered instead."""

    class Door(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            kind, refused = "application/json", refusal(self)
            if refused is None:
                kept = {"Content-Type": self.headers.get("Content-Type", "application/json")}
                asked = Request(url + self.path, body or None, kept, method=self.command)
                try:
                    with urlopen(asked, timeout=60) as found:
                        status, kind, data = found.status, found.headers.get("Content-Type", ""), found.read()
                except HTTPError as error:
                    status, kind, data = error.code, error.headers.get("Content-Type", ""), error.read()
            else:
                status, data = refused
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


def guarded(url: str, certificate: Path | None = None) -> AbstractContextManager[str]:
    """A door that wants a user name and a password."""
    wanted = "Basic " + base64.b64encode(b"reader:open sesame").decode()
    return door(url, lambda asked: None if asked.headers.get("Authorization") == wanted else (401, b"{}"), certificate)


def lost(kind: str, status: int) -> dict[str, object]:
    """What a cluster says of a search whose shard it lost."""
    reason = {"type": kind, "reason": "[node-2][127.0.0.1:9300] disconnected"}
    shard = {"shard": 0, "index": "news-00000001", "node": "n2", "reason": reason}
    error = {"root_cause": [], "type": "search_phase_execution_exception", "phase": "query", "failed_shards": [shard]}
    return {"error": error, "status": status}
