"""The server's logs: what went wrong on stderr, and, where asked for, a line for each request on stdout.

In: records of the logging module and requests that gunicorn has answered. Out: lines of text or of JSON. A request's
line holds no search words, no browser and, unless the settings say otherwise, no address: not who looked for what.
"""

from __future__ import annotations

import json
import logging
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from gunicorn.glogging import Logger


@dataclass(frozen=True, slots=True)
class LogStyle:
    """How the server logs. access : a line for each request. addresses : with the client's. as_json : all lines so."""

    access: bool = False
    addresses: bool = False
    as_json: bool = False


class TextLines(logging.Formatter):
    """A record as one line of text, with its traceback below."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        """Return the moment in UTC, as RFC 3339 writes it."""
        return _moment(record.created)


class JsonLines(logging.Formatter):
    """A record as one line of JSON: time, level, message, what a request was, and the traceback of an error."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        body: dict[str, Any] = {"time": _moment(record.created), "level": record.levelname.lower()}
        answered = getattr(record, "answered", None)
        if answered is None:
            body["message"] = record.getMessage()
        else:
            body |= answered
        if record.exc_info:
            body["traceback"] = self.formatException(record.exc_info)
        return json.dumps(body)


def configure_logging(style: LogStyle) -> None:
    """Send what went wrong to stderr, in the style given. Replaces what was configured before."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(style))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


def logger_class(style: LogStyle) -> type[Logger]:
    """Return the class of gunicorn's logger for a style."""

    class StyledLogger(Logger):  # type: ignore[misc]
        """Gunicorn's logger, with lines of ours."""

        def setup(self, cfg: Any) -> None:
            """Take gunicorn's settings, then lay our form over its own."""
            super().setup(cfg)
            for log in (self.error_log, self.access_log):
                for handler in log.handlers:
                    handler.setFormatter(_formatter(style))

        def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: timedelta) -> None:
            """Log one request that was answered."""
            if style.access:
                answered = describe_request(resp, environ, request_time, with_address=style.addresses)
                names = ["address"] if style.addresses else []
                line = " ".join(str(answered[name]) for name in (*names, "method", "path", "status"))
                self.access_log.info(
                    "%s %d bytes %.1f ms", line, answered["bytes"], answered["ms"], extra={"answered": answered}
                )

    return StyledLogger


def describe_request(
    answer: Any, environ: dict[str, Any], request_time: timedelta, *, with_address: bool
) -> dict[str, Any]:
    """Return what a line of the access log holds: method, path without its question mark, status, bytes, time.

    answer : gunicorn's, with ``status`` and ``sent``. environ : the request's, as the application left it.
    """
    path = str(environ.get("RAW_URI", "")).partition("?")[0]
    answered = {"address": environ.get("REMOTE_ADDR") or "-"} if with_address else {}
    return {
        **answered,
        "method": _printable(str(environ.get("REQUEST_METHOD", "-"))),
        "path": _printable(path),
        "status": int(str(answer.status).split(None, 1)[0]),
        "bytes": int(getattr(answer, "sent", 0) or 0),
        "ms": round(request_time.total_seconds() * 1000, 1),
    }


def _printable(text: str) -> str:
    """Return text of a client so that it stays on its line and in its column."""
    return text.encode("unicode_escape").decode("ascii").replace(" ", "\\x20")


def _formatter(style: LogStyle) -> logging.Formatter:
    return JsonLines() if style.as_json else TextLines()


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
