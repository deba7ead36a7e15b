"""The steps protocol of the critique: labels for single assistant turns, some steps a call.

A step that evidence decides is not asked about. Where the whole trajectory does not fit the window, steps are
shown with what fits of what came before them, and the record says what was left out. Steps that the model cannot
be asked about stay `unjudged`, with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

from judge_agent.calls import ModelCall
from judge_agent.context import CanonicalCandidate, JudgeContext
from judge_agent.errors import FailureKind, JudgeError, ModelError, to_keep
from judge_agent.nodes import step_forms
from judge_agent.nodes.both_ways import DIRECTIONS, Direction, combined, seen_from
from judge_agent.nodes.charged import side_by_side
from judge_agent.nodes.worst_case import of_prompt
from judge_agent.prompting.excerpts import Excerpt, StepExcerpts
from judge_agent.prompting.fences import neutralise
from judge_agent.prompting.images import with_images
from judge_agent.prompting.material import Material
from judge_agent.prompting.notes import asked_again
from judge_agent.readouts import read_object
from judge_agent.seams.model import ChatMessage
from judge_agent.state import Json, State

TRIES = 2
# Kept free for the note that asks again: a byte may be a token.
NOTE_TOKENS = 128
# Text of more characters than this a token is not written; what is longer need not be counted.
MOST_CHARS_PER_TOKEN = 8


class Labelled(NamedTuple):
    """Step critiques, what the model was not shown for them, in words, and the turns that it was shown for none."""

    critiques: list[Json]
    unread: Sequence[str] = ()
    missing: frozenset[str] = frozenset()


async def critique_steps(
    context: JudgeContext, candidate: CanonicalCandidate, shown: Material, state: State
) -> Labelled:
    """Label the steps that no decisive finding settles."""
    if not context.steps_wanted or "steps" not in context.recipe.prompts:
        return Labelled([])
    decided = {
        finding["step_id"]
        for finding in state["findings"]
        if finding["candidate_id"] == candidate.id and finding["strength"] == "decisive"
    }
    open_steps = [step_id for step_id in shown.step_aliases if step_id not in decided]
    unseen = [part.step_id for part in shown.parts if part.unseen and part.step_id in open_steps]
    seen = [step_id for step_id in open_steps if step_id not in unseen]
    if context.recipe.steps.directions == "both":
        return await _both_ways(context, candidate, shown, seen, unseen)
    size = context.recipe.critique.steps_per_call
    chunks = [seen[at : at + size] for at in range(0, len(seen), size)]
    whole = bool(chunks) and await _whole_fits(context, shown, chunks[0])
    most = _most(context, shown, whole) if chunks else 0
    labelled = await side_by_side(
        context, [(most, partial(_labels, shown, chunk, whole)) for chunk in chunks]
    )
    found = [_unjudged([step for step in unseen if step], _UNSEEN), *labelled]
    whole_of = _joined(found)
    return whole_of._replace(
        critiques=[{"candidate_id": candidate.id, **item} for item in whole_of.critiques]
    )


async def _both_ways(
    context: JudgeContext,
    candidate: CanonicalCandidate,
    shown: Material,
    seen: Sequence[str],
    unseen: Sequence[str | None],
) -> Labelled:
    """Label each step by what led to it and by what came of it."""
    works = []
    for direction in DIRECTIONS:
        for step_id in seen:
            view = seen_from(shown, step_id, direction)
            works.append((_most(context, view, whole=False), partial(_one_way, view, step_id, direction)))
    labelled = await side_by_side(context, works)
    half = len(seen)
    found: dict[Direction, list[Json]] = {
        "forward": [item for one in labelled[:half] for item in one.critiques],
        "backward": [item for one in labelled[half:] for item in one.critiques],
    }
    critiques = [*_unjudged([step for step in unseen if step], _UNSEEN).critiques, *combined(found)]
    unread = [line for one in labelled for line in one.unread]
    return Labelled([{"candidate_id": candidate.id, **item} for item in critiques], unread)


async def _one_way(view: Material, step_id: str, direction: Direction, context: JudgeContext) -> Labelled:
    """Label a step from one side; where that side does not fit, by what is nearest to the step."""
    whole = await _whole_fits(context, view, [step_id])
    found = await _labels(view, [step_id], whole, context, node=direction)
    return found._replace(unread=[f"{direction} {line}" for line in found.unread])


def _most(context: JudgeContext, shown: Material, whole: bool) -> int:
    """What the labels of one call's steps may cost, in tokens; where the whole does not fit, of the two calls' each."""
    answer = context.recipe.steps.tokens * context.recipe.critique.steps_per_call
    values = (shown.task, shown.trajectory, shown.evidence, shown.reference)
    most = of_prompt(context, context.recipe.prompts["steps"], values, len(shown.images), answer)
    return most if whole else 2 * most


def _joined(found: Sequence[Labelled]) -> Labelled:
    """One for all; a turn that was shown for some label is not missing."""
    labelled = [one.missing for one in found if any("label" in item for item in one.critiques)]
    return Labelled(
        [item for one in found for item in one.critiques],
        [line for one in found for line in one.unread],
        frozenset.intersection(*labelled) if labelled else frozenset(),
    )


_UNSEEN = ModelError("tool_unavailable", "the step is images alone, and the model is not shown them")


async def _labels(
    shown: Material, step_ids: Sequence[str], whole: bool, context: JudgeContext, node: str = "steps"
) -> Labelled:
    """Label some steps in one call, or in several where they do not fit one."""
    try:
        view = _whole(context, shown, step_ids) if whole else await _fitting(context, shown, step_ids)
    except JudgeError as error:
        if error.failure_kind == "input_too_large" and len(step_ids) > 1:
            half = len(step_ids) // 2
            first = await _labels(shown, step_ids[:half], whole, context)
            second = await _labels(shown, step_ids[half:], whole, context)
            return _joined([first, second])
        return _unjudged(step_ids, error)
    labelled = await _label(context, view, step_ids, node)
    if not view.left_out or all("failure_kind" in item for item in labelled.critiques):
        return labelled
    names = ", ".join(neutralise(step_id)[:64] for step_id in step_ids)
    return Labelled(labelled.critiques, [f"for steps {names}: {view.left_out}"], view.missing)


class _View(NamedTuple):
    """A prompt for some steps, fitted to the window; `aliases` lead to the step ids."""

    messages: tuple[ChatMessage, ...]
    aliases: Mapping[str, str]
    left_out: str
    missing: frozenset[str]


async def _whole_fits(context: JudgeContext, shown: Material, step_ids: Sequence[str]) -> bool:
    """Whether the whole trajectory fits; asked once, for other steps' prompts differ in their names alone."""
    if shown.opened is not None:
        return False
    try:
        return await _fits(context, _whole(context, shown, step_ids))
    except JudgeError:
        # Whoever cannot count cannot answer either: the call says why, for each step.
        return True


