"""What supervisors and Prometheus see: alive, ready or not and why, and figures that say nothing about anybody."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from search_app.engine.embedded import EmbeddedEngine
from search_app.engine.readiness import canary_trouble, find_troubles, index_age_seconds
from search_app.engine.request import SearchRequest
from search_app.engine.result import Engine, SearchResult
from search_app.index.builder import build_index
from search_app.index.generation import newest_generation
from search_app.index.manifest import checked_at, manifest_path
from search_app.settings import Settings, load_settings
from search_app.web.app import create_app


class Hollow:
    """A real engine whose answers were tampered with: what a damaged index might do."""

    def __init__(self, engine: Engine, keep: int | None = None, **status: object) -> None:
        self._engine = engine
        self._keep = keep
        self._status = status

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def search(self, request: SearchRequest) -> SearchResult:
        result = self._engine.search(request)
        return (
            result if self._keep is None or not request.q else replace(result, hits=result.hits[: self._keep], total=0)
        )

    def status(self) -> Mapping[str, Any]:
        return {**self._engine.status(), **self._status}


def figures(client: FlaskClient) -> dict[tuple[str, tuple[str, ...]], float]:
    """The samples of /metrics, by name and the values of their labels."""
    response = client.get("/metrics")
    assert response.status_code == 200
    assert response.mimetype == "text/plain"
    assert response.headers["Cache-Control"] == "no-store"
    families = text_string_to_metric_families(response.get_data(as_text=True))
    return {
        (sample.name, tuple(value for name, value in sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


@pytest.fixture
def counting(settings: Settings) -> FlaskClient:
    """A client of an application that has counted nothing yet."""
    return create_app({**settings, "TESTING": True}).test_client()


def test_a_sound_index_is_ready(client: FlaskClient) -> None:
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    answer = response.get_json()
    assert answer.pop("age_seconds") >= 0
    assert answer == {"status": "ok", "articles": 13, "generation": 1, "degraded": False}


def not_ready(settings: Settings, engine: Engine) -> list[str]:
    response = create_app({**settings, "TESTING": True}, engine=engine).test_client().get("/readyz")
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    assert response.headers["Cache-Control"] == "no-store"
    reasons = response.get_json()["reasons"]
    assert isinstance(reasons, list)
    return reasons


def test_an_index_that_lost_articles_is_not_ready(settings: Settings, engine: Engine) -> None:
    reasons = not_ready(settings, Hollow(engine, articles=37_513))  # type: ignore[arg-type]
    assert reasons == ["A search for everything finds 13 articles, the index names 37,513."]


def test_an_index_that_finds_nothing_is_not_ready(settings: Settings, engine: Engine) -> None:
    reasons = not_ready(settings, Hollow(engine, keep=0))  # type: ignore[arg-type]
    assert reasons == ["The newest article is not found by the words of its own headline."]


@pytest.mark.parametrize(
    ("hours", "most", "ready"),
    [
        pytest.param(5, 6, True, id="within"),
        pytest.param(7, 6, False, id="too old"),
        pytest.param(9999, 0, True, id="never too old"),
    ],
)
def test_an_old_index_is_not_ready_where_the_settings_say_so(
    hours: int, most: int, ready: bool, settings: Settings, engine: Engine
) -> None:
    limited = load_settings({}, **{**settings, "max_index_age_hours": most})
    checked = datetime.fromisoformat(engine.status()["checked_at"])
    troubles = find_troubles(lambda: engine, limited, checked + timedelta(hours=hours))
    assert troubles == (() if ready else ("No build has succeeded for 7 hours; 6 are allowed.",))


def test_every_article_is_found_by_its_own_words(engine: Engine, settings: Settings) -> None:
    hits = engine.search(SearchRequest(per_page=100)).hits
    assert len(hits) == 13
    assert [hit.headline for hit in hits if canary_trouble(engine, hit, settings)] == []
    assert sum(bool(canary_trouble(Hollow(engine, keep=0), hit, settings)) for hit in hits) > 10  # type: ignore[arg-type]


def test_age_is_counted_from_the_last_good_build_even_if_nothing_changed(archive: Path, tmp_path: Path) -> None:
    folder = tmp_path / "index"
    build_index(archive, folder, jobs=1)
    engine = EmbeddedEngine(folder)
    generation = newest_generation(folder)
    assert generation is not None
    manifest = manifest_path(folder, generation)
    before = manifest.read_bytes()
    os.utime(manifest, (1_900_000_000, 1_900_000_000))
    assert engine.status()["checked_at"] == "2030-03-17T17:46:40+00:00"
    assert not build_index(archive, folder, jobs=1).published
    stamp = engine.status()["checked_at"]
    assert index_age_seconds(engine.status()) < 600, stamp
    assert manifest.read_bytes() == before
    assert newest_generation(folder) == generation
    assert checked_at(folder, 99) is None


def test_the_age_of_an_engine_that_does_not_tell_is_nothing() -> None:
    assert index_age_seconds({}) == 0
    built = {"built_at": "2031-03-04T10:00:00+00:00"}
    assert index_age_seconds(built, datetime(2031, 3, 4, 10, 1, tzinfo=UTC)) == 60
    assert index_age_seconds(built, datetime(2031, 3, 4, 9, tzinfo=UTC)) == 0, "a clock may be set back"


def test_metrics_count_what_visitors_did(counting: FlaskClient) -> None:
    for path in ("/search?q=harbour", "/search?q=harbour", "/search?q=zebrafish", "/api/search?q=harbour"):
        assert counting.get(path).status_code == 200
    counting.get("/search?page=0")
    counting.get("/no/such/page")
    counting.open("/search", method="BREW")
    found = figures(counting)
    assert found["search_app_searches_total", ()] == 4
    assert found["search_app_empty_searches_total", ()] == 1
    assert found["search_app_requests_total", ("/search", "GET", "200")] == 3
    assert found["search_app_requests_total", ("/search", "GET", "400")] == 1
    assert found["search_app_requests_total", ("none", "GET", "404")] == 1
    assert found["search_app_requests_total", ("none", "other", "405")] == 1
    assert found["search_app_request_seconds_count", ("/search",)] == 4
    assert found["search_app_request_seconds_bucket", ("/search", "+Inf")] == 4
    assert found["search_app_ready", ()] == 1
    assert found["search_app_index_generation", ()] == 1
    assert found["search_app_index_articles", ()] == 13
    assert found["search_app_index_degraded", ()] == 0
    assert found["search_app_index_age_seconds", ()] >= 0


def test_metrics_say_nothing_about_anybody(counting: FlaskClient) -> None:
    counting.get(
        "/search?q=verysecretword&topic=Anotherword",
        headers={
            "User-Agent": "Strangebrowser",
            "X-Forwarded-For": "192.0.2.77",
            "Referer": "https://elsewhere.example/",
        },
        environ_overrides={"REMOTE_ADDR": "192.0.2.78"},
    )
    text = counting.get("/metrics").get_data(as_text=True)
    for secret in ("verysecretword", "Anotherword", "Strangebrowser", "192.0.2", "elsewhere"):
        assert secret not in text


def test_slow_searches_are_counted(settings: Settings, engine: Engine) -> None:
    class Slow(Hollow):
        def search(self, request: SearchRequest) -> SearchResult:
            return replace(self._engine.search(request), took_ms=settings.number("slow_search_ms") + 1)

    client = create_app({**settings, "TESTING": True}, engine=Slow(engine)).test_client()  # type: ignore[arg-type]
    client.get("/search?q=harbour")
    assert figures(client)["search_app_slow_searches_total", ()] == 1


def test_metrics_without_an_index_say_that_there_is_none(tmp_path: Path) -> None:
    client = create_app({"index": str(tmp_path / "none"), "TESTING": True}).test_client()
    client.get("/search?q=harbour")
    found = figures(client)
    assert found["search_app_ready", ()] == 0
    assert found["search_app_requests_total", ("/search", "GET", "503")] == 1
    assert ("search_app_index_generation", ()) not in found
