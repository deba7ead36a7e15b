"""Makes each call of a judgment once: in its turn, in its time, journalled before its result is used, counted, logged.

Whoever asks for a call that is in flight waits for that flight. A flight needs nobody's budget but time: who asks has
paid before, so that none waits for what another can pay.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal, NamedTuple

from judge_agent.budget import Budget
from judge_agent.call_limits import LOOK_UP_SECONDS, deadline_of
from judge_agent.call_results import completion_of, error_record, estimated, is_partial, usage_of
from judge_agent.errors import BudgetExceeded, JudgeError
from judge_agent.in_order import give_up_turn, take_turn
from judge_agent.seams.storage import (
    AuditEvent,
    AuditLog,
    EventType,
    Journal,
    JournalEntry,
    SharedResults,
)
from judge_agent.tally import Tally

MAX_CALLS_AT_ONCE = 16
Json = Mapping[str, Any]
# Makes the call in at most so many seconds: its `value`, and, where another judgment made it, `by` and `seconds`.
Make = Callable[[float], Awaitable[Json]]


class Flight(NamedTuple):
    """One call: its key and place, what the log is told of it, and what it may take: seconds, and tokens.

    `prompt` is what its prompt alone may cost, in tokens.
    """

    key: str
    node: str
    kind: Literal["model", "tool", "shared"]
    asked: Json
    limit_seconds: float
    most: int = 0
    prompt: int = 0

    @property
    def event(self) -> EventType:
        return "tool.call" if self.kind == "tool" else "model.call"


class Flights:
    """The flights of one judgment, by key; those that have landed stay, for whoever asks the same later."""

    def __init__(
        self,
        *,
        judgment_id: str,
        tenant: str,
        budget: Budget,
        journal: Journal,
        shared: SharedResults,
        journalled: Mapping[str, JournalEntry],
        log: AuditLog,
        lease: int | None = None,
        identities: Sequence[JournalEntry] = (),
        begun: Awaitable[None] | None = None,
    ) -> None:
        """`identities`, of the models that answer, are journalled with the first result; `begun` is noted already."""
        self.tally = Tally()
        self._judgment_id, self._tenant, self._budget, self._lease = judgment_id, tenant, budget, lease
        self._journal, self._shared, self._journalled, self._log = journal, shared, journalled, log
        self._identities = identities
        self._noted: list[Awaitable[None]] = [] if begun is None else [begun]
        self._tasks: dict[str, asyncio.Task[Json]] = {}
        self._payers: dict[str, set[object]] = {}
        self._askers: dict[str, dict[str, None]] = {}
        self._slots = asyncio.Semaphore(MAX_CALLS_AT_ONCE)

    def is_paid(self, flight: Flight, payer: object) -> bool:
        """Whether this payer has paid for the call already."""
        return payer in self._payers.get(flight.key, ())

    def is_own(self, result: Json) -> bool:
        """Whether this judgment made the call, and not another one that shares its result."""
        return bool(result.get("by", self._judgment_id) == self._judgment_id)

    async def finished(self, flight: Flight) -> Json | None:
        """The result of a call that was finished before: by this judgment, or, if shared, by another."""
        entry = self._journalled.get(flight.key)
        if entry is not None:
            return entry.result
        if flight.kind != "shared":
            return None
        async with deadline_of(self._budget, LOOK_UP_SECONDS):
            return await self._shared.get(self._tenant, f"call/{flight.key}")

    async def landed(
        self,
        flight: Flight,
        make: Make,
        found: Json | None = None,
        *,
        payer: object = None,
        asker: str | None = None,
    ) -> Json:
        """The result of a call; it is made, or taken over as `found`, where nobody asked for it before.

        Raises BudgetExceeded('deadline'); every other failure is in the result.
        """
        self._payers.setdefault(flight.key, set()).add(payer)
        if asker is not None:
            self._askers.setdefault(flight.key, {})[asker] = None
        task, mine = self._tasks.get(flight.key), flight.key not in self._tasks
        if task is None:
            fly = self._made(flight, make) if found is None else self._replayed(flight, found)
            task = self._tasks[flight.key] = asyncio.ensure_future(fly)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if mine:
                task.cancel()
            raise

    def note(self, event: AuditEvent) -> None:
        self._noted.append(self._log.note(event))

    def over(self) -> None:
        """Say that no call is asked for any more. A task that is kept holds the context that it was begun in, which
        holds the judgment, and so these tasks: a circle, which would be left to the collector."""
        self._tasks.clear()

    def trail(self) -> Sequence[Awaitable[None]]:
        """All that was noted in the log."""
        return tuple(self._noted)

    async def _replayed(self, flight: Flight, found: Json) -> Json:
        result = {**found, "replayed": True}
        self.tally.add(replayed_calls=1)
        if self.is_own(found):
            self._count(flight, result)
        self._log_call(flight, result)
        return result

    async def _made(self, flight: Flight, make: Make) -> Json:
        started = time.monotonic()
        result: dict[str, Any]
        try:
            result = dict(await self._in_turn(flight, make))
        except BudgetExceeded:
            raise
        except (JudgeError, ValueError) as error:
            result = {"error": error_record(error)}
        result.setdefault("seconds", round(time.monotonic() - started, 4))
        if flight.kind != "tool":
            result = estimated(result, flight.prompt)
        kept = await self._kept_in_time(flight, result)
        if flight.kind == "tool" and not self.is_own(result):
            self.tally.add(replayed_calls=1)
        else:
            self._count(flight, result)
        self._log_call(flight, kept)
        return kept

    async def _in_turn(self, flight: Flight, make: Make) -> Json:
        """Make a call when its turn comes, in the time that it may take."""
        sent: float | None = None
        try:
            async with deadline_of(self._budget), self._slots:
                limit, sent = self._budget.call_seconds(flight.limit_seconds), time.monotonic()
                give_up_turn()
                result = await make(limit)
            await take_turn()
            return result
        except BudgetExceeded as error:
            if sent is not None:
                self._cut_off(flight, error, time.monotonic() - sent)
            raise

    def _cut_off(self, flight: Flight, error: BudgetExceeded, seconds: float) -> None:
        """Count and log a call that the deadline ended: it was made, though what it cost is not known."""
        result = {"error": error_record(error), "seconds": round(seconds, 4)}
        self._count(flight, result)
        self._log_call(flight, result)

    async def _kept_in_time(self, flight: Flight, result: Json) -> Json:
        """Keep a result, in the judgment's time: of a store that is slow the deadline does not wait for more."""
        try:
            async with deadline_of(self._budget):
                return await self._kept(flight, result)
        except BudgetExceeded as error:
            self._cut_off(flight, error, float(result["seconds"]))
            raise

    async def _kept(self, flight: Flight, result: Json) -> Json:
        """Keep a result before it is used, and whose it is before it."""
        if not self._identities:
            return await self._keep(flight, result)
        journal, lease = self._journal, self._lease
        whose = [journal.append(self._judgment_id, one, lease=lease) for one in self._identities]
        _, kept = await asyncio.gather(asyncio.gather(*whose), self._keep(flight, result))
        self._identities = ()
        return kept

    async def _keep(self, flight: Flight, result: Json) -> Json:
        """Of a shared result, what was kept first holds for all, so it holds here."""
        if flight.kind == "shared" and "value" in result and not is_partial(result["value"]):
            answered = completion_of(result["value"]).answered_by
            shared = {**result, "by": self._judgment_id, "answered": [answered]}
            return await self._shared.put(self._tenant, f"call/{flight.key}", shared)
        kind: Literal["model", "tool"] = "tool" if flight.kind == "tool" else "model"
        elapsed = round(self._budget.elapsed_seconds(), 3)
        entry = JournalEntry(flight.key, flight.node, kind, result, elapsed)
        await self._journal.append(self._judgment_id, entry, lease=self._lease)
        return result

    def _count(self, flight: Flight, result: Json) -> None:
        (self.tally.tool_call if flight.kind == "tool" else self.tally.model_call)(result)

    def _log_call(self, flight: Flight, result: Json) -> None:
        fields: dict[str, Any] = {
            "key": flight.key,
            "seconds": result.get("seconds"),
            "replayed": bool(result.get("replayed")),
        }
        if flight.kind == "tool" and not self.is_own(result):
            fields |= {"replayed": True, "by": result["by"]}
        if candidates := self._askers.get(flight.key):
            fields["candidates"] = list(candidates)
        if "error" in result:
            fields["failure_kind"] = result["error"]["failure_kind"]
        else:
            fields["usage"] = asdict(usage_of(result)) if flight.kind != "tool" else None
            fields["status"] = result["value"].get("status")
        if "estimate" in result:
            fields["estimated"] = True
        contents = {**flight.asked, "answer": result.get("value") or result.get("error")}
        self.note(AuditEvent(flight.event, self._judgment_id, self._tenant, flight.node, fields, contents))
