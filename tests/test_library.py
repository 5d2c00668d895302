"""The index in Python, as notebooks use it; the README's example is run."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from search_app import open_index
from search_app.errors import IndexMissingError, PageNotFoundError, QueryError, SettingsError
from search_app.library import Index

README = Path(__file__).resolve().parent.parent / "README.md"
STRIKE = "Port Amaro harbour strike"


@pytest.fixture(scope="module")
def index(index_dir: Path) -> Index:
    return open_index(index_dir)


def test_a_search(index: Index) -> None:
    result = index.search("strike", topic=STRIKE, per_page=1, since="2031", until=date(2031, 12, 31))
    assert result.total > len(result.hits) == 1
    assert result.request.date_from == date(2031, 1, 1)
    assert result.facets["topic"].buckets[0].selected
    assert index.search(context=["Kestria", STRIKE]).total < index.search(context="Kestria").total
    assert index.search(missing="topic").total == index.search(per_page=0).missing["topic"]


def test_every_hit(index: Index) -> None:
    assert len(list(index.hits())) == len(index) == index.status()["articles"] == 13
    days = [hit.date for hit in index.hits(sort="oldest", source="Amaro Courier")]
    assert days == sorted(days) != []


def test_values_and_completions(index: Index) -> None:
    values = index.values("context", "strike")
    assert [bucket.count for bucket in values] == sorted((bucket.count for bucket in values), reverse=True)
    assert index.values("context", prefix="kes")[0].value == index.suggest("kes")[0].text == "Kestria"


@pytest.mark.parametrize("ending", ["", ".html", ".md"])
def test_an_article_and_its_older_version(index: Index, ending: str) -> None:
    view = index.article("/news/2031/03/9/port-amaro-harbour-strike-talks-begin" + ending)
    assert view is not None
    assert view.article.path != "/news/2031/03/9/port-amaro-harbour-strike-talks-begin"
    assert index.article("/news/none") is None
    assert index.article("") is None


def test_mistakes_are_told(index: Index, tmp_path: Path) -> None:
    with pytest.raises(IndexMissingError):
        open_index(tmp_path / "none")
    with pytest.raises(SettingsError):
        open_index(tmp_path, colour="red")
    with pytest.raises(QueryError, match="since"):
        index.search(since="soon")
    with pytest.raises(QueryError, match="sort"):
        index.hits(sort="random")
    with pytest.raises(PageNotFoundError):
        index.search(page=99)
    with pytest.raises(TypeError, match="topics"):
        index.search(topics="x")


def test_the_example_of_the_readme_runs(index_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = re.findall(r"(?s)```python\n(.*?)```", README.read_text(encoding="utf-8"))
    scope: dict[str, object] = {}
    exec(example.replace('open_index("index")', f"open_index({str(index_dir)!r})"), scope)
    assert "articles" in capsys.readouterr().out
    assert isinstance(scope["headlines"], list)
