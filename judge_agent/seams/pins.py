"""The seam to what a trainer's run is held to. `judge_agent.store` fulfils it for both databases."""

from __future__ import annotations

from typing import Protocol


class PinnedRun(Protocol):
    """A run as it is kept; `pin` is JSON: what judges, by part. Both are None while nothing is pinned.

    `answered` is the server whose answer came first in it, None before.
    """

    @property
    def pin_sha256(self) -> str | None: ...

    @property
    def pin(self) -> str | None: ...

    @property
    def answered(self) -> str | None: ...


class Pins(Protocol):
    """The pins of every tenant's runs; the first one stands, whoever comes together. Every method raises StoreError."""

    async def get(self, tenant: str, run: str) -> PinnedRun | None: ...

    async def pin(self, tenant: str, run: str, sha256: str, parts: str) -> PinnedRun:
        """Fix what judges a run, where nothing does yet; return the run with the pin that stands."""
        ...

    async def answered(self, tenant: str, run: str, by: str) -> str:
        """Note which server answered first in a run; return the note that stands."""
        ...
