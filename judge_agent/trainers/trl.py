"""TRL 1.16: reward functions for GRPO, RLOO, AsyncGRPO and online DPO.

    trainer = GRPOTrainer(..., reward_funcs=judge_rewards(dimensions=["correctness", "tool_use"]))

TRL joins reward functions without a time-out and dies of what they raise: these answer before `seconds` are over, and
None where the judge failed, which TRL leaves out of the group. Online DPO takes functions that block only, and makes
0 of None: `sync=True` gives it the group's mean, or raises. Imports nothing of TRL's.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, Literal, NamedTuple

from judge_agent.client import private_loop
from judge_agent.errors import InvalidRequest
from judge_agent.trainers.dead_runs import DeadRun
from judge_agent.trainers.failures import FailurePolicy
from judge_agent.trainers.outcome import Outcome
from judge_agent.trainers.rollout import Asking, Text
from judge_agent.trainers.rollout_judge import SECONDS, RolloutJudge
from judge_agent.trainers.shared_batch import SharedBatches, content_of
from judge_agent.trainers.trl_batch import Batch, Place, groups_of, masked, rollouts_of, settled
from judge_agent.trainers.trl_columns import Column
from judge_agent.trainers.trl_groups import check_groups, incomplete
from judge_agent.trainers.trl_ranks import Ranks

log = logging.getLogger(__name__)
OnFailure = Literal["mask", "neutral", "raise"]
_GRACE_SECONDS = 10.0


class Judged(NamedTuple):
    """What one judge call gave a batch: a column per reward function, and what they rest on."""

    columns: list[Column]
    outcomes: list[Outcome]
    seconds: float
    split_groups: int = 0


def judge_rewards(
    url: str | None = None,
    dimensions: Sequence[str] | None = None,
    *,
    api_key: str | None = None,
    recipe: str = "default",
    columns: Mapping[str, str] | None = None,
    asking: Asking | None = None,
    seconds: float = SECONDS,
    sync: bool = False,
    on_failure: OnFailure | FailurePolicy | None = None,
    group_size: int | None = None,
    transcript: str | None = None,
    agent_tools: Sequence[Callable[..., Any] | Mapping[str, Any]] = (),
    join_as: str | None = None,
    rank: int | None = None,
    max_failed_batches: int = 10,
) -> list[Reward] | list[BlockingReward]:
    """Return TRL reward functions: one per dimension, or one for the reward. They share one judge call per batch.

    `url` and `api_key` are JUDGE_URL and JUDGE_API_KEY where they are None. `asking` says all that can be asked for,
    `recipe` and `columns` the most of it. `sync` gives functions that block. `on_failure`: `mask` gives None (the
    default of the others), `neutral` the group's mean (the default of `sync`), `raise` raises JudgeUnavailable; a
    FailurePolicy sets the limits too. Where `mask` would mask for ever it raises JudgeUnavailable: at once where all of
    a batch is refused for what is of the run (address, key, recipe, a column that is missing), and after
    `max_failed_batches` in a row without any reward.

    `group_size` is `num_generations`: it keeps two groups of one prompt apart, and tells of groups that are split over
    ranks; evaluation has that of the trainer (`num_generations_eval`). A shape needs it, and no `dimensions`, for it
    shapes the reward. `transcript` is the column in which a `rollout_func` returns the messages of each rollout.
    `agent_tools` are the trainer's `tools`, functions or schemas, which calls are checked against.
    `join_as` joins groups that TRL splits over ranks: a name that all ranks of a run have alike, and no other run,
    nor this one after a restart; `rank` is the process's, that of torch.distributed where it is None. A group that is
    not complete within `seconds` has no rewards. It needs `group_size`, and rows that all ranks have as many of.
    Raises InvalidRequest for arguments that cannot be meant.
    """
    if isinstance(dimensions, str):
        raise InvalidRequest("dimensions", f"{dimensions!r} is a text; write [{dimensions!r}]")
    wanted = tuple(dimensions or ())
    if len(set(wanted)) < len(wanted):
        raise InvalidRequest("dimensions", f"{list(wanted)!r} names one twice")
    if asking is not None and (recipe != "default" or columns is not None):
        raise InvalidRequest("asking", "recipe and columns belong into asking where that is given")
    asked = asking or Asking(recipe=recipe, columns=columns)
    if agent_tools:
        asked = replace(asked, agent_tools=tuple(_schema(tool) for tool in agent_tools))
    check_groups(asked, wanted, group_size, join_as, sync=sync)
    asked = replace(asked, join=join_as is not None)
    judge = RolloutJudge(url, api_key, replace(asked, dimensions=wanted or asked.dimensions), seconds)
    policy = _policy(on_failure, "neutral" if sync else "mask")
    ranks = Ranks(join_as, group_size, rank) if join_as and group_size else None
    shared = _SharedJudge(
        judge,
        wanted,
        policy,
        group_size,
        transcript,
        ranks,
        DeadRun(max_failed_batches),
        adjacent=not (sync and policy is not None),
    )
    names = wanted or ("reward",)
    if sync:
        return [BlockingReward(shared, at, name) for at, name in enumerate(names)]
    return [Reward(shared, at, name) for at, name in enumerate(names)]


class _Column:
    """One column of the judge's vectors. A trainer logs it under its `__name__`."""

    def __init__(self, shared: _SharedJudge, at: int, name: str) -> None:
        self._shared = shared
        self._at = at
        self.__name__ = f"judge/{name}"

    def __repr__(self) -> str:
        return f"<{self.__name__}>"


