"""Every parameter of every address for programs: a bad value is a 400 that names it and says what is taken instead."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

import search_app.web.app  # noqa: F401 - importing it registers every operation
from search_app.settings import load_settings
from search_app.web.operations import OPERATIONS, Operation, Parameter

SETTINGS = load_settings({})
LONG = "x" * 3000
FREE_TEXT = {"q"}
"""Whatever is typed here gets an answer."""
BY_NAME = {
    "from": ["soon", "2031-13", "2031-02-30", "0"],
    "to": ["soon", "2031-13", "2031-02-30", "0"],
    "date": ["2031-3-4", "2031-02-30", "today"],
    "cursor": ["next", "AAAA", LONG],
}
"""Values that a schema cannot tell from good ones."""
FILLED = {"field": "topic", "date": "2031-03-04", "path": "news/2031/03/4/none"}


def bad_values(parameter: Parameter) -> Iterator[tuple[str, list[str]]]:
    """Yield a name for each kind of bad value, with the values of the address."""
    schema = parameter.schema(SETTINGS)
    for value in BY_NAME.get(parameter.name, []):
        yield value[:12], [value]
    if schema["type"] == "integer":
        for value in (schema["minimum"] - 1, schema["maximum"] + 1, "1.5", "one", "１", "0x10", "-", "1e3"):
            yield str(value), [str(value)]
    item = schema.get("items", schema)
    if "enum" in item:
        spoiled = ("no-such-value", item["enum"][0].upper(), f"{item['enum'][0]},{item['enum'][-1]}")
        for value in (value for value in spoiled if value not in item["enum"]):
            yield value, [value]
    elif "maxLength" in item:
        yield "too long", ["x" * (item["maxLength"] + 1)]
    if "maxItems" in schema and "enum" not in item:
        yield "too many", [f"value {n}" for n in range(schema["maxItems"] + 1)]


CASES = [
    pytest.param(operation, parameter, values, id=f"{operation.rule} {parameter.name} {name}")
    for operation in OPERATIONS
    for parameter in operation.parameters
    for name, values in bad_values(parameter)
]


def address_of(operation: Operation, **places: str) -> str:
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda match: {**FILLED, **places}[match[1]], operation.rule)


@pytest.mark.parametrize(("operation", "parameter", "values"), CASES)
def test_what_a_parameter_does_not_take_is_told(
    client: FlaskClient, operation: Operation, parameter: Parameter, values: list[str]
) -> None:
    if parameter.place == "path":
        response = client.get(address_of(operation, **{parameter.name: values[0]}))
        if parameter.name == "field":
            assert response.status_code == 404, "there is no such address"
            return
    else:
        response = client.get(address_of(operation), query_string=[(parameter.name, value) for value in values])
    assert (response.status_code, response.mimetype) == (400, "application/problem+json")
    problem: dict[str, Any] = response.get_json()
    assert (problem["status"], problem["parameter"]) == (400, parameter.name)
    assert problem["value"] == (values[0] if len(values) == 1 else f"{len(values)} values")
    assert problem["expected"].endswith(".")
    assert re.search("takes|Write", problem["expected"]), problem["expected"]
    assert problem["detail"].startswith(f"{parameter.name}: “")
    assert problem["detail"].endswith(problem["expected"])
    schema = parameter.schema(SETTINGS)
    for bound in (schema.get("minimum"), schema.get("maximum"), *schema.get("items", schema).get("enum", ())):
        if bound is not None:
            assert (f"{bound:,}" if isinstance(bound, int) else bound) in problem["expected"]


def test_no_parameter_is_left_out() -> None:
    """Each has a kind of bad value here, or takes whatever is typed."""
    for operation in OPERATIONS:
        for parameter in operation.parameters:
            free = parameter.name in FREE_TEXT or (operation.rule.endswith("<path:path>") and parameter.name == "path")
            assert bool(list(bad_values(parameter))) != free, f"{operation.rule}: {parameter.name}"


@pytest.mark.parametrize("operation", OPERATIONS, ids=[operation.rule for operation in OPERATIONS])
def test_empty_and_unknown_parameters_are_ignored(client: FlaskClient, operation: Operation) -> None:
    address = address_of(operation)
    names = [parameter.name for parameter in operation.parameters if parameter.place == "query"]
    plain = client.get(address)
    given = client.get(
        address, query_string=[*((name, "" if name == "q" else " ") for name in names), ("no_such_parameter", "x")]
    )
    assert given.status_code == plain.status_code in (200, 404)
    took = re.compile(rb'"took_ms":[0-9.]+')
    assert took.sub(b"", given.data) == took.sub(b"", plain.data)
