"""Judges canaries among the traffic, and says for which recipes the judge cannot be trusted at the moment.

They go through the queue like others, of a tenant that no key is of, one at a time in each process, and only when
nobody else waits (unless that lasts). How they came out is in the store: a worker that judges none knows it too. A
round that gives no score changes no state, but it is told when that goes on.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from api.callers import Caller
from api.judging import Judging
from api.problems import Problem
from api.queue import JudgmentQueue
from api.records import to_json
from judge_agent.canaries import CANARY_FLAG, CANARY_TENANT, Canary, Outcome, canaries_of, outcome
from judge_agent.errors import StoreError
from judge_agent.schema import Judgment, JudgmentRequest
from judge_agent.seams.storage import AuditEvent
from judge_agent.store import CanaryRow, Store

LOOK_SECONDS = 1.0
# What failed, or is not known, is tried again after so long: it recovers by itself where there is no traffic, too.
RETRY_SECONDS = 60.0
# Others that wait go first, for so long.
PATIENCE_SECONDS = 30.0
# So many judgments a recipe can owe.
MAX_OWED = 8.0
# A worker that died in the middle of a canary holds it for so long.
TURN_SECONDS = 300.0
_log = logging.getLogger("judge_agent.service")


class CanaryWatch:
    """The canaries of this process, and what all processes know of them. `observe` takes the events of the log."""

    def __init__(
        self,
        *,
        share: float,
        seconds: float | None,
        look_seconds: float = LOOK_SECONDS,
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        self.share = share
        self.seconds = seconds
        self.rows: tuple[CanaryRow, ...] = ()
        self._look_seconds = look_seconds
        self._retry_seconds = min(retry_seconds, seconds or retry_seconds)
        self._owed: dict[str, float] = {}
        self._told_unknown: set[tuple[str, str]] = set()
        self._wanted_since: float | None = None
        self._seed = int(time.time())

    @property
    def is_on(self) -> bool:
        return self.share > 0 or self.seconds is not None

    def observe(self, event: AuditEvent) -> None:
        """Count a judgment that callers asked for: its recipe is in use, and owes a share of a canary."""
        if self.is_on and event.type == "judgment.done" and event.tenant != CANARY_TENANT:
            recipe = str(event.fields["provenance"]["recipe"])
            self._owed[recipe] = self._owed.get(recipe, 0.0) + self.share

    def stamp(self, recipe: str) -> dict[str, Any]:
        """The flags of a judgment that is made now: which canaries of its recipe fail, and since when."""
        failed = [row for row in self.rows if row.recipe == recipe and row.state == "failed"]
        if not self.is_on or not failed:
            return {}
        told = [{"canary": row.name, "since": _written(row.since)} for row in failed]
        return {CANARY_FLAG: {"recipe": recipe, "canaries": told}}

    def failing(self) -> tuple[CanaryRow, ...]:
        return tuple(row for row in self.rows if row.state == "failed") if self.is_on else ()

    def long_unknown(self) -> tuple[CanaryRow, ...]:
        """Those of which several rounds in a row said nothing."""
        patience = 3 * (self.seconds or self._retry_seconds)
        return tuple(
            row
            for row in (self.rows if self.is_on else ())
            if row.unknown_since is not None and row.at - row.unknown_since >= patience
        )

    async def run(self, queue: JudgmentQueue, store: Store, judge: Judging) -> None:
        """Judge canaries, and learn of those of other workers, until it is cancelled."""
        canaries = {recipe["name"]: canaries_of(recipe) for recipe in judge.recipes()}
        while not queue.draining:
            try:
                await self.learn(store, judge)
                self._tell_unknown()
                wanted = self._wanted(canaries, time.time())
                if wanted is None or not await self._may_begin(store):
                    await asyncio.sleep(self._look_seconds)
                    continue
                await self._while_learning(self._round(wanted, queue, store), store, judge)
            except (StoreError, Problem) as error:
                _log.warning(
                    "no canary could be judged: %s", error if isinstance(error, StoreError) else error.code
                )
                await asyncio.sleep(self._look_seconds)
            except Exception as error:  # noqa: BLE001 - one canary that breaks must not end the watch
                _log.error("a canary could not be judged", exc_info=error)
                await asyncio.sleep(self._look_seconds)

    async def _while_learning(self, round_: Coroutine[Any, Any, None], store: Store, judge: Judging) -> None:
        """A round takes as long as the model does; what other workers find meanwhile is known all the same."""
        learning = asyncio.create_task(self._keep_learning(store, judge))
        try:
            await round_
        finally:
            # Waited for: an older reading that ends later must not replace a newer one.
            learning.cancel()
            await asyncio.wait([learning])

    async def _keep_learning(self, store: Store, judge: Judging) -> None:
        while True:
            await asyncio.sleep(self._look_seconds)
            try:
                await self.learn(store, judge)
            except StoreError as error:
                _log.warning("how canaries stand is not known: %s", error)
                continue
            self._tell_unknown()

    async def learn(self, store: Store, judge: Judging) -> None:
        """Read how canaries stand. Those of recipes that are gone say nothing any more. Raises StoreError."""
        recipes = {recipe["name"] for recipe in judge.recipes()}
        self.rows = tuple(row for row in await store.canaries.all() if row.recipe in recipes)

    def _wanted(self, canaries: Mapping[str, Sequence[Canary]], now: float) -> Canary | None:
        """The canary whose turn it is: of those that are due the one that was judged longest ago."""
        known = {(row.recipe, row.name): row for row in self.rows}
        recipes = {*self._owed, *(row.recipe for row in self.rows if _is_open(row))}
        due = [
            (row.at if row is not None else 0.0, order, canary)
            for recipe in sorted(recipes)
            for order, canary in enumerate(canaries.get(recipe, ()))
            if self._is_due(recipe, row := known.get((recipe, canary.name)), now)
        ]
        return min(due, key=lambda one: one[:2])[2] if due else None

    def _is_due(self, recipe: str, row: CanaryRow | None, now: float) -> bool:
        age = now - row.at if row is not None else float("inf")
        if self._owed.get(recipe, 0.0) >= 1:
            return True
        if self.seconds is not None and recipe in self._owed and age >= self.seconds:
            return True
        return row is not None and _is_open(row) and age >= self._retry_seconds

    async def _may_begin(self, store: Store) -> bool:
        """Whether nobody else waits, or a canary has waited long enough for that."""
        now = time.monotonic()
        self._wanted_since = self._wanted_since or now
        is_quiet = (await store.open_count()).queued == 0
        if not is_quiet and now - self._wanted_since < PATIENCE_SECONDS:
            return False
        self._wanted_since = None
        return True

    async def _round(self, canary: Canary, queue: JudgmentQueue, store: Store) -> None:
        now = time.time()
        self._seed += 1
        requests = canary.requests(self._seed)
        owed = self._owed.get(canary.recipe, 0.0)
        if owed >= 1:
            # What piles up past a round, while canaries are slow or others wait, is not made good for.
            self._owed[canary.recipe] = max(0.0, min(owed, MAX_OWED) - len(requests))
        if not await store.canaries.take(canary.recipe, canary.name, now=now, until=now + TURN_SECONDS):
            await asyncio.sleep(self._look_seconds)
            return
        came_out = False
        try:
            judgments, last = await self._judged(requests, queue)
            found, was = outcome(canary, judgments), self._state(canary)
            await store.canaries.settle(
                canary.recipe, canary.name, found.state, at=time.time(), judgment_id=last, detail=found.detail
            )
            came_out = True
        finally:
            if not came_out:
                await store.canaries.give_back(canary.recipe, canary.name)
        self._tell(canary, was, found)

    @staticmethod
    async def _judged(
        requests: Sequence[JudgmentRequest], queue: JudgmentQueue
    ) -> tuple[list[Judgment], str]:
        """Those judgments of a round that ended, and the id of the last one. Raises Problem, StoreError."""
        judgments, last = list[Judgment](), ""
        for request in requests:
            accepted = await queue.accept(request, to_json(request), caller=Caller(CANARY_TENANT, key_id=""))
            last = accepted.row.id
            row = await queue.ended(last, timeout_seconds=TURN_SECONDS / len(requests))
            if row is not None and row.judgment is not None and row.state == "done":
                judgments.append(Judgment.model_validate_json(row.judgment))
        return judgments, last

    def _state(self, canary: Canary) -> str:
        rows = (row for row in self.rows if (row.recipe, row.name) == (canary.recipe, canary.name))
        return next((row.state for row in rows), "unknown")

    @staticmethod
    def _tell(canary: Canary, was: str, found: Outcome) -> None:
        """One line where a state changes; the worker that has judged it writes it."""
        facts = {"recipe": canary.recipe, "canary": canary.name}
        if found.state == "failed" and was != "failed":
            extra = {"event": "canary_failed", "facts": facts}
            _log.error(
                "canary %s of recipe %s failed: %s", canary.name, canary.recipe, found.detail, extra=extra
            )
        elif found.state == "passed" and was == "failed":
            extra = {"event": "canary_recovered", "facts": facts}
            _log.warning("canary %s of recipe %s passes again", canary.name, canary.recipe, extra=extra)

    def _tell_unknown(self) -> None:
        """One line where several rounds in a row said nothing."""
        unknown = {(row.recipe, row.name): row for row in self.long_unknown()}
        for key, row in unknown.items():
            if key not in self._told_unknown:
                extra = {"event": "canary_unknown", "facts": {"recipe": row.recipe, "canary": row.name}}
                _log.warning(
                    "canary %s of recipe %s gives no score since %s: %s",
                    *(row.name, row.recipe, _written(row.unknown_since or 0.0), row.detail),
                    extra=extra,
                )
        self._told_unknown = set(unknown)


def _is_open(row: CanaryRow) -> bool:
    return row.state == "failed" or row.unknown_since is not None


def _written(when: float) -> str:
    return datetime.fromtimestamp(when, UTC).isoformat(timespec="seconds")


def as_json(row: CanaryRow) -> dict[str, Any]:
    """A canary as the service shows it. Its judgment is of no caller, so its id is not shown."""
    return {
        "recipe": row.recipe,
        "canary": row.name,
        "state": row.state,
        "since": _written(row.since),
        "unknown_since": _written(row.unknown_since) if row.unknown_since is not None else None,
        "judged": _written(row.at),
        "detail": row.detail,
    }
