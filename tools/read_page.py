"""Shows one page of a document that a request brings along, or the part of it around a passage.

It informs and never decides. A document without pages of its own has pages of about 4,000 characters, cut between
paragraphs. Offsets are characters of the document's text, whose hash is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from judge_agent.errors import BudgetExceeded
from judge_agent.seams.tool import AskedTool, Finding, ToolResult, ToolView
from tools.documents.library import Document, Library
from tools.documents.shelf import Shelf
from tools.search import coverage, named_document, none_was_read, read_text

MAX_SHOWN_CHARS = 5000
MAX_ID_CHARS = 300
_PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "document": {
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_ID_CHARS,
            "description": "The id of a document, or of a passage (document#number): then the page that holds it.",
        },
        "page": {"type": "integer", "minimum": 1, "description": "From 1; the first without it."},
        "offset": {
            "type": "integer",
            "minimum": 0,
            "description": "Where to begin within a long page, in characters from its start.",
        },
    },
    "required": ["document"],
    "additionalProperties": False,
}


class ReadPage(AskedTool):
    """The tool `read_page`. `shelf` is what it shares with `search`."""

    name = "read_page"
    description = (
        "Shows one page of a document of the task, by the document's or a passage's id. "
        "Use it to read around a passage that search found, or a page that an answer cites."
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
        """Show a page. Raises ValueError (of the arguments), ToolError, SandboxError, StoreError, BudgetExceeded."""
        name = read_text(arguments, "document", MAX_ID_CHARS, self.name, _PARAMETERS)
        page, offset = _whole(arguments, "page", 1), _whole(arguments, "offset", 0)
        try:
            async with asyncio.timeout(timeout_seconds):
                library = await self._shelf.library(view)
        except TimeoutError as error:
            message = f"tool 'read_page' exceeded timeout_seconds={timeout_seconds:g}; raise budget.seconds"
            raise BudgetExceeded("deadline", message) from error
        if (refusal := none_was_read(library)) is not None:
            return refusal
        if (why := library.refused.get(name)) is not None:
            return ToolResult("refused", {"error": f"{name} {why}", **coverage(library)})
        document, held = _place(library, name)
        return _shown(document, page or held, offset or 0)


def _whole(arguments: Mapping[str, Any], name: str, least: int) -> int | None:
    value = arguments.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name} must be a whole number from {least}, not {value!r:.80}")
    return value


def _place(library: Library, name: str) -> tuple[Document, int]:
    """The document, and the page that the name means. Raises ValueError."""
    if library.named(name) is None and "#" in name:
        id_, _, number = name.rpartition("#")
        document = library.named(id_)
        wanted = f"{document.id}#{number}" if document is not None else name
        for passage in library.passages:
            if passage.id == wanted:
                return library.documents[passage.document], passage.page
        raise ValueError(f"document {name!r:.200}: there is no passage of this id")
    return library.by_id[named_document(library, name)], 1


def _shown(document: Document, page: int, offset: int) -> ToolResult:
    if page > len(document.pages):
        raise ValueError(f"page must be at most {len(document.pages)}, which {document.id} has, not {page}")
    start, end = document.page_span(page)
    if offset and offset >= end - start:
        raise ValueError(f"offset must be below {end - start}, the length of page {page}, not {offset}")
    first = start + offset
    last = min(end, first + MAX_SHOWN_CHARS)
    output = {
        "document": document.id,
        "title": document.title[:160],
        "url": document.url[:300],
        "page": page,
        "pages": len(document.pages),
        "offsets": [first, last],
        "text": document.text[first:last],
        "sha256": document.sha256,
        "more_from_offset": last - start if last < end else None,
    }
    finding = Finding("none", "hint", None, f"page {page} of {len(document.pages)}")
    return ToolResult("ok", output, (finding,), truncated=last < end, checked={"pages": 1})
