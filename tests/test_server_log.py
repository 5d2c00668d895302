"""The server's lines: what went wrong, and requests without anything about who made them."""

from __future__ import annotations

import json
import logging
import sys
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from search_app.server_log import JsonLines, LogStyle, TextLines, configure_logging, describe_request


@dataclass
class Answer:
    status: str = "200 OK"
    sent: int | None = 1234


ENVIRON = {
    "REQUEST_METHOD": "GET",
    "RAW_URI": "/search?q=verysecretword",
    "QUERY_STRING": "q=verysecretword",
    "REMOTE_ADDR": "192.0.2.7",
    "HTTP_USER_AGENT": "Strangebrowser",
    "HTTP_REFERER": "https://elsewhere.example/?q=verysecretword",
}


def record(**changes: Any) -> logging.LogRecord:
    plain = {"levelname": "ERROR", "levelno": logging.ERROR, "created": 1_900_000_000.5}
    return logging.makeLogRecord({**plain, **changes})


def test_a_request_is_described_without_its_words_and_its_sender() -> None:
    described = describe_request(Answer(), ENVIRON, timedelta(milliseconds=5.25), with_address=False)
    assert described == {"method": "GET", "path": "/search", "status": 200, "bytes": 1234, "ms": 5.2}


def test_the_address_is_there_where_it_was_asked_for() -> None:
    described = describe_request(Answer(), ENVIRON, timedelta(), with_address=True)
    assert described["address"] == "192.0.2.7"
    assert "verysecretword" not in str(described)
    assert describe_request(Answer(), {**ENVIRON, "REMOTE_ADDR": ""}, timedelta(), with_address=True)["address"] == "-"


@pytest.mark.parametrize("path", ["/a\nb", "/a\x1b[31mb", "/a b", "/a\xff", "/a\x7f\x00"])
def test_nothing_that_a_client_sends_leaves_its_column(path: str) -> None:
    described = describe_request(Answer(), {**ENVIRON, "RAW_URI": path}, timedelta(), with_address=False)
    shown = described["path"]
    assert shown.isascii()
    assert shown.isprintable()
    assert " " not in shown


def test_an_answer_that_was_not_sent_has_no_bytes() -> None:
    described = describe_request(Answer("503 Service Unavailable", None), {}, timedelta(), with_address=False)
    assert described == {"method": "-", "path": "", "status": 503, "bytes": 0, "ms": 0.0}


def test_lines_of_json_hold_message_level_time_and_traceback() -> None:
    try:
        raise ValueError("of line 42")
    except ValueError:
        line = JsonLines().format(record(msg="It %s:\nbadly", args=("went",), exc_info=sys.exc_info()))
    assert "\n" not in line
    body = json.loads(line)
    assert body["time"] == "2030-03-17T17:46:40.500Z"
    assert body["level"] == "error"
    assert body["message"] == "It went:\nbadly"
    assert body["traceback"].endswith("ValueError: of line 42")


def test_a_request_as_json_has_its_parts() -> None:
    answered = describe_request(Answer(), ENVIRON, timedelta(milliseconds=1), with_address=False)
    body = json.loads(JsonLines().format(record(msg="whatever", answered=answered)))
    assert body == {"time": "2030-03-17T17:46:40.500Z", "level": "error", **answered}


def test_lines_of_text_begin_with_the_time() -> None:
    assert TextLines().format(record(msg="It broke")) == "2030-03-17T17:46:40.500Z ERROR It broke"


@pytest.mark.parametrize("as_json", [True, False])
def test_what_goes_wrong_is_written_to_stderr(as_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before = (root.level, list(root.handlers))
    try:
        root.handlers.clear()
        configure_logging(LogStyle(as_json=as_json))
        logging.getLogger("some.where").error("It broke")
        logging.getLogger("some.where").info("All is well")
    finally:
        root.setLevel(before[0])
        root.handlers[:] = before[1]
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    assert "It broke" in shown.err
    assert shown.err.startswith("{") == as_json
