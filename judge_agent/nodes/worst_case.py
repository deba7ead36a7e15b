"""What the model may be asked in one walk of the plan, in tokens, at most: known before its first call is made.

An estimate on the high side: it decides only how much can run side by side under a tight budget, and not what is
asked. Where it is too low, the speed of answers may decide at the very end of a budget.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from judge_agent.context import JudgeContext
from judge_agent.errors import ModelError
from judge_agent.model_calls import BYTES_PER_TOKEN, TOKENS_PER_IMAGE, TOKENS_PER_MESSAGE
from judge_agent.nodes.reading import ONE_TOKEN
from judge_agent.recipes import Readout, Turn

TRIES = 2
# What is put around a value: fences, a note that asks again, the format; and the messages' own tokens.
FRAME_TOKENS = 300 + 4 * TOKENS_PER_MESSAGE
# Of what the model wrote itself: its tokens are longer than those that a prompt is estimated by.
WRITTEN_SHARE = 2
WINDOWS = 2
# How many are asked about one by one, where a turn does so.
PAIR = 2


def of_samples(context: JudgeContext, values: Mapping[str, str], images: int, orders: int = 1) -> int:
    """All samples that may be taken of one question in turns, in so many orders, and their ratings."""
    settings, turns = context.recipe.samples, list(context.recipe.turns)
    if settings.meta is not None:
        turns.append(Turn(name="meta", prompt=settings.meta, read=Readout(kind="p_yes"), max_tokens=1))
    return samples_at_most(context, orders) * of_turns(context, turns, values, images)


def samples_at_most(context: JudgeContext, orders: int = 1) -> int:
    """How many samples may be taken, with those that are asked for where they disagree."""
    return max(context.sample_count * orders, context.recipe.samples.escalate_to)


def of_prompt(
    context: JudgeContext, prompt: str, values: Iterable[str], images: int, answer: int, tries: int = TRIES
) -> int:
    """One question that is asked again once: its prompt with these values, and an answer of so many tokens."""
    return tries * (_prompt(context, prompt, values, images) + answer)


def of_turns(context: JudgeContext, turns: Sequence[Turn], values: Mapping[str, str], images: int) -> int:
    """One sample's walk through turns, each of which is asked again once and shown to those after it."""
    calls, said, most = context.calls, 0, 0
    reference = context.task.reference.answer or ""
    for turn in turns:
        given = [*values.values(), reference] if turn.read.kind == "likelihood" else values.values()
        prompt = _prompt(context, turn.prompt, given, images) + said
        answer = 1 if turn.read.kind in ONE_TOKEN else calls.max_tokens(turn.max_tokens)
        thinking = calls.max_tokens(turn.reasoning_tokens)
        thought = prompt + (2 + WRITTEN_SHARE) * thinking if thinking else 0
        rounds = turn.calls.rounds + 1 if turn.calls else PAIR if turn.alone else 1
        most += TRIES * rounds * (prompt + answer + thought)
        said += WRITTEN_SHARE * (answer + thinking)
    return most


def _prompt(context: JudgeContext, prompt: str, values: Iterable[str], images: int) -> int:
    template = sum(len(body) for _, body in context.prompts.load(prompt).sections)
    size = template + sum(map(_bytes, values))
    tokens = size // BYTES_PER_TOKEN + FRAME_TOKENS + images * TOKENS_PER_IMAGE
    return min(tokens, room(context))


def room(context: JudgeContext) -> int:
    """More than a prompt that fits the model's window is estimated at; what does not fit is not asked."""
    try:
        return WINDOWS * context.calls.context_window
    except ModelError:
        return 0


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
