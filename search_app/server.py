"""Serving the web application with a production server: gunicorn, with threads in a few processes.

In: an application and a socket that is already bound. Out: answers over HTTP until SIGTERM or SIGINT. Gunicorn runs
anywhere that Python does, restarts workers that die, and finishes requests before it stops.
"""

from __future__ import annotations

import errno
import signal
import socket
import struct
import sys
import time
from array import array
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import gunicorn.http.message
from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter

from .errors import ServeError
from .server_log import LogStyle, configure_logging, logger_class

THREADS = 4
STOP_SECONDS = 5
ACCEPT_SECONDS = 1
"""How much of this a stop may spend until the workers have accepted everybody who is connected."""
_HANDSHAKE_SECONDS = 0.2
# A query of 20,000 characters, percent-encoded, is to be answered with a sentence of ours. Gunicorn's own ceiling is
# 8,190 bytes, and its only other choice is none at all.
MAX_REQUEST_LINE_BYTES = 64 * 1024
BACKLOG = 1024
_STOPS = {signal.SIGTERM, signal.SIGQUIT, signal.SIGABRT}


def bind_socket(host: str, port: int) -> socket.socket:
    """Return a socket bound to an address of this machine, not yet listening. port : 0 takes any free one.

    Raises ServeError, which says what to change, where the address cannot be had.
    """
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[
            0
        ]
    except (OSError, UnicodeError):
        raise ServeError(f"There is no host called {host}. Choose an address of this machine with --host.") from None
    bound = socket.socket(family, kind)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise ServeError(_bind_problem(error, host, port)) from None
    return bound


def _bind_problem(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is taken by another program. Stop that one, or choose another with --port."
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"Port {port} is reserved for the system. Choose one from 1024 with --port."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is not an address of this machine. Choose one that is with --host, 0.0.0.0 for all of them."
    return f"Nothing can be served on {host}, port {port}: {error.strerror}. Choose others with --host and --port."


def socket_url(bound: socket.socket) -> str:
    """Return the address under which a browser on this machine reaches a bound socket."""
    host, port = bound.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104 - only shown
        host = "127.0.0.1" if host == "0.0.0.0" else "::1"  # noqa: S104
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def serve_app(
    app: Flask,
    bound: socket.socket,
    *,
    workers: int,
    ready: Callable[[], None],
    style: LogStyle = LogStyle(),  # noqa: B008 - it cannot change
) -> None:
    """Answer requests until SIGTERM or SIGINT, then finish those under way within 5 s. Leaves by SystemExit.

    app : loaded once, before the workers are forked, so that they share its memory.
    bound : from ``bind_socket``; is closed on the way out.
    ready : called once, when connections are accepted.
    style : how it logs.
    Workers leave by SystemExit too: what the caller cleans up afterwards it must clean up in its own process alone.
    """
    configure_logging(style)
    gunicorn.http.message.MAX_REQUEST_LINE = MAX_REQUEST_LINE_BYTES
    _Server(
        app,
        {
            "bind": f"fd://{bound.detach()}",
            "workers": workers,
            "worker_class": "search_app.server_worker.PatientWorker",
            # Below the 1,024 files that a process may usually open.
            "worker_connections": 512,
            "threads": THREADS,
            "graceful_timeout": STOP_SECONDS - ACCEPT_SECONDS,
            "limit_request_line": MAX_REQUEST_LINE_BYTES,
            "backlog": BACKLOG,
            "loglevel": "warning",
            "logger_class": logger_class(style),
            "accesslog": "-" if style.access else None,
            "control_socket_disable": True,
            "when_ready": lambda arbiter: ready(),
            "post_worker_init": _begin_work,
        },
    ).run()


def _begin_work(worker: Any) -> None:
    """Take the signals that the parent sends. Called in a worker once gunicorn's handlers stand."""
    # Ctrl-C reaches every process of a terminal's group; workers stop when their parent tells them to.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)


class _Server(BaseApplication):  # type: ignore[misc]
    """Gunicorn without its own command line and files of settings."""

    def __init__(self, app: Flask, options: dict[str, Any]) -> None:
        self._app = app
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        # Settings that this version of gunicorn does not have yet are left out.
        for name, value in self._options.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Flask:
        return self._app

    def run(self) -> None:
        _Parent(self).run()


class _Parent(Arbiter):  # type: ignore[misc]
    """Gunicorn's parent process, with an interrupt and a closed terminal as graceful as a termination."""

    def spawn_worker(self) -> Any:
        """Start a worker. A stop that comes meanwhile is not lost on it: it would work on until it is killed."""
        held = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
        try:
            return super().spawn_worker()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, held)

    def stop(self, graceful: bool = True) -> None:
        """End the workers, after they have accepted everybody who is connected, and nobody else can be.

        Gunicorn's workers keep the socket until the last of them ends, without accepting. The system goes on connecting
        clients to it, and breaks these connections off with its end, though their requests may have been sent.
        """
        if graceful:
            for listener in self.LISTENERS:
                _shut(listener)
        super().stop(graceful)

    def handle_int(self) -> None:
        self.handle_term()

    def handle_hup(self) -> None:
        self.handle_term()


def _shut(listener: Any) -> None:
    """Let the workers accept everybody who is connected, then refuse whoever comes, in all processes at once.

    Where the system cannot drop packets, those who connect in the last moment are broken off; where it cannot shut a
    socket that listens either, those who connect while the workers finish are, as with gunicorn alone.
    """
    with suppress(OSError):
        _drop_new_connections(listener.sock)
    began = time.monotonic()
    waited = 0.0
    while waited < _HANDSHAKE_SECONDS or (listener.get_backlog() > 0 and waited < ACCEPT_SECONDS):
        time.sleep(0.01)
        waited = time.monotonic() - began
    with suppress(OSError):
        listener.sock.shutdown(socket.SHUT_RDWR)


def _drop_new_connections(listening: socket.socket) -> None:
    """Drop the first packet of each new connection. Its system sends it again after a second, to whoever listens then.

    To refuse new ones at once would break off those whose handshake is under way. Nothing is done but on Linux, where
    any process may have the system run a small program over each packet, from its TCP header on (see socket(7)).
    """
    if sys.platform != "linux":
        return
    attach_filter, flags, syn_and_ack, syn = 26, 13, 0x12, 0x02
    steps = [
        (0x30, 0, 0, flags),  # load a byte
        (0x54, 0, 0, syn_and_ack),  # and
        (0x15, 0, 1, syn),  # go on if equal, else over one
        (0x06, 0, 0, 0),  # keep nothing of the packet
        (0x06, 0, 0, 0xFFFFFFFF),  # keep all of it
    ]
    program = array("B", b"".join(struct.pack("HBBI", *step) for step in steps))
    listening.setsockopt(socket.SOL_SOCKET, attach_filter, struct.pack("HP", len(steps), program.buffer_info()[0]))
