"""Searches the documents that a request brings along, and shows the passages that fit best.

It informs and never decides. Documents are read and indexed in boxes (`documents/`); words are matched by BM25 after
English stemming, so what is said in other words is not found. A file that could not be read is named beside the hits:
that nothing was found in it says nothing.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

from judge_agent.errors import BudgetExceeded
from judge_agent.seams.tool import AskedTool, Finding, ToolResult, ToolView
from tools.documents.index_box import Hit
from tools.documents.library import Library
from tools.documents.shelf import Shelf

DEFAULT_HITS = 5
_ROOMS = (900, 450, 200, 80)  # characters shown of each passage: the first that fits
_PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "query": {
            "type": "string",
            "minLength": 1,
            "maxLength": 400,
            "description": 'Words to look for; "words in quotes" must stand together.',
        },
        "limit": {"type": "integer", "minimum": 1, "maximum": 10},
        "corpus": {"type": "string", "maxLength": 64, "description": "Only this corpus."},
        "document": {"type": "string", "maxLength": 300, "description": "Only the document with this id."},
    },
    "required": ["query"],
    "additionalProperties": False,
}


class Search(AskedTool):
    """The tool `search`. `shelf` is what it shares with `read_page` and `check_citations`."""

    name = "search"
    description = (
        "Searches the documents of the task and shows the passages that fit a query best, each with its id, document, "
        "page and offsets. Use it to check what an answer claims; read_page shows more around a passage."
    )
    parameters = _PARAMETERS

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self.version = f"1/{shelf.box}/{shelf.limits.words}"

    async def aclose(self) -> None:
        """Close what the shelf keeps open. Repeated calls do nothing."""
        await self._shelf.aclose()

    def offered(self, view: ToolView) -> bool:
        """Where there are documents."""
        return bool(view.resources.corpora)

    async def run(
        self, arguments: Mapping[str, Any], view: ToolView, *, timeout_seconds: float
    ) -> ToolResult:
        """Search. Raises ValueError (of the arguments), ToolError, SandboxError, StoreError, BudgetExceeded."""
        limits = self._shelf.limits
        query = read_text(arguments, "query", limits.max_query_chars, self.name, _PARAMETERS)
        limit = _limit(arguments, limits.max_hits)
        within = _within(arguments, [corpus.name for corpus in view.resources.corpora])
        try:
            async with asyncio.timeout(timeout_seconds):
                library = await self._shelf.library(view)
                if (wanted := within.get("document")) is not None:
                    within["document"] = named_document(library, wanted)
                hits = await self._shelf.search(view, query, limit=limit, within=within)
        except TimeoutError as error:
            message = f"tool 'search' exceeded timeout_seconds={timeout_seconds:g}; raise budget.seconds"
            raise BudgetExceeded("deadline", message) from error
        return _told(library, query, hits, limits.max_output_chars)


def read_text(
    arguments: Mapping[str, Any], name: str, max_chars: int, tool: str, parameters: Mapping[str, Any]
) -> str:
    """An argument that must be text. Raises ValueError that names argument, value and limit."""
    known = sorted(parameters["properties"])
    unknown = sorted(set(arguments) - set(known))
    if unknown:
        raise ValueError(f"unknown argument {unknown[0]!r}; {tool} takes {', '.join(known)}")
    text = arguments.get(name)
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"{name} must be text that is not empty, not {text!r:.80}")
    if len(text) > max_chars:
        raise ValueError(f"{name} has {len(text)} characters; the limit is {max_chars}")
    return text


def named_document(library: Library, name: str) -> str:
    """The id of a document that the model names. Raises ValueError, with ids that there are."""
    document = library.named(name)
    if document is None:
        some = ", ".join([one.id for one in library.documents[:8]]) or "none that could be read"
        raise ValueError(f"document {name!r:.200} is unknown; there are {len(library.documents)}: {some}")
    return document.id


def coverage(library: Library) -> dict[str, Any]:
    """What was looked at, and what could not be."""
    told: dict[str, Any] = {"documents": len(library.documents), "passages": len(library.passages)}
    if library.refused:
        shown = dict(list(library.refused.items())[:8])
        told["not_read"] = {id_[:160]: why[:200] for id_, why in shown.items()}
        if len(library.refused) > len(shown):
            told["more_not_read"] = len(library.refused) - len(shown)
    if library.skipped:
        told["lines_without_text"] = dict(library.skipped)
    empty = [document.id for document in library.documents if not document.text.strip()]
    if empty:
        told["without_text"] = [id_[:160] for id_ in empty[:8]]
    return told


def none_was_read(library: Library) -> ToolResult | None:
    """A refusal where no file could be read; None where one could."""
    if library.documents or not library.refused:
        return None
    told = "; ".join(f"{id_} {why}" for id_, why in list(library.refused.items())[:4])
    return ToolResult("refused", {"error": f"no document could be read: {told}"[:2000], **coverage(library)})


def _limit(arguments: Mapping[str, Any], most: int) -> int:
    limit = arguments.get("limit", DEFAULT_HITS)
    if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= most:
        raise ValueError(f"limit must be a whole number from 1 to {most}, not {limit!r:.80}")
    return limit


def _within(arguments: Mapping[str, Any], corpora: Sequence[str]) -> dict[str, str]:
    within = dict[str, str]()
    for name in ("corpus", "document"):
        value = arguments.get(name)
        if value is None:
            continue
        if not isinstance(value, str) or not value or len(value) > 300:
            raise ValueError(f"{name} must be a name of at most 300 characters, not {value!r:.80}")
        within[name] = value
    if within.get("corpus", next(iter(corpora), None)) not in corpora:
        raise ValueError(f"corpus {within['corpus']!r} is unknown; there are {list(corpora)}")
    return within


def _told(library: Library, query: str, hits: Sequence[Hit], room: int) -> ToolResult:
    if (refusal := none_was_read(library)) is not None:
        return refusal
    for chars in _ROOMS:
        shown = [_shown(library, hit, chars) for hit in hits]
        output = {"query": query, "hits": shown, "searched": coverage(library)}
        if len(json.dumps(output, ensure_ascii=False)) <= room:
            break
    cut = any(one["cut"] for one in shown)
    reason = f"{len(hits)} passages found" if hits else "no passage has any of these words"
    finding = Finding("none", "hint", None, reason)
    flags = {"documents_not_read": len(library.refused)} if library.refused else {}
    checked = {"documents": len(library.documents), "passages": len(library.passages)}
    return ToolResult("ok", output, (finding,), truncated=cut, checked=checked, flags=flags)


def _shown(library: Library, hit: Hit, chars: int) -> dict[str, Any]:
    passage = hit.passage
    document, text = library.documents[passage.document], library.text_of(passage)
    told: dict[str, Any] = {
        "id": passage.id,
        "document": document.id,
        "page": passage.page,
        "offsets": [passage.start, passage.end],
        "score": round(hit.score, 4),
        "text": text[:chars],
        "cut": len(text) > chars,
    }
    if document.title:
        told["title"] = document.title[:160]
    if document.url:
        told["url"] = document.url[:300]
    return told
