"""Walks through a recipe's turns: asks, reads, and shows what was said to the turns after it.

What the model said itself is data when it is shown again: neutralised and between fences, like all the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from judge_agent.calls import LOGPROBS, ModelCall
from judge_agent.context import CanonicalCandidate, JudgeContext
from judge_agent.errors import JudgeError, ModelError, to_keep
from judge_agent.nodes.charged import charged_to_the_task, side_by_side, walked, walking
from judge_agent.nodes.interleaved import Desk, with_calls
from judge_agent.nodes.likely import UNTOLD, read_likelihood, why_not
from judge_agent.nodes.reading import NOTHING, ONE_TOKEN, Known, Reading, of_each, read, schema_of
from judge_agent.nodes.worst_case import of_turns
from judge_agent.prompting.fences import fence, neutralise
from judge_agent.prompting.images import with_images
from judge_agent.prompting.notes import asked_again
from judge_agent.readouts import STOPS, RubricItem
from judge_agent.recipes import Turn
from judge_agent.schema import Evidence
from judge_agent.seams.model import ChatMessage, Choice, Image
from judge_agent.state import Json

TRIES = 2
MIN_ROOM_SHARE = 0.25


@dataclass(frozen=True)
class Sampled:
    """One sample's end: what was read last, or why there is nothing. `reason` holds what every turn said.

    `evidence` is what calls within the turns found, `calls` what the record says of them, by candidate id.
    """

    sample: int
    reading: Reading | None = None
    problem: JudgeError | None = None
    reason: str = ""
    evidence: tuple[Json, ...] = ()
    calls: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True)
class Script:
    """Turns with what their prompts may show. `node` is the place of its calls, `slots` what is scored.

    `facts` are known before the first turn, for the `when` of all. `unseen` says why the model cannot be asked:
    what is to be judged is images, and it takes none. `items` are the caller's own, to be judged by; `texts` is what
    is shown of each slot, `asked_of` its candidate and evidence, for calls within a turn.
    """

    node: str
    turns: Sequence[Turn]
    values: Mapping[str, str]
    slots: Sequence[str]
    facts: Mapping[str, str] = field(default_factory=dict)
    images: Mapping[str, Image] = field(default_factory=dict)
    unseen: str | None = None
    items: tuple[RubricItem, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    asked_of: Mapping[str, tuple[CanonicalCandidate, Sequence[Evidence]]] = field(default_factory=dict)

    def due(self, turn: Turn, facts: Mapping[str, str]) -> bool:
        """Whether a turn is asked, by what is known."""
        return all(
            facts.get(name, "") in ((value,) if isinstance(value, str) else value)
            for name, value in turn.when.items()
        )

    @property
    def same_each_time(self) -> bool:
        """Whether every sample would be the same: nothing is written, only probabilities are read."""
        return all(
            turn.read.kind in (*ONE_TOKEN, "likelihood") and not turn.reasoning_tokens
            for turn in self.turns
            if self.due(turn, self.facts)
        )


async def sampled(context: JudgeContext, script: Script, samples: Sequence[int]) -> list[Sampled]:
    """Walk through the script once for each sample. Equal prompts are one call with n answers."""
    if problem := why_not(context, [turn for turn in script.turns if script.due(turn, script.facts)]):
        return [Sampled(sample, problem=problem) for sample in samples]
    most = of_turns(context, script.turns, script.values, len(script.images))
    walk = walking(context, len(samples) * most)
    if len(script.turns) == 1 and len(samples) > 1 and not script.turns[0].calls:
        return await walked(walk, _at_once(walk, script, samples))
    works = [(most, partial(_walk, script, sample)) for sample in samples]
    return await walked(walk, side_by_side(walk, works))


async def fits(context: JudgeContext, script: Script) -> bool:
    """Whether the window leaves the first turn all the room that it wants; what cannot be counted is not too long.

    Whoever cannot count cannot answer either, and the call will say why.
    """
    turn = script.turns[0]
    try:
        messages = _messages(context, script, turn, script.values)
        needed = await context.calls.count_tokens(messages) + sum(_wanted(context, turn))
        return needed <= context.calls.context_window
    except JudgeError:
        return True


async def _at_once(context: JudgeContext, script: Script, samples: Sequence[int]) -> list[Sampled]:
    turn = script.turns[0]
    try:
        answers = await _answers(
            context, script, turn, script.values, f"{samples[0]}-{samples[-1]}", len(samples)
        )
    except JudgeError as error:
        return [Sampled(sample, problem=error) for sample in samples]
    found = []
    for sample, answer in zip(samples, answers, strict=True):
        try:
            reading = read(turn.read, turn.name, answer, script.slots)
        except JudgeError as error:
            found.append(Sampled(sample, problem=error))
        else:
            found.append(Sampled(sample, reading, reason=reading.reason))
    if any(one.reading for one in found):
        return found
    context.calls.was_useless()
    return await _once_more(context, script, found)


async def _once_more(context: JudgeContext, script: Script, failed: Sequence[Sampled]) -> list[Sampled]:
    """Ask each sample again, with what was wrong: where none could be read, dropping them would leave no vote."""

    async def again(one: Sampled, context: JudgeContext) -> Sampled:
        if one.problem is None or one.problem.failure_kind != "model_unparseable":
            return one
        try:
            reading = await _read(context, script, script.turns[0], script.values, one.sample, one.problem)
        except JudgeError as error:
            return Sampled(one.sample, problem=error)
        return Sampled(one.sample, reading, reason=reading.reason)

    most = of_turns(context, script.turns, script.values, len(script.images))
    return await side_by_side(context, [(most, partial(again, one)) for one in failed])


async def _walk(script: Script, sample: int, context: JudgeContext) -> Sampled:
    values, facts = dict(script.values), dict(script.facts)
    said: list[str] = []
    reading, known = None, Known(script.items, texts=script.texts)
    desk = Desk(context, script.asked_of)
    for turn in script.turns:
        if not script.due(turn, facts):
            continue
        try:
            if turn.read.kind == "likelihood":
                reading = await _likely(context, script, turn, values, sample)
            elif turn.alone:
                reading = await _each_alone(context, script, turn, values, sample, known)
            else:
                reading = await _read(context, script, turn, values, sample, known=known, desk=desk)
        except JudgeError as error:
            return _ended(Sampled(sample, problem=error), said, desk)
        facts |= {turn.name: reading.choice, **reading.facts}
        values |= {name: fence(name.upper(), neutralise(text)) for name, text in reading.said.items()}
        known = replace(
            known,
            items=reading.items or known.items,
            differences=reading.differences or known.differences,
        )
        said.append(reading.reason)
    if reading is None or not reading.scores:
        problem = ModelError("internal", f"no turn of {script.node!r} gave a verdict")
        return _ended(Sampled(sample, problem=problem), said, desk)
    return _ended(Sampled(sample, reading), said, desk)


def _ended(one: Sampled, said: Sequence[str], desk: Desk) -> Sampled:
    """A walk's end, with what its turns said and found."""
    return replace(one, reason="\n\n".join(said), evidence=tuple(desk.results), calls=desk.flags)


