"""What judgments share, as one sees it that is held to one server: nothing that another server has answered.

The first that is kept of a key holds for all. Where that is another server's, each server has a place of its own beside
it, in which again the first holds. A judgment that no pin holds sees what is kept first, whoever answered.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from judge_agent.hashing import sha256_of
from judge_agent.seams.storage import SharedResults

Json = Mapping[str, Any]


class Held(Protocol):
    """Which server a judgment is held to, as far as that is known: `server` is None before the first answer."""

    @property
    def is_held(self) -> bool: ...

    @property
    def server(self) -> str | None: ...


class HeldResults:
    """Fulfils `SharedResults`. Values name the servers that they come from as `answered`; none where no model spoke."""

    def __init__(self, shared: SharedResults, held: Held) -> None:
        self._shared = shared
        self._held = held

    async def get(self, tenant: str, key: str) -> Json | None:
        found = await self._shared.get(tenant, key)
        if found is None or not self._held.is_held or _is_of(found, self._servers()):
            return found
        return await self._shared.get(tenant, _beside(key, self._servers()))

    async def put(self, tenant: str, key: str, value: Json, *, replace: bool = False) -> Json:
        """Keep a value that was just made. What is returned has the same servers, where a pin holds the judgment."""
        kept = await self._shared.put(tenant, key, value, replace=replace)
        servers = set(value.get("answered") or ()) or self._servers()
        if not self._held.is_held or _is_of(kept, servers):
            return kept
        return await self._shared.put(tenant, _beside(key, servers), value, replace=replace)

    async def drop(self, tenant: str, key: str, value: Json) -> None:
        await self._shared.drop(tenant, key, value)
        if self._held.is_held:
            servers = set(value.get("answered") or ()) or self._servers()
            await self._shared.drop(tenant, _beside(key, servers), value)

    def _servers(self) -> set[str]:
        return set() if self._held.server is None else {self._held.server}


def _is_of(found: Json, servers: Collection[str]) -> bool:
    """Whether no other server has a part in it; of what does not say who answered nobody knows."""
    answered = found.get("answered")
    return answered is not None and set(answered) <= set(servers)


def _beside(key: str, servers: Collection[str]) -> str:
    return f"{key}/{sha256_of(sorted(servers))}"
