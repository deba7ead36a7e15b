"""Screen: what can be said of a candidate before any model call.

Content-free answers ("One Token to Fool LLM-as-a-Judge", arXiv 2507.08794) get the minimum; planted
verdicts and instructions are flagged; equal candidates are judged once. A short answer is not content-free.
"""

from __future__ import annotations

import asyncio

from langgraph.runtime import Runtime

from judge_agent.aside import aside
from judge_agent.context import CanonicalCandidate, JudgeContext
from judge_agent.hashing import sha256_of
from judge_agent.nodes.openers import says_nothing
from judge_agent.nodes.patterns import planted_in
from judge_agent.prompting.fences import count_invisible
from judge_agent.prompting.material import without_thought
from judge_agent.schema import Evidence
from judge_agent.state import Json, State, Update
from judge_agent.trajectory import Transcript, final_answer, read

MAX_PLANTED_SHOWN = 8
# A stray byte-order mark or joiner is no attack; a text that hides more than a few characters is.
MAX_HIDDEN_CHARACTERS = 3


async def screen(state: State, runtime: Runtime[JudgeContext]) -> Update:
    """Decide content-free candidates, flag planted text, fold equal candidates."""
    context = runtime.context
    flags: Json = {}
    screened: Json = {}
    evidence: list[Json] = []
    first_of: dict[str, str] = {}
    for candidate in context.candidates:
        await asyncio.sleep(0)  # others are served between the texts of two candidates
        flags[candidate.id] = await aside(context.request, _flags, candidate)
        twin = first_of.setdefault(candidate.sha256, candidate.id)
        if twin != candidate.id:
            screened[candidate.id] = {"duplicate_of": twin}
        elif is_content_free(candidate, context.task.reference.answer) and context.recipe.unfinished:
            # Not a word of it is wrong, and none says how it will go on: no verdict, and no fail.
            screened[candidate.id] = {"says_nothing_yet": True}
            flags[candidate.id]["content_free"] = True
        elif is_content_free(candidate, context.task.reference.answer):
            item = _evidence(candidate)
            evidence.append(item.model_dump(mode="json"))
            screened[candidate.id] = {"content_free": True, "evidence_id": item.id}
            flags[candidate.id]["content_free"] = True
    return {"screened": screened, "flags": flags, "evidence": evidence}


def is_content_free(candidate: CanonicalCandidate, reference: str | None) -> bool:
    """Whether an answer says nothing: no calls, no artifacts, no earlier content, and not the reference.

    Hidden reasoning is no content: an answer is what its reader gets.
    """
    transcript = read(candidate.trajectory)
    own_images = any(turn.images for turn in transcript.turns if turn.role == "assistant")
    if transcript.calls or candidate.trajectory.artifacts or own_images:
        return False
    answer = final_answer(candidate.trajectory)
    if reference is not None and answer.strip() == reference.strip():
        return False
    texts = [answer, *(step.turn.text for step in transcript.steps)]
    return all(says_nothing(without_thought(text)[0]) for text in texts)


def _evidence(candidate: CanonicalCandidate) -> Evidence:
    answer = final_answer(candidate.trajectory)
    return Evidence(
        id="sc_" + candidate.sha256[:12],
        kind="span",
        source="observation",
        candidate_ids=(candidate.id,),
        quote=answer[:200],
        sha256=sha256_of(answer),
        bearing="refutes",
        strength="decisive",
        score=0.0,
        reason="the answer is empty or a bare opener: it holds nothing to judge",
    )


def _flags(candidate: CanonicalCandidate) -> Json:
    transcript = read(candidate.trajectory)
    flags: Json = {}
    if transcript.ignored_fields:
        flags["ignored_fields"] = transcript.ignored_fields
    if transcript.unread_calls:
        flags["unread_calls"] = transcript.unread_calls
    if candidate.lost:
        flags["import_lost"] = list(candidate.lost)
    planted = _planted(candidate, transcript)
    if planted:
        flags["injection"] = planted[:MAX_PLANTED_SHOWN]
        flags["injection_count"] = len(planted)
    return flags


def _planted(candidate: CanonicalCandidate, transcript: Transcript) -> list[Json]:
    found = []
    known: dict[str, list[tuple[str, str]]] = {}
    for where, text in _places(candidate, transcript):
        if text not in known:
            known[text] = planted_in(text)
        found += [{"pattern": name, "where": where, "quote": quote[:120]} for name, quote in known[text]]
        hidden = count_invisible(text)
        if hidden > MAX_HIDDEN_CHARACTERS:
            quote = f"{hidden} invisible characters"
            found.append({"pattern": "hidden_characters", "where": where, "quote": quote})
    return found


def _places(candidate: CanonicalCandidate, transcript: Transcript) -> list[tuple[str, str]]:
    """Every text of the candidate that a prompt may show, with its span id."""
    trajectory = candidate.trajectory
    places = [(turn.span_id, turn.text) for turn in transcript.turns if turn.role != "system"]
    places += [(turn.span_id, turn.name) for turn in transcript.turns if turn.name]
    for turn in transcript.turns:
        places += [(turn.span_id, f"{call.name}\n{call.raw_arguments}") for call in turn.calls]
    for index, artifact in enumerate(trajectory.artifacts):
        places.append((f"a{index}", f"{artifact.name}\n{artifact.content}"))
    if trajectory.final_answer is not None:
        places.append(("final", trajectory.final_answer))
    return places