async def _each_alone(
    context: JudgeContext,
    script: Script,
    turn: Turn,
    values: Mapping[str, str],
    sample: int,
    known: Known,
) -> Reading:
    """Ask about each slot by itself, with nothing of the others before the model's eyes."""
    readings = []
    for slot in script.slots:
        shown = {**values, "responses": script.texts[slot], "slots": slot}
        seen = f"{shown['task']}{shown['responses']}"
        own = replace(
            script,
            node=f"{script.node}/{slot}",
            slots=(slot,),
            images={name: one for name, one in script.images.items() if f"[image {name}]" in seen},
        )
        readings.append(await _read(context, own, turn, shown, sample, known=known))
    return of_each(readings, script.slots)


async def _read(
    context: JudgeContext,
    script: Script,
    turn: Turn,
    values: Mapping[str, str],
    sample: int,
    problem: JudgeError | None = None,
    known: Known = NOTHING,
    desk: Desk | None = None,
) -> Reading:
    """Ask one turn; an answer that cannot be read is asked for once more, with the reason.

    `problem` is that of a first try which was made elsewhere.
    """
    for attempt in range(1 if problem else 0, TRIES):
        place = f"{sample}" if not attempt else f"{sample}/{attempt}"
        try:
            if turn.calls and desk is not None:
                answer = await _with_calls(context, script, turn, values, place, problem, desk)
            else:
                (answer,) = await _answers(context, script, turn, values, place, 1, problem, known)
            with context.calls.useless_unless_read():
                return read(turn.read, turn.name, answer, script.slots, known)
        except JudgeError as error:
            problem = to_keep(error)
            if error.failure_kind != "model_unparseable":
                break
    assert problem is not None
    try:
        raise problem
    finally:
        del problem  # this frame is among those that it comes through


