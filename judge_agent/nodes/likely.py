"""Scores a trajectory by how likely it makes the reference answer, by the judging model's own probabilities.

Nothing is written by the model, so there is no verdict to misread; and no prompt shows the reference. The score says
how well the task and the trajectory lead to the reference, not whether anything is true: a trajectory that writes
many answers down makes each of them likely, one that comes to the same answer in other words makes the reference's
words less so. Without marks around the answer, one that others begin with ('4' of '42') is as likely as they are.
Source: RLPR (arXiv 2506.18254).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from judge_agent.context import JudgeContext
from judge_agent.errors import ModelError
from judge_agent.nodes.reading import Reading
from judge_agent.prompting.fences import neutralise
from judge_agent.prompting.material import trajectory_block
from judge_agent.prompting.results import evidence_block
from judge_agent.readouts import Likelihood, between_marks, likelihood
from judge_agent.recipes import Readout, Turn
from judge_agent.seams.model import ChatMessage

# What a prompt shows in place of the trajectory and what was found of it, where only the task is to speak.
UNTOLD: Mapping[str, str] = {"trajectory": trajectory_block([]), "evidence": evidence_block([])}
_WORD = re.compile(r"\w+|[^\w\s]")
_NO_REFERENCE = (
    "this recipe scores how likely the reference answer is, and there is none: set task.reference.answer"
)


def why_not(context: JudgeContext, turns: Sequence[Turn]) -> ModelError | None:
    """Why these turns can give no score, known before the first is asked: there is no reference to score by."""
    if any(turn.read.kind == "likelihood" for turn in turns) and not _reference(context):
        return ModelError("no_evidence", _NO_REFERENCE)
    return None


async def read_likelihood(
    context: JudgeContext,
    spec: Readout,
    node: str,
    shown: Sequence[ChatMessage],
    alone: Sequence[ChatMessage] | None,
    trajectory: str,
) -> Reading:
    """Read how likely the reference is as the answer to `shown`, less what it is as that to `alone`.

    The score, in [0, 1], is the mean probability of the reference's tokens; with `alone` what is left of it, no less
    than 0. It ranks: 0.5 has no meaning of its own. With the marks of `between`, the token that ends the reference
    counts as one of it. `trajectory` is what `shown` holds of it.

    Raises ModelError: no_evidence without a reference, tool_unavailable for pictures, input_too_large, and model_error
    where the model tells no such probabilities.
    """
    reference = _reference(context)
    if not reference:
        raise ModelError("no_evidence", _NO_REFERENCE)
    begin, end = spec.between or ("", "")
    prompts = [shown] if alone is None else [shown, alone]
    for prompt in prompts:
        await _require_room(context, prompt, f"{begin}{reference}{end}")
    told = [await context.calls.likelihood(node, prompt, f"{begin}{reference}{end}") for prompt in prompts]
    with context.calls.useless_unless_read():
        found = likelihood(*(between_marks(one, begin, end) if spec.between else one for one in told))
    return _reading(found, _words(reference) in _words(trajectory))


def _reference(context: JudgeContext) -> str:
    return (context.task.reference.answer or "").strip()


async def _require_room(context: JudgeContext, prompt: Sequence[ChatMessage], answer: str) -> None:
    if any(message.images for message in prompt):
        message = "the likelihood of a reference is read from text; it cannot be asked beside pictures"
        raise ModelError("tool_unavailable", message)
    calls = context.calls
    needed = await calls.count_tokens(prompt) + await calls.count_tokens([ChatMessage("user", answer)])
    if needed >= calls.context_window:
        message = f"task, trajectory and reference do not fit the model's window of {calls.window_said}"
        raise ModelError("input_too_large", message)


def _reading(found: Likelihood, quoted: bool) -> Reading:
    numbers = {
        "probability": found.probability,
        "mean_logprob": found.mean,
        "total_logprob": found.total,
        "tokens": float(found.tokens),
        "reference_in_trajectory": float(quoted),
    }
    reason = f"the tokens of the reference have a mean probability of {found.probability:.4f}"
    if found.probability_alone is not None and found.pmi is not None:
        numbers |= {"baseline": found.probability_alone, "pmi": found.pmi}
        reason += f", {found.probability_alone:.4f} without the trajectory"
    if quoted:
        reason += "; the trajectory holds it word for word"
    score = found.gain
    return Reading("pass" if score >= 0.5 else "fail", (score,), reason, numbers=numbers)


def _words(text: str) -> str:
    """The words and signs of a text with a space around each, so that one text within another is whole words of it.

    A reference that stands in the trajectory may be likely because it is copied; the record says where that may be.
    """
    return f" {' '.join(_WORD.findall(neutralise(text).casefold()))} "