def _whole(context: JudgeContext, shown: Material, step_ids: Sequence[str]) -> _View:
    return _view(context, shown, step_ids, Excerpt(shown.trajectory, shown.evidence, shown.images))


async def _fitting(context: JudgeContext, shown: Material, step_ids: Sequence[str]) -> _View:
    """As much of the trajectory as fits. Raises ModelError('input_too_large')."""
    excerpts = StepExcerpts(shown, step_ids)
    view = _view(context, shown, step_ids, excerpts.excerpt(0))
    if not await _fits(context, view):
        window = context.calls.context_window
        raise ModelError("input_too_large", f"task and step do not fit the model's window of {window} tokens")
    low, high = 0, excerpts.count_within(context.calls.context_window * MOST_CHARS_PER_TOKEN)
    while low < high:
        middle = (low + high + 1) // 2
        fuller = _view(context, shown, step_ids, excerpts.excerpt(middle))
        if await _fits(context, fuller):
            low, view = middle, fuller
        else:
            high = middle - 1
    return view


async def _fits(context: JudgeContext, view: _View) -> bool:
    needed = await context.calls.count_tokens(view.messages) + _max_tokens(context, view) + NOTE_TOKENS
    return needed <= context.calls.context_window


def _max_tokens(context: JudgeContext, view: _View) -> int:
    return context.recipe.steps.tokens * len(view.aliases)


def _view(context: JudgeContext, shown: Material, step_ids: Sequence[str], excerpt: Excerpt) -> _View:
    aliases = {shown.step_aliases[step_id]: step_id for step_id in step_ids}
    template = context.prompts.load(context.recipe.prompts["steps"])
    values = {
        "task": shown.task,
        "trajectory": excerpt.trajectory,
        "evidence": excerpt.evidence,
        "reference": shown.reference,
        "steps": ", ".join(aliases),
        "principles": step_forms.listed(context),
        "format": step_forms.FORMATS[context.recipe.steps.form],
    }
    messages = template.render({name: values[name] for name in template.variables})
    return _View(with_images(messages, excerpt.images), aliases, excerpt.left_out, excerpt.missing)


async def _label(context: JudgeContext, view: _View, step_ids: Sequence[str], node: str) -> Labelled:
    problem: JudgeError | None = None
    for attempt in range(TRIES):
        try:
            labels = await _ask(context, view, f"{node}/{'+'.join(view.aliases)}/{attempt}", problem)
        except JudgeError as error:
            problem = to_keep(error)
            if error.failure_kind != "model_unparseable":
                break
            continue
        return Labelled([{"step_id": view.aliases[alias], **said} for alias, said in labels.items()])
    assert problem is not None
    return _unjudged(step_ids, problem)


def _unjudged(step_ids: Sequence[str], problem: JudgeError) -> Labelled:
    failure = {"failure_kind": problem.failure_kind, "failure_reason": str(problem)[:300]}
    return Labelled([{"step_id": step_id, **failure} for step_id in step_ids])


async def _ask(context: JudgeContext, view: _View, place: str, problem: JudgeError | None) -> dict[str, Json]:
    """Ask about some steps; alias -> what was said of the step."""
    messages, aliases = view.messages, tuple(view.aliases)
    if problem is not None:
        messages = asked_again(messages, problem)
    max_tokens = _max_tokens(context, view)
    if await context.calls.count_tokens(messages) + max_tokens > context.calls.context_window:
        kind: FailureKind = "model_unparseable" if problem else "input_too_large"
        raise ModelError(kind, f"{problem or 'the steps do not fit'}; there is no room to ask")
    step = step_forms.step_schema(context)
    schema: Json = {
        "type": "object",
        "properties": dict.fromkeys(aliases, step),
        "required": list(aliases),
        "additionalProperties": False,
    }
    completion = await context.calls.model(ModelCall(f"critique/{place}", messages, schema, max_tokens))
    with context.calls.useless_unless_read():
        data = read_object(completion.choices[0], verdict=aliases)
        return {alias: step_forms.read_step(context, data.get(alias)) for alias in aliases}
