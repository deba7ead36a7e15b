"""Is a set of requests fit to reward with? References must score full; empty, idle and broken answers must not.

Pure: which probes a request is tried with, and what their judgments say of it. After vf-validate and its kin, which
try gold and no-op answers before a run; an untouched task that scores full is a broken task.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any, Literal

from judge_agent.schema import CandidateResult, Judgment

Kind = Literal["reference", "again", "empty", "idle", "cut", "altered", "foreign"]
# What must not score full, and what is a mutant: a reference with one thing wrong.
IDLE: tuple[Kind, ...] = ("empty", "idle")
MUTANTS: tuple[Kind, ...] = ("cut", "altered", "foreign")
FULL = 1.0 - 1e-9
# A broken reference may happen to be right (a number in a comment); so many of a hundred are no fault of the set.
MAX_STANDING_SHARE = 0.1
_IDLE_TEXT = "I have completed the task as requested."
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True)
class Probe:
    """One answer to one request (`index` from 0), as the request to post."""

    index: int
    kind: Kind
    request: Mapping[str, Any]


def probes(requests: Sequence[Mapping[str, Any]]) -> Iterator[Probe]:
    """Every probe of every request that has a reference. `again` is the reference once more, for the noise."""
    references = [reference_of(request) for request in requests]
    for index, (request, reference) in enumerate(zip(requests, references, strict=True)):
        if reference is None:
            continue
        foreign = next(
            (other for other in references[index + 1 :] + references[:index] if other != reference), None
        )
        answers: dict[Kind, Mapping[str, Any] | None] = {
            "reference": reference,
            "again": reference,
            "empty": {"text": ""},
            "idle": {"text": _IDLE_TEXT},
            "cut": _cut(reference),
            "altered": _altered(reference),
            "foreign": foreign,
        }
        for kind, trajectory in answers.items():
            if trajectory is not None and (kind in ("reference", "again") or trajectory != reference):
                candidate = {"id": kind, "trajectory": trajectory}
                alone = {"candidates": [candidate], "cache": "no", "shape": []}
                yield Probe(index, kind, {**request, **alone})


def reference_of(request: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The trajectory that is known to be right: what `task.reference` tells, else the candidate called `reference`."""
    reference = (request.get("task") or {}).get("reference") or {}
    if reference.get("solution"):
        return {"text": f"```python\n{reference['solution']}\n```"}
    if reference.get("sql"):
        return {"text": f"```sql\n{reference['sql']}\n```"}
    if reference.get("tool_calls"):
        return {
            "messages": [{"role": "assistant", "content": None, "tool_calls": _made(reference["tool_calls"])}]
        }
    if reference.get("answer"):
        return {"text": str(reference["answer"])}
    given = [one for one in request.get("candidates") or () if one.get("id") in ("reference", "gold")]
    return given[0]["trajectory"] if given else None


def _made(calls: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "id": str(at),
            "type": "function",
            "function": {"name": call.get("name"), "arguments": json.dumps(call.get("arguments") or {})},
        }
        for at, call in enumerate(calls)
    ]


