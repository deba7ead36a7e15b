"""From a facade's body to an ordinary judgment: the request is built, checked, accepted once, and waited for.

Trainers send no idempotency keys and post again while the first still runs. So a request's own content is the key:
what is open, or was scored within the last half hour, is answered by the same judgment; a failed one is judged again.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from api.callers import Caller
from api.compat.answers import Told, told_of, unended
from api.compat.labels import inside, read_label
from api.compat.query import How
from api.compat.run_query import RUN_PLACES
from api.parts import Parts
from api.problems import FieldError, Problem, invalid
from api.runs.pins import held_to_its_pin
from api.validation import read_request, refusal
from judge_agent.errors import InvalidRequest
from judge_agent.resources import check_resources
from judge_agent.schema import Judgment, JudgmentRequest
from judge_agent.store import IdempotencyConflict, StoredJudgment

# The longest that a client goes on trying: ten times 120 s and its pauses.
SAME_SECONDS = 1800.0
MAX_ATTEMPTS = 64
# What ended before this process began may be another model's: the model is chosen when the service starts.
_STARTED = time.time()
RESERVED = ("score", "reward", "judge_failed", "mask_sample", "response", "prompt_in_query")
_OF_A_GROUP = ("task", "resources", "recipe", "dimensions", "principles", "granularity")
# A deadline that the judge keeps itself says more than one that is kept here: it is given so much more.
GRACE_SECONDS = 1.0


@dataclass(frozen=True)
class Wanted:
    """One judgment as a facade wants it. `places` maps fields of the request to those of the facade's own body."""

    facade: str
    task: Mapping[str, Any]
    candidates: Sequence[Mapping[str, Any]]
    label: Any = None
    label_field: str = "label"
    principles: Sequence[Mapping[str, Any]] | None = None
    granularity: tuple[str, ...] | None = ("outcome",)
    recipe: str = "default"
    budget_seconds: float | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Prepared:
    """A request that may be accepted: nothing is wrong with it."""

    request: JudgmentRequest
    text: str
    sha256: str
    dimensions: tuple[str, ...]
    group: str


async def prepare(wanted: Wanted, how: How, parts: Parts, caller: Caller) -> Prepared:
    """Build and check a request. Raises Problem 422 that names the field as the caller wrote it; 409 for a drift."""
    data, places = _body(wanted, how)
    try:
        request = read_request(data)
        _check_seconds(request, parts.settings.max_judgment_seconds)
        parts.judge.check(request)
        await check_resources(request.resources, parts.files, caller.tenant)
        await held_to_its_pin(parts, caller, request)
        dimensions = _dimensions(request, parts)
        _check_names(dimensions)
    except InvalidRequest as error:
        raise _renamed(refusal(error, data), places) from None
    except Problem as problem:
        raise _renamed(problem, places) from None
    text = json.dumps(data, ensure_ascii=False)
    return Prepared(request, text, _sha256(data), dimensions, data["metadata"]["group"])


async def accept(
    prepared: Prepared, parts: Parts, caller: Caller, *, is_awaited: bool = False
) -> StoredJudgment:
    """Have a request judged, unless it is already. Raises Problem 429 and 503, StoreError.

    `is_awaited`: see `JudgmentQueue.accept`.
    """
    for attempt in range(MAX_ATTEMPTS):
        key = f"compat/{prepared.sha256}/{attempt}"
        try:
            accepted = await parts.queue.accept(
                prepared.request,
                prepared.text,
                caller=caller,
                idempotency_key=key,
                body_sha256=prepared.sha256,
                is_awaited=is_awaited,
            )
        except IdempotencyConflict:
            # The tenant's own client has used such a key for something else.
            continue
        if accepted.created or _still_holds(accepted.row):
            return accepted.row
    accepted = await parts.queue.accept(prepared.request, prepared.text, caller=caller, is_awaited=is_awaited)
    return accepted.row


async def told(row: StoredJudgment, prepared: Prepared, parts: Parts, *, until: float) -> tuple[Told, ...]:
    """What the judge tells of each candidate; `until` (monotonic seconds) it is waited for. Raises Problem 503."""
    ended: StoredJudgment | None = row if row.judgment is not None else None
    if ended is None:
        left = max(0.0, until - time.monotonic())
        ended = await parts.queue.ended(row.id, timeout_seconds=left)
    if ended is None or ended.judgment is None:
        waited = max(0.0, time.time() - row.created)
        return tuple(
            unended(row.id, prepared.dimensions, round(waited, 1)) for _ in prepared.request.candidates
        )
    judgment = await asyncio.to_thread(Judgment.model_validate_json, ended.judgment)
    return told_of(judgment, prepared.dimensions)


