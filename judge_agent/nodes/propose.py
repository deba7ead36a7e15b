"""Propose: what to judge by. Given, decided by tools, or generated once per task and shared by its posts.

Generated principles come from the task alone, never from a candidate, so every candidate of the task is
judged by the same ones. Where what the model proposes is of no use, the recipe's own stand in, for every post of the
task alike. Where the model could not be asked, they stand in for this post only: its result is flagged, and
`partial` without a reward, since another post of the task may have been judged by other principles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langgraph.runtime import Runtime

from judge_agent.calls import ModelCall
from judge_agent.context import JudgeContext
from judge_agent.errors import BudgetExceeded, ModelError
from judge_agent.given_principles import given_principles, name_from
from judge_agent.guards.planted import planted_in
from judge_agent.nodes.charged import charged_to_the_task
from judge_agent.nodes.criteria import comparison_of, ignored_fields
from judge_agent.prompting.fences import neutralise
from judge_agent.prompting.images import with_images
from judge_agent.prompting.material import task_block
from judge_agent.readouts import read_object
from judge_agent.same_words import WORD, same_words
from judge_agent.schema import Principle, PrincipleSpec
from judge_agent.seams.tool import Tool
from judge_agent.state import Json, State, Update

PROPOSE_MAX_TOKENS = 640
PROPOSE_TEMPERATURE = 0.7
PROPOSE_TRIES = 2
MIN_WORDS = 4
MIN_NEW_WORDS_SHARE = 0.6


async def propose(state: State, runtime: Runtime[JudgeContext]) -> Update:
    """Fix the principles of this judgment."""
    context = runtime.context
    given, repeated = _given(context)
    tied = {principle.tool for principle in given}
    from_tools, failures = _from_tools(context, tied)
    generated: list[Principle] = []
    flags: Json = {}
    if _wants_generated(context, state):
        generated, flags = await _generated(charged_to_the_task(context))
    if context.recipe.comparing:
        given, comparison = _to_be_compared(context, given, generated)
        generated = [comparison]
        ignored = ignored_fields(context.request.principles or (), comparison)
        if context.recipe.judges_by_rubric:
            # There each is an item of its own, with its own weight.
            ignored = [name for name in ignored if not name.endswith(".weight")]
        if ignored:
            flags = {**flags, "ignored_fields": ignored}
    if repeated:
        flags = {**flags, "repeated_principles": repeated}
    principles = [principle.model_dump(mode="json") for principle in [*given, *generated]]
    return {
        "principles": _named_apart([*principles, *from_tools]),
        "tool_failures": failures,
        "flags": {"": flags, **_flags_of_candidates(context, flags, failures)},
    }


def _flags_of_candidates(context: JudgeContext, said: Json, failures: Sequence[Json]) -> Json:
    """Whose principles are a fallback, and for whom a tool could not say what its principle is."""
    fallback = {name: said[name] for name in ("fallback_principles",) if name in said}
    flags: Json = {candidate.id: dict(fallback) for candidate in context.candidates}
    for failure in failures:
        named = flags[failure["candidate_id"]].setdefault("tool_unavailable", {})
        named[failure["tool"]] = failure["reason"]
    return flags


def _to_be_compared(
    context: JudgeContext, given: Sequence[Principle], generated: Sequence[Principle]
) -> tuple[list[Principle], Principle]:
    """Principles that a tool settles stay; all the others are what candidates are compared by, as one."""
    own = [principle for principle in given if principle.tool is None]
    specs = given_principles(context.request, context.recipe)
    named = {spec.dimension for spec in specs if spec.tool is None} | {one.dimension for one in generated}
    comparison = comparison_of([*own, *generated], named, context.recipe.compare, context.dimensions)
    return [principle for principle in given if principle.tool is not None], comparison


def _given(context: JudgeContext) -> tuple[list[Principle], list[str]]:
    """The caller's principles, or the recipe's; one that repeats another word for word is left out, and named.

    A hard one repeats no soft one, and a tool's none of the model's: what gates the reward is not lost to a twin.
    """
    kept: dict[tuple[str, str, str | None], Principle] = {}
    repeated = []
    origin = "given" if context.request.principles else "recipe"
    for spec in given_principles(context.request, context.recipe):
        principle = _typed(spec, context, origin)
        said = (" ".join(principle.description.casefold().split()), principle.kind, principle.tool)
        if said in kept:
            repeated.append(principle.name)
        kept.setdefault(said, principle)
    return list(kept.values()), repeated


def _wants_generated(context: JudgeContext, state: State) -> bool:
    recipe = context.recipe
    if all(candidate.id in state["screened"] for candidate in context.candidates):
        return False
    wanted = recipe.models and recipe.principles.generate == "when_none_given"
    return wanted and not context.request.principles


def _typed(spec: PrincipleSpec, context: JudgeContext, origin: Any) -> Principle:
    dimension = spec.dimension or context.dimensions[0]
    return Principle(
        name=spec.name or name_from(spec.description),
        description=spec.description,
        dimension=dimension,
        kind=spec.kind,
        weight=spec.weight,
        scale=spec.scale or ("pass_fail" if spec.kind == "hard" else "1-5"),
        tool=spec.tool,
        origin=origin,
    )


def _from_tools(context: JudgeContext, tied: set[str | None]) -> tuple[list[Json], list[Json]]:
    """Each tool's own principle, for those candidates that it can decide it for; and the tools that failed.

    A tool that fails on a candidate leaves its principle open there: a text that breaks a check must not
    pass for one that the check does not apply to.
    """
    found: list[Json] = []
    failures: list[Json] = []
    for tool in context.tools if context.recipe.principles.tools else ():
        if tool.name in tied:
            continue
        specs, failed = _specs(tool, context)
        failures += failed
        applying = sorted([*specs, *(failure["candidate_id"] for failure in failed)])
        if applying:
            unknown = PrincipleSpec(description=tool.description[:4000], name=tool.name[:128], kind="hard")
            spec = _placed(next(iter(specs.values()), unknown), tool.name, context)
            principle = _typed(spec, context, "tool").model_dump(mode="json")
            found.append({**principle, "applies_to": applying})
    return found, failures


def _specs(tool: Tool, context: JudgeContext) -> tuple[dict[str, PrincipleSpec], list[Json]]:
    specs: dict[str, PrincipleSpec] = {}
    failed: list[Json] = []
    for candidate in context.candidates:
        try:
            spec = tool.principle(context.view(candidate))
        except Exception as error:  # noqa: BLE001 - one candidate's text must not cost its peers their rewards
            reason = f"its principle failed: {type(error).__name__}: {error}"[:500]
            place = {"candidate_id": candidate.id, "tool": tool.name}
            failed.append({**place, "failure_kind": "tool_unavailable", "reason": reason})
            continue
        if spec is not None:
            specs[candidate.id] = spec
    return specs, failed


def _placed(spec: PrincipleSpec, tool: str, context: JudgeContext) -> PrincipleSpec:
    """Tie a tool's principle to it, in the dimension that the tool says.

    Where the request declares the dimensions and leaves that one out, the principle counts in the reward, and in no
    entry of the vector: a test's result under the name of another dimension would be a false number. A recipe that
    declares no such dimension takes it in its first one.
    """
    is_kept = context.request.dimensions is not None or spec.dimension in context.dimensions
    dimension = spec.dimension if is_kept else context.dimensions[0]
    return spec.model_copy(update={"tool": tool, "dimension": dimension})


async def _generated(context: JudgeContext) -> tuple[list[Principle], Json]:
    """The task's principles. Posts of one task take turns; the first one's model call is shared by the rest."""
    try:
        async with context.turns.take(f"{context.tenant}/{context.task_sha256()}", context.calls.budget):
            made = await _make(context)
    except BudgetExceeded as error:
        # Another post of the task holds the turn for longer than this one may take.
        made = {**_fallback(context, str(error)), "failure_kind": error.failure_kind}
    principles = [Principle.model_validate(item) for item in made["principles"]]
    flags = {name: made[name] for name in ("fallback_principles", "failure_kind") if name in made}
    return principles, flags


async def _make(context: JudgeContext) -> Mapping[str, Any]:
    """Ask the model for principles; take the recipe's own, flagged, where it proposes nothing usable."""
    problem = ""
    for attempt in range(PROPOSE_TRIES):
        try:
            completion = await context.calls.model(_question(context, attempt))
            with context.calls.useless_unless_read():
                data = read_object(completion.choices[0], verdict=("principles",))
                principles = _usable(data.get("principles"), context)
        except BudgetExceeded as error:
            return {**_fallback(context, str(error)), "failure_kind": error.failure_kind}
        except ModelError as error:
            if error.failure_kind not in ("model_unparseable", "input_too_large"):
                return {**_fallback(context, str(error)), "failure_kind": error.failure_kind}
            problem = str(error)
            continue
        return {"principles": [principle.model_dump(mode="json") for principle in principles]}
    return _fallback(context, problem)


