"""Critique: the model judges what no tool decided, one principle of one candidate at a time.

How it is asked is the recipe's: a cited critique (`cited`), or turns of its own; as many samples as it wants.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from langgraph.runtime import Runtime

from judge_agent.aside import aside
from judge_agent.context import CanonicalCandidate, JudgeContext, applies
from judge_agent.nodes import worst_case
from judge_agent.nodes.asked import NOT_ASKED, Asked, Judged
from judge_agent.nodes.batch import judged_together, most_of_batch, taken
from judge_agent.nodes.by_place import by_place, first_samples
from judge_agent.nodes.charged import charged_to, side_by_side, walked, walking
from judge_agent.nodes.cited import SCALES, cited_critique
from judge_agent.nodes.collect import SAME, Decided, collect, rate, readable
from judge_agent.nodes.giving_way import without_those_that_give_way
from judge_agent.nodes.pictures import pictures_missing
from judge_agent.nodes.step_forms import decided_by_steps
from judge_agent.nodes.steps import critique_steps
from judge_agent.nodes.together import open_together
from judge_agent.nodes.turns import Sampled, Script, sampled
from judge_agent.nodes.unread import unread
from judge_agent.prompting.citations import found_against, refutation
from judge_agent.prompting.fences import neutralise
from judge_agent.prompting.material import Material, indented
from judge_agent.state import Json, State, Update
from judge_agent.votes import PASS, decided, gate_decided


async def critique(state: State, runtime: Runtime[JudgeContext]) -> Update:
    """Judge the open principles and steps of every candidate that screening left."""
    context = runtime.context
    update = Update(critiques=[], step_critiques=[], evidence=[], flags={})
    if not context.recipe.models:
        return update
    open_candidates = [c for c in context.candidates if c.id not in state["screened"]]
    first = first_samples(context, len(open_candidates))
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(_critique_one(charged_to(context, candidate), candidate, state, first))
            for candidate in open_candidates
        ]
    judged = [task.result() for task in tasks]
    if first < context.sample_count:
        judged, update["flags"][""] = await by_place(context, state, judged, _one_more, _most_of_one_more)
    for one in judged:
        _write(update, one)
    return update


def _write(update: Update, judged: Judged) -> None:
    """Put what was asked about one candidate into the update."""
    context = judged.context
    left_out = [*unread(context, judged.shown), *judged.steps.unread, *judged.flags.get("unread", ())]
    flags: Json = {**judged.flags, "unread": left_out} if left_out else dict(judged.flags)
    if missing := judged.steps.missing:
        flags["turns_unread_for_steps"] = len(missing)
    if judged.steps.critiques and context.sample_count > 1:
        # Their labels are not put to a vote: more samples of the principles make no step any surer.
        flags["steps_sampled"] = {"samples": 1, "of": context.sample_count}
    critiques: list[Json] = []
    spans: dict[str, Json] = {}
    for principle, (found, quoted, rounds) in zip(judged.principles, judged.asked, strict=True):
        critiques += found
        spans |= {item["id"]: item for item in quoted}
        if len(rounds) > 1 or len(found) > 1 or any("stopped" in one for one in rounds):
            flags.setdefault("samples", {})[principle["name"]] = rounds
    if struck := sum(one.pop("struck", 0) for one in critiques):
        flags["struck_citations"] = struck
    update["critiques"] += critiques
    update["step_critiques"] += judged.steps.critiques
    update["evidence"] += spans.values()
    update["flags"][judged.candidate.id] = flags


async def _critique_one(
    context: JudgeContext, candidate: CanonicalCandidate, state: State, count: int
) -> Judged:
    evidence = context.tool_results(state["evidence"], candidate)
    shown = await aside(context.request, context.material, candidate, evidence)
    still_open = _open(context, state, candidate)
    together = taken(context, still_open)
    open_principles = [principle for principle in still_open if principle not in together]
    walks = [walking(context, _most(context, shown, principle)) for principle in open_principles]
    batch = walking(context, most_of_batch(context, shown, together))
    last = walking(context, 0)
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(walked(walk, _principle(walk, candidate, shown, principle, count=count)))
            for walk, principle in zip(walks, open_principles, strict=True)
        ]
        sat = group.create_task(walked(batch, judged_together(batch, candidate, shown, together)))
        steps = group.create_task(walked(last, critique_steps(last, candidate, shown, state)))
    asked = [task.result() for task in tasks]
    found_so_far = [one.critiques for one in asked]
    if any(one.early for one in asked) and open_together(
        context, state, candidate, open_principles, found_so_far
    ):
        asked = await _the_rest(context, candidate, shown, open_principles, asked)
    batched = sat.result()
    return Judged(
        context,
        candidate,
        shown,
        [*open_principles, *together],
        [*asked, *batched.asked],
        steps.result(),
        batched.flags,
    )


async def _one_more(judged: Judged) -> Judged:
    """One more sample of each open principle of a candidate."""
    works = [
        (
            _most(judged.context, judged.shown, principle, samples=1),
            partial(
                _principle,
                candidate=judged.candidate,
                shown=judged.shown,
                principle=principle,
                before=before,
                count=len(before.critiques) + 1,
                why="undecided place",
            ),
        )
        for principle, before in zip(judged.principles, judged.asked, strict=True)
    ]
    more = await side_by_side(judged.context, works)
    return replace(judged, asked=[one.then(found) for one, found in zip(judged.asked, more, strict=True)])


def _most_of_one_more(judged: Judged) -> int:
    return sum(_most(judged.context, judged.shown, principle, samples=1) for principle in judged.principles)


async def _the_rest(
    context: JudgeContext,
    candidate: CanonicalCandidate,
    shown: Material,
    principles: Sequence[Json],
    asked: Sequence[Asked],
) -> list[Asked]:
    """The principles with all their samples, where some were asked for fewer."""
    early = [(place, one) for place, one in enumerate(asked) if one.early]
    more = await side_by_side(
        context,
        [
            (
                _most(context, shown, principles[place]),
                partial(
                    _principle, candidate=candidate, shown=shown, principle=principles[place], before=one
                ),
            )
            for place, one in early
        ],
    )
    whole = list(asked)
    for (place, one), found in zip(early, more, strict=True):
        whole[place] = Asked(found.critiques, one.spans + found.spans, one.rounds[:-1] + found.rounds)
    return whole


async def _principle(
    context: JudgeContext,
    candidate: CanonicalCandidate,
    shown: Material,
    principle: Json,
    before: Asked = NOT_ASKED,
    count: int | None = None,
    why: str = "undecided together",
) -> Asked:
    """Ask for `count` samples of one principle; after those of `before`, for all that are due of them."""
    spans: list[Json] = []
    node, values = f"critique/{principle['name']}", _values(shown, principle)

    async def cited(samples: Sequence[int]) -> list[Json]:
        most = _most_cited(context, shown, principle)
        found = await side_by_side(
            context,
            [(most, partial(_cited, candidate, shown, principle, sample)) for sample in samples],
        )
        spans.extend(item for _, quoted in found for item in quoted)
        return [one for one, _ in found]

    async def in_turns(samples: Sequence[int]) -> list[Json]:
        base = {"candidate_id": candidate.id, "principle": principle["name"]}
        if problem := pictures_missing(context, candidate, shown):
            walks = [Sampled(sample, problem=problem) for sample in samples]
        else:
            walks = await sampled(context, script, samples)
        return [{**base, **_held_to_its_tool(_as_critique(one), shown, principle)} for one in walks]

    settings = context.recipe.samples
    count = context.sample_count if count is None else count
    stands = _is_decided(context, principle)
    script = Script(
        node,
        context.recipe.turns,
        values,
        ("",),
        {"scale": principle["scale"]},
        shown.images,
        shown.unseen,
    )
    if not context.recipe.turns or context.recipe.comparing:
        found, rounds = await collect(settings, count, cited, stands, before.critiques, why)
    elif script.same_each_time and count > 1:
        found = await in_turns([0])
        rounds = [{"stopped": SAME, "samples": 1, "of": count}]
    else:
        found, rounds = await collect(settings, count, in_turns, stands, before.critiques, why)
    rated, note = await rate(context, count, found, lambda sample: script)
    return Asked(rated, spans, [*rounds, *note])


async def _cited(
    candidate: CanonicalCandidate, shown: Material, principle: Json, sample: int, context: JudgeContext
) -> tuple[Json, list[Json]]:
    return await cited_critique(context, candidate, shown, principle, sample)


def _most(context: JudgeContext, shown: Material, principle: Json, samples: int | None = None) -> int:
    """What so many samples of one principle may cost, in tokens; all that may be taken where no number is given."""
    if not context.recipe.turns or context.recipe.comparing:
        wanted = worst_case.samples_at_most(context) if samples is None else samples
        return wanted * _most_cited(context, shown, principle)
    values, images = _values(shown, principle), len(shown.images)
    if samples is None:
        return worst_case.of_samples(context, values, images)
    return samples * worst_case.of_turns(context, context.recipe.turns, values, images)


def _most_cited(context: JudgeContext, shown: Material, principle: Json) -> int:
    prompt, answer = context.recipe.prompts["critique"], context.recipe.critique.max_tokens
    return worst_case.of_prompt(
        context, prompt, _values(shown, principle).values(), len(shown.images), answer
    )


def _values(shown: Material, principle: Json) -> dict[str, str]:
    return {
        "task": shown.task,
        "trajectory": shown.trajectory,
        "evidence": shown.evidence,
        "reference": shown.reference,
        "principle": indented(neutralise(f"{principle['name']}: {principle['description']}")),
        "scale": SCALES[principle["scale"]],
    }


def _as_critique(one: Sampled) -> Json:
    if one.reading is None:
        assert one.problem is not None
        failure = {"failure_kind": one.problem.failure_kind, "failure_reason": str(one.problem)[:500]}
        return {"sample": one.sample, "reason": one.reason, **failure}
    reading = one.reading
    read = {"choice": reading.choice, "score": reading.scores[0], "reason": one.reason}
    return {
        "sample": one.sample,
        **read,
        "distribution": reading.distribution,
        "numbers": dict(reading.numbers),
        "graded": bool(reading.written),
    }


def _held_to_its_tool(critique: Json, shown: Material, principle: Json) -> Json:
    """No pass of a hard principle against what its own tool found."""
    passes = principle["kind"] == "hard" and critique.get("score", 0.0) >= 0.5
    against = refutation(shown, principle["tool"]) if passes else None
    if against is None:
        return critique
    kept = {key: critique[key] for key in ("sample", "reason")}
    return {**kept, "failure_kind": "evidence_unsupported", "failure_reason": found_against(against)}


def _is_decided(context: JudgeContext, principle: Json) -> Decided:
    """Whether what is read off the vote stands, whatever the samples due say: pass, fail, the side of a threshold."""
    how, hard = context.recipe.samples.vote, principle["kind"] == "hard"
    passes = hard or principle["scale"] == "pass_fail" or context.recipe.refute.of == "all"
    asked = {PASS} if passes or context.pass_threshold is None else set()
    thresholds = asked if context.pass_threshold is None else {*asked, context.pass_threshold}

    def stands(samples: Sequence[Json], count: int) -> bool:
        scores, due = [float(one["score"]) for one in readable(samples)], count - len(samples)
        gated = not hard or gate_decided(scores, due, how)
        return gated and all(decided(scores, due, how, threshold) for threshold in thresholds)

    return stands


def _open(context: JudgeContext, state: State, candidate: CanonicalCandidate) -> list[Json]:
    """Principles that no decisive finding settles, and whose tool did not fail: a broken box is no opinion.

    What compares candidates is the business of another node; a recipe that compares has no prompt for the rest.
    """
    if context.recipe.comparing and "critique" not in context.recipe.prompts:
        return []
    decided = {
        name
        for finding in state["findings"]
        if finding["candidate_id"] == candidate.id and finding["strength"] == "decisive"
        for name in finding["principles"]
    }
    broken = {f["tool"] for f in state["tool_failures"] if f["candidate_id"] == candidate.id}
    applying = [principle for principle in state["principles"] if applies(principle, candidate.id)]
    names = context.recipe.principles.give_way
    return [
        principle
        for principle in without_those_that_give_way(applying, names, state, candidate.id)
        if principle["origin"] != "comparison"
        and principle["name"] not in decided_by_steps(context)
        and principle["name"] not in decided
        and principle["tool"] not in broken
    ]
