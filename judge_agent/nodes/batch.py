"""Judges together the principles that the recipe's batch takes, as many samples as are wanted of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from judge_agent.context import CanonicalCandidate, JudgeContext
from judge_agent.errors import JudgeError, ModelError
from judge_agent.nodes import worst_case
from judge_agent.nodes.asked import Asked
from judge_agent.nodes.batches import KINDS
from judge_agent.nodes.batches.asking import Outcome, Sitting
from judge_agent.prompting.material import Material
from judge_agent.state import Json


class Batched(NamedTuple):
    """What was asked of each principle of the batch, in their order, and what the record flags of it."""

    asked: list[Asked]
    flags: dict[str, Any]


def taken(context: JudgeContext, principles: Sequence[Json]) -> list[Json]:
    """The principles that the recipe's batch takes; none where it has no batch. A tool's own are never among them."""
    if context.recipe.batch is None:
        return []
    takes = KINDS[context.recipe.batch.kind].takes
    return [principle for principle in principles if principle["tool"] is None and takes(principle)]


def most_of_batch(context: JudgeContext, shown: Material, principles: Sequence[Json]) -> int:
    """What the questions of a batch may cost, in tokens."""
    batch = context.recipe.batch
    if batch is None or not principles:
        return 0
    said = [principle["description"] for principle in principles]
    values = (shown.task, shown.trajectory, shown.evidence, shown.reference, *said)
    one = sum(
        worst_case.of_prompt(context, prompt, values, len(shown.images), batch.max_tokens)
        for prompt in batch.prompts.values()
    )
    return context.sample_count * one * max(1, -(-len(principles) // batch.per_call))


async def judged_together(
    context: JudgeContext, candidate: CanonicalCandidate, shown: Material, principles: Sequence[Json]
) -> Batched:
    """Ask for every sample of the batch; a sample that failed is a failure of each of its principles."""
    batch = context.recipe.batch
    if batch is None or not principles:
        return Batched([], {})
    asked = [Asked([], [], []) for _ in principles]
    flags: list[Mapping[str, Any]] = []
    for sample in range(context.sample_count):
        outcome = await _sat(Sitting(context, candidate, shown, principles, sample))
        flags.append(outcome.flags)
        for principle, one in zip(principles, asked, strict=True):
            base = {"candidate_id": candidate.id, "principle": principle["name"], "sample": sample}
            one.critiques.append({**base, **outcome.critiques[principle["name"]]})
        asked[0].spans.extend(outcome.spans)
    return Batched(asked, KINDS[batch.kind].told(flags))


async def _sat(sitting: Sitting) -> Outcome:
    names = [principle["name"] for principle in sitting.principles]
    try:
        if sitting.shown.unseen:
            raise ModelError("tool_unavailable", sitting.shown.unseen)
        return await KINDS[sitting.batch.kind].judged(sitting)
    except JudgeError as error:
        failure = {"failure_kind": error.failure_kind, "failure_reason": str(error)[:500]}
        return Outcome({name: {"reason": "", **failure} for name in names})
