"""What the tests share: a hand-made article, a small invented archive, one index of it, and the doors to both.

Everything built is built once a process. Randomness is seeded: the seed stands in the report's header, and ``SEED=…``
replays it; with it, Hypothesis draws the same examples every time. ``-n 2`` spreads the files over two processes.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
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
# One drawn here is the same in every process that tests are spread over.
SEED = int(os.environ.get("SEED") or os.environ.setdefault("SEED_DRAWN", str(time.time_ns() % 2**32)))
# How long an example takes, or is drawn, says on a busy machine nothing about what is tested.
hypothesis.settings.register_profile(
    "untimed",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
    derandomize=bool(os.environ.get("SEED")),
)
hypothesis.settings.load_profile("untimed")


def pytest_report_header() -> str:
    """Print the seed, so that a red run can be run again."""
    return f"SEED={SEED}"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Spread the tests by files where ``-n`` says no other way."""
    from spreading import ByFile

    return ByFile(config, log) if config.getoption("dist") == "load" else None


def pytest_configure() -> None:
    """Keep settings of the machine out of the tests: what they need they set themselves.

    A shell lets what it starts in the background ignore interrupts, and so would the programs that tests interrupt.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
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
def chinese_archive(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some three thousand real articles in Chinese. Not to be written to."""
    folder = tmp_path_factory.mktemp("chinese")
    subprocess.run(["tar", "xJf", str(corpus / "articles-zh-2003-2009.tar.xz"), "-C", str(folder)], check=True)
    return folder


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real articles and judged collections, which is not part of the project."""
    named = os.environ.get("SEARCH_APP_TEST_CORPUS")
    folder = Path(named) if named else REPOSITORY.parent / "shared" / "corpus"
    if not folder.is_dir():
        pytest.skip(f"no corpus in {folder}; SEARCH_APP_TEST_CORPUS names its folder")
    return folder
