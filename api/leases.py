"""Keeps the leases of what this process judges, and hears of what is called off or another worker's now."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import NoReturn

from api.judging import LiveJudgment
from judge_agent.errors import StoreError
from judge_agent.store import Store

_log = logging.getLogger("judge_agent.service")


async def keep(
    live: Mapping[str, LiveJudgment], store: Store, *, every_seconds: float, lease_seconds: float
) -> NoReturn:
    """Renew the leases and note the clocks of what is `live`, by its id; stop what is another's, or called off."""
    while True:
        await asyncio.sleep(every_seconds)
        clocks = {one.lease: one.elapsed_seconds for one in live.values()}
        if not clocks:
            continue
        try:
            renewed = await store.renew(clocks, lease_seconds=lease_seconds)
        except StoreError as error:
            _log.error("the clocks of %d judgments could not be noted: %s", len(clocks), error)
            continue
        for judgment_id in renewed.cancelled:
            if (called_off := live.get(judgment_id)) is not None:
                called_off.call_off()
        for lease in clocks:
            lost = live.get(lease.judgment_id) if lease.judgment_id in renewed.lost else None
            if lost is not None and lost.lease == lease:  # not one that has been claimed anew meanwhile
                lost.drop()