async def _with_calls(
    context: JudgeContext,
    script: Script,
    turn: Turn,
    values: Mapping[str, str],
    place: str,
    problem: JudgeError | None,
    desk: Desk,
) -> Choice:
    """Ask a turn whose answer may make calls on the way."""
    form = turn.calls
    assert form is not None
    messages = _messages(context, script, turn, {**values, "tools": desk.described(form)})
    if problem is not None:
        messages = asked_again(messages, problem)

    async def ask(told: Sequence[ChatMessage], round_: int) -> Choice:
        call = ModelCall(
            f"{script.node}/{turn.name}/{place}/call{round_}",
            tuple(told),
            None,
            context.calls.max_tokens(turn.max_tokens),
            temperature=context.temperature,
            stop=STOPS[form.format],
            share=await _share(context, told, context.calls.max_tokens(turn.max_tokens)),
        )
        (choice, *_) = (await context.calls.model(call)).choices
        return choice

    return await with_calls(desk, form, messages, ask)


async def _likely(
    context: JudgeContext, script: Script, turn: Turn, values: Mapping[str, str], sample: int
) -> Reading:
    """Read a turn in which the model writes nothing; asked once, for it would tell the same again."""
    shown = _messages(context, script, turn, values)
    alone = _messages(context, script, turn, {**script.values, **UNTOLD})
    less = alone if turn.read.baseline == "task" else None
    return await read_likelihood(
        context, turn.read, f"{script.node}/{turn.name}/{sample}", shown, less, script.values["trajectory"]
    )


async def _answers(
    context: JudgeContext,
    script: Script,
    turn: Turn,
    values: Mapping[str, str],
    place: str,
    count: int,
    problem: JudgeError | None = None,
    known: Known = NOTHING,
) -> Sequence[Choice]:
    messages = _messages(context, script, turn, values)
    if problem is not None:
        messages = asked_again(messages, problem)
    one_token = turn.read.kind in ONE_TOKEN
    answer, thinking = _wanted(context, turn)
    of_the_task = turn.of_the_task
    if of_the_task:
        # Whoever needs it first asks: it is no candidate's own, and no sample's.
        context = charged_to_the_task(context)
    node = f"task/{context.task_sha256()[:12]}" if of_the_task else script.node
    place = place.partition("/")[2] or "0" if of_the_task else place
    reason_chars = context.calls.text_chars(context.recipe.critique.reason_chars)
    call = ModelCall(
        f"{node}/{turn.name}/{place}",
        messages,
        schema_of(turn.read, script.slots, reason_chars, known),
        answer,
        temperature=0.0 if one_token or of_the_task else context.temperature,
        shared=of_the_task,
        n=count,
        logprobs=LOGPROBS if one_token else 0,
        stop=turn.stop,
        reasoning_tokens=thinking,
        # A model that thinks first would spend its one token on that.
        phase="answer" if one_token and not thinking else "whole",
        share=await _share(context, messages, answer + thinking),
    )
    completion = await context.calls.model(call)
    return completion.choices


def _messages(
    context: JudgeContext, script: Script, turn: Turn, values: Mapping[str, str]
) -> tuple[ChatMessage, ...]:
    """A turn's prompt; of earlier turns that were not asked it shows nothing. Raises ModelError('tool_unavailable')."""
    if script.unseen:
        raise ModelError("tool_unavailable", script.unseen)
    template = context.prompts.load(turn.prompt)
    names = [name for turn in script.turns for name in (turn.name, f"{turn.name}_text")]
    silent = dict.fromkeys([*names, "issues", "tools"], "")
    shown = {**silent, **values}
    messages = template.render({name: shown[name] for name in template.variables & shown.keys()})
    return with_images(messages, script.images)


def _wanted(context: JudgeContext, turn: Turn) -> tuple[int, int]:
    """How many tokens a turn wants for its answer, and for the thinking before it."""
    calls = context.calls
    answer = 1 if turn.read.kind in ONE_TOKEN else calls.max_tokens(turn.max_tokens)
    return answer, calls.max_tokens(turn.reasoning_tokens)


async def _share(context: JudgeContext, messages: Sequence[ChatMessage], wanted: int) -> float:
    """The share of the wanted tokens that the window leaves.

    An answer that the window cuts off gives no verdict, so a little less room costs no wrong one; with less than
    a quarter of it there is hardly a chance, and the failure is input_too_large.
    """
    calls = context.calls
    share = min(1.0, (calls.context_window - await calls.count_tokens(messages)) / wanted)
    if share < MIN_ROOM_SHARE:
        raise ModelError(
            "input_too_large",
            f"what is to be judged does not fit the model's window of {calls.window_said}",
        )
    return share
