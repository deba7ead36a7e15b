"""Cited critiques: the question in JSON, one principle a call or several, every citation checked against its source.

A citation that does not resolve is struck; a hard pass that rests on nothing but the candidate's own claim is asked
for again once, then it is no verdict. Of several principles in one call each is read by itself: one that cannot be
read costs no other its verdict, and each that could not be used is asked again alone. What does not fit the window is
not cut: several principles are asked in halves, and one alone is `input_too_large`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

from judge_agent.calls import LOGPROBS, ModelCall
from judge_agent.context import CanonicalCandidate, JudgeContext
from judge_agent.errors import JudgeError, ModelError, to_keep
from judge_agent.nodes.critique_form import (
    CITING,
    Read,
    cites,
    failed,
    in_words,
    read_critique,
    recorded,
    require_support,
    scale_of,
    schema_of,
)
from judge_agent.prompting.images import with_images
from judge_agent.prompting.material import Material
from judge_agent.prompting.notes import asked_again
from judge_agent.readouts import by_value, read_object
from judge_agent.readouts.answer import unparseable
from judge_agent.seams.model import ChatMessage, TokenLogprob
from judge_agent.state import Json

TRIES = 2
_AGAIN = ("model_unparseable", "evidence_unsupported")


@dataclass(frozen=True)
class Look:
    """Which look at a principle a critique is: by which prompt, at which place, and what it shows beside.

    `account` is what a prompt for several principles says of the material. A look that only `measures` gives no
    verdict, so its passes need no support.
    """

    prompt: Literal["critique", "blind", "second_look"] = "critique"
    node: str = "critique"
    beside: Mapping[str, str] = field(default_factory=dict)
    account: str = ""
    measures: bool = False


FIRST = Look()


class Critiqued(NamedTuple):
    """One critique: a choice with its reason and citations, or why there is none; and the spans that it quotes."""

    critique: Json
    spans: list[Json]


async def cited_critiques(
    context: JudgeContext,
    candidate: CanonicalCandidate,
    shown: Material,
    principles: Sequence[Json],
    sample: int = 0,
    look: Look = FIRST,
) -> dict[str, Critiqued]:
    """Ask for a critique of each principle, by their names, in one call; in more where they do not fit one."""
    asked = [_One(principle) for principle in principles]
    calls = [asked]
    for attempt in range(TRIES):
        for due in calls:
            try:
                data = await _ask(context, shown, due, _place(look, due, sample, attempt), look)
            except JudgeError as error:
                if error.failure_kind == "input_too_large" and len(due) > 1:
                    middle = len(principles) // 2
                    halves = (principles[:middle], principles[middle:])
                    first, second = [
                        await cited_critiques(context, candidate, shown, half, sample, look)
                        for half in halves
                    ]
                    return first | second
                for one in due:
                    one.problem = to_keep(error)
            else:
                for one in due:
                    one.take(context, shown, data, look)
                if all(one.is_useless for one in due):
                    context.calls.was_useless()
        # One that a model cannot read beside others it may well read alone.
        calls = [[one] for one in asked if one.may_be_asked_again]
    return {one.name: one.told(candidate, sample) for one in asked}


class _One:
    """One principle's critique on its way: what was read of it last, or what is wrong with that."""

    def __init__(self, principle: Json) -> None:
        self.principle = principle
        self.name = str(principle["name"])
        self.read: Read | None = None
        self.problem: JudgeError | None = None
        self.struck = 0

    def take(self, context: JudgeContext, shown: Material, answer: _Answer, look: Look) -> None:
        """Read what an answer says of this principle."""
        self.problem = None
        data = answer.objects.get(self.name)
        try:
            if not isinstance(data, Mapping):
                raise data if isinstance(data, JudgeError) else unparseable(f"{data!r:.80} is no object")
            tokens = answer.tokens.get(self.name, ())
            self.read = read_critique(context, shown, self.principle, data, tokens)
            self.struck += self.read.struck
            if not look.measures:
                require_support(context, shown, self.principle, self.read)
        except JudgeError as error:
            self.problem = to_keep(error)

    @property
    def may_be_asked_again(self) -> bool:
        return self.problem is not None and self.problem.failure_kind in _AGAIN

    @property
    def is_useless(self) -> bool:
        """Whether the answer was of no use; that it cannot be assessed is one."""
        return self.may_be_asked_again

    def told(self, candidate: CanonicalCandidate, sample: int) -> Critiqued:
        base = {"candidate_id": candidate.id, "principle": self.name, "sample": sample}
        if self.problem is not None:
            left, spans = failed(self.problem, self.read, candidate)
            return Critiqued({**base, **left, "struck": self.struck}, spans)
        assert self.read is not None
        citations, spans = recorded(self.read.citations, candidate)
        return Critiqued({**base, **self.read.verdict, "citations": citations, "struck": self.struck}, spans)


