"""Screen: what can be said of a candidate before any model call.

Content-free answers ("One Token to Fool LLM-as-a-Judge", arXiv 2507.08794) get the minimum; planted
verdicts and instructions are flagged; equal candidates are judged once. A short answer is not content-free.
"""

from __future__ import annotations

import re
import unicodedata

from langgraph.runtime import Runtime

from judge_agent.context import CanonicalCandidate, JudgeContext
from judge_agent.hashing import sha256_of
from judge_agent.nodes.patterns import PLANTED
from judge_agent.schema import Evidence
from judge_agent.state import Json, State, Update
from judge_agent.trajectory import Transcript, final_answer, read

_OPENERS = frozenset(
    unicodedata.normalize("NFKC", text).casefold()
    for text in (
        "thought process",
        "let's solve this problem step by step",
        "let us solve this problem step by step",
        "let's think step by step",
        "let me think step by step",
        "solution",
        "answer",
        "the answer is",
        "final answer",
        "step by step solution",
        "here is the solution",
        "解",
        "解答",
        "答案",
        "かいせつ",
        "解説",
        "respuesta",
        "solución",
        "lösung",
        "antwort",
        "réponse",
        "solution :",
    )
)
_PUNCTUATION = re.compile(r"[\s.,:;!?\u2026\u3002\uff0c\uff1a\uff1b\uff01\uff1f\u3001'\"`*#_~()\[\]{}<>-]+")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\x00-\x08\x0e-\x1f]")
MAX_PLANTED_SHOWN = 8


async def screen(state: State, runtime: Runtime[JudgeContext]) -> Update:
    """Decide content-free candidates, flag planted text, fold equal candidates."""
    context = runtime.context
    flags: Json = {}
    screened: Json = {}
    evidence: list[Json] = []
    first_of: dict[str, str] = {}
    for candidate in context.candidates:
        flags[candidate.id] = _flags(candidate)
        twin = first_of.setdefault(candidate.sha256, candidate.id)
        if twin != candidate.id:
            screened[candidate.id] = {"duplicate_of": twin}
        elif is_content_free(candidate, context.task.reference.answer):
            item = _evidence(candidate)
            evidence.append(item.model_dump(mode="json"))
            screened[candidate.id] = {"content_free": True, "evidence_id": item.id}
            flags[candidate.id]["content_free"] = True
    return {"screened": screened, "flags": flags, "evidence": evidence}


def is_content_free(candidate: CanonicalCandidate, reference: str | None) -> bool:
    """Whether an answer says nothing: no calls, no artifacts, no earlier content, and not the reference."""
    transcript = read(candidate.trajectory)
    if transcript.calls or candidate.trajectory.artifacts or any(turn.images for turn in transcript.turns):
        return False
    answer = final_answer(candidate.trajectory)
    if reference is not None and answer.strip() == reference.strip():
        return False
    texts = [answer, *(step.turn.text for step in transcript.steps)]
    return all(_says_nothing(text) for text in texts)


def _says_nothing(text: str) -> bool:
    plain = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)).casefold().replace("\u2019", "'")
    plain = plain.strip()
    core = _PUNCTUATION.sub(" ", plain.replace("'", "\u0001")).replace("\u0001", "'").strip()
    return not core or core in _OPENERS


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
    if candidate.lost:
        flags["import_lost"] = list(candidate.lost)
    planted = _planted(candidate, transcript)
    if planted:
        flags["injection"] = planted[:MAX_PLANTED_SHOWN]
        flags["injection_count"] = len(planted)
    return flags


def _planted(candidate: CanonicalCandidate, transcript: Transcript) -> list[Json]:
    places = [(turn.span_id, turn.text) for turn in transcript.turns if turn.role != "system"]
    places += [(turn.span_id, call.raw_arguments) for turn in transcript.turns for call in turn.calls]
    places += [
        (f"a{index}", artifact.content) for index, artifact in enumerate(candidate.trajectory.artifacts)
    ]
    if candidate.trajectory.final_answer is not None:
        places.append(("final", candidate.trajectory.final_answer))
    found = []
    for where, text in places:
        hidden = len(_INVISIBLE.findall(text))
        plain = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
        found += [
            {"pattern": name, "where": where, "quote": match.group(0)[:120]}
            for name, pattern in PLANTED
            if (match := pattern.search(plain))
        ]
        if hidden > 3:
            found.append(
                {"pattern": "hidden_characters", "where": where, "quote": f"{hidden} invisible characters"}
            )
    return found
