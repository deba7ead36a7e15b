"""Critique: the model judges what no tool decided, one principle of one candidate at a time.

How it is asked is the recipe's: a cited critique (`cited`), or turns of its own; as many samples as it wants.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from langgraph.runtime import Runtime

from judge_agent.context import CanonicalCandidate, JudgeContext, applies
from judge_agent.nodes import worst_case
from judge_agent.nodes.asked import NOT_ASKED, Asked, Judged
from judge_agent.nodes.batch import judged_together, most_of_batch, taken
from judge_agent.nodes.blind import blind_pass, most_of_blind
from judge_agent.nodes.by_place import by_place, first_samples
from judge_agent.nodes.cascade import ended_by
from judge_agent.nodes.charged import charged_to, side_by_side, walked, walking
from judge_agent.nodes.chunks import Chunk, chunks_of, most_of_chunk
from judge_agent.nodes.collect import SAME, Decided, abstaining, collect, rate, readable
from judge_agent.nodes.critique_form import in_words, scale_of
from judge_agent.nodes.fitting import shown_to_judges, told
from judge_agent.nodes.giving_way import without_those_that_give_way
from judge_agent.nodes.pictures import pictures_missing
from judge_agent.nodes.step_forms import decided_by_steps
from judge_agent.nodes.steps import critique_steps
from judge_agent.nodes.together import open_together
from judge_agent.nodes.turns import Sampled, Script, sampled
from judge_agent.nodes.unread import unread, variables_shown
from judge_agent.nodes.witness import own_results
from judge_agent.prompting.citations import found_against, refutation
from judge_agent.prompting.material import Material
from judge_agent.state import Json, State, Update
from judge_agent.votes import PASS, decided, gate_decided


async def critique(state: State, runtime: Runtime[JudgeContext]) -> Update:
    """Judge the open principles and steps of every candidate that screening left."""
    context = runtime.context
    update = Update(critiques=[], blind_critiques=[], step_critiques=[], evidence=[], flags={})
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
    said: Json = {**told(judged.shown), **judged.flags}
    flags: Json = {**said, "unread": left_out} if left_out else said
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
    for made in [one.pop("calls") for one in critiques if "calls" in one]:
        flags.update({name: value for name, value in made.items() if name not in flags})
    if struck := sum(one.pop("struck", 0) for one in critiques):
        flags["struck_citations"] = struck
    if judged.blind.skipped:
        flags["blind_pass"] = judged.blind.skipped
    update["critiques"] += critiques
    update["blind_critiques"] += judged.blind.critiques
    spans |= {item["id"]: item for item in judged.blind.spans}
    update["step_critiques"] += judged.steps.critiques
    update["evidence"] += spans.values()
    update["flags"][judged.candidate.id] = flags


async def _critique_one(
    context: JudgeContext, candidate: CanonicalCandidate, state: State, count: int
) -> Judged:
    shown, evidence = await shown_to_judges(context, candidate, state)
    still_open = _open(context, state, candidate)
    together = taken(context, still_open)
    open_principles = [principle for principle in still_open if principle not in together]
    chunks = chunks_of(context, open_principles)
    # Verdicts are paid first, all their samples with them: the blind pass gives none, and takes what they leave.
    verdicts = walking(context, sum(_most(context, shown, one, chunks) for one in open_principles))
    batch = walking(context, most_of_batch(context, shown, together))
    unseen = walking(context, most_of_blind(context, candidate, shown, chunks))
    last = walking(context, 0)
    async with asyncio.TaskGroup() as group:
        blind = group.create_task(walked(unseen, blind_pass(unseen, candidate, evidence, chunks)))
        asked = group.create_task(
            walked(verdicts, _each(verdicts, candidate, shown, state, open_principles, chunks, count))
        )
        sat = group.create_task(walked(batch, judged_together(batch, candidate, shown, together)))
        steps = group.create_task(walked(last, critique_steps(last, candidate, shown, state)))
    batched = sat.result()
    return Judged(
        context,
        candidate,
        shown,
        [*open_principles, *together],
        [*asked.result(), *batched.asked],
        steps.result(),
        blind.result(),
        batched.flags,
    )


async def _each(
    context: JudgeContext,
    candidate: CanonicalCandidate,
    shown: Material,
    state: State,
    principles: Sequence[Json],
    chunks: Mapping[str, Chunk],
    count: int,
) -> list[Asked]:
    """So many samples of each principle; all of them where votes that stopped early leave the whole open."""
    asked = await side_by_side(
        context,
        [
            (
                _most(context, shown, principle, chunks),
                partial(
                    _principle,
                    candidate=candidate,
                    shown=shown,
                    principle=principle,
                    chunks=chunks,
                    count=count,
                ),
            )
            for principle in principles
        ],
    )
    found_so_far = [one.critiques for one in asked]
    if any(one.early for one in asked) and open_together(context, state, candidate, principles, found_so_far):
        return await _the_rest(context, candidate, shown, principles, asked)
    return asked


async def _one_more(judged: Judged) -> Judged:
    """One more sample of each open principle of a candidate."""
    chunks = chunks_of(judged.context, judged.principles)
    works = [
        (
            _most(judged.context, judged.shown, principle, chunks, samples=1),
            partial(
                _principle,
                candidate=judged.candidate,
                shown=judged.shown,
                principle=principle,
                chunks=chunks,
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
    context, shown, chunks = judged.context, judged.shown, chunks_of(judged.context, judged.principles)
    return sum(_most(context, shown, principle, chunks, samples=1) for principle in judged.principles)


async def _the_rest(
    context: JudgeContext,
    candidate: CanonicalCandidate,
    shown: Material,
    principles: Sequence[Json],
    asked: Sequence[Asked],
) -> list[Asked]:
    """The principles with all their samples, where some were asked for fewer."""
    early = [(place, one) for place, one in enumerate(asked) if one.early]
    chunks = chunks_of(context, [principles[place] for place, _ in early])
    more = await side_by_side(
        context,
        [
            (
                _most(context, shown, principles[place], chunks),
                partial(
                    _principle,
                    candidate=candidate,
                    shown=shown,
                    principle=principles[place],
                    chunks=chunks,
                    before=one,
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
    chunks: Mapping[str, Chunk],
    before: Asked = NOT_ASKED,
    count: int | None = None,
    why: str = "undecided together",
) -> Asked:
    """Ask for `count` samples of one principle; after those of `before`, for all that are due of them."""
    spans: list[Json] = []
    node, values = f"critique/{principle['name']}", _values(context, shown, principle)

    async def cited(samples: Sequence[int]) -> list[Json]:
        chunk = chunks[principle["name"]]
        most = most_of_chunk(context, shown, chunk, principle)
        found = await side_by_side(
            context,
            [(most, partial(chunk.critique, candidate, shown, principle, sample)) for sample in samples],
        )
        spans.extend(item for _, quoted in found for item in quoted)
        return [one for one, _ in found]

    async def in_turns(samples: Sequence[int]) -> list[Json]:
        base = {"candidate_id": candidate.id, "principle": principle["name"]}
        if problem := pictures_missing(context, candidate, shown):
            walks = [Sampled(sample, problem=problem) for sample in samples]
        else:
            walks = await sampled(context, script, samples)
        spans.extend(item for one in walks for item in one.evidence)
        held = principle if context.recipe.reference == "law" else {**principle, "tool": None}
        return [{**base, **_held_to_its_tool(_as_critique(one, candidate), shown, held)} for one in walks]

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
        texts={"": values["trajectory"]},
        asked_of={"": (candidate, shown.results)},
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


def _most(
    context: JudgeContext,
    shown: Material,
    principle: Json,
    chunks: Mapping[str, Chunk],
    samples: int | None = None,
) -> int:
    """What so many samples of one principle may cost, in tokens; all that may be taken where no number is given."""
    if not context.recipe.turns or context.recipe.comparing:
        wanted = worst_case.samples_at_most(context) if samples is None else samples
        return wanted * most_of_chunk(context, shown, chunks[principle["name"]], principle)
    values, images = _values(context, shown, principle), len(shown.images)
    if samples is None:
        return worst_case.of_samples(context, values, images)
    return samples * worst_case.of_turns(context, context.recipe.turns, values, images)


def _values(context: JudgeContext, shown: Material, principle: Json) -> dict[str, str]:
    own = {"own_results": own_results(shown.results)} if "own_results" in variables_shown(context) else {}
    return {
        **own,
        "task": shown.task,
        "trajectory": shown.trajectory,
        "evidence": shown.evidence,
        "reference": shown.reference,
        "principle": in_words(principle),
        "scale": scale_of(context, principle),
    }


def _as_critique(one: Sampled, candidate: CanonicalCandidate) -> Json:
    made = {"calls": one.calls[candidate.id]} if candidate.id in one.calls else {}
    if one.reading is None:
        assert one.problem is not None
        failure = {"failure_kind": one.problem.failure_kind, "failure_reason": str(one.problem)[:500]}
        return {"sample": one.sample, "reason": one.reason, **made, **failure}
    reading = one.reading
    read = {"choice": reading.choice, "score": reading.scores[0], "reason": one.reason}
    return {
        "sample": one.sample,
        **read,
        "distribution": reading.distribution,
        "numbers": dict(reading.numbers),
        "graded": bool(reading.written),
        **made,
    }


def _held_to_its_tool(critique: Json, shown: Material, principle: Json) -> Json:
    """No pass of a principle against what its own tool found."""
    passes = critique.get("score", 0.0) >= 0.5
    against = refutation(shown, principle["tool"]) if passes else None
    if against is None:
        return critique
    kept: Json = {key: critique[key] for key in ("sample", "reason", "calls") if key in critique}
    return {**kept, "failure_kind": "evidence_unsupported", "failure_reason": found_against(against)}


def _is_decided(context: JudgeContext, principle: Json) -> Decided:
    """Whether what is read off the vote stands, whatever the samples due say: pass, fail, the side of a threshold."""
    how, hard = context.recipe.samples.vote, principle["kind"] == "hard"
    passes = hard or principle["scale"] == "pass_fail" or context.recipe.refute.of == "all"
    asked = {PASS} if passes or context.pass_threshold is None else set()
    thresholds = asked if context.pass_threshold is None else {*asked, context.pass_threshold}

    def stands(samples: Sequence[Json], count: int) -> bool:
        scores, due = [float(one["score"]) for one in readable(samples)], count - len(samples)
        if context.recipe.critique.cannot_assess and len(abstaining(samples)) + due > len(scores):
            return False
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
    if context.recipe.reference == "witness":
        # A witness that cannot be heard is no reason not to judge; what was not run is in the flags.
        broken = set()
    if context.recipe.cascade and ended_by(state, candidate):
        return []
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
