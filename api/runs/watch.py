"""Looks at the steps of the runs that this process judges for, so that an alarm needs nobody who asks."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from api.measuring import Metrics
from api.runs.alarms import NAMES
from api.runs.report import rung, told_steps
from api.runs.walks import Walks
from judge_agent.errors import StoreError
from judge_agent.store.runs import NO_STEP, RunEnd, RunStore

LOOK_SECONDS = 5.0
# An alarm that went off so long ago is told by the metrics no more.
QUIET_SECONDS = 900.0
MAX_RUNS = 1000
# Of a step with more points the first tasks are looked at: what is alarming is so in them as well.
MAX_POINTS = 20_000
# Of one run at one look; the others have their turn at the next.
MAX_STEPS = 16
_log = logging.getLogger("judge_agent.service")


class RunWatch:
    """`note` the ends of judgments; the steps that they are of are looked at now and then, while `looking`.

    `walks` are those of the requests that ask for a run.
    """

    def __init__(self, runs: RunStore, metrics: Metrics, *, look_seconds: float = LOOK_SECONDS) -> None:
        self._runs = runs
        self._metrics = metrics
        self._look_seconds = look_seconds
        self._new: dict[tuple[str, str], set[int]] = {}
        self._alarms: dict[tuple[str, str], dict[str, float]] = {}
        self.walks = Walks()

    def note(self, end: RunEnd) -> None:
        """Say that a step of a run has new points."""
        self._note(end.tenant, end.run, [NO_STEP if end.step is None else end.step])

    def _note(self, tenant: str, run: str, steps: Collection[int]) -> None:
        if steps and ((tenant, run) in self._new or len(self._new) < MAX_RUNS):
            self._new.setdefault((tenant, run), set()).update(steps)

    @asynccontextmanager
    async def looking(self) -> AsyncIterator[None]:
        """Look now and then until the end of the block."""
        task = asyncio.create_task(self._look_on(), name="run-watch")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def look(self) -> None:
        """Look at the steps that were noted since the last time: alarms are logged and counted."""
        noted, self._new = self._new, {}
        is_out_of_reach = False
        for (tenant, run), steps in sorted(noted.items()):
            if is_out_of_reach:
                self._note(tenant, run, steps)
                continue
            try:
                chosen = sorted(steps)[:MAX_STEPS]
                await self._look_at(tenant, run, chosen)
                self._note(tenant, run, steps - set(chosen))
            except StoreError as error:
                self._note(tenant, run, steps)
                _log.error("the alarms of a run could not be looked at: %s", error)
                is_out_of_reach = True
            except Exception as error:  # noqa: BLE001 - a watch that ends would be silence where an alarm should be
                _log.error("the alarms of run %r could not be looked at", run, exc_info=error)
        self._tell()

    async def _look_on(self) -> None:
        while True:
            await asyncio.sleep(self._look_seconds)
            await self.look()

    async def _look_at(self, tenant: str, run: str, steps: Collection[int]) -> None:
        found = await self._runs.get(tenant, run)
        if found is None:
            return
        names = set[str]()
        for step in steps:
            # What is judged late in one step may make a jump of the next.
            after = await self._runs.steps(tenant, run, first=step + 1, limit=1, newest=False)
            looked = [step, *(one for one in after if one not in steps)]
            told = await told_steps(self._runs, tenant, found, looked, most=MAX_POINTS)
            names |= {alarm["name"] for alarm in await rung(self._runs, tenant, run, told)}
        if names:
            before = self._alarms.pop((tenant, run), {})
            self._alarms[tenant, run] = before | dict.fromkeys(names, time.monotonic())
            if len(self._alarms) > MAX_RUNS:
                del self._alarms[next(iter(self._alarms))]

    def _tell(self) -> None:
        oldest = time.monotonic() - QUIET_SECONDS
        kept = {
            key: {name: at for name, at in names.items() if at >= oldest}
            for key, names in self._alarms.items()
        }
        self._alarms = {key: names for key, names in kept.items() if names}
        counts = Counter(name for names in self._alarms.values() for name in names)
        for name in NAMES:
            self._metrics.run_alarms(name, counts[name])
