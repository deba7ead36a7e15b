"""The narrative-blind pass: what the candidate's actions and observations come to, without its own account of them.

It is asked in the same words as the pass that gives the verdicts, so that the two differ by the account alone. It
gives no verdict, so it is paid from what the verdicts leave of the candidate's tokens, and takes no more than half of
them all. What stands in the arguments of calls is an action here, be it a report. Nothing is measured where there are
no actions to judge, no account to leave out, or too little left to ask by.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

from judge_agent.context import CanonicalCandidate, JudgeContext
from judge_agent.nodes.charged import charged_to, side_by_side
from judge_agent.nodes.chunks import Chunk, most_of_call, most_of_one_try
from judge_agent.nodes.cited import Critiqued, Look, cited_critiques
from judge_agent.nodes.fitting import shown_of
from judge_agent.prompting.material import Material
from judge_agent.schema import Evidence, Trajectory
from judge_agent.state import Json
from judge_agent.trajectory import read

KEPT_SHARE = 0.5
ACCOUNT = (
    "What the agent said of its own work is left out on purpose. Judge by what it did and what came back, and hold "
    "nothing against it for words that you are not shown."
)
LOOK = Look("blind", "critique/blind", account=ACCOUNT, measures=True)


class Blind(NamedTuple):
    """The critiques of the pass, the spans that they quote, and why it was left out where it was wanted."""

    critiques: list[Json]
    spans: list[Json]
    skipped: str = ""


NOT_BLIND = Blind([], [])


def is_wanted(context: JudgeContext, candidate: CanonicalCandidate, chunks: Mapping[str, Chunk]) -> bool:
    """Whether the recipe asks for the pass, something is open, and there are actions and an account of them."""
    wanted = context.recipe.critique.blind_pass == "actions" and bool(chunks)
    return wanted and has_actions(candidate.trajectory) and has_account(candidate.trajectory)


def has_actions(trajectory: Trajectory) -> bool:
    """Whether the candidate did something: a plain answer has nothing to judge blind."""
    return bool(read(trajectory).calls or trajectory.artifacts)


def has_account(trajectory: Trajectory) -> bool:
    said = [step.turn.text for step in read(trajectory).steps]
    return any(text.strip() for text in (*said, trajectory.final_answer or ""))


def most_of_blind(
    context: JudgeContext, candidate: CanonicalCandidate, shown: Material, chunks: Mapping[str, Chunk]
) -> int:
    """What the pass may cost, in tokens; it shows no more than `shown`."""
    if not is_wanted(context, candidate, chunks):
        return 0
    return sum(most_of_call(context, shown, chunk.principles, LOOK) for chunk in _each(chunks))


async def blind_pass(
    context: JudgeContext,
    candidate: CanonicalCandidate,
    evidence: Sequence[Evidence],
    chunks: Mapping[str, Chunk],
) -> Blind:
    """Judge the open principles without the agent's account, as they are judged with it.

    `context` must be that of a walk behind those of the verdicts.
    """
    if not is_wanted(context, candidate, chunks):
        return NOT_BLIND
    budget = context.calls.budget
    if budget.remaining_seconds() < KEPT_SHARE * budget.seconds:
        return Blind([], [], "skipped: less than half of the judgment's time is left")
    principles = [one for chunk in _each(chunks) for one in chunk.principles]
    shown = await shown_of(context, candidate, evidence, principles, account=False)
    wanted = sum(most_of_one_try(context, shown, chunk.principles, LOOK) for chunk in _each(chunks))
    if wanted > KEPT_SHARE * budget.model_tokens:
        return Blind([], [], f"skipped: it may cost {wanted} tokens, more than half of the candidate's")
    # Where others' verdicts, or those of steps, are paid behind it, half of the tokens is kept for these.
    keeps = context.recipe.joint or context.recipe.steps.decide
    paid = charged_to(context, candidate, KEPT_SHARE if keeps else 0.0)
    works = [
        (most_of_call(context, shown, chunk.principles, LOOK), partial(_ask, candidate, shown, chunk))
        for chunk in _each(chunks)
    ]
    found = [one for asked in await side_by_side(paid, works) for one in asked.values()]
    critiques = [one.critique for one in found]
    spent = any(one.get("failure_kind") == "budget_exhausted" for one in critiques)
    skipped = "cut short: the verdicts leave too few tokens for it" if spent else ""
    return Blind(critiques, [span for one in found for span in one.spans], skipped)


async def _ask(
    candidate: CanonicalCandidate, shown: Material, chunk: Chunk, context: JudgeContext
) -> dict[str, Critiqued]:
    return await cited_critiques(context, candidate, shown, chunk.principles, look=LOOK)


def _each(chunks: Mapping[str, Chunk]) -> list[Chunk]:
    return list({id(chunk): chunk for chunk in chunks.values()}.values())
