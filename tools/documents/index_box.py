"""The host's side of an index: passages go into a box, queries are answered as places, which are checked here."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

from judge_agent.errors import ToolError
from judge_agent.seams.sandbox import Box, BoxClosed, BoxResult, Limits, Program, Sandbox, Warm
from tools.documents import reranking
from tools.documents.library import Library, Passage
from tools.documents.limits import CorpusLimits
from tools.documents.reading import INSTALL

_MEMORY_BYTES = 1500 * 2**20  # address space: the writer's arena, and some for each of tantivy's threads
_MODEL_BYTES = 800 * 2**20  # of address space: weights of 72 MB, and what its threads reserve
_LIFE_SECONDS = 3600.0
_CPU_SECONDS = 300


class Hit(NamedTuple):
    """`score` is BM25's; `nearness` the cosine of the question and the passage, where hits are re-ranked."""

    passage: Passage
    score: float
    nearness: float | None = None


class IndexClosed(Exception):
    """The box of the index has ended; another one can be opened."""


class IndexBox:
    """An index that is open in a box. Concurrent queries wait for each other."""

    def __init__(self, box: Box, library: Library, query_seconds: float) -> None:
        self._box = box
        self._library = library
        self._query_seconds = query_seconds
        self._turn = asyncio.Lock()

    async def search(self, query: str, *, limit: int, within: Mapping[str, str]) -> tuple[Hit, ...]:
        """The best passages, best first. Raises IndexClosed; ToolError for a query that takes too long."""
        asked = json.dumps({"query": query, "limit": limit, "within": dict(within)}).encode()
        async with self._turn:
            line = await self._answer(asked)
        return tuple(self._hits(line, limit))

    async def _answer(self, asked: bytes) -> bytes:
        answered = False
        try:
            await self._box.send(asked)
            line = await self._box.receive(timeout_seconds=self._query_seconds)
            answered = True
        except TimeoutError as error:
            raise ToolError(f"the query took longer than query_seconds={self._query_seconds:g}") from error
        except BoxClosed as error:
            raise IndexClosed(str(error)) from error
        finally:
            if not answered:  # also where the asker was cancelled: the next one must not read its answer
                await self._box.stop()
        return line

    def _hits(self, line: bytes, limit: int) -> list[Hit]:
        passages = self._library.passages
        try:
            found = json.loads(line)["hits"][:limit]
            hits = [
                Hit(passages[_place(place, len(passages))], *map(float, scores)) for place, *scores in found
            ]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ToolError(f"the index answered what is no list of hits: {error}") from error
        if len({hit.passage.id for hit in hits}) != len(hits):
            raise ToolError("the index named a passage twice")
        return hits


@asynccontextmanager
async def open_index(
    sandbox: Sandbox, library: Library, limits: CorpusLimits, *, rerank: bool = False
) -> AsyncIterator[IndexBox]:
    """Open an index over all passages. Raises ToolError where it cannot be made; SandboxError."""
    program = await asyncio.to_thread(_program, library, rerank)
    box_limits = Limits(
        wall_seconds=_LIFE_SECONDS,
        cpu_seconds=_CPU_SECONDS,
        memory_bytes=_MEMORY_BYTES + (_MODEL_BYTES if rerank else 0),
        program_bytes=len(program.stdin) + 2_000_000,
    )
    async with sandbox.open(program, limits=box_limits) as box:
        try:
            reply = json.loads(await box.receive(timeout_seconds=limits.index_seconds))
        except TimeoutError as error:
            raise ToolError(f"indexing took longer than index_seconds={limits.index_seconds:g}") from error
        except (BoxClosed, ValueError, RecursionError) as error:
            why = _last_words(await box.stop()) or str(error)
            raise ToolError(f"the passages could not be indexed: {why}") from error
        if isinstance(reply, dict) and "missing" in reply:
            install = reranking.INSTALL if reply["missing"] == reranking.Reranker().package else INSTALL
            raise ToolError(f"search needs {str(reply['missing'])[:60]} in the box: {install}")
        if not isinstance(reply, dict) or reply.get("indexed") != len(library.passages):
            raise ToolError("the passages could not be indexed: the index counts others")
        seconds = limits.rerank_seconds if rerank else limits.query_seconds
        yield IndexBox(box, library, seconds)


def _program(library: Library, rerank: bool) -> Program:
    lines = [json.dumps({"rerank": rerank})]
    for passage in library.passages:
        document = library.documents[passage.document]
        lines.append(json.dumps([library.text_of(passage), document.title, document.id, document.corpus]))
    stdin = "\n".join(lines).encode()
    warm: Warm = "rerank" if rerank else "python"
    return Program("from tools.documents.in_box.indexer import main", _modules(), stdin, warm=warm)


def _last_words(result: BoxResult) -> str:
    if result.limit is not None:
        return f"it hit the limit {result.limit} of its box"
    return result.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2][:200]


@cache
def _modules() -> dict[str, str]:
    folder = resources.files("tools.documents.in_box")
    return {
        f"tools.documents.in_box.{name}": folder.joinpath(f"{name}.py").read_text(encoding="utf-8")
        for name in ("indexer", "nearness")
    }


def _place(value: Any, count: int) -> int:
    if not isinstance(value, int) or not 0 <= value < count:
        raise ValueError(f"there is no passage {value!r}")
    return value