def _question(context: JudgeContext, attempt: int) -> ModelCall:
    recipe, pictures = context.recipe, context.task_pictures()
    messages = context.prompts.load(recipe.prompts["propose"]).render(
        {
            "task": task_block(context.task, pictures),
            "kind": neutralise(kind_of(context)),
            "dimensions": ", ".join(_proposed_dimensions(context)),
            "count": str(recipe.principles.max_generated),
        }
    )
    messages = with_images(messages, pictures.images)
    node = f"propose/{context.task_sha256()[:12]}/{attempt}"
    return ModelCall(node, messages, _schema(context), PROPOSE_MAX_TOKENS, PROPOSE_TEMPERATURE, shared=True)


def _schema(context: JudgeContext) -> Json:
    item = {
        "type": "object",
        "properties": {
            "name": {"type": "string", "minLength": 3, "maxLength": 40},
            "description": {"type": "string", "minLength": 20, "maxLength": context.calls.text_chars(240)},
            "dimension": {"enum": list(_proposed_dimensions(context))},
            "weight": {"enum": [1, 2, 3, 4, 5]},
        },
        "required": ["name", "description", "dimension", "weight"],
        "additionalProperties": False,
    }
    count = context.recipe.principles.max_generated
    items = {"type": "array", "items": item, "minItems": 1, "maxItems": count}
    return {
        "type": "object",
        "properties": {"principles": items},
        "required": ["principles"],
        "additionalProperties": False,
    }


