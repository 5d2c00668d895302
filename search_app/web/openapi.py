"""The description of the API: made from the table that registers its addresses, for programs and for people.

In: ``OPERATIONS`` and the settings in force. Out: an OpenAPI 3.1 document, and a page that shows it.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, make_response, render_template, request

from ..engine.request import SearchRequest
from ..settings import Settings
from .api import json_response
from .operations import OPERATIONS, Operation, Parameter
from .presenters import present_form
from .schemas import SCHEMAS, ref
from .site import conditional, site

blueprint = Blueprint("openapi", __name__)

API_VERSION = "1.0"
PROBLEM = "application/problem+json"
OTHER_ANSWERS = {
    301: "An older version of an article was asked for, or a form that is written otherwise.",
    304: "The client has the answer already (If-None-Match).",
    308: "The same address, written plainly.",
    414: "The address is too long for any server.",
}
"""What any address may answer beside its own answers and problems."""
LINKS: dict[str, Any] = {
    "/api/search": {
        "goes on": {
            "operationId": "search",
            "parameters": {"cursor": "$response.body#/next_cursor", "q": "$request.query.q"},
            "description": "The hits that follow, with the other parameters as they were.",
        },
        "shows": {
            "operationId": "article",
            "parameters": {"path": "$response.body#/hits/0/id"},
            "description": "All of the first hit.",
        },
    }
}
"""Where values of an answer lead, as programs that follow descriptions read it."""
_PLACEHOLDER = re.compile(r"<(?:\w+:)?(\w+)>")


def describe_api(settings: Settings, server: str) -> dict[str, Any]:
    """Return the OpenAPI document. server : scheme, host and prefix that addresses begin with."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": settings.text("site_name"),
            "version": API_VERSION,
            "description": "Search a news archive. Nothing needs a key; answers are open to any site. "
            "Unknown parameters are ignored; a value that cannot be used is a 400 that says what is taken instead.",
        },
        "servers": [{"url": server}],
        "paths": {
            path_of(operation): {"get": _describe(operation, settings), "head": _describe(operation, settings, "head_")}
            for operation in OPERATIONS
        },
        "components": {"schemas": SCHEMAS},
    }


def path_of(operation: Operation) -> str:
    """Return an address as OpenAPI writes it: ``/api/facets/{field}``."""
    return _PLACEHOLDER.sub(r"{\1}", operation.rule)


def _describe(operation: Operation, settings: Settings, prefix: str = "") -> dict[str, Any]:
    responses: dict[str, Any] = {
        "200": {
            "description": "The answer.",
            "content": {
                mimetype: {"schema": ref(schema) if schema and "json" in mimetype else {"type": "string"}}
                for mimetype, schema in operation.answers.items()
            },
        }
    }
    if operation.rule in LINKS:
        responses["200"]["links"] = LINKS[operation.rule]
    for status in (*operation.problems, 429):
        responses[str(status)] = {
            "description": HTTPStatus(status).phrase,
            "content": {PROBLEM: {"schema": ref("Problem")}},
        }
    for status, told in OTHER_ANSWERS.items():
        responses[str(status)] = {"description": told}
    if prefix:
        responses = {status: {"description": answer["description"]} for status, answer in responses.items()}
    return {
        "operationId": prefix + operation.name,
        "summary": operation.summary,
        "parameters": [_parameter(parameter, settings) for parameter in operation.parameters],
        "responses": responses,
    }


def _parameter(parameter: Parameter, settings: Settings) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": parameter.name,
        "in": parameter.place,
        "description": parameter.help,
        "schema": parameter.schema(settings),
    }
    if parameter.place == "path":
        described["required"] = True
    if described["schema"].get("type") == "array":
        described |= {"style": "form", "explode": True}
    if parameter.example is not None:
        described["example"] = parameter.example
    return described


@blueprint.get("/openapi.json")
def document() -> Response:
    """Answer the description."""
    response = json_response(describe_api(site().settings, request.url_root.rstrip("/")))
    response.add_etag()
    return conditional(response)


@blueprint.get("/api/")
def page() -> Response:
    """Answer the description as a page."""
    here = site()
    links = here.links()
    described = describe_api(here.settings, links.root or "/")
    response = make_response(
        render_template(
            "api.html",
            form=present_form(SearchRequest(), links),
            links=links,
            operations=[
                {"path": path, "example": _example(path, methods["get"], links.root), **methods["get"]}
                for path, methods in described["paths"].items()
            ],
            schemas=SCHEMAS,
        )
    )
    response.add_etag()
    return conditional(response)


def _example(path: str, described: dict[str, Any], root: str) -> str:
    """Return an address to try, ``""`` where none can be given without knowing the archive."""
    examples = {p["name"]: p["example"] for p in described["parameters"] if "example" in p and p["in"] == "path"}
    filled = re.sub(r"\{(\w+)\}", lambda match: str(examples.get(match[1], "{")), path)
    if "{" in filled:
        return ""
    query = next((f"?q={p['example']}" for p in described["parameters"] if p["name"] == "q"), "")
    return f"{root}{filled}{query}"
