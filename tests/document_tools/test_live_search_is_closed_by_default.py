"""The search provider on the network: who may ask it, what is sent, and what becomes of bad answers."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from api.settings import Settings
from api.wiring import _tools
from judge_agent.errors import ToolError
from tools.live_search import LiveSearch, LiveSearchLimits

pytestmark = pytest.mark.anyio
RESULTS = [
    {"title": "Krill", "url": "https://x.org/k", "content": "Small crustaceans.", "description": "Small."}
]


async def test_both_kinds_of_provider_are_asked_and_read(view, provider) -> None:
    for kind, body in (("searxng", {"results": RESULTS}), ("brave", {"web": {"results": RESULTS}})):
        async with provider(json.dumps(body).encode()) as (url, asked):
            tool = LiveSearch(url, kind, "secret")  # type: ignore[arg-type]
            result = await tool.run({"query": "what  is krill"}, view(), timeout_seconds=30)
        assert result.output["results"][0]["url"] == "https://x.org/k"
        assert result.flags == {"live_search": True}
        assert result.source == "observation"
        assert "q=what+is+krill" in asked[0]
        assert "secret" in asked[0]
        assert "secret" not in json.dumps(result.output)


async def test_who_has_a_reference_reaches_nobody(view, provider) -> None:
    async with provider(b"{}") as (url, asked):
        tool, known = LiveSearch(url), view(reference="42")
        assert not tool.offered(known)
        assert tool.offered(view())
        assert (await tool.run({"query": "x"}, known, timeout_seconds=30)).status == "refused"
    assert asked == []


@pytest.mark.parametrize(
    ("body", "head", "message"),
    [
        (b"no json", b"HTTP/1.1 200 OK", "no list of results"),
        (b'{"results": 3}', b"HTTP/1.1 200 OK", "no list of results"),
        (b"[" * 100_000, b"HTTP/1.1 200 OK", "no list of results"),
        (b"x" * 3000, b"HTTP/1.1 200 OK", "max_answer_bytes=2000"),
        (b"{}", b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/", "status 302"),
        (b"{}", b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip", "compressed"),
    ],
)
async def test_a_bad_answer_is_the_tools_failure(
    view, provider, body: bytes, head: bytes, message: str
) -> None:
    most = 2000 if message.startswith("max") else 2_000_000
    async with provider(body, head) as (url, _):
        tool = LiveSearch(url, limits=LiveSearchLimits(max_answer_bytes=most))
        with pytest.raises(ToolError, match=message):
            await tool.run({"query": "x"}, view(), timeout_seconds=30)


async def test_a_provider_that_is_not_there_or_hangs_is_the_tools_failure(view) -> None:
    with pytest.raises(ToolError, match="cannot be reached"):
        await LiveSearch("http://127.0.0.1:1/").run({"query": "x"}, view(), timeout_seconds=30)
    with socket.create_server(("127.0.0.1", 0)) as server:  # takes the connection, and never says a word
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        with pytest.raises(ToolError, match=r"seconds=0\.05"):
            await LiveSearch(url, limits=LiveSearchLimits(seconds=0.05)).run(
                {"query": "x"}, view(), timeout_seconds=30
            )


@pytest.mark.parametrize("arguments", [{}, {"query": " "}, {"query": "x" * 201}, {"query": "x", "url": "y"}])
async def test_bad_arguments_are_named(view, arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"query|url"):
        await LiveSearch("http://127.0.0.1:1/").run(arguments, view(), timeout_seconds=30)


def test_the_tool_is_there_only_where_an_address_is_set(tmp_path: Path) -> None:
    without = Settings(data_dir=tmp_path, model="none")
    named = Settings(data_dir=tmp_path, model="none", live_search_url="http://127.0.0.1:1/search")
    assert "live_search" not in [tool.name for tool in _tools(without, None, None)]
    assert "live_search" in [tool.name for tool in _tools(named, None, None)]


async def test_the_operators_own_parameters_are_sent_along(view, provider) -> None:
    async with provider(json.dumps({"results": RESULTS}).encode()) as (url, asked):
        await LiveSearch(f"{url}?categories=science").run({"query": "krill"}, view(), timeout_seconds=30)
    assert "categories=science" in asked[0]
    assert "q=krill" in asked[0]
