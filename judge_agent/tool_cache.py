"""Results of tools that several judgments of one tenant share, in this process: equal calls are made once.

The same code under the same tests is run once, whichever recipes, posts or groups ask for it, and those that ask at one
time wait for one call. What is kept says the same whenever it is made: `ok`, `failed` or `refused`, of tools whose
results repeat, and made in at most half of the time that was left, so that no deadline had a part in it. It is a cache
and no record: each judgment journals what it takes over, and a process that starts anew knows nothing.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Literal, NamedTuple

from judge_agent.hashing import sha256_of
from judge_agent.schema import JudgmentRequest, Task
from judge_agent.seams.progress import Progress
from judge_agent.seams.tool import Tool

Json = Mapping[str, Any]
Make = Callable[[], Awaitable[Json]]
Key = tuple[str, str]
_KEPT = frozenset(("ok", "failed", "refused"))
_SHARE_OF_TIME = 0.5
_LARGEST = 0.25  # of the cache, for one result
_OVERHEAD_BYTES = 500


class _Kept(NamedTuple):
    """A result as JSON, the judgment that made it, and how long it took, in seconds."""

    text: str
    by: str
    seconds: float

    @property
    def size(self) -> int:
        return len(self.text) + _OVERHEAD_BYTES

    @property
    def taken(self) -> dict[str, Any]:
        return {"value": json.loads(self.text), "by": self.by, "seconds": self.seconds}


class _Landed(NamedTuple):
    """What came of a call: its value, and what of it others may have; None where they may not."""

    value: Json
    kept: _Kept | None


class _Flight:
    """One call that is under way, in a task of its own. It is called off when nobody waits for it any more."""

    def __init__(self, work: Coroutine[Any, Any, _Landed], forget: Callable[[], None]) -> None:
        """`forget`: see that nobody joins it any more."""
        self.progress = Progress.current()
        self._forget, self._waiting = forget, 0
        self._task = asyncio.create_task(work)
        self._task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[_Landed]) -> None:
        self._forget()
        self._forget = (
            _nothing  # which holds this flight, and so its task and the context of a judgment: a circle
        )
        if not task.cancelled():
            task.exception()  # whoever waits is told; where nobody does, it is no error that was overlooked

    async def landed(self) -> _Landed:
        """Wait for it, as long as one likes. Raises what the call raises."""
        self._waiting += 1
        try:
            return await asyncio.shield(self._task)
        finally:
            self._waiting -= 1
            if not self._waiting and not self._task.done():
                self._forget()
                self._task.cancel()
                await asyncio.wait([self._task])


def _nothing() -> None:
    """What is left to be forgotten of a flight that has ended."""


class ToolCache:
    """What is kept, over all tenants together, in at most `max_bytes`: what was asked for longest ago goes first."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._kept: OrderedDict[Key, _Kept] = OrderedDict()
        self._flights: dict[Key, _Flight] = {}

    async def result(self, key: Key, by: str, make: Make, seconds: float) -> Json:
        """The result of a call: `value`, and of one that another judgment made, `by` and `seconds`.

        `seconds` is the time that this judgment has for it. Who has waited for a call that failed, or that gave
        nothing to keep, makes it again, by itself. Raises what `make` raises.
        """
        if (kept := self._get(key)) is not None:
            return kept.taken
        if (flight := self._flights.get(key)) is None:
            return {"value": (await self._begun(key, by, make, seconds).landed()).value}
        Progress.follow(flight.progress)
        try:
            landed: _Landed | None = await flight.landed()
        except Exception:  # noqa: BLE001 - it is the failure of who made it; this one may have more time, or luck
            landed = None
        if landed is not None and landed.kept is not None:
            return landed.kept.taken
        Progress.follow(None)
        return await self.made(key, by, make, seconds)

    async def made(self, key: Key, by: str, make: Make, seconds: float) -> Json:
        """Make a call, whoever has made it before, and keep its result for others."""
        return {"value": (await self._landed(key, by, make, seconds)).value}

    def _begun(self, key: Key, by: str, make: Make, seconds: float) -> _Flight:
        def forget() -> None:
            if self._flights.get(key) is flight:
                del self._flights[key]

        flight = self._flights[key] = _Flight(self._landed(key, by, make, seconds), forget)
        return flight

    async def _landed(self, key: Key, by: str, make: Make, seconds: float) -> _Landed:
        began = time.monotonic()
        value = await make()
        took = time.monotonic() - began
        if value.get("status") not in _KEPT or took > _SHARE_OF_TIME * seconds:
            return _Landed(value, None)
        kept = _Kept(json.dumps(value), by, round(took, 4))
        self._put(key, kept)
        return _Landed(value, kept)

    def _get(self, key: Key) -> _Kept | None:
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
        return kept

    def _put(self, key: Key, kept: _Kept) -> None:
        if (old := self._kept.pop(key, None)) is not None:
            self._bytes -= old.size
        if kept.size > _LARGEST * self._max_bytes:
            return
        self._kept[key] = kept
        self._bytes += kept.size
        while self._bytes > self._max_bytes:
            _, gone = self._kept.popitem(last=False)
            self._bytes -= gone.size


class SharedTools:
    """The cache as one judgment sees it: its tenant's, for its task and resources, as its request's `cache` says.

    A result depends on task and resources beside the call's own key; files under the operator's root may change in
    their place, so that nothing is shared where one is named.
    """

    def __init__(
        self,
        cache: ToolCache | None,
        tenant: str,
        by: str,
        request: JudgmentRequest,
        task: Task,
    ) -> None:
        self._cache, self._tenant, self._by = cache, tenant, by
        self._request, self._task = request, task
        self._mode: Literal["yes", "no", "refresh"] = "no"
        if request.resources.are_known_by_content:
            self._mode = request.cache or "yes"
        self._facts: str | None = None

    async def result(self, tool: Tool, key: str, make: Make, seconds: float) -> Json:
        """The result of a call of this judgment, as `ToolCache.result` gives it. Raises what `make` raises."""
        if self._cache is None or self._mode == "no" or not getattr(tool, "repeats", False):
            return {"value": await make()}
        if self._facts is None:
            said = [self._task.model_dump(mode="json"), self._request.resources.model_dump(mode="json")]
            self._facts = sha256_of(said)
        asked = self._cache.result if self._mode == "yes" else self._cache.made
        return await asked((self._tenant, f"{self._facts}/{key}"), self._by, make, seconds)