class _Answer(NamedTuple):
    """What was answered, by the principles' names: of each an object, or why it cannot be read; and the tokens of
    its choice, where the model told their log-probabilities.
    """

    objects: Mapping[str, Any]
    tokens: Mapping[str, Sequence[TokenLogprob]]


def _place(look: Look, due: Sequence[_One], sample: int, attempt: int) -> str:
    names = due[0].name if len(due) == 1 else f"{due[0].name}+{len(due) - 1}"
    first = f"{look.node}/{names}/{attempt}"
    return f"{first}/sample-{sample}" if sample else first


async def _ask(context: JudgeContext, shown: Material, due: Sequence[_One], node: str, look: Look) -> _Answer:
    """Ask about all that are due. Raises ModelError and BudgetExceeded; what cannot be read is in the answer."""
    if shown.unseen:
        raise ModelError("tool_unavailable", shown.unseen)
    call = _question(context, shown, due, node, look)
    if await context.calls.count_tokens(call.messages) + call.max_tokens > context.calls.context_window:
        raise ModelError(
            "input_too_large",
            f"task, trajectory and evidence, with max_tokens={call.max_tokens}, do not fit the model's window of "
            f"{context.calls.window_said}",
        )
    completion = await context.calls.model(call)
    written = completion.choices[0]
    try:
        if len(due) == 1:
            objects = {due[0].name: read_object(written, verdict=("choice",))}
        else:
            labels = _labels(due)
            data = read_object(written, verdict=tuple(labels))
            # In the order in which they were written, which is that of their tokens.
            objects = {labels[label].name: one for label, one in data.items() if label in labels}
    except JudgeError as error:
        return _Answer({one.name: error for one in due}, {})
    # A choice in what was thought before, or one that is missing, would shift them: then none is known to be whose.
    told = by_value(written.logprobs)
    return _Answer(objects, dict(zip(objects, told, strict=True)) if len(told) == len(objects) else {})


def _labels(due: Sequence[_One]) -> dict[str, _One]:
    """The names under which several principles are asked for: p1, p2, ..."""
    return {f"p{index}": one for index, one in enumerate(due, 1)}


def _question(
    context: JudgeContext, shown: Material, due: Sequence[_One], node: str, look: Look
) -> ModelCall:
    variables, schema = _of_one(context, shown, due[0]) if len(due) == 1 else _of_several(context, shown, due)
    several = {"account": look.account} if len(due) > 1 else look.beside
    prompt = look.prompt if len(due) == 1 else "several"
    messages: Sequence[ChatMessage] = context.prompts.load(context.recipe.prompts[prompt]).render(
        {
            "task": shown.task,
            "trajectory": shown.trajectory,
            "evidence": shown.evidence,
            "reference": shown.reference,
            **variables,
            **several,
        }
    )
    messages = with_images(messages, shown.images)
    if (problem := due[0].problem) is not None:
        messages = asked_again(messages, problem)
    room = context.recipe.critique.max_tokens * len(due)
    temperature = 0.0 if look.measures else context.temperature
    call = ModelCall(node, tuple(messages), schema, room, temperature=temperature)
    # What is ruled out by the worst choice must be able to be it: a mean hardly ever is.
    by_mean = context.recipe.critique.score == "mean" and context.aggregate != "veto"
    if by_mean and context.calls.can("logprobs"):
        return replace(call, logprobs=LOGPROBS, logprobs_of="choice")
    return call


def _of_one(context: JudgeContext, shown: Material, one: _One) -> tuple[Mapping[str, str], Json]:
    """What the prompt says of one principle, and the schema of its answer."""
    citing = cites(context, one.principle)
    variables = {
        "principle": in_words(one.principle),
        "scale": scale_of(context, one.principle),
        "citing": CITING if citing else "",
        "format": "Answer in JSON: the reason first, then the citations, then the choice."
        if citing
        else "Answer in JSON: the reason first, then the choice.",
    }
    return variables, schema_of(context, shown, one.principle)


def _of_several(
    context: JudgeContext, shown: Material, due: Sequence[_One]
) -> tuple[Mapping[str, str], Json]:
    """The same of several, each under its label."""
    labels = _labels(due)
    lines = [
        f"{label}. {in_words(one.principle)}\n    {scale_of(context, one.principle)}"
        for label, one in labels.items()
    ]
    citing = any(cites(context, one.principle) for one in due)
    steps = (
        "the reason first, then the citations, then the choice" if citing else "the reason, then the choice"
    )
    variables = {
        "principles": "\n".join(lines),
        "citing": CITING if citing else "",
        "format": f"Answer in JSON: for each of {', '.join(labels)}, {steps}.",
    }
    properties = {label: schema_of(context, shown, one.principle) for label, one in labels.items()}
    return variables, {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
