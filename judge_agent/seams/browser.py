"""The seam to a browser: windows in a box without network, which show nothing but the site that they are given."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

OWN_ADDRESS = "https://site.test/"


@dataclass(frozen=True)
class BrowserLimits:
    """Ceilings of a window. `memory_bytes` counts the browser with all its processes, `heap_megabytes` one script heap.

    `answer_bytes` bounds one answer of the box, a screenshot in base64 among them.
    """

    memory_bytes: int = 3 * 2**30
    heap_megabytes: int = 512
    visit_seconds: float = 120.0
    answer_bytes: int = 16 * 2**20


@dataclass(frozen=True)
class Answer:
    """What is served at an address."""

    body: bytes
    media_type: str
    status: int = 200
    method: str = "GET"


@dataclass(frozen=True)
class ServedSite:
    """What a window shows. `answers` maps addresses (without fragment) to what is served there.

    What is missing below OWN_ADDRESS is answered 404 where the site is `own`; every other request fails.
    """

    entry: str
    answers: Mapping[str, tuple[Answer, ...]]
    own: bool = True


class PageError(Exception):
    """The page did not let it be done; `limit` names the ceiling that it hit: seconds, events, memory_bytes."""

    def __init__(self, message: str, limit: str | None = None) -> None:
        super().__init__(message)
        self.limit = limit


class Window(Protocol):
    """An open window. Not for concurrent use."""

    async def do(self, action: Mapping[str, Any], *, timeout_seconds: float) -> Any:
        """Do or read one thing, of `do`'s kind. Raises PageError; SandboxError when the box failed."""
        ...


class Browser(Protocol):
    """Opens windows. Instances are made once and serve concurrent calls; `aclose` ends what they keep warm."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str:
        """Changes when results can change."""
        ...

    def visit(self, site: ServedSite, *, seed: int = 0) -> AbstractAsyncContextManager[Window]:
        """Open a window that nobody has used; nothing is loaded yet. Raises SandboxError."""
        ...

    async def aclose(self) -> None: ...
