"""Every page and every answer below a path: a walk along all links, none of which may lead out of it."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterator
from urllib.parse import urljoin

import pytest
from flask import Flask, Response, redirect
from prefixed import PREFIX, PrefixedClient
from web_page import Page

from search_app.settings import Settings
from search_app.web.app import create_app

ROOT = "/find"
HERE = "http://localhost"
MOST_PAGES = 150
SEEDS = [
    "/",
    "/api/",
    "/search?q=strike",
    "/news/2031/",
    "/feed.atom",
    "/opensearch.xml",
    "/sitemap.xml",
    "/robots.txt",
]


def addresses(page: Page) -> Iterator[str]:
    for element in page.root.iter():
        for name in ("href", "src", "action"):
            if isinstance(element.tag, str) and (found := element.get(name)):
                yield found


@pytest.mark.parametrize("handed_on", [True, False], ids=["the proxy keeps the path", "the proxy takes it off"])
def test_no_link_leads_out_of_the_path(settings: Settings, handed_on: bool) -> None:
    client = create_app({**settings, "url_prefix": ROOT, "TESTING": True}).test_client()
    waiting = deque(f"{ROOT}{seed}" for seed in SEEDS)
    seen = set(waiting)
    walked = kinds = 0
    while waiting and walked < MOST_PAGES:
        address = waiting.popleft()
        walked += 1
        with client.get(address if handed_on else address.removeprefix(ROOT)) as response:
            # A month or day without articles is linked from its year, and says so.
            assert response.status_code < 400 or (response.status_code == 404 and "/news/" in address), address
            if "Location" in response.headers:
                found = [response.headers["Location"]]
            elif response.mimetype == "text/html":
                kinds |= 1
                found = list(addresses(Page(response)))
            elif response.mimetype == "application/json":
                kinds |= 2
                found = re.findall(r'"(?:url)":"([^"]+)"', response.get_data(as_text=True))
                found = [json.loads(f'"{text}"') for text in found if text.startswith(("/", HERE))]
            elif "xml" in response.mimetype or response.mimetype == "text/plain":
                kinds |= 4
                found = re.findall(rf'{HERE}[^"<\s{{]*', response.get_data(as_text=True).replace("&amp;", "&"))
            else:
                continue
        for text in found:
            target = urljoin(HERE + address, text)
            if not target.startswith(HERE + "/"):
                assert target.startswith(("http://", "https://")), f"{text} in {address}"
                continue
            target = target.removeprefix(HERE).partition("#")[0]
            assert target == ROOT or target.startswith(f"{ROOT}/"), f"{text} in {address}"
            if target not in seen and "{" not in target:
                seen.add(target)
                waiting.append(target)
    assert walked == MOST_PAGES
    assert kinds == 7


LEAVING = {
    "a page": ("text/html", '<a href="/search">'),
    "a form": ("text/html", '<form method="get" action="/search">'),
    "data": ("application/json", '{"url": "/news/x.html"}'),
    "a feed": ("application/atom+xml", f"<id>{HERE}/news/x</id>"),
    "a path that begins alike": ("text/html", f'<img src="{PREFIX}er/x.png">'),
}


@pytest.mark.parametrize(("mimetype", "body"), LEAVING.values(), ids=LEAVING.keys())
def test_the_client_below_a_path_finds_links_that_lead_out(mimetype: str, body: str) -> None:
    """Every test with a client runs below a path too; this is what makes it fail there."""
    app = Flask("leaving")
    app.test_client_class = PrefixedClient
    app.add_url_rule("/<path:path>", "any", lambda path: Response(body, mimetype=mimetype))
    with pytest.raises(AssertionError, match="leads out of"):
        app.test_client().get("/here")


def test_the_client_below_a_path_finds_redirections_that_lead_out() -> None:
    app = Flask("leaving")
    app.test_client_class = PrefixedClient
    app.add_url_rule("/<path:path>", "any", lambda path: redirect("/elsewhere"))
    with pytest.raises(AssertionError, match="leads out of"):
        app.test_client().get("/here")