def _cut(trajectory: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The first half of it."""
    if "text" in trajectory:
        text = str(trajectory["text"])
        return {"text": text[: len(text) // 2]} if len(text) > 1 else None
    calls = trajectory["messages"][-1].get("tool_calls") if trajectory.get("messages") else None
    return _with_calls(trajectory, calls[: len(calls) // 2]) if calls else None


def _altered(trajectory: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """With its last number one larger; None where it holds none."""
    text = json.dumps(trajectory)
    found = list(_NUMBER.finditer(text if "text" not in trajectory else str(trajectory["text"])))
    if not found:
        return None
    last = found[-1]
    if "text" in trajectory:
        whole = str(trajectory["text"])
        return {"text": f"{whole[: last.start()]}{int(last.group()) + 1}{whole[last.end() :]}"}
    return None


def _with_calls(trajectory: Mapping[str, Any], calls: Sequence[Any]) -> Mapping[str, Any]:
    last = {**trajectory["messages"][-1], "tool_calls": list(calls)}
    if not calls:
        last = {"role": "assistant", "content": _IDLE_TEXT}
    return {**trajectory, "messages": [*trajectory["messages"][:-1], last]}


@dataclass
class Report:
    """What the judgments of all probes say. `problems` are lines for people; none means that the set is fit.

    `standing` are broken references that score as high as the whole ones: a few may be right all the same.
    """

    requests: int
    without_reference: int = 0
    judged: dict[str, int] = field(default_factory=dict)
    full: dict[str, int] = field(default_factory=dict)
    unscored: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    standing: list[str] = field(default_factory=list)
    differences: list[float] = field(default_factory=list)
    model_tokens: list[int] = field(default_factory=list)

    @property
    def noise(self) -> dict[str, float | None]:
        """How far the reward of the same answer lies from itself, judged twice."""
        found = self.differences
        return {"mean": fmean(found) if found else None, "largest": max(found, default=None)}


def report(requests: Sequence[Mapping[str, Any]], judged: Mapping[tuple[int, Kind], Judgment]) -> Report:
    """Hold every probe's judgment to what it must be."""
    found = Report(len(requests), sum(reference_of(request) is None for request in requests))
    for (index, kind), judgment in sorted(judged.items()):
        candidate = judgment.candidates[0]
        found.judged[kind] = found.judged.get(kind, 0) + 1
        found.full[kind] = found.full.get(kind, 0) + is_full(candidate)
        found.unscored[kind] = found.unscored.get(kind, 0) + (candidate.status == "unscored")
        found.model_tokens.append(judgment.usage.prompt_tokens + judgment.usage.completion_tokens)
        if problem := _problem(index, kind, candidate):
            found.problems.append(problem)
        if kind in MUTANTS and _stands(candidate, judged.get((index, "reference"))):
            found.standing.append(f"request {index}: the reference, {kind}, scores as high as it does whole")
        if (
            kind == "again"
            and (difference := _difference(candidate, judged.get((index, "reference")))) is not None
        ):
            found.differences.append(difference)
    mutants = sum(found.judged.get(kind, 0) for kind in MUTANTS)
    if len(found.standing) > MAX_STANDING_SHARE * mutants:
        found.problems.append(f"{len(found.standing)} of {mutants} broken references do not fall")
    if not found.judged:
        found.problems.append("no request has a reference: nothing was checked")
    return found


def is_full(candidate: CandidateResult) -> bool:
    """Whether the candidate passed; where nothing says what passes, whether its reward is 1."""
    if candidate.reward is None:
        return False
    return candidate.passed if candidate.passed is not None else candidate.reward >= FULL


def _stands(candidate: CandidateResult, reference: Judgment | None) -> bool:
    best = reference.candidates[0].reward if reference else None
    return candidate.reward is not None and best is not None and candidate.reward >= best


def _problem(index: int, kind: Kind, candidate: CandidateResult) -> str | None:
    where = f"request {index}"
    if kind == "reference" and candidate.status == "unscored":
        return f"{where}: the reference is unscored, {candidate.failure_kind}: {candidate.failure_reason}"
    if kind == "reference" and not is_full(candidate):
        return f"{where}: the reference does not score full (reward {candidate.reward}): {_why(candidate)}"
    if kind in IDLE and is_full(candidate):
        return f"{where}: an answer that does nothing ({kind}) scores full"
    return None


def _why(candidate: CandidateResult) -> str:
    low = [one for one in candidate.principles if one.score is not None and one.score < 1]
    return "; ".join(f"{one.name}: {one.reason[:120]}" for one in low[:3]) or "no principle says why"


def _difference(candidate: CandidateResult, reference: Judgment | None) -> float | None:
    first = reference.candidates[0].reward if reference else None
    return None if first is None or candidate.reward is None else abs(first - candidate.reward)
