"""A NeMo Gym resources server: `/compat/nemo-gym/verify`, `/seed_session`, `/close_session`, `/aggregate_metrics`,
`/reverify_mode`.

Source: NeMo Gym 0.7.0, `base_resources_server.py`, `judge.py`, `failure_kinds.py`. A row is echoed with its reward
and one component per dimension, again at the top, where metrics are read (`<dimension>_missing` is 1 where the judge
gave none, and the row's score stands in, or 0 where it does not apply). Where the judge failed, `reward` is 0.0
because the field is a number, `mask_sample` says that it is none, and `_ng_failure_class` sends the row to the
failures file. An answer of the judge's model that cannot be read is no wrong answer of the policy, so it is masked
too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from api.auth import Calling, Tenant
from api.compat.answers import Told
from api.compat.asking import Wanted, ask
from api.compat.failing import judge_failed
from api.compat.labels import FIELDS, inside, read_label
from api.compat.query import read_how
from api.compat.responses_task import answered, asked
from api.compat.serving import RESPONSES, documented, parts_of, read_body, read_sent, typed

router = APIRouter(tags=["trainers"])
# Where data sets keep what is known to be right, first found.
GROUND_TRUTHS = ("label", "ground_truth", "expected_answer")
_METADATA = "verifier_metadata"
_EXAMPLE = {
    "responses_create_params": {"input": [{"role": "user", "content": "What is 2+2?"}]},
    "response": {
        "output": [
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "It is 4."}]}
        ]
    },
    "label": "4",
}
# What an earlier failure of the same row left in it.
_STALE = frozenset(("_ng_failure_class", "_ng_failure_judge_error"))
# Our kinds in the words that NeMo Gym groups failures by; what is not here is `judge_failed`.
_FAILURES = {
    "model_unparseable": "judge_unparseable",
    "no_evidence": "verifier_error",
    "tool_unavailable": "verifier_error",
    "input_too_large": "verifier_error",
    "internal": "verifier_error",
    "sandbox_failed": "provider_unavailable",
    "cancelled": "cancelled",
}


class Verify(BaseModel):
    """A rollout as NeMo Gym sends it: the Responses request, the response, and the fields of the data set's row.

    `reference`, `principles`, `resources`, `recipe` and `dimensions` are read, here or in `verifier_metadata`, and
    `principle` here. Where no `reference` is among them, `label` (or `ground_truth`, `expected_answer`) is read as one.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    responses_create_params: dict[str, Any]
    response: dict[str, Any]


class Verified(BaseModel):
    """What was sent, and these."""

    model_config = ConfigDict(extra="allow")

    reward: float
    reward_components: dict[str, float]
    mask_sample: bool = False
    failure_kind: str | None = None
    failure_reason: str | None = None


class Session(BaseModel):
    """Sessions keep nothing here: what a rollout was is in its own post."""

    model_config = ConfigDict(frozen=True, extra="allow")

    resources_session_id: str | None = Field(None, min_length=1)


@router.post(
    "/verify",
    response_model=Verified,
    responses=RESPONSES,
    openapi_extra=documented(Verify, _EXAMPLE),
)
async def verify(request: Request, caller: Calling) -> dict[str, Any]:
    """Judge a rollout. With `on_failure=error` a judge that failed is 503, which NeMo Gym counts as the server's."""
    parts = parts_of(request)
    how = read_how(request, parts.settings.max_judgment_seconds)
    data = await read_body(request)
    wanted = _wanted(typed(data, Verify), data)
    [(_, (told,))] = await ask([wanted], how, parts, caller)
    if told.failed and how.on_failure == "error":
        raise judge_failed(told, "on_failure=error")
    return _verified(data, told)


@router.post("/seed_session", openapi_extra=documented(Session, {}))
async def seed_session(request: Request, tenant: Tenant) -> dict[str, Any]:
    """Answer that the session is there; nothing is kept."""
    return await _session(request)


@router.post("/close_session", openapi_extra=documented(Session, {"resources_session_id": "s"}))
async def close_session(request: Request, tenant: Tenant) -> dict[str, Any]:
    """Answer that the session is closed; nothing was kept."""
    return await _session(request)


@router.get("/reverify_mode")
async def reverify_mode(tenant: Tenant) -> str:
    """Say that a rollout can be judged again from its row alone."""
    return "stateless"


