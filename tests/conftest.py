"""What the tests share: a hand-made article, a small invented archive, one index of it, and the doors to both.

Everything built is built once a run. Randomness is seeded: the seed stands in the report's header, and ``SEED=…``
replays it; with it, Hypothesis draws the same examples every time.
"""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

from search_app.archive.model import NEWS, Article, Source
from search_app.settings import Settings, load_settings

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient

    from search_app.engine.result import Engine

REPOSITORY = Path(__file__).resolve().parent.parent
DATA = REPOSITORY / "tests" / "data"
SEED = int(os.environ.get("SEED") or time.time_ns() % 2**32)
if os.environ.get("SEED"):
    hypothesis.settings.register_profile("replayed", derandomize=True)
    hypothesis.settings.load_profile("replayed")


def pytest_report_header() -> str:
    """Print the seed, so that a red run can be run again."""
    return f"SEED={SEED}"


def pytest_configure() -> None:
    """Keep settings of the machine out of the tests: what they need they set themselves."""
    for name in list(os.environ):
        if name.startswith("SEARCH_APP_") and name != "SEARCH_APP_TEST_CORPUS":
            del os.environ[name]


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> random.Random:
    """Randomness that depends on the seed and the test's name alone, not on which tests ran before."""
    return random.Random(f"{SEED} {request.node.nodeid}")


@pytest.fixture(scope="session")
def make_article() -> Callable[..., Article]:
    """Make an article of plain defaults, changed by keyword; its path follows headline and date unless given."""
    plain = Article(
        path="",
        file="",
        kind=NEWS,
        language="en",
        date=date(2031, 3, 4),
        headline="Dockers walk out over night shifts",
        summary="Cranes stood still on all nine quays.",
        topic="Port Amaro harbour strike",
        contexts=("Port Amaro harbour strike", "Kestria"),
        sources=(Source("Amaro Courier", "https://courier.example/walkout"),),
    )

    def make(**changes: Any) -> Article:
        article = replace(plain, **changes)
        if not article.path:
            slug = "-".join("".join(c if c.isalnum() else " " for c in article.headline.lower()).split())
            day = article.date
            article = replace(article, path=f"/news/{day:%Y/%m}/{day.day}/{slug or 'untitled'}")
        return article if article.file else replace(article, file=article.path.lstrip("/") + ".md")

    return make


@pytest.fixture(scope="session")
def _archive_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(DATA / "archive", tmp_path_factory.mktemp("archive") / "archive"))


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A copy of the small archive that the test may change: 12 news articles, one superseded, one editorial."""
    return Path(shutil.copytree(DATA / "archive", tmp_path / "archive"))


@pytest.fixture(scope="session")
def index_dir(_archive_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of the small archive, built once. Not to be written to."""
    from search_app.index.builder import build_index

    folder = tmp_path_factory.mktemp("index") / "index"
    build_index(_archive_once, folder, settings=load_settings({}), jobs=1)
    return folder


@pytest.fixture(scope="session")
def settings(index_dir: Path, _archive_once: Path) -> Settings:
    """The defaults, with the small archive and its index."""
    return load_settings({}, index=str(index_dir), archive=str(_archive_once))


@pytest.fixture(scope="session")
def engine(index_dir: Path, settings: Settings) -> Iterator[Engine]:
    """The engine over the small index."""
    from search_app.engine import open_engine

    opened = open_engine(index_dir, settings)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def app(settings: Settings) -> Flask:
    """The web application over the small index."""
    from search_app.web.app import create_app

    return create_app({**settings, "TESTING": True})


@pytest.fixture(scope="session")
def app_below_a_path(settings: Settings) -> Flask:
    """The same application, served below a path."""
    from prefixed import PREFIX, PrefixedClient

    from search_app.web.app import create_app

    made = create_app({**settings, "url_prefix": PREFIX, "TESTING": True})
    made.test_client_class = PrefixedClient
    return made


@pytest.fixture(params=["app", "app_below_a_path"], ids=["top", "below"])
def client(request: pytest.FixtureRequest) -> FlaskClient:
    """A client of the web application: every test runs at the top of a host, and once more below a path."""
    return request.getfixturevalue(request.param).test_client()


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real articles and judged collections, which is not part of the project."""
    named = os.environ.get("SEARCH_APP_TEST_CORPUS")
    folder = Path(named) if named else REPOSITORY.parent / "shared" / "corpus"
    if not folder.is_dir():
        pytest.skip(f"no corpus in {folder}; SEARCH_APP_TEST_CORPUS names its folder")
    return folder
