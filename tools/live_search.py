"""Asks a search engine on the network, over the HTTP API of SearXNG or Brave; off unless the operator configures one.

It informs and never decides. It is not offered, and refuses, where the task has any reference: who has seen an answer
or a hidden test could carry it outside in a query. Every query is in the audit log as the call's arguments, and what
came back is in the journal, from which a replay is answered without the network.

What comes back changes from day to day, which is flagged (`live_search`). Titles and snippets are strangers' text: they
are shown fenced like any result, no page is opened, and no redirect is followed.

Sources: docs.searxng.org/dev/search_api, api-dashboard.search.brave.com/app/documentation/web-search.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import httpx
from pydantic import Field

from judge_agent.errors import ToolError
from judge_agent.seams.tool import AskedTool, Finding, ToolResult, ToolView
from tools.search import check_query

Provider = Literal["searxng", "brave"]


@dataclass(frozen=True)
class LiveSearchLimits:
    """Ceilings of one query: its length, its time, what is read of the answer, and what is shown of it."""

    max_query_chars: int = 200
    seconds: float = 10.0
    max_answer_bytes: int = 2_000_000
    max_results: int = 8
    max_text_chars: int = 500


class LiveSearch(AskedTool):
    """The tool `live_search`. `url` is the provider's search address, which the operator chose."""

    name = "live_search"
    repeats = False  # what the web says changes

    def __init__(
        self,
        url: str,
        provider: Provider = "searxng",
        api_key: str | None = None,
        *,
        limits: LiveSearchLimits | None = None,
    ) -> None:
        self._url = url
        self._provider = provider
        self._key = api_key
        self.limits = limits or LiveSearchLimits()
        self.version = f"1/{provider}"

    def offered(self, view: ToolView) -> bool:
        """Only where nothing of a reference is there to be carried outside."""
        return not _has_reference(view)

    async def asked(
        self,
        view: ToolView,
        *,
        query: Annotated[str, Field(min_length=1, max_length=200)],
        timeout_seconds: float,
    ) -> ToolResult:
        """Searches the web and shows titles, addresses and snippets. Use it to check a fact that the task's material
        does not settle; the query leaves this machine.

        query: Words to look for.

        Raises ToolError.
        """
        check_query(query, self.limits.max_query_chars)
        query = " ".join(query.split())
        if _has_reference(view):
            error = "live_search is closed to a judgment that has a reference or hidden tests"
            return ToolResult("refused", {"error": error})
        try:
            async with asyncio.timeout(self.limits.seconds):
                found = await self._found(query)
        except TimeoutError as error:
            raise ToolError(
                f"the search provider did not answer in seconds={self.limits.seconds:g}"
            ) from error
        results = [self._shown(one) for one in found[: self.limits.max_results]]
        finding = Finding("none", "hint", None, f"{len(results)} results")
        output = {"query": query, "provider": self._provider, "results": results}
        cut = len(found) > len(results)
        return ToolResult("ok", output, (finding,), "observation", cut, flags={"live_search": True})

    async def _found(self, query: str) -> list[Mapping[str, Any]]:
        """The results as the provider gives them. Raises ToolError."""
        body = await self._answer(query)
        try:
            answer = json.loads(body)
            listed = answer["results"] if self._provider == "searxng" else answer["web"]["results"]
        except (ValueError, RecursionError, KeyError, TypeError) as error:
            raise ToolError(f"the search provider's answer is no list of results: {error!r:.200}") from error
        if not isinstance(listed, list):
            raise ToolError("the search provider's answer is no list of results")
        return [one for one in listed if isinstance(one, dict)]

    async def _answer(self, query: str) -> bytes:
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        asked = {"q": query}
        if self._provider == "searxng":
            asked |= {"format": "json", "safesearch": "1"}
            if self._key is not None:
                headers["Authorization"] = f"Bearer {self._key}"
        else:
            asked |= {"count": str(self.limits.max_results), "text_decorations": "false"}
            headers["X-Subscription-Token"] = self._key or ""
        address = httpx.URL(self._url).copy_merge_params(asked)  # the operator's own parameters stay
        body = bytearray()
        try:
            async with (
                httpx.AsyncClient(
                    follow_redirects=False, trust_env=False, timeout=self.limits.seconds
                ) as client,
                client.stream("GET", address, headers=headers) as answer,
            ):
                if answer.status_code != 200:
                    raise ToolError(f"the search provider answered with status {answer.status_code}")
                if answer.headers.get("content-encoding", "identity") != "identity":
                    raise ToolError("the search provider's answer is compressed, which was not asked for")
                async for chunk in answer.aiter_raw(1 << 16):
                    body += chunk
                    if len(body) > self.limits.max_answer_bytes:
                        most = self.limits.max_answer_bytes
                        raise ToolError(f"the search provider's answer has more than max_answer_bytes={most}")
        except httpx.HTTPError as error:
            raise ToolError(f"the search provider cannot be reached: {type(error).__name__}") from error
        return bytes(body)

    def _shown(self, one: Mapping[str, Any]) -> dict[str, str]:
        snippet = one.get("content") if self._provider == "searxng" else one.get("description")
        told = {"title": one.get("title"), "url": one.get("url"), "text": snippet}
        most = self.limits.max_text_chars
        return {name: _whole(value)[:most] for name, value in told.items() if isinstance(value, str)}


def _whole(text: str) -> str:
    """A stranger's text without half characters and NUL, which JSON may hold and no store takes."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def _has_reference(view: ToolView) -> bool:
    """Whether anything of the reference is given; visible tests as well, for hidden ones may stand beside them."""
    reference = view.task.reference
    return any(value is not None for _, value in reference)