class Reward(_Column):
    """An async reward function, for GRPO, RLOO and AsyncGRPO."""

    async def __call__(
        self, prompts: Sequence[Text], completions: Sequence[Text], **extra: Any
    ) -> list[float | None]:
        """Return a number per completion, None where it must not be trained on."""
        future, is_first = self._shared.take(self._at, Batch(prompts, completions, extra))
        try:
            # Shielded: the other columns wait for the same future.
            waiting = asyncio.shield(asyncio.wrap_future(future))
            judged = await asyncio.wait_for(waiting, self._shared.patience)
        except TimeoutError:
            judged = self._shared.stuck(len(completions))
        return self._shared.handed_over(judged, self._at, is_first, prompts, extra)


class BlockingReward(_Column):
    """The same for trainers that call plain functions. Works inside a running loop, too."""

    def __call__(
        self, prompts: Sequence[Text], completions: Sequence[Text], **extra: Any
    ) -> list[float | None]:
        """Return a number per completion; by the default policy never None. Raises JudgeUnavailable."""
        future, is_first = self._shared.take(self._at, Batch(prompts, completions, extra))
        try:
            judged = future.result(self._shared.patience)
        except TimeoutError:
            judged = self._shared.stuck(len(completions))
        return self._shared.handed_over(judged, self._at, is_first, prompts, extra)


