"""The base of the tools that a model asks about documents: what they share is a shelf, on which these are kept."""

from __future__ import annotations

from judge_agent.seams.tool import AskedTool, ToolView
from tools.documents.shelf import Shelf


class DocumentTool(AskedTool):
    """A tool that is offered where there are documents. `shelf` is shared with the others."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf, self.limits = shelf, shelf.limits
        self.version = f"2/{shelf.box}/{shelf.limits.words}"

    async def aclose(self) -> None:
        """Close what the shelf keeps open. Repeated calls do nothing."""
        await self._shelf.aclose()

    def offered(self, view: ToolView) -> bool:
        """Where there are documents."""
        return bool(view.resources.corpora)
