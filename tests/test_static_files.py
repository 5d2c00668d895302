"""Static files as they are sent: the same in fewer bytes, kept as long as their address says."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient

from search_app.web.app import PACKAGE_FOLDER
from search_app.web.static_files import fingerprint, read_static, squeeze_css, squeeze_script

FOLDER = PACKAGE_FOLDER / "web" / "static"

SHEETS = {
    "comments": ("/* a { } */\na { color: red; } /* b */", "a{color:red}"),
    "lists and rules": ("a,\nb > c { margin: 0 auto; padding: 0 }\n\nd { }", "a,b>c{margin:0 auto;padding:0}d{}"),
    "texts": ('a::after { content: " ({ ; : , " ; }', 'a::after{content:" ({ ; : , "}'),
    "sums": ("a { width: calc(1rem + 2vw); }", "a{width:calc(1rem + 2vw)}"),
    "descendants": (".a :is(b, c) , .d:hover { x: y }", ".a :is(b,c),.d:hover{x:y}"),
    "media": ("@media (min-width: 2rem) {\n  a { b: c; }\n}", "@media (min-width:2rem){a{b:c}}"),
}


@pytest.mark.parametrize(("sheet", "squeezed"), SHEETS.values(), ids=SHEETS.keys())
def test_a_style_sheet_is_squeezed(sheet: str, squeezed: str) -> None:
    assert squeeze_css(sheet) == squeezed
    assert squeeze_css(squeezed) == squeezed


SCRIPTS = {
    "lines": (
        '// What it does.\n"use strict";\n\n/** Add. */\nfunction add() {\n  return 1;\n}\n',
        '"use strict";\nfunction add(){\nreturn 1;\n}\n',
    ),
    "signs": ("const [a, b] = c ?? (d < 0 ? -1 : d + 1);\n", "const[a,b]=c??(d<0?-1:d+1);\n"),
    "words": ("for (const x of y) await x;\n", "for(const x of y)await x;\n"),
    "texts": ('say("a, b", { c: "\\" = " });\n', 'say("a, b",{c:"\\" = "});\n'),
    "templates": ("const a = `${b}, ${c - 1}` + d;\n", "const a=`${b}, ${c - 1}`+d;\n"),
    "patterns": ('a.replace(/ = +/g, " ") + 1;\n', 'a.replace(/ = +/g," ")+1;\n'),
}


@pytest.mark.parametrize(("script", "squeezed"), SCRIPTS.values(), ids=SCRIPTS.keys())
def test_a_script_keeps_its_lines(script: str, squeezed: str) -> None:
    assert squeeze_script(script) == squeezed
    assert squeeze_script(squeezed) == squeezed


@pytest.mark.parametrize("name", ["app.js", "article.js"])
def test_a_script_has_no_text_over_several_lines(name: str) -> None:
    """What ``squeeze_script`` asks for."""
    for number, line in enumerate((FOLDER / name).read_text().splitlines(), 1):
        assert line.replace("\\`", "").count("`") % 2 == 0, number
        assert not re.search(r"\$\{[^}]*`", line), number
        assert not re.search(r"([+-]) \1|\S\s+//", line), number
        assert "/*" not in line or re.fullmatch(r"\s*/\*\* .* \*/", line), number


def test_files_are_sent_as_they_were_read(client: FlaskClient) -> None:
    for name, body in read_static(FOLDER).items():
        answer = client.get(f"/static/{name}")
        assert answer.data == body
        assert answer.headers["Cache-Control"] == "no-cache"
        again = client.get(f"/static/{name}?v=1", headers={"If-None-Match": answer.headers["ETag"]})
        assert (again.status_code, again.headers["Cache-Control"]) == (304, "public, max-age=31536000, immutable")
    types = {
        name: client.get(f"/static/{name}").mimetype for name in ("app.js", "style.css", "icon.svg", "archive.rng")
    }
    assert types == {
        "app.js": "text/javascript",
        "style.css": "text/css",
        "icon.svg": "image/svg+xml",
        "archive.rng": "application/xml",
    }
    assert client.get("/static/nothing.css").status_code == 404


def test_the_fingerprint_changes_with_names_and_bodies() -> None:
    prints = [fingerprint(files) for files in ({"a": b"1"}, {"a": b"2"}, {"b": b"1"}, {"a": b"1", "b": b""})]
    assert len(set(prints)) == 4