class _SharedJudge:
    """What the columns have in common: the judge, the policy, and the batches in flight."""

    def __init__(
        self,
        judge: RolloutJudge,
        dimensions: tuple[str, ...],
        policy: FailurePolicy | None,
        group_size: int | None,
        transcript: str | None,
        ranks: Ranks | None,
        dead_run: DeadRun,
        *,
        adjacent: bool,
    ) -> None:
        self._judge = judge
        self._dimensions = dimensions
        self._policy = policy
        self._group_size = group_size
        self._transcript = transcript
        self._ranks = ranks
        self._dead_run = dead_run
        self._adjacent = adjacent
        self._batches = SharedBatches[Judged](max(1, len(dimensions)))
        self.patience = judge.seconds + _GRACE_SECONDS

    def take(self, at: int, batch: Batch) -> tuple[Future[Judged], bool]:
        return self._batches.take(at, batch.completions, batch.content, lambda: self._started(batch))

    def stuck(self, count: int) -> Judged:
        """The columns when not even the deadline was kept."""
        outcome = Outcome.failed("judge_timeout", f"no answer within {self.patience:g} s", self._dimensions)
        return self._columns([outcome] * count, [0] * count, self.patience)

    def handed_over(
        self, judged: Judged, at: int, is_first: bool, prompts: Sequence[Text], extra: Mapping[str, Any]
    ) -> list[float | None]:
        """Return a column; the first one tells the trainer's log what all of them rest on, and ends a dead run."""
        if is_first:
            _log(judged, extra.get("log_metric"), extra.get("log_extra"))
            if self._policy is None:
                self._dead_run.look_at(
                    judged.outcomes, judged.columns, [content_of(prompt) for prompt in prompts]
                )
        return list(judged.columns[at])

    def _started(self, batch: Batch) -> Future[Judged]:
        place = None if self._ranks is None else self._ranks.place(batch)
        return private_loop.private_loop().start(self._judged(batch, place))

    async def _judged(self, batch: Batch, place: Place | None) -> Judged:
        began = time.monotonic()
        size = batch.group_size(self._group_size)
        if place is None:
            groups = groups_of(batch.prompts, size, adjacent=self._adjacent)
        else:
            groups = [place.group(at) for at in range(len(batch.completions))]
        try:
            rollouts = rollouts_of(batch, groups, self._transcript, size if self._adjacent else None)
            if place is not None:
                rollouts = [place.of(one, at) for at, one in enumerate(rollouts)]
            outcomes = await self._judge.outcomes(rollouts)
        except InvalidRequest as error:
            failed = Outcome.failed("rollout_invalid", str(error), self._dimensions).refused(
                None, error.field
            )
            outcomes = [failed] * len(batch.completions)
        except Exception as error:
            # TRL dies of what a reward function raises; a run of days must not end with our fault.
            log.exception("a batch could not be judged")
            failed = Outcome.failed("internal", f"{type(error).__name__}: {error}", self._dimensions)
            outcomes = [failed] * len(batch.completions)
        judged = self._columns(outcomes, groups, time.monotonic() - began)
        in_parts = {group for one, group in zip(outcomes, groups, strict=True) if "group_split" in one.flags}
        lacking = set() if place is not None or not self._adjacent else incomplete(groups, size)
        return judged._replace(split_groups=len(in_parts | lacking))

    def _columns(self, outcomes: list[Outcome], groups: list[int], seconds: float) -> Judged:
        if self._policy is None:
            return Judged(masked(outcomes, groups, self._dimensions), outcomes, seconds)
        columns = settled(outcomes, groups, self._dimensions, self._policy)
        return Judged(columns, outcomes, seconds)


def _schema(tool: Callable[..., Any] | Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema that TRL shows the model: transformers reads it from the signature and the docstring."""
    if isinstance(tool, Mapping):
        return tool
    from transformers.utils.chat_template_utils import get_json_schema

    schema: Mapping[str, Any] = get_json_schema(tool)
    return schema


def _policy(on_failure: OnFailure | FailurePolicy | None, otherwise: OnFailure) -> FailurePolicy | None:
    wanted = on_failure or otherwise
    if isinstance(wanted, FailurePolicy):
        return wanted
    if wanted not in ("mask", "neutral", "raise"):
        raise InvalidRequest("on_failure", f"{wanted!r} is neither 'mask', 'neutral' nor 'raise'")
    return None if wanted == "mask" else FailurePolicy(wanted)


def _log(
    judged: Judged,
    metric: Callable[[str, float], None] | None,
    column: Callable[[str, list[Any]], None] | None,
) -> None:
    outcomes, count = judged.outcomes, max(1, len(judged.outcomes))
    if metric is not None:
        kinds = Counter(outcome.failure_kind for outcome in outcomes if not outcome.has_reward)
        metric("judge/unscored_share", kinds.total() / count)
        metric(
            "judge/masked_share", sum(set(row) == {None} for row in zip(*judged.columns, strict=True)) / count
        )
        metric("judge/tokens", sum(outcome.tokens for outcome in outcomes) / count)
        metric("judge/seconds", judged.seconds)
        metric("judge/split_groups", float(judged.split_groups))
        for kind, times in kinds.items():
            metric(f"judge/failed/{kind}", times / count)
    if column is not None:
        column("judge/judgment", [outcome.judgment_id or "" for outcome in outcomes])
        column("judge/failure", [outcome.failure_kind or "" for outcome in outcomes])
        column("judge/not_applicable", [", ".join(outcome.not_applicable) for outcome in outcomes])