def _proposed_dimensions(context: JudgeContext) -> Sequence[str]:
    """The dimensions that generated principles may feed: all, where the caller declares none but those of tools."""
    left_to_tools = context.recipe.principles.not_generated
    return [one for one in context.dimensions if one not in left_to_tools] or context.dimensions


def _usable(proposed: Any, context: JudgeContext) -> list[Principle]:
    """Type the proposals; drop the empty, the repeated and those that carry planted text.

    Raises ModelError('model_unparseable') when none is left.
    """
    kept: list[Principle] = []
    for item in proposed if isinstance(proposed, list) else []:
        principle = _from_proposal(item, context) if isinstance(item, dict) else None
        if principle is not None and not any(
            same_words(principle.description, other.description) for other in kept
        ):
            kept.append(principle)
    if not kept:
        raise ModelError("model_unparseable", "no proposed principle was usable")
    return kept[: context.recipe.principles.max_generated]


def _from_proposal(item: Json, context: JudgeContext) -> Principle | None:
    description = neutralise(str(item.get("description", ""))).strip()
    words = WORD.findall(description.lower())
    weight = item.get("weight")
    goes_round = len(set(words)) < MIN_NEW_WORDS_SHARE * len(words)
    telling = {word for word in words if len(word) > 1 or not word.isascii()}
    if len(telling) < max(MIN_WORDS, len(words) / 2) or goes_round or planted_in(description):
        return None
    if item.get("dimension") not in _proposed_dimensions(context) or weight not in (1, 2, 3, 4, 5):
        return None
    spec = PrincipleSpec(
        description=description[:4000],
        name=name_from(str(item.get("name", ""))),
        dimension=item["dimension"],
        kind=context.recipe.principles.generated_kind,
        weight=float(weight),
    )
    return _typed(spec, context, "generated")


def _fallback(context: JudgeContext, problem: str) -> Json:
    specs = _fallback_specs(context)
    principles = [_typed(spec, context, "fallback").model_dump(mode="json") for spec in specs]
    return {
        "principles": principles,
        "fallback_principles": {"count": len(principles), "reason": problem[:300]},
    }


def _fallback_specs(context: JudgeContext) -> Sequence[PrincipleSpec]:
    """The recipe's own, of the declared dimensions; where none of them is of one, all of them, in the first."""
    shelves = context.recipe.fallback_principles
    specs = shelves.get(kind_of(context)) or shelves.get("general", ())
    declared = [spec for spec in specs if spec.dimension in context.dimensions]
    return declared or [spec.model_copy(update={"dimension": context.dimensions[0]}) for spec in specs]


def kind_of(context: JudgeContext) -> str:
    """The task's kind as the caller says, else from what the task carries: code, agent or general."""
    task = context.task
    if task.kind:
        return task.kind
    if task.reference.tests is not None:
        return "code"
    roles = {message.role for message in task.messages}
    return "agent" if roles & {"system", "developer"} or task.reference.tool_calls else "general"


def _named_apart(principles: list[Json]) -> list[Json]:
    """Make names unique, in order, so that results can be addressed by them."""
    used: set[str] = set()
    apart = []
    for principle in principles:
        name, count = principle["name"], 1
        while name in used:
            count += 1
            name = f"{principle['name']}_{count}"
        used.add(name)
        apart.append({**principle, "name": name})
    return apart
