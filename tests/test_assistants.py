"""The tools for assistants, asked by the protocol's own client through a real process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from program import assert_one_sentence, command, environment, run

from search_app.settings import Settings

WALKOUT = "/news/2031/03/4/dockers-in-port-amaro-walk-out-over-night-shifts"
BLOCKED = "import sys; sys.modules['mcp'] = None; from search_app.cli import main; sys.exit(main({arguments}))"


def test_without_the_extra_one_sentence_says_what_to_install(index_dir: Path) -> None:
    script = BLOCKED.format(arguments=["mcp", "--index", str(index_dir)])
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment(), capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert_one_sentence(done, 1, "pip install 'search-app[mcp]'")


mcp = pytest.importorskip("mcp", reason="mcp is not installed: pip install -e '.[test]'")
Ask = Callable[[Any], Awaitable[None]]


def with_client(index_dir: Path, ask: Ask) -> None:
    """Start the command as an assistant's program does, and let ``ask`` use its client."""
    import anyio
    from mcp.client.client import Client
    from mcp.client.stdio import StdioServerParameters

    name, *arguments = command("mcp", "--index", index_dir)

    async def session() -> None:
        with anyio.fail_after(60):
            async with Client(StdioServerParameters(command=name, args=arguments, env=environment())) as client:
                await ask(client)

    anyio.run(session)


def body(result: Any) -> dict[str, Any]:
    """Return what a tool answered; the text says the same as the structure."""
    assert not result.is_error, result.content
    assert json.loads(result.content[0].text) == result.structured_content
    return result.structured_content  # type: ignore[no-any-return]


def test_an_assistant_searches_reads_and_counts(index_dir: Path, client: FlaskClient) -> None:
    async def ask(assistant: Any) -> None:
        tools = {tool.name: tool for tool in (await assistant.list_tools()).tools}
        assert set(tools) == {"search", "article", "facet"}
        for tool in tools.values():
            assert tool.description
            assert tool.annotations.read_only_hint
            for name, schema in tool.input_schema["properties"].items():
                assert schema.get("description"), f"{tool.name}: {name}"

        found = body(await assistant.call_tool("search", {"q": "strike", "context": ["Kestria"], "since": "2031"}))
        told = client.get("/api/search?q=strike&context=Kestria&from=2031&facet_size=8").get_json()
        assert {name: found[name] for name in ("query", "total", "relaxed", "warnings")} == {
            name: told[name] for name in ("query", "total", "relaxed", "warnings")
        }
        assert [hit["id"] for hit in found["hits"]] == [hit["id"] for hit in told["hits"]]
        for field, values in found["facets"].items():
            assert values == {value["value"]: value["count"] for value in told["facets"][field]}
        assert sum(found["histogram"].values()) == found["total"] > 0

        counts = body(await assistant.call_tool("search", {"limit": 0}))
        assert (counts["hits"], counts["total"]) == ([], 13)
        second = body(await assistant.call_tool("search", {"limit": 5, "page": 2, "sort": "oldest"}))
        assert (second["page"], second["pages"], len(second["hits"])) == (2, 3, 5)

        for path in (WALKOUT, f"{WALKOUT[1:]}.html"):
            article = body(await assistant.call_tool("article", {"path": path}))
            assert (article["id"], article["topic"]) == (WALKOUT, "Port Amaro harbour strike")
            assert article["sources"][0]["url"].startswith("https://")

        facet = body(await assistant.call_tool("facet", {"field": "context", "prefix": "kes", "limit": 5}))
        assert facet["values"]["Kestria"] == client.get("/api/search?context=Kestria").get_json()["total"]

    with_client(index_dir, ask)


TROUBLES = {
    "a bad date": ("search", {"since": "soon"}, "since: “soon” cannot be used."),
    "an unknown order": ("search", {"sort": "best"}, "sort"),
    "too many hits": ("search", {"limit": 51}, "It takes a whole number from 0 to 50."),
    "a page past the end": ("search", {"q": "strike", "page": 99}, "The last page is"),
    "page zero": ("search", {"page": 0}, "page: “0” cannot be used."),
    "an unknown article": ("article", {"path": "/news/none"}, "It takes the id of a hit"),
    "an unknown field": ("facet", {"field": "author"}, "field"),
    "too few values": ("facet", {"field": "topic", "limit": 0}, "It takes a whole number from 1 to 100."),
    "a text for a list": ("search", {"topic": 7}, "topic"),
    "an unknown tool": ("delete", {}, "delete"),
}


def test_whatever_goes_wrong_is_told_and_the_next_question_answered(index_dir: Path) -> None:
    async def ask(assistant: Any) -> None:
        for case, (tool, arguments, said) in TROUBLES.items():
            result = await assistant.call_tool(tool, arguments)
            assert result.is_error, case
            assert said in result.content[0].text, (case, result.content)
            assert "Traceback" not in result.content[0].text
        assert body(await assistant.call_tool("search", {"q": 'whatever ( " [ is typed'}))["total"] >= 0

    with_client(index_dir, ask)


def test_an_assistant_without_an_index_is_told_before_it_starts(tmp_path: Path) -> None:
    assert_one_sentence(run("mcp", "--index", tmp_path / "none"), 1, "There is no index in")


def test_the_tools_work_without_the_protocol(settings: Settings, index_dir: Path) -> None:
    from search_app.assistants import Tools
    from search_app.engine import open_engine

    engine = open_engine(index_dir, settings)
    tools = Tools(engine, settings)
    assert tools.search(limit=0)["total"] == engine.status()["articles"]
    assert tools.search(q="strike", topic=["no such topic"])["total"] == 0
    engine.close()
