"""What judges of a candidate are shown: all of it, or, where it does not fit the model's window, an index of its spans.

By a recipe that indexes long trajectories, what the model opened stands in its place in the trajectory, and what else
fits is opened for it, the relevant first. Every prompt about a candidate shows the same view of it. Where not even the
bare index fits, the whole is kept, and whoever asks finds that it is too large.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from judge_agent.aside import aside
from judge_agent.context import CanonicalCandidate, JudgeContext, applies
from judge_agent.errors import JudgeError
from judge_agent.model_calls import BYTES_PER_TOKEN, prompt_estimate
from judge_agent.prompting.material import Material
from judge_agent.prompting.spans import OPEN_SPAN, SPAN_TOOLS, SpanIndex
from judge_agent.schema import Evidence
from judge_agent.seams.model import ChatMessage
from judge_agent.state import Json, State

# The words of a prompt around what is judged, a first judgment and why it is doubted, and a note that asks again.
PROMPT_TOKENS = 1000
LEAST_SHARE_OF_HEADS = 0.5
# Names of tools and principles in the prompts that ask for calls.
TOKENS_PER_TOOL = 120


class Shown(NamedTuple):
    """The material, and the evidence in it."""

    material: Material
    evidence: list[Evidence]


async def shown_to_judges(context: JudgeContext, candidate: CanonicalCandidate, state: State) -> Shown:
    """Return what critiques and looks at the candidate show."""
    evidence = context.tool_results(state["evidence"], candidate)
    principles = [one for one in state["principles"] if applies(one, candidate.id)]
    material = await shown_of(context, candidate, evidence, principles)
    return Shown(material, evidence)


async def shown_of(
    context: JudgeContext,
    candidate: CanonicalCandidate,
    evidence: Sequence[Evidence],
    principles: Sequence[Json],
    *,
    account: bool = True,
    tools: int = 0,
) -> Material:
    """Return what fits of a candidate, with these findings; `tools` are named beside it.

    Spans that were opened are no evidence of their own: they are shown where they stand, under their own class.
    """
    found = [item for item in evidence if item.tool not in SPAN_TOOLS]
    whole = await aside(
        context.request, context.material, candidate, found if not tools else _kept(evidence), "", account
    )
    if context.recipe.critique.long_trajectories != "index" or not context.calls.has_model:
        return whole
    beside = _beside(context, principles, tools)
    if whole.unseen or await fits(context, whole, beside):
        return whole
    said = [f"{one['name']} {one['description']}" for one in principles]
    index = SpanIndex(whole, opened_in(evidence), said)
    return await _fullest(context, index, beside) or whole


def opened_in(evidence: Sequence[Evidence]) -> list[str]:
    """The spans that the model has opened, in their order."""
    return [
        str(output["span"])
        for item in evidence
        if item.tool == OPEN_SPAN and isinstance(output := item.output, Mapping) and "span" in output
    ]


def _kept(evidence: Sequence[Evidence]) -> list[Evidence]:
    """What is shown while the model asks: lists and hits as well, but not what stands opened in its place."""
    return [item for item in evidence if item.tool != OPEN_SPAN or item.status != "ok"]


def _beside(context: JudgeContext, principles: Sequence[Json], tools: int) -> int:
    """How many tokens a prompt needs beside the material: its own words, the principles of a call, the answer."""
    settings = context.recipe.critique
    several = len(principles) if settings.criteria_per_call == "all" else settings.criteria_per_call
    sizes = sorted((_tokens(f"{one['name']} {one['description']}") for one in principles), reverse=True)
    shown = sum(sizes) if tools else sum(sizes[: max(1, several)])
    # More than half of the window is not kept free for answers: several principles are asked in halves instead.
    answer = max(
        settings.max_tokens * max(1, min(several, len(principles))), context.recipe.refute.max_tokens
    )
    free = min(answer, max(settings.max_tokens, context.calls.context_window // 3))
    return PROMPT_TOKENS + shown + free + tools * TOKENS_PER_TOOL


def _tokens(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass")) // BYTES_PER_TOKEN + 1


async def fits(context: JudgeContext, shown: Material, beside: int) -> bool:
    """Whether the material leaves room for `beside` tokens; whoever cannot count cannot answer either."""
    text = "\n".join((shown.task, shown.trajectory, shown.evidence, shown.reference))
    message = ChatMessage("user", text, tuple(shown.images.values()))
    try:
        # No way of counting finds more than a token a byte, so most candidates need no count.
        if prompt_estimate([message]) * BYTES_PER_TOKEN + beside <= context.calls.context_window:
            return True
        return await context.calls.count_tokens([message]) + beside <= context.calls.context_window
    except JudgeError:
        return True


async def _fullest(context: JudgeContext, index: SpanIndex, beside: int) -> Material | None:
    """The view with the most spans opened that fits; None where the barest does not."""
    view: Material | None = None
    heads = await fits(context, index.view(0), _room_for_heads(context, beside))
    low, high = -1, len(index.order)
    while low < high:
        middle = (low + high + 1) // 2
        fuller = index.view(middle, heads=heads)
        if await fits(context, fuller, beside):
            low, view = middle, fuller
        else:
            high = middle - 1
    return view


def _room_for_heads(context: JudgeContext, beside: int) -> int:
    """First words of all spans are shown where they take less than half of the room."""
    return beside + int(LEAST_SHARE_OF_HEADS * (context.calls.context_window - beside))


def told(shown: Material) -> dict[str, Any]:
    """What the record says of a view: nothing where all was shown."""
    return {} if shown.opened is None else {"spans": shown.opened._asdict()}
