"""One batch of TRL's as rollouts, and its outcomes as the columns that TRL sums. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from judge_agent.errors import InvalidRequest
from judge_agent.trainers.failures import FailurePolicy
from judge_agent.trainers.outcome import Outcome
from judge_agent.trainers.rollout import Rollout, Text
from judge_agent.trainers.shared_batch import content_of
from judge_agent.trainers.trl_columns import Column, column_of, is_lacking

# What TRL passes beside the columns of the data set.
_OF_THE_TRAINER = frozenset(("completion_ids", "trainer_state", "log_extra", "log_metric", "environments"))


@dataclass(frozen=True)
class Batch:
    """What a reward function is called with."""

    prompts: Sequence[Text]
    completions: Sequence[Text]
    extra: Mapping[str, Any]

    @property
    def content(self) -> int:
        """Tells this batch from another in the same list."""
        return content_of((self.prompts, self.completions, self.step))

    @property
    def step(self) -> int | None:
        """The trainer's step, where it says so."""
        step = getattr(self.extra.get("trainer_state"), "global_step", None)
        return step if isinstance(step, int) and step >= 0 else None

    def group_size(self, given: int | None) -> int | None:
        """How many completions a prompt has here: as many as `given`, but for an evaluation of a trainer that says
        otherwise. TRL hands over no such number; `log_metric` is the trainer's own method."""
        trainer = getattr(self.extra.get("log_metric"), "__self__", None)
        size = getattr(trainer, "num_generations_eval", None)
        if given is None or not isinstance(size, int) or size < 1:
            return given
        return given if getattr(getattr(trainer, "model", None), "training", True) else size

    def row(self, at: int) -> dict[str, Any]:
        """The dataset columns of one completion; what is no list of one value each is the same for all."""
        count = len(self.completions)
        return {
            name: values[at] if isinstance(values, (list, tuple)) and len(values) == count else values
            for name, values in self.extra.items()
            if name not in _OF_THE_TRAINER
        }


@dataclass(frozen=True)
class Place:
    """Where the rows of a batch stand among those of all ranks: the first one's number, the step, which batch of it."""

    run: str
    first: int
    size: int
    step: int = 0
    attempt: int = 0

    def group(self, at: int) -> int:
        """The group of a row; TRL gathers the ranks' rows in order, and every `size` of them are one group."""
        return (self.first + at) // self.size

    def of(self, rollout: Rollout, at: int) -> Rollout:
        """The rollout of a row, with its place in a group that other ranks may have members of."""
        name = f"{self.run}/{self.step}/{self.group(at)}"
        index = (self.first + at) % self.size
        return replace(rollout, group=name, index=index, size=self.size, attempt=self.attempt)


def groups_of(prompts: Sequence[Text], size: int | None, *, adjacent: bool) -> list[int]:
    """Return the group of each completion.

    `adjacent`: TRL puts the completions of one prompt side by side, at most `size` of them where that is known, so
    that a prompt that comes twice makes two groups. Else all completions of a prompt are one group: online DPO puts
    the second ones behind all the first.
    """
    contents = [content_of(prompt) for prompt in prompts]
    if not adjacent:
        return [contents.index(content) for content in contents]
    groups, group, filled = list[int](), -1, 0
    for at, content in enumerate(contents):
        if at == 0 or content != contents[at - 1] or filled == size:
            group, filled = group + 1, 0
        groups.append(group)
        filled += 1
    return groups


def rollouts_of(
    batch: Batch, groups: Sequence[int], transcript: str | None, size: int | None = None
) -> list[Rollout]:
    """Write a batch as rollouts. `transcript` is the column where a `rollout_func` left the messages, `size` how many
    rollouts a whole group has. Raises InvalidRequest where there is no such column."""
    if transcript is not None and transcript not in batch.extra:
        raise InvalidRequest("columns", f"there is no {transcript!r}: rollout_func returns no such field")
    rollouts = []
    for at, (prompt, completion) in enumerate(zip(batch.prompts, batch.completions, strict=True)):
        row = batch.row(at)
        if transcript is not None:
            completion = _behind(prompt, row.pop(transcript, None))
        rollouts.append(Rollout(prompt, completion, row, group=str(groups[at]), size=size, step=batch.step))
    return rollouts


def masked(outcomes: Sequence[Outcome], groups: Sequence[int], dimensions: Sequence[str]) -> list[Column]:
    """Return a column per dimension (the reward without any), None for what must not be trained on.

    TRL adds up what a row has. A row that the judge could not judge in a dimension which others of its group have would
    be paid less for a lack of the judge's: it is None throughout, and TRL leaves it out of the group. A dimension that
    does not apply to a row is no lack: there it has the mean of its group, which neither pays nor punishes the row for
    what it did not have to do. None in its place would be 0 in TRL's sum, so that an idle tool call paid for itself.
    Of a joined group the members that other ranks have count, too.
    """
    if not dimensions:
        return [[outcome.reward for outcome in outcomes]]
    placed = list(zip(outcomes, groups, strict=True))
    known = {(group, name) for outcome, group in placed for name in outcome.flags.get("group_means") or ()}
    known |= {
        (group, name)
        for outcome, group in placed
        for name in dimensions
        if outcome.has_reward and outcome.vector.get(name) is not None
    }
    whole = [
        outcome.has_reward
        and not any((group, name) in known and is_lacking(outcome, name) for name in dimensions)
        for outcome, group in placed
    ]
    return [column_of(name, placed, whole) for name in dimensions]


def settled(
    outcomes: Sequence[Outcome],
    groups: Sequence[int],
    dimensions: Sequence[str],
    policy: FailurePolicy,
) -> list[Column]:
    """Return the same columns without any None: the group's mean stands in. Raises JudgeUnavailable.

    All of a group is there, so that the mean is that of all its members, whatever their order.
    """
    batch = object()
    keys = [(batch, group) for group in groups]
    for outcome, key in zip(outcomes, keys, strict=True):
        policy.observe(outcome, key)
    found = [policy.settle(outcome, key, observed=True) for outcome, key in zip(outcomes, keys, strict=True)]
    if not dimensions:
        return [[one.reward for one in found]]
    # A dimension that nobody in the group has is 0 for all of them, which compares to nothing. What a rollout without
    # a reward was given in parts is of no verdict: summed up, it could win its pair.
    return [
        [
            one.means.get(name, 0.0) if value is None or one.failed else value
            for one, value in zip(found, (outcome.vector.get(name) for outcome in outcomes), strict=True)
        ]
        for name in dimensions
    ]


def _behind(prompt: Text, transcript: Any) -> Any:
    """The transcript without the prompt that it may begin with. What is no list of messages stays what it is: it is
    refused where requests are written, and costs no other rollout its reward."""
    if not isinstance(transcript, Sequence):
        return transcript
    if isinstance(prompt, str) or isinstance(transcript, str):
        return transcript if not isinstance(prompt, str) else _text_behind(prompt, transcript)
    start = list(transcript[: len(prompt)])
    return list(transcript[len(prompt) :]) if start == list(prompt) else list(transcript)


def _text_behind(prompt: str, transcript: Any) -> Text:
    if isinstance(transcript, str):
        return transcript.removeprefix(prompt)
    first = transcript[0] if transcript else {}
    is_prompt = isinstance(first, Mapping) and first.get("role") == "user" and first.get("content") == prompt
    return list(transcript[1:]) if is_prompt else list(transcript)
