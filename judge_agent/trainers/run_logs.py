"""A run's numbers in the trainer's own log: how rewards spread, how often the judge failed, what alarms.

    run = {"id": "grpo-7", "pin": True}
    trainer = GRPOTrainer(..., reward_funcs=judge_rewards(asking=Asking(run=run)), callbacks=[RunLogs("grpo-7")])

`RunLogs` is a callback for transformers' Trainer, and so for TRL's; `log_to` is for every other loop:
`log_to(wandb.log, "grpo-7", step)`. Neither ever stops a training: where the service does not answer within seconds, or
answers what is no numbers, nothing is added and the log says why. Imports nothing of the trainers'.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from judge_agent.client import AsyncJudgeClient, private_loop
from judge_agent.errors import JudgeError

log = logging.getLogger(__name__)
RETRY_SECONDS = 2.0
# A trainer stands still meanwhile, at each of its log events.
SECONDS = 5.0
# A loop that is stuck must not hang the trainer: this much past `seconds`, it stops waiting for it.
_GRACE_SECONDS = 2.0


def log_to(
    logger: Callable[[Mapping[str, float]], object],
    run: str,
    step: int | None = None,
    *,
    url: str | None = None,
    api_key: str | None = None,
    seconds: float = SECONDS,
) -> dict[str, float]:
    """Hand a step's numbers (the newest's without one) to `logger`, as one flat dict of finite numbers; return them.

    Nothing is handed over where nothing is known of the step, or the service does not say it within `seconds`.
    """
    found = _numbers(_Asked(run, url, api_key, seconds), step)
    if found:
        logger(found)
    return found


class RunLogs:
    """Adds the run's numbers to what the trainer logs: those of the step that ended last.

    A duck of `transformers.TrainerCallback`: it has each of its events, and does something at `on_log` only. Put it
    before the callbacks that write (a trainer's own come first: add it by `trainer.callback_handler.callbacks.insert(0,
    RunLogs(...))` where they must see the numbers). Only the first process of several asks, for `seconds` at the most.
    """

    def __init__(
        self, run: str, *, url: str | None = None, api_key: str | None = None, seconds: float = SECONDS
    ) -> None:
        self._asked = _Asked(run, url, api_key, seconds)

    def on_log(
        self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **given: Any
    ) -> None:
        """Add the numbers to `logs`, and to the entry of the trainer's history that is of the same step."""
        if logs is None or not getattr(state, "is_world_process_zero", True):
            return
        step = getattr(state, "global_step", None)
        numbers = _numbers(self._asked, None, until=step)
        history = getattr(state, "log_history", None)
        entries = [logs, *(one for one in (history or [])[-1:] if one.get("step") == step)]
        for entry in entries:
            # What the trainer's own batch says of itself stays.
            entry.update({name: value for name, value in numbers.items() if name not in entry})

    def __getattr__(self, name: str) -> Callable[..., None]:
        """Every other event of a trainer: nothing is done."""
        if name.startswith("on_"):
            return _nothing
        raise AttributeError(name)

    def __getstate__(self) -> dict[str, Any]:
        return {"_asked": replace(self._asked, api_key=None)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)


@dataclass(frozen=True)
class _Asked:
    """Which run's numbers are asked for, where, and for how long."""

    run: str
    url: str | None
    api_key: str | None = field(repr=False)
    seconds: float

    async def metrics(self, step: int | None, until: int | None) -> dict[str, float]:
        """Raises TimeoutError past `seconds`: a service that hangs, or answers in drops, is not waited for."""
        async with AsyncJudgeClient(self.url, self.api_key, retry_seconds=RETRY_SECONDS) as client:
            async with asyncio.timeout(self.seconds):
                return await client.run_metrics(self.run, step, until=until)


def _numbers(asked: _Asked, step: int | None, *, until: int | None = None) -> dict[str, float]:
    """Ask the service; an empty dict where it does not say, for a log must not stop a training."""
    try:
        return private_loop.run(asked.metrics(step, until), asked.seconds + _GRACE_SECONDS)
    except JudgeError as error:
        why = str(error)
    except TimeoutError:
        why = f"no answer within {asked.seconds:g} s"
    except Exception as error:  # noqa: BLE001 - whatever breaks, the training goes on; its message may hold contents
        why = type(error).__name__
    log.warning("the numbers of run %r are not in the log: %s", asked.run, why)
    return {}


def _nothing(*_: Any, **__: Any) -> None:
    return None