async def ask(
    wanted: Sequence[Wanted], how: How, parts: Parts, caller: Caller, *, wait_seconds: float | None = None
) -> list[tuple[Prepared, tuple[Told, ...]]]:
    """Judge all of them and wait for their ends, in order; none is accepted where one of them is wrong."""
    until = time.monotonic() + (wait_seconds if wait_seconds is not None else how.seconds + GRACE_SECONDS)
    prepared = [await prepare(one, how, parts, caller) for one in wanted]
    rows = [await accept(one, parts, caller, is_awaited=True) for one in prepared]
    return [(one, await told(row, one, parts, until=until)) for one, row in zip(prepared, rows, strict=True)]


def _body(wanted: Wanted, how: How) -> tuple[dict[str, Any], Mapping[str, str]]:
    """The request's JSON, and where each of its fields was written by the caller."""
    label = dict(read_label(wanted.label, wanted.label_field))
    reference = label.pop("reference", None)
    seconds = how.seconds if wanted.budget_seconds is None else wanted.budget_seconds
    data: dict[str, Any] = {
        "task": {**wanted.task, **({"reference": reference} if reference is not None else {})},
        "candidates": list(wanted.candidates),
        "recipe": how.recipe or wanted.recipe,
        "budget": {"seconds": seconds},
    }
    given = {
        "dimensions": list(how.dimensions) if how.dimensions else None,
        "principles": list(wanted.principles) if wanted.principles else None,
        "granularity": list(wanted.granularity) if wanted.granularity else None,
        "run": how.run,
    }
    metadata = {**label.pop("metadata", {}), **wanted.metadata, "facade": wanted.facade}
    data |= {name: value for name, value in given.items() if value is not None} | label
    data["metadata"] = {**metadata, "group": _group(data)}
    written = {"task.reference": "reference", **{name: name for name in label}}
    places = {ours: inside(wanted.label_field, theirs) for ours, theirs in written.items()}
    return data, {"budget.seconds": "seconds", **RUN_PLACES, **places, **wanted.places}


def _group(data: Mapping[str, Any]) -> str:
    """Names the rollouts that are compared with each other: those of one prompt and reference, judged in one way, and
    of one step of one run where the URL tells."""
    run = data.get("run") or {}
    of_a_run = {name: run.get(name) for name in ("id", "step")}
    return _sha256({**{name: data.get(name) for name in _OF_A_GROUP}, "run": of_a_run})


def _dimensions(request: JudgmentRequest, parts: Parts) -> tuple[str, ...]:
    """The keys of the vector, as the judge will declare them."""
    if request.dimensions is not None:
        return request.dimensions
    own = next(found["dimensions"] for found in parts.judge.recipes() if found["name"] == request.recipe)
    named = [spec.dimension for spec in request.principles or () if spec.dimension]
    return tuple(dict.fromkeys([*own, *named]))


def _check_names(dimensions: Sequence[str]) -> None:
    """A facade's numbers stand beside those of the dimensions: neither may take the other's key."""
    for name in dimensions:
        if name in RESERVED or name.endswith("_missing"):
            detail = f"{name!r} is a key of the answer's own; name the dimension otherwise"
            raise invalid("dimensions", detail, value=name, limit=f"none of {', '.join(RESERVED)}")


def _still_holds(row: StoredJudgment) -> bool:
    """Whether an earlier judgment of the same content answers for this one too."""
    if row.judgment is None:
        return True
    if row.created < max(_STARTED, time.time() - SAME_SECONDS):
        return False
    return all(one.get("reward") is not None for one in json.loads(row.judgment).get("candidates") or [{}])


def _check_seconds(request: JudgmentRequest, most: float) -> None:
    seconds = request.budget.seconds
    if seconds is not None and seconds > most:
        detail = f"{seconds:g} is more than this service allows (JUDGE_MAX_JUDGMENT_SECONDS={most:g})"
        raise invalid("seconds", detail, value=seconds, limit=most)


def _renamed(problem: Problem, places: Mapping[str, str]) -> Problem:
    """The same refusal in the caller's words: the longest place that a field lies in is replaced."""
    if not problem.errors:
        return problem
    errors = [
        FieldError(_place(error.field, places), error.detail, error.value, error.limit)
        for error in problem.errors
    ]
    detail = f"{errors[0].field}: {errors[0].detail}"
    return Problem(
        problem.status, problem.code, detail, errors=errors, headers=problem.headers, **problem.extra
    )


def _place(name: str, places: Mapping[str, str]) -> str:
    for ours in sorted(places, key=len, reverse=True):
        if name == ours or name.startswith(f"{ours}."):
            return places[ours] + name[len(ours) :]
    return name


def _sha256(data: Any) -> str:
    canonical = json.dumps(data, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
