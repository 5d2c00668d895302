"""A real browser before a real server: what the browser tests share.

A ``Visit`` is one window that keeps a record of everything it asked for and complained of.
"""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import program
import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
WIDE, NARROW = 1280, 360
NPM_SECONDS = 60


@dataclass
class Visit:
    """One window.

    page : Playwright's page. asked : path and kind of everything it loaded from the server.
    elsewhere : addresses outside the server. complaints : errors of the console, of scripts and of the CSP.
    """

    page: object
    site: str
    asked: list[tuple[str, str]] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def go(self, path: str) -> int:
        """Open a page and return its status."""
        answer = self.page.goto(self.site + path)  # type: ignore[attr-defined]
        return int(answer.status)

    def leave(self) -> tuple[list[str], list[str]]:
        """Leave the window as if it were new, and return what it recorded of other addresses and complaints."""
        page: Any = self.page
        if page.url.startswith(self.site):
            page.evaluate("sessionStorage.clear(), localStorage.clear()")
        page.emulate_media(media="null")
        page.mouse.move(0, 0)
        page.goto("about:blank")
        page.context.clear_cookies()
        told = self.elsewhere[:], self.complaints[:]
        for record in (self.asked, self.elsewhere, self.complaints):
            record.clear()
        return told


def find_chromium() -> str:
    """Return Chromium's path; skips the test where there is none."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    pytest.skip("no chromium on this machine")


@contextmanager
def serving(*arguments: str) -> Iterator[str]:
    """Run ``search-app`` with these arguments and give its address. It stops as it does for people."""
    with program.serving(*arguments) as (process, url):
        try:
            yield url.rstrip("/")
        finally:
            process.terminate()
            process.communicate(timeout=program.PATIENCE_SECONDS)


def record(visit: Visit) -> None:
    """Make a visit keep its record."""
    host = urlsplit(visit.site).netloc

    def on_request(request) -> None:  # type: ignore[no-untyped-def]
        parts = urlsplit(request.url)
        if parts.netloc == host:
            visit.asked.append((parts.path, request.resource_type))
        else:
            visit.elsewhere.append(request.url)

    def on_console(message) -> None:  # type: ignore[no-untyped-def]
        # What could not be loaded is judged by its answer: the page itself may be an error.
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            visit.complaints.append(message.text)

    def on_response(response) -> None:  # type: ignore[no-untyped-def]
        if response.status >= 400 and response.request.resource_type != "document":
            visit.complaints.append(f"{response.status} {response.url}")

    visit.page.on("response", on_response)  # type: ignore[attr-defined]
    visit.page.on("request", on_request)  # type: ignore[attr-defined]
    visit.page.on("console", on_console)  # type: ignore[attr-defined]
    visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))  # type: ignore[attr-defined]


def fetch_axe(folder: Path) -> str:
    """Return the source of axe-core, fetched with npm into ``folder``; skips the test where npm cannot."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("no npm on this machine, so no axe-core")
    try:
        subprocess.run(
            [npm, "pack", "axe-core@4", "--silent"], cwd=folder, check=True, capture_output=True, timeout=NPM_SECONDS
        )
    except (subprocess.SubprocessError, OSError) as error:
        pytest.skip(f"npm could not fetch axe-core: {error}")
    (packed,) = folder.glob("axe-core-*.tgz")
    with tarfile.open(packed) as archive:
        member = archive.extractfile("package/axe.min.js")
        assert member is not None
        return member.read().decode()
