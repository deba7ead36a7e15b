"""Looks at the newest steps of the runs that this process judges for, so that an alarm needs nobody who asks."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from api.measuring import Metrics
from api.runs.alarms import NAMES
from api.runs.report import rung, told_steps
from judge_agent.errors import StoreError
from judge_agent.store.runs import RunEnd, RunStore

LOOK_SECONDS = 5.0
# A run that has been quiet for so long alarms nobody any more.
QUIET_SECONDS = 900.0
MAX_RUNS = 1000
# Of a step with more points the first tasks are looked at: what is alarming is so in them as well.
MAX_POINTS = 20_000
STEPS = 2
_log = logging.getLogger("judge_agent.service")


class RunWatch:
    """`note` the ends of judgments; their runs are looked at now and then, while `looking`.

    `walks` lets one request at a time walk through a whole run.
    """

    def __init__(self, runs: RunStore, metrics: Metrics, *, look_seconds: float = LOOK_SECONDS) -> None:
        self._runs = runs
        self._metrics = metrics
        self._look_seconds = look_seconds
        self._new = set[tuple[str, str]]()
        self._alarms: dict[tuple[str, str], tuple[float, tuple[str, ...]]] = {}
        self.walks = asyncio.Semaphore(1)

    def note(self, end: RunEnd) -> None:
        """Say that a run has new points."""
        if len(self._new) < MAX_RUNS:
            self._new.add((end.tenant, end.run))

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
        """Look at the runs that were noted since the last time: alarms are logged and counted."""
        noted, self._new = self._new, set()
        for tenant, run in sorted(noted):
            try:
                await self._look_at(tenant, run)
            except StoreError as error:
                self._new.add((tenant, run))
                _log.error("the alarms of a run could not be looked at: %s", error)
                break
            except Exception as error:  # noqa: BLE001 - a watch that ends would be silence where an alarm should be
                _log.error("the alarms of run %r could not be looked at", run, exc_info=error)
        self._tell()

    async def _look_on(self) -> None:
        while True:
            await asyncio.sleep(self._look_seconds)
            await self.look()

    async def _look_at(self, tenant: str, run: str) -> None:
        found = await self._runs.get(tenant, run)
        steps = await self._runs.steps(tenant, run, limit=STEPS, newest=True)
        if found is None or not steps:
            return
        told = await told_steps(self._runs, tenant, found, steps, most=MAX_POINTS)
        await rung(self._runs, tenant, run, told)
        self._alarms.pop((tenant, run), None)
        self._alarms[tenant, run] = (time.monotonic(), tuple(alarm.name for alarm in told[-1].alarms))
        if len(self._alarms) > MAX_RUNS:
            del self._alarms[next(iter(self._alarms))]

    def _tell(self) -> None:
        oldest = time.monotonic() - QUIET_SECONDS
        self._alarms = {key: one for key, one in self._alarms.items() if one[0] >= oldest}
        counts = Counter(name for _, names in self._alarms.values() for name in names)
        for name in NAMES:
            self._metrics.run_alarms(name, counts[name])
