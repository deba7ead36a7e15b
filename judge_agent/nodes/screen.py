"""Screen: what can be said of a candidate before any model call.

Content-free answers ("One Token to Fool LLM-as-a-Judge", arXiv 2507.08794) get the minimum; planted
verdicts and instructions are flagged; equal candidates are judged once. A short answer is not content-free.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple, ParamSpec, TypeVar

from langgraph.runtime import Runtime

from judge_agent.aside import aside
from judge_agent.context import CanonicalCandidate, JudgeContext
from judge_agent.guards.hacks import Hack, hacks_in
from judge_agent.guards.places import Place, places_of
from judge_agent.guards.planted import Planted, planted_in
from judge_agent.guards.says_nothing import says_nothing
from judge_agent.guards.values import ends_with
from judge_agent.hashing import sha256_of
from judge_agent.prompting.material import without_thought
from judge_agent.schema import Evidence, Task, Trajectory
from judge_agent.state import Json, State, Update
from judge_agent.trajectory import Transcript, final_answer, read, text_of

MAX_PLANTED_SHOWN = 8
# Shorter texts are read in less time than a thread needs to begin.
LONG_TEXT_CHARS = 40_000
P = ParamSpec("P")
R = TypeVar("R")


async def screen(state: State, runtime: Runtime[JudgeContext]) -> Update:
    """Decide content-free candidates, flag planted text, fold equal candidates."""
    context = runtime.context
    flags: Json = {}
    screened: Json = {}
    evidence: list[Json] = []
    first_of: dict[str, str] = {}
    for candidate in context.candidates:
        await asyncio.sleep(0)  # others are served between the texts of two candidates
        hidden = context.request.include_hidden_reasoning
        seen = await _read_aside(context, candidate, _looked_at, candidate, hidden)
        flags[candidate.id] = seen.flags
        twin = first_of.setdefault(candidate.sha256, candidate.id)
        if twin != candidate.id:
            screened[candidate.id] = {"duplicate_of": twin}
            continue
        evidence += [item.model_dump(mode="json") for item in seen.evidence]
        if is_content_free(candidate, context.task):
            flags[candidate.id]["content_free"] = True
            if context.recipe.unfinished:
                # Not a word of it is wrong, and none says how it will go on: no verdict, and no fail.
                screened[candidate.id] = {"says_nothing_yet": True}
                continue
            item = _evidence(candidate)
            evidence.append(item.model_dump(mode="json"))
            screened[candidate.id] = {"content_free": True, "evidence_id": item.id}
            continue
        hacks = await _read_aside(context, candidate, hacks_in, context.task, candidate.trajectory)
        if hacks:
            items = [_hack_evidence(candidate, hack) for hack in hacks]
            evidence += [item.model_dump(mode="json") for item in items]
            flags[candidate.id]["hacks"] = [
                _hack_flag(hack, item.id) for hack, item in zip(hacks, items, strict=True)
            ]
    return {"screened": screened, "flags": flags, "evidence": evidence}


async def _read_aside(
    context: JudgeContext,
    candidate: CanonicalCandidate,
    work: Callable[P, R],
    *args: P.args,
    **kwargs: P.kwargs,
) -> R:
    """What pure work on a candidate's texts comes to; long ones are read in a thread."""
    if await aside(context.request, _chars, candidate.trajectory) > LONG_TEXT_CHARS:
        return await asyncio.to_thread(work, *args, **kwargs)
    return await aside(context.request, work, *args, **kwargs)


def _chars(trajectory: Trajectory) -> int:
    return sum(len(place.text) for place in places_of(trajectory, hidden_reasoning=True))


def is_content_free(candidate: CanonicalCandidate, task: Task) -> bool:
    """Whether an answer says nothing: no calls, no artifacts, no earlier content, and not the reference at its end.

    Hidden reasoning is no content: an answer is what its reader gets.
    """
    reference = task.reference.answer
    transcript = read(candidate.trajectory)
    own_images = any(turn.images for turn in transcript.turns if turn.role == "assistant")
    if transcript.calls or candidate.trajectory.artifacts or own_images:
        return False
    answer = final_answer(candidate.trajectory)
    texts = [answer, *(step.turn.text for step in transcript.steps)]
    spoken = [without_thought(text)[0] for text in texts]
    asked = _asked(task, transcript)
    if not all(says_nothing(text, asked) for text in spoken):
        return False
    # Whether one that ends with the reference is right is for what compares them.
    return reference is None or not (answer.strip() == reference.strip() or ends_with(spoken[0], reference))


