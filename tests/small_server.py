"""A small application behind our server, in a process of its own, and the lines on which it is asked."""

from __future__ import annotations

import socket
import subprocess
import sys
import urllib.request
from contextlib import AbstractContextManager
from pathlib import Path

from program import PATIENCE_SECONDS, started

SCRIPT = """
import sys
import time
from pathlib import Path
from flask import Flask, request
import search_app.server
from search_app.server import bind_socket, serve_app, socket_url

app = Flask("tried")
# So long that a stop which something holds up does not come about within the test.
search_app.server.STOP_SECONDS = 600

@app.get("/slow")
def slow():
    print("under way", flush=True)
    while not Path(request.args["until"]).exists():
        time.sleep(0.02)
    return "done"

@app.get("/large")
def large():
    return "a" * 20_000_000

@app.get("/length")
def length():
    return str(len(request.args["q"]))

bound = bind_socket("127.0.0.1", 0)
url = socket_url(bound)
serve_app(app, bound, workers=2, ready=lambda: print(f"Serving on {url}", flush=True))
"""


def run_script(script: str) -> AbstractContextManager[tuple[subprocess.Popen[str], str]]:
    return started([sys.executable, "-c", script])


def script_with(name: str, value: float) -> str:
    """Return the script with another value for a constant of the worker."""
    patch = f"import search_app.server_worker\nsearch_app.server_worker.{name} = {value}\n"
    return SCRIPT.replace("bound =", f"{patch}bound =")


def read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=PATIENCE_SECONDS) as answer:
        return answer.read().decode()


def connect(url: str) -> socket.socket:
    host, port = url.removeprefix("http://").rstrip("/").split(":")
    return socket.create_connection((host, int(port)), timeout=PATIENCE_SECONDS)


def ask_slowly(process: subprocess.Popen[str], line: socket.socket, until: Path) -> None:
    """Send a request that is answered when a file exists, and return when it is under way."""
    line.sendall(f"GET /slow?until={until} HTTP/1.1\r\nHost: here\r\n\r\n".encode())
    assert process.stdout is not None
    assert process.stdout.readline() == "under way\n"


def answer_on(line: socket.socket, length: int = 1) -> bytes:
    """The next answer on a connection that is kept, with a body of so many bytes."""
    taken = b""
    while len(taken.partition(b"\r\n\r\n")[2]) < length:
        piece = line.recv(4096)
        assert piece, taken
        taken += piece
    return taken
