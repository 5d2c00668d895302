"""How often one client may ask: counted for all processes, with nothing kept about anybody."""

from __future__ import annotations

import os
from typing import Any

import pytest

from search_app.settings import Settings
from search_app.web.app import create_app
from search_app.web.limits import SLOTS, WINDOW_SECONDS, RateLimit


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def answered(limit: RateLimit, client: str, times: int) -> int:
    return sum(not limit.wait_seconds(client) for _ in range(times))


@pytest.mark.parametrize("most", [1, 2, 7, 60, 1000])
def test_a_burst_of_a_whole_minute_is_answered_and_no_more(most: int, clock: Clock) -> None:
    limit = RateLimit(most, clock)
    assert answered(limit, "192.0.2.1", most + 5) == most
    clock.now += WINDOW_SECONDS
    assert answered(limit, "192.0.2.1", most + 5) == most


def test_after_the_burst_one_is_answered_each_time_its_turn_comes(clock: Clock) -> None:
    limit = RateLimit(60, clock)
    answered(limit, "192.0.2.1", 60)
    wait = limit.wait_seconds("192.0.2.1")
    assert wait == pytest.approx(1.0)
    clock.now += wait
    assert answered(limit, "192.0.2.1", 5) == 1


def test_what_was_refused_does_not_count(clock: Clock) -> None:
    limit = RateLimit(10, clock)
    answered(limit, "192.0.2.1", 1000)
    assert limit.wait_seconds("192.0.2.1") == pytest.approx(6.0)


def test_one_client_does_not_use_up_the_turn_of_another(clock: Clock) -> None:
    limit = RateLimit(5, clock)
    answered(limit, "192.0.2.1", 50)
    assert answered(limit, "192.0.2.2", 5) == 5


def test_many_clients_leave_room_for_each_other(clock: Clock) -> None:
    limit = RateLimit(5, clock)
    clients = [f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}" for number in range(2000)]
    for client in clients:
        answered(limit, client, 5)
    # Both places of a newcomer are taken with a chance of one in a thousand.
    assert sum(answered(limit, f"172.16.0.{number}", 1) for number in range(200)) >= 195


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        pytest.param("2001:db8::1", "2001:db8::ffff:1", True, id="one household"),
        pytest.param("2001:db8::1", "2001:db8:0:1::1", False, id="two networks"),
        pytest.param("192.0.2.1", "::ffff:192.0.2.1", True, id="one address in two forms"),
        pytest.param("192.0.2.1", "192.0.2.2", False, id="two addresses"),
        pytest.param("", "", True, id="no address"),
        pytest.param("unix:", "unix:", True, id="no network"),
    ],
)
def test_what_counts_as_one_client(first: str, second: str, same: bool, clock: Clock) -> None:
    limit = RateLimit(1, clock)
    assert limit.wait_seconds(first) == 0
    assert bool(limit.wait_seconds(second)) == same


def test_processes_forked_later_count_together(clock: Clock) -> None:
    limit = RateLimit(10, clock)
    child = os.fork()
    if child == 0:
        answered(limit, "192.0.2.1", 6)
        os._exit(0)
    os.waitpid(child, 0)
    assert answered(limit, "192.0.2.1", 10) == 4


def test_the_places_of_a_client_differ_from_start_to_start() -> None:
    places = {RateLimit(1)._places("192.0.2.1") for _ in range(3)}
    assert len(places) == 3
    assert all(first < SLOTS <= second < 2 * SLOTS for first, second in places)


def limited(settings: Settings, **changes: Any) -> Any:
    return create_app({**settings, "TESTING": True, "max_requests_a_minute": 3, **changes}).test_client()


@pytest.mark.parametrize(
    ("path", "media_type"), [("/search?q=harbour", "text/html"), ("/api/search", "application/problem+json")]
)
def test_too_many_requests_are_told_when_to_come_back(path: str, media_type: str, settings: Settings) -> None:
    client = limited(settings)
    assert [client.get(path).status_code for _ in range(4)] == [200, 200, 200, 429]
    refused = client.get(path)
    assert refused.mimetype == media_type
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert refused.headers["Cache-Control"] == "no-store"
    assert "Content-Security-Policy" in refused.headers
    assert "many requests" in refused.get_data(as_text=True)


def test_a_page_that_does_not_exist_counts_too(settings: Settings) -> None:
    client = limited(settings)
    assert [client.get("/nowhere").status_code for _ in range(4)] == [404, 404, 404, 429]


def test_supervisors_and_styles_get_through(settings: Settings) -> None:
    client = limited(settings)
    for path in ("/healthz", "/readyz", "/metrics", "/static/style.css"):
        assert {client.get(path, buffered=True).status_code for _ in range(5)} == {200}


def test_behind_a_proxy_the_client_counts_not_the_proxy(settings: Settings) -> None:
    client = limited(settings, proxies=1)

    def ask(address: str) -> int:
        return client.get("/api/search", headers={"X-Forwarded-For": address}).status_code

    assert [ask("192.0.2.1") for _ in range(4)] == [200, 200, 200, 429]
    assert ask("192.0.2.2") == 200


def test_without_proxies_nobody_chooses_who_they_are(settings: Settings) -> None:
    client = limited(settings)
    asked = [client.get("/api/search", headers={"X-Forwarded-For": f"192.0.2.{n}"}).status_code for n in range(4)]
    assert asked == [200, 200, 200, 429]


def test_exports_leave_room_for_searches(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    client = create_app({**settings, "TESTING": True, "max_exports": 2}).test_client()
    under_way = [client.get("/export.jsonl", buffered=False) for _ in range(2)]
    assert all(answer.is_streamed and "Content-Length" not in answer.headers for answer in under_way)
    refused = client.get("/export.csv")
    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) > 0
    assert "Other exports" in refused.get_json()["detail"]
    assert caplog.records == [], "nothing is wrong"
    assert client.get("/api/search").status_code == 200
    under_way[0].close()
    with client.get("/export.csv") as answer:
        assert answer.status_code == 200
        assert answer.get_data(as_text=True).startswith('"date"')
    under_way[1].close()


@pytest.mark.parametrize(
    "path", ["/export.csv?from=soon", "/export/nothing.csv", "/export/facets.csv", "/export.jsonl"]
)
def test_an_export_that_ended_however_makes_room(path: str, settings: Settings) -> None:
    client = create_app({**settings, "TESTING": True, "max_exports": 1}).test_client()
    statuses = set()
    for method in ("GET", "HEAD", "OPTIONS", "POST", "GET"):
        with client.open(path, method=method) as answer:
            statuses.add(answer.status_code)
            answer.get_data()
    assert 503 not in statuses


def test_it_is_off_by_default(settings: Settings) -> None:
    client = create_app({**settings, "TESTING": True}).test_client()
    assert {client.get("/robots.txt").status_code for _ in range(200)} == {200}
