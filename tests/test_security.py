"""What must not happen whoever asks: files handed out, code made of data, answers without their headers."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient

from search_app.index.builder import build_index
from search_app.settings import Settings
from search_app.web.app import create_app

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGE = REPOSITORY / "search_app"
ARTICLE = "news/2031/03/4/dockers-in-port-amaro-walk-out-over-night-shifts"
FITTING = {
    "field": "topic",
    "filename": "style.css",
    "path": ARTICLE,
    "date": "2031-03-04",
    "month": "2031-03",
    "rest": "2031/03/4/",
    "language": "en",
    "kind": "news",
    "name": "Kestria",
}
MARK = "passwd-of-nobody"
CLIMBING = [
    f"../../../../../../etc/{MARK}",
    f"..%2f..%2f..%2f..%2fetc%2f{MARK}",
    f"%2e%2e/%2e%2e/%2e%2e/etc/{MARK}",
    f"..%252f..%252fetc%252f{MARK}",
    f"..\\..\\..\\etc\\{MARK}",
    f"..%5c..%5cetc%5c{MARK}",
    f"....//....//etc/{MARK}",
    f"/etc/{MARK}",
    f"//etc/{MARK}",
    f"file:///etc/{MARK}",
    f"{MARK}%00.md",
    f"%c0%ae%c0%ae/{MARK}",
    f"%ff{MARK}",
    f"~root/{MARK}",
    f"2031/03/4/../../../../{MARK}",
    f"2031/03/4/..%2f..%2f..%2f..%2f{MARK}.md",
    f"{MARK}" + "a" * 3000,
]
opened: list[str] = []
watching = False


def watch(event: str, arguments: tuple[Any, ...]) -> None:
    """Note which files Python opens, lists or follows while a test looks."""
    if watching and event in ("open", "os.listdir", "os.scandir", "os.truncate", "os.remove", "os.rename", "os.mkdir"):
        opened.append(str(arguments[0]))


sys.addaudithook(watch)


@pytest.fixture
def files_opened() -> Iterator[list[str]]:
    global watching
    opened.clear()
    watching = True
    yield opened
    watching = False


def addresses(app: Flask, **values: str) -> list[str]:
    """Every address of the application, with values for its variable parts."""
    chosen = {**FITTING, **values}
    return sorted(
        re.sub(r"<(?:[^:>]*(?:\([^)]*\))?:)?(\w+)>", lambda part: chosen[part[1]], rule.rule)
        for rule in app.url_map.iter_rules()
    )


def variable_parts(app: Flask) -> set[str]:
    return {name for rule in app.url_map.iter_rules() for name in rule.arguments}


def test_every_variable_part_is_tried(app: Flask) -> None:
    assert variable_parts(app) == set(FITTING)


@pytest.mark.parametrize("climbing", CLIMBING, ids=range(len(CLIMBING)))
def test_no_address_reaches_the_file_system(climbing: str, app: Flask, files_opened: list[str]) -> None:
    client = app.test_client()
    for name in sorted(variable_parts(app)):
        for path in addresses(app, **{name: climbing}):
            if climbing not in path:
                continue
            for ending in ("", ".md"):
                with client.get(path + ending) as response:
                    assert response.status_code < 500, path
    for place in ("q", "topic", "from", "page", "prefix", "limit", "v", "lang"):
        with client.get(f"/search?{place}={quote(climbing)}") as response:
            assert response.status_code < 500
    assert not [file for file in files_opened if MARK in file]


def test_files_of_the_service_are_not_handed_out(settings: Settings, tmp_path: Path) -> None:
    """What lies beside the static files and beside the archive, asked for in every way."""
    secret = tmp_path / "secret.md"
    secret.write_text("### [2031-03-4](/news/2031/03/4/index.md)\n\n# Topsecret headline.\n", encoding="utf-8")
    client = create_app({**settings, "TESTING": True}).test_client()
    for path in ("/static/../app.py", "/static/..%2fapp.py", "/static/%2e%2e/app.py"):
        with client.get(path) as response:
            assert response.status_code == 404, path
    for target in (secret, tmp_path / "secret", "../secret.md", "../../secret"):
        for start in ("/news/", "/opinion/", "/en/news/", "/api/articles/", "/static/"):
            with client.get(f"{start}{target}") as response:
                assert "Topsecret" not in response.get_data(as_text=True)


def test_links_in_the_archive_do_not_lead_out(archive: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    text = "### [2031-03-4](/news/2031/03/4/index.md)\n\n# Topsecret headline.\n\nWhat nobody may read.\n"
    (outside / "article.md").write_text(text, encoding="utf-8")
    day = archive / "news" / "2031" / "03" / "4"
    (day / "linked.md").symlink_to(outside / "article.md")
    (archive / "news" / "2031" / "05").symlink_to(outside)
    report = build_index(archive, tmp_path / "index", jobs=1)
    assert report.articles == 13
    client = create_app({"index": str(tmp_path / "index"), "archive": str(archive), "TESTING": True}).test_client()
    # A link that was laid after the build.
    known = day / "dockers-in-port-amaro-walk-out-over-night-shifts.md"
    known.unlink()
    known.symlink_to(outside / "article.md")
    for path in ("linked.md", "linked", f"{known.name}", "index.md"):
        with client.get(f"/news/2031/03/4/{path}") as response:
            assert "Topsecret" not in response.get_data(as_text=True)
            assert "nobody may read" not in response.get_data(as_text=True)
    assert client.get("/api/search?q=topsecret").get_json()["total"] == 0


def test_every_answer_carries_the_headers(app: Flask) -> None:
    client = app.test_client()
    for path in [*addresses(app), "/nowhere", "/search?page=0", "/search?from=soon", "/news/2031/03/4/none.html"]:
        for method in ("GET", "HEAD", "OPTIONS", "POST", "DELETE"):
            with client.open(path, method=method) as response:
                headers = response.headers
                assert response.status_code < 500, (method, path)
                assert headers["X-Content-Type-Options"] == "nosniff", (method, path)
                assert headers["X-Frame-Options"] == "DENY"
                assert headers["Referrer-Policy"]
                policy = headers["Content-Security-Policy"]
                assert "default-src 'none'" in policy
                assert "frame-ancestors 'none'" in policy
                assert "unsafe" not in policy
                assert "Set-Cookie" not in headers
                assert "Server" not in headers
                assert not response.get_data() or headers["Content-Type"], (method, path)


def test_methods_that_change_something_are_refused_everywhere(app: Flask) -> None:
    client = app.test_client()
    for path in addresses(app):
        for method in ("POST", "PUT", "PATCH", "DELETE", "TRACE"):
            with client.open(path, method=method) as response:
                assert response.status_code == 405, (method, path)


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_bodies_that_nobody_reads_are_refused(method: str, client: FlaskClient) -> None:
    assert client.open("/search?q=harbour", method=method, data=b"a" * 70_000).status_code == 413
    assert client.open("/search?q=harbour", method="GET", data=b"a=b").status_code == 200
    chunked = {"Transfer-Encoding": "chunked"}
    assert client.open("/search?q=harbour", method=method, headers=chunked).status_code == 413


FORBIDDEN = {
    "pickled data": r"\b(?:c?pickle|dill|shelve|joblib)\b",
    "text run as code": r"(?<![\w.])(?:eval|exec|compile|__import__)\(",
    "YAML": r"\byaml\b",
    "a shell": r"shell\s*=\s*True|os\.(?:system|popen)|\bcommands\.getoutput",
    "XML that is read": r"\bxml\.(?:sax|dom)|\blxml\b|\b(?:fromstring|iterparse|XMLParser|XMLPullParser)\(",
    "temporary names": r"\bmktemp\(",
    "templates of text": r"render_template_string|(?<!class )\b\w*Template\(",
    "certificates unchecked": r"verify\s*=\s*False|_create_unverified_context",
}
SOURCES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("pattern", FORBIDDEN.values(), ids=FORBIDDEN.keys())
def test_nothing_dangerous_is_used(pattern: str) -> None:
    assert len(SOURCES) > 50
    # Prose may say what is not done: code alone counts.
    found = [
        f"{source.relative_to(PACKAGE)}:{number}"
        for source in SOURCES
        for number, line in code_lines(source)
        if re.search(pattern, line)
    ]
    assert found == []


def code_lines(source: Path) -> Iterator[tuple[int, str]]:
    """The lines of a module without its comments and its texts over several lines."""
    text = re.sub(r'"""[\s\S]*?"""', lambda found: "\n" * found[0].count("\n"), source.read_text(encoding="utf-8"))
    for number, line in enumerate(text.splitlines(), 1):
        yield number, re.sub(r"(?:^|\s)#.*", "", line)


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        ("pickled data", "import pickle"),
        ("text run as code", "value = eval(text)"),
        ("YAML", "yaml.load(text)"),
        ("a shell", "run(command, shell=True)"),
        ("XML that is read", "tree = ElementTree.fromstring(text)"),
        ("templates of text", "render_template_string(text)"),
        ("templates of text", "page = jinja2.Template(text)"),
    ],
)
def test_what_is_dangerous_would_be_seen(pattern: str, line: str) -> None:
    assert re.search(FORBIDDEN[pattern], line)


def test_patterns_of_the_standard_library_are_no_code() -> None:
    assert not re.search(FORBIDDEN["text run as code"], "WORD = re.compile(text)")


def test_xml_that_is_written_has_no_entities_of_its_own(app: Flask) -> None:
    client = app.test_client()
    xml = ["/feed.atom", "/opensearch.xml", "/sitemap.xml", "/sitemap-2031-03.xml", f"/{ARTICLE}.xml"]
    for path in [*xml, "/news/2031/03/4/index.xml", "/news/2031/03/index.xml", "/news/2031/index.xml"]:
        with client.get(path) as response:
            text = response.get_data(as_text=True)
            assert response.status_code == 200, path
            assert "<!DOCTYPE" not in text
            assert "<!ENTITY" not in text