def _asked(task: Task, transcript: Transcript) -> tuple[str, ...]:
    """What was asked: the prompt, and every message that is no answer."""
    texts = [task.prompt, *(text_of(message) for message in task.messages if message.role != "assistant")]
    texts += [turn.text for turn in transcript.turns if turn.role == "user"]
    return tuple(dict.fromkeys(text for text in texts if text))


def _evidence(candidate: CanonicalCandidate) -> Evidence:
    answer = final_answer(candidate.trajectory)
    return Evidence(
        id="sc_" + candidate.sha256[:12],
        kind="span",
        source="observation",
        candidate_ids=(candidate.id,),
        quote=answer[:200],
        offsets=(0, min(len(answer), 200)),
        sha256=sha256_of(answer),
        bearing="refutes",
        strength="decisive",
        score=0.0,
        reason="the answer is empty, announces what does not come, or repeats the task: it holds nothing to judge",
    )


class _Seen(NamedTuple):
    flags: Json
    evidence: tuple[Evidence, ...]


def _looked_at(candidate: CanonicalCandidate, hidden_reasoning: bool) -> _Seen:
    transcript = read(candidate.trajectory)
    flags: Json = {}
    if transcript.ignored_fields:
        flags["ignored_fields"] = transcript.ignored_fields
    if transcript.unread_calls:
        flags["unread_calls"] = transcript.unread_calls
    if transcript.call_like_texts:
        flags["call_like_text"] = transcript.call_like_texts
    if candidate.lost:
        flags["import_lost"] = list(candidate.lost)
    found = _planted(places_of(candidate.trajectory, hidden_reasoning=hidden_reasoning))
    shown = found[:MAX_PLANTED_SHOWN]
    evidence = tuple(_planted_evidence(candidate, place, hit) for place, hit in shown)
    if found:
        flags["injection"] = [
            _as_flag(place, hit, item.id) for (place, hit), item in zip(shown, evidence, strict=True)
        ]
        flags["injection_count"] = len(found)
    return _Seen(flags, evidence)


def _planted(places: Sequence[Place]) -> list[tuple[Place, Planted]]:
    known: dict[str, list[Planted]] = {}
    for place in places:
        if place.text not in known:
            known[place.text] = planted_in(place.text)
    return [(place, hit) for place in places for hit in known[place.text]]


def _as_flag(place: Place, hit: Planted, evidence_id: str) -> Json:
    told: Json = {"pattern": hit.pattern, "where": place.where, "part": place.part, "quote": hit.quote[:120]}
    told |= {"offsets": list(hit.offsets), "evidence_id": evidence_id}
    return {**told, "disguise": hit.how} if hit.how else told


def _planted_evidence(candidate: CanonicalCandidate, place: Place, hit: Planted) -> Evidence:
    """The span that speaks to the judge. It bears on nothing: that it is there says nothing of the work."""
    name = sha256_of([candidate.sha256, place.where, place.part, hit.pattern, *hit.offsets])[:12]
    return Evidence(
        id=f"in_{name}",
        kind="span",
        source=place.source,
        candidate_ids=(candidate.id,),
        step_id=place.step_id,
        quote=hit.quote,
        offsets=hit.offsets,
        sha256=sha256_of(place.text),
        reason=f"{place.where} ({place.part}) speaks to the judge: {hit.pattern}{f', in {hit.how}' if hit.how else ''}",
    )


def _hack_flag(hack: Hack, evidence_id: str) -> Json:
    told: Json = {
        "detector": hack.detector,
        "where": hack.where,
        "part": hack.part,
        "quote": hack.quote[:120],
    }
    told |= {"offsets": list(hack.offsets), "strength": hack.strength, "evidence_id": evidence_id}
    return told if hack.answerable else {**told, "answerable": False}


def _hack_evidence(candidate: CanonicalCandidate, hack: Hack) -> Evidence:
    """The span that shows it. It speaks against the work, and decides nothing: what it does is the recipe's to say."""
    name = sha256_of([candidate.sha256, hack.where, hack.part, hack.detector, *hack.offsets])[:12]
    return Evidence(
        id=f"ha_{name}",
        kind="span",
        source=hack.source,
        candidate_ids=(candidate.id,),
        step_id=hack.step_id,
        quote=hack.quote,
        offsets=hack.offsets,
        sha256=sha256_of(hack.quote),
        bearing="refutes",
        strength=hack.strength,
        reason=f"{hack.detector}: {hack.reason}",
    )
