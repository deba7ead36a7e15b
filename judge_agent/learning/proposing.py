"""Asks a model for principles, from what was chosen and what was rejected. What it proposes is only a proposal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from judge_agent import importers
from judge_agent.errors import ModelError
from judge_agent.given_principles import name_from
from judge_agent.guards.planted import planted_in
from judge_agent.hashing import derived_seed
from judge_agent.learning.pairs import Pair
from judge_agent.prompting import PromptLibrary
from judge_agent.prompting.fences import fence, neutralise
from judge_agent.readouts import read_object
from judge_agent.same_words import WORD, same_words
from judge_agent.schema import JudgmentRequest, Trajectory
from judge_agent.seams.model import ChatMessage, ChatModel
from judge_agent.trajectory import read, text_of

PROMPT = "learn/contrast.v1"
PAIRS_A_CALL = 4
PROPOSALS_A_CALL = 3
MAX_TOKENS = 640
TEMPERATURE = 0.7
MAX_DESCRIPTION_CHARS = 240
MIN_WORDS = 4
_MOST_CHARS, _LEAST_CHARS = 4000, 200


@dataclass(frozen=True)
class Proposal:
    """A principle that the model proposed, `times` over."""

    name: str
    description: str
    times: int = 1


@dataclass(frozen=True)
class Proposals:
    """What a model proposed, near-duplicates merged, the oftenest first; `failed` calls gave nothing usable."""

    found: tuple[Proposal, ...]
    calls: int
    failed: int
    model: str = ""


async def proposals(
    model: ChatModel, pairs: Sequence[Pair], prompts: PromptLibrary, *, seed: int = 0, most: int = 16
) -> Proposals:
    """Ask for principles from contrast, a few pairs a call. Raises ModelError where not one call gave any."""
    info, found = await model.info(), list[Proposal]()
    calls = failed = 0
    problem: ModelError | None = None
    for begin in range(0, len(pairs), PAIRS_A_CALL):
        calls += 1
        try:
            found += await _asked(
                model, pairs[begin : begin + PAIRS_A_CALL], prompts, derived_seed(seed, str(begin))
            )
        except ModelError as error:
            failed, problem = failed + 1, error
    if not found and problem is not None:
        raise problem
    kept = sorted(merged(found), key=lambda one: (-one.times, one.name))[:most]
    return Proposals(_named_apart(kept), calls, failed, f"{info.id} {info.revision}")


def merged(found: Sequence[Proposal]) -> list[Proposal]:
    """Near-duplicates as one: those that share most of the words of the shorter one. The first wording stays."""
    kept: list[Proposal] = []
    for one in found:
        place = next(
            (at for at, other in enumerate(kept) if same_words(one.description, other.description)), None
        )
        if place is None:
            kept.append(one)
        else:
            kept[place] = replace(kept[place], times=kept[place].times + one.times)
    return kept


async def _asked(
    model: ChatModel, pairs: Sequence[Pair], prompts: PromptLibrary, seed: int
) -> list[Proposal]:
    messages = await _fitting(model, pairs, prompts)
    completion = await model.complete(
        messages,
        schema=_SCHEMA,
        max_tokens=MAX_TOKENS,
        temperature=TEMPERATURE,
        seed=seed,
        timeout_seconds=120,
    )
    data = read_object(completion.choices[0], verdict=("principles",))
    given = data.get("principles")
    usable = [
        one for item in (given if isinstance(given, list) else []) if (one := _usable(item)) is not None
    ]
    if not usable:
        raise ModelError("model_unparseable", "no proposed principle was usable")
    return usable


async def _fitting(
    model: ChatModel, pairs: Sequence[Pair], prompts: PromptLibrary
) -> tuple[ChatMessage, ...]:
    """The prompt, with texts cut until it fits the model's window. Raises ModelError('input_too_large')."""
    window, chars = (await model.info()).context_window, _MOST_CHARS
    while True:
        shown = "\n\n".join(_shown(pair, chars) for pair in pairs)
        messages = prompts.load(PROMPT).render({"pairs": shown, "count": str(PROPOSALS_A_CALL)})
        if await model.count_tokens(messages) + MAX_TOKENS <= window:
            return messages
        if chars <= _LEAST_CHARS:
            raise ModelError("input_too_large", f"{len(pairs)} pairs do not fit a window of {window} tokens")
        chars //= 2


def _shown(pair: Pair, chars: int) -> str:
    request = JudgmentRequest.model_validate(
        {
            "task": pair.task,
            "candidates": [{"id": "a", "trajectory": pair.chosen}, {"id": "b", "trajectory": pair.rejected}],
        }
    )
    asked = [request.task.prompt, *(f"[{one.role}]: {text_of(one)}" for one in request.task.messages)]
    works = [importers.canonical(one.trajectory).trajectory for one in request.candidates]
    blocks = [("TASK", "\n".join(asked)), ("PREFERRED", _text(works[0])), ("NOT PREFERRED", _text(works[1]))]
    return "\n".join(fence(label, _cut(neutralise(text), chars)) for label, text in blocks)


def _text(trajectory: Trajectory) -> str:
    lines = []
    for turn in read(trajectory).turns:
        calls = "".join(f" (calls {call.name} {call.raw_arguments})" for call in turn.calls)
        lines.append(f"[{turn.role}]: {turn.text}{calls}")
    final = trajectory.final_answer
    return "\n".join([*lines, f"[final answer]: {final}"] if final else lines)


def _cut(text: str, chars: int) -> str:
    """The head and the tail of a text that is too long."""
    if len(text) <= chars:
        return text
    return f"{text[: chars * 2 // 3]}\n(left out here)\n{text[-chars // 3 :]}"


def _usable(item: Any) -> Proposal | None:
    """A proposal that says something; none that is empty, or that carries planted text."""
    if not isinstance(item, dict):
        return None
    description = " ".join(neutralise(str(item.get("description", ""))).split())
    if len(set(WORD.findall(description.lower()))) < MIN_WORDS or planted_in(description):
        return None
    name = name_from(str(item.get("name", ""))) if item.get("name") else name_from(description)
    return Proposal(name, description[:MAX_DESCRIPTION_CHARS])


def _named_apart(found: Sequence[Proposal]) -> tuple[Proposal, ...]:
    used: set[str] = set()
    apart = []
    for one in found:
        name, count = one.name, 1
        while name in used:
            count += 1
            name = f"{one.name}_{count}"
        used.add(name)
        apart.append(replace(one, name=name))
    return tuple(apart)


_ITEM = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 3, "maxLength": 40},
        "description": {"type": "string", "minLength": 20, "maxLength": MAX_DESCRIPTION_CHARS},
    },
    "required": ["name", "description"],
    "additionalProperties": False,
}
_SCHEMA = {
    "type": "object",
    "properties": {
        "principles": {"type": "array", "items": _ITEM, "minItems": 1, "maxItems": PROPOSALS_A_CALL}
    },
    "required": ["principles"],
    "additionalProperties": False,
}
