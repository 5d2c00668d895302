"""The description of the API: sound, complete, and kept by every answer."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from conftest import SEED
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, seed, settings
from web_page import Page, words

import search_app.web.app  # noqa: F401 - importing it registers every operation
from search_app.web.operations import OPERATIONS
from search_app.web.state import PARAMETER_ORDER

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed: pip install -e '.[test]'")
jsonschema_rs = pytest.importorskip("jsonschema_rs", reason="comes with schemathesis")
MAX_EXAMPLES = 12
ARTICLE = "news/2031/03/4/dockers-in-port-amaro-walk-out-over-night-shifts"


@pytest.fixture(scope="module")
def document(app: Flask) -> dict[str, Any]:
    found = app.test_client().get("/openapi.json").get_json()
    assert isinstance(found, dict)
    return found


def test_every_data_address_is_described(app: Flask, document: dict[str, Any]) -> None:
    assert len(OPERATIONS) > 10
    served = {str(rule) for rule in app.url_map.iter_rules()}
    assert {operation.rule for operation in OPERATIONS} <= served
    data = {rule for rule in served if re.match("/(api/.|export|feed)", rule)}
    assert data <= {operation.rule for operation in OPERATIONS}
    assert set(document["paths"]) == {re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", operation.rule) for operation in OPERATIONS}


def test_every_operation_has_a_name_of_its_own(document: dict[str, Any]) -> None:
    """Of which clients make the names of functions, and the page where a link leads."""
    names = [operation["operationId"] for methods in document["paths"].values() for operation in methods.values()]
    assert sorted(names) == sorted(set(names))


def test_every_parameter_of_a_search_is_described(document: dict[str, Any]) -> None:
    described = [parameter["name"] for parameter in document["paths"]["/api/search"]["get"]["parameters"]]
    assert sorted(described) == sorted([*PARAMETER_ORDER, "cursor", "include"])


def test_the_page_shows_all_of_it(client: FlaskClient, document: dict[str, Any]) -> None:
    page = Page(client.get("/api/"))
    assert [words(heading) for heading in page.all("h2")] == list(document["paths"])
    for methods in document["paths"].values():
        for parameter in methods["get"]["parameters"]:
            assert parameter["description"] in page.text
    for _, href in page.links:
        if not href.startswith("#"):
            assert client.get(href).status_code == 200, href


EXAMPLES = [
    "/api/search?q=strike",
    "/api/search?q=harbour+zebra",
    "/api/search?missing=topic&from=2031",
    "/api/facets/topic",
    "/api/suggest?q=s",
    f"/api/articles/{ARTICLE}",
    "/api/days/2031-03-04",
    "/api/status",
    "/opensearch/suggest?q=s",
]


@pytest.mark.parametrize("address", EXAMPLES)
def test_answers_keep_to_their_schema(client: FlaskClient, document: dict[str, Any], address: str) -> None:
    path = address.partition("?")[0]
    template = next(known for known in document["paths"] if re.fullmatch(re.sub(r"\{\w+\}", ".+", known), path))
    (content,) = document["paths"][template]["get"]["responses"]["200"]["content"].values()
    schema = {**content["schema"], "components": document["components"]}
    answer = client.get(address).get_json(force=True)
    jsonschema_rs.validate(schema, answer)
    name = content["schema"]["$ref"].rpartition("/")[2]
    if "properties" in document["components"]["schemas"][name]:
        described = set(document["components"]["schemas"][name]["properties"])
        if path.startswith("/api/days"):
            described -= {"next", "next_cursor"}
        assert set(answer) == described or name == "Status"


def test_every_line_of_an_export_keeps_to_its_schema(client: FlaskClient, document: dict[str, Any]) -> None:
    schema = {"$ref": "#/components/schemas/PlainHit", "components": document["components"]}
    for line in client.get("/export.jsonl").get_data(as_text=True).splitlines():
        jsonschema_rs.validate(schema, json.loads(line))


@pytest.mark.slow
@pytest.mark.parametrize(
    "path", sorted({re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", operation.rule) for operation in OPERATIONS})
)
def test_whatever_is_sent_is_answered_as_described(app: Flask, path: str) -> None:
    """Random valid and invalid requests, made from the description: no 5xx, no undescribed status, type or form."""
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app)
    operation = schema[path]["GET"]
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi import checks

    # Not held to: that whatever keeps to the schema is taken, since dates are free text, and that nothing else is,
    # since unknown parameters are ignored.
    held = [
        not_a_server_error,
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_headers_conformance,
        checks.response_schema_conformance,
        checks.allow_header_conformance,
    ]

    @seed(SEED)
    @settings(max_examples=MAX_EXAMPLES, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy())
    def check(case: Any) -> None:
        # In process, nobody takes the compression off again.
        case.call_and_validate(checks=held, headers={"Accept-Encoding": "identity"})

    check()