async def _session(request: Request) -> dict[str, Any]:
    read_how(request, parts_of(request).settings.max_judgment_seconds)
    sent = await read_sent(request, Session)
    return {} if sent.resources_session_id is None else {"resources_session_id": sent.resources_session_id}


def _wanted(sent: Verify, row: Mapping[str, Any]) -> Wanted:
    label, written = _label(row)
    principle = row.get("principle")
    tools = sent.responses_create_params.get("tools")
    return Wanted(
        "nemo_gym",
        asked(sent.responses_create_params, "responses_create_params"),
        [{"id": "a", "trajectory": answered(sent.response, tools, "response")}],
        label,
        principles=[{"description": principle}] if isinstance(principle, str) and principle else None,
        places={
            "task.messages": "responses_create_params.input",
            "task.prompt": "responses_create_params.input",
            "candidates.0.trajectory.messages": "response.output",
            "candidates.0": "response",
            "principles.0.description": "principle",
            **written,
        },
    )


def _label(row: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The fields of a label, and where each was written: in the row, its `verifier_metadata`, or the ground truth.

    Each is the first that there is. What says how to judge never costs the ground truth that stands beside it.
    """
    inner = row.get(_METADATA)
    places = (("", row), (_METADATA, inner if isinstance(inner, dict) else {}))
    found = dict[str, tuple[Any, str]]()
    for where, place in places:
        for name in FIELDS:
            if name != "metadata" and place.get(name) is not None:
                found.setdefault(name, (place[name], inside(where, name)))
    if "reference" not in found:
        truth, where = _ground_truth(places)
        for name, value in read_label(truth, where).items():
            found.setdefault(name, (value, inside(where, name)))
    written = {"task.reference" if name == "reference" else name: at for name, (_, at) in found.items()}
    return {name: value for name, (value, _) in found.items()}, written


def _ground_truth(places: Iterable[tuple[str, Mapping[str, Any]]]) -> tuple[Any, str]:
    for where, place in places:
        for name in GROUND_TRUTHS:
            if place.get(name) is not None:
                return place[name], inside(where, name)
    return None, "label"


def _verified(row: dict[str, Any], told: Told) -> dict[str, Any]:
    """The row with what was judged; a field of the row keeps its value where a dimension has its name, unless an
    earlier answer has put it there."""
    components = {name: _component(told, name) for name in told.dimensions}
    missing = {f"{name}_missing": float(told.valued(name) is None) for name in told.dimensions}
    stale = _STALE | _answered_before(row)
    sent = {name: value for name, value in row.items() if name not in stale}
    answer = {
        **components,
        **missing,
        **sent,
        "reward": told.reward if told.reward is not None else 0.0,
        "reward_components": components,
        "mask_sample": told.failed,
        "failure_kind": _FAILURES.get(told.failure_kind or "", "judge_failed") if told.failed else None,
        "failure_reason": told.reason[:2000] if told.failed else None,
        "judgment_id": told.judgment_id,
    }
    config = row.get("instance_config")
    if told.failed:
        return answer | _masked(config, told)
    if isinstance(config, dict) and "mask_sample" in config:
        answer["instance_config"] = {**config, "mask_sample": False}
    return answer


def _answered_before(row: Mapping[str, Any]) -> frozenset[str]:
    """The numbers at the top that an earlier answer to this row has put there: those that its components repeat."""
    components = row.get("reward_components")
    if not isinstance(components, dict):
        return frozenset()
    numbers = {name for name, value in components.items() if name in row and row[name] == value}
    return frozenset(numbers | {f"{name}_missing" for name in components})


def _component(told: Told, name: str) -> float:
    """The number of a dimension, which must be one: where the judge gave none, what moves the policy least."""
    own = told.valued(name)
    if own is not None:
        return own
    flags = told.result.flags if told.result is not None else {}
    return 0.0 if told.score is None or name in (flags.get("not_applicable") or ()) else told.score


def _masked(config: Any, told: Told) -> dict[str, Any]:
    """The mask where older readers look for it."""
    return {
        "instance_config": {**(config if isinstance(config, dict) else {}), "mask_sample": True},
        "_ng_failure_class": "judge_failed",
        "_ng_failure_judge_error": told.reason[:2000],
    }
