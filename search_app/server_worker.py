"""Gunicorn's threaded worker, which here waits for clients in one place alone: the loop over all connections.

In: connections. Out: the same, handed to gunicorn's threads. Gunicorn lets a thread wait for the rest of a request that
has begun, so that as many clients as there are threads, each with half a request, stop everybody else. Here a thread is
given a connection only when a whole request lies in it, at the cost of one system call a request. Nor does a thread
wait for a body to come, so that the connection can be kept. And where a connection ends with its answer, gunicorn's
loop itself waits two seconds for the client to end it too; here the loop goes on meanwhile.
"""

from __future__ import annotations

import errno
import math
import socket
import struct
import time
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

HEAD_SECONDS = 10.0
SEND_SECONDS = 30
PART_SECONDS = 2.0
"""How long a client may take to end a connection whose last answer was sent. What it sends meanwhile is taken and
dropped: to close upon it would break off the answer, which may not have been read."""
LOOK_SECONDS = 0.25
"""How often a worker tells its parent that it lives and looks for clients that take too long, which it need not do at
each of some hundred requests a second."""
ARRIVE_SECONDS = 1.0
"""How long a request may take to arrive whose client was connected when a stop came."""
MOST_DROPPED_BYTES = 64 * 1024
MOST_HEAD_BYTES = 96 * 1024
END_OF_HEAD = b"\r\n\r\n"
BODY_HEADERS = ("CONTENT-LENGTH", "TRANSFER-ENCODING")


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """A threaded worker that half a request does not hold up. Called by gunicorn in the worker's main thread alone."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._waiting: dict[Any, float] = {}
        self._parting: dict[Any, float] = {}
        self._stops = math.inf
        self._looks = 0.0

    def accept(self, listener: socket.socket) -> None:
        """Accept a connection, if the parent has not shut the socket just now: the word to stop follows at once."""
        try:
            super().accept(listener)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise

    def enqueue_req(self, conn: Any) -> None:
        """Hand a connection to a thread, now or when the head of its request has come."""
        if self._has_head(conn):
            self._waiting.pop(conn, None)
            # A thread need not ask the system once more whether there is something to read.
            conn.data_ready = True
            super().enqueue_req(conn)
            return
        self._waiting.setdefault(conn, time.monotonic() + HEAD_SECONDS)
        self.poller.register(conn.sock, EVENT_READ, partial(self._look_again, conn))

    def _look_again(self, conn: Any, sock: socket.socket) -> None:
        self.poller.unregister(sock)
        self.enqueue_req(conn)

    def _has_head(self, conn: Any) -> bool:
        """Tell whether a thread has something to do: a whole head, one that is too long, or a connection that ended."""
        # A part of this request may have been read together with the one before.
        held = conn.parser.unreader.buf.getvalue() if conn.parser is not None else b""
        try:
            seen = conn.sock.recv(MOST_HEAD_BYTES, socket.MSG_PEEK | socket.MSG_DONTWAIT)
            ended = not seen
        except BlockingIOError:
            seen, ended = b"", False
        except OSError:
            return True
        head = (held + seen).lstrip(b"\r\n")
        whole = ended or END_OF_HEAD in head or len(head) >= MOST_HEAD_BYTES
        if not whole or conn in self._waiting:
            # What has been seen already does not wake the loop again, more of it does.
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1 if whole else len(seen) + 1)
        return whole

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Answer a request in a thread. A body is not read, so that the connection of one ends with the answer."""
        if any(name in BODY_HEADERS and value.strip() != "0" for name, value in req.headers):
            req.force_close()
        # A reader that takes nothing for so long has gone; the system then ends the write that waits for it.
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", SEND_SECONDS, 0))
        try:
            return super().handle_request(req, conn)
        except BlockingIOError as error:
            # What gunicorn takes quietly, as it does a reader that has hung up.
            raise ConnectionResetError(errno.ECONNRESET, "the reader took nothing") from error

    def finish_request(self, conn: Any, answered: Any) -> None:
        """Keep a connection for its next request, or wait in the loop until its client has ended it."""
        if answered.cancelled() or answered.exception() or answered.result():
            super().finish_request(conn, answered)
            return
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.setblocking(False)
        except OSError:
            self._close(conn)
            return
        self._parting[conn] = time.monotonic() + PART_SECONDS
        self.poller.register(conn.sock, EVENT_READ, partial(self._drop, conn))

    def _drop(self, conn: Any, sock: socket.socket) -> None:
        """Take what a client sends after its last answer. One that sends much has no end."""
        try:
            if 0 < len(sock.recv(MOST_DROPPED_BYTES)) < MOST_DROPPED_BYTES:
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self._give_up(conn, self._parting)

    def notify(self) -> None:
        """Tell the parent that this worker lives, and give up clients that take too long, at every turn of the loop.

        Does so a few times a second, and always where the worker is to stop.
        """
        now = time.monotonic()
        if self.alive:
            if now < self._looks:
                return
            self._looks = now + LOOK_SECONDS
        else:
            self._stops = min(self._stops, now + ARRIVE_SECONDS)
        super().notify()
        for conns, last in ((self._waiting, self._stops), (self._parting, math.inf)):
            for conn in [conn for conn, until in conns.items() if min(until, last) <= now]:
                self._give_up(conn, conns)

    def _give_up(self, conn: Any, conns: dict[Any, float]) -> None:
        del conns[conn]
        self.poller.unregister(conn.sock)
        self._close(conn)

    def _close(self, conn: Any) -> None:
        self.nr_conns -= 1
        conn.close()
