"""ROLL's reward system: `submit_url` is `/compat/roll/submit`, `get_result_url` is `/compat/roll/poll`.

Source: ROLL, `roll/pipeline/rlvr/rewards/remote_reward_system_worker.py`. Its client submits (20 s, five tries), then
asks every 2 s with a GET that has a body, for `timeout` seconds and 5 more. It cannot mask, and makes 0 of a rollout
that never got a score: so where the judge failed the score is the group's mean so far, `judge_failed` is 1, and while
there is no mean each poll is 503 and the next one looks again. `dimention_reward_score` is spelt as it reads it.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from api.auth import Calling, Tenant
from api.compat.answers import Told, told_of
from api.compat.asking import Wanted, accept, prepare
from api.compat.decoded import with_opened_thought
from api.compat.failing import Fallbacks, Settled
from api.compat.query import read_how
from api.compat.serving import RESPONSES, Sent, documented, parts_of, read_sent
from api.parts import Parts
from api.problems import Problem
from judge_agent.schema import Judgment
from judge_agent.schema.base import Number
from judge_agent.store import StoredJudgment

router = APIRouter(tags=["trainers"])
DONE, RUNNING = 0, 1
# The client polls on for as long as `timeout`: the judge is to end before.
_SHARE_OF_TIMEOUT = 0.9
_GROUND_TRUTHS = ("label", "ground_truth")
_SUBMIT = {
    "priority": 1,
    "project_id": "p",
    "experiment_id": "e",
    "global_step": 0,
    "data_id": "7",
    "rollout_id": "7_0",
    "prompt": "What is 2+2?",
    "response": "It is 4.",
    "reward_info": {"ground_truth": "4"},
    "reward_manager": [],
    "timeout": 300,
}


class Submit(BaseModel):
    """One rollout. `reward_info` is the row's `reward_ref_info`: `ground_truth`, or the fields of a label."""

    model_config = ConfigDict(frozen=True, extra="allow")

    prompt: str
    response: str
    reward_info: dict[str, Any] | None = None
    data_id: Any = None
    rollout_id: Any = None
    timeout: Annotated[Number, Field(gt=0)] | None = None


class Poll(Sent):
    reward_request_id: str = Field(min_length=1, max_length=128)


class Submitted(BaseModel):
    errcode: int = 0
    errmsg: str = ""
    reward_request_id: str


class Result(BaseModel):
    """`errcode` 0: done, 1: still running. Times are ISO 8601."""

    errcode: int
    errmsg: str = ""
    reward_request_id: str
    reward_score: float | None = None
    dimention_reward_score: dict[str, dict[str, Any]] = {}
    judge_failed: float = 0.0
    start_time: str | None = None
    end_time: str | None = None


@router.post(
    "/submit", response_model=Submitted, responses=RESPONSES, openapi_extra=documented(Submit, _SUBMIT)
)
@router.post("/submit_task", response_model=Submitted, include_in_schema=False)
async def submit(request: Request, caller: Calling) -> Submitted:
    """Have a rollout judged; the same rollout submitted again gets the same id."""
    parts = parts_of(request)
    how = read_how(request, parts.settings.max_judgment_seconds)
    sent = await read_sent(request, Submit)
    seconds = how.seconds
    if sent.timeout is not None and "seconds" not in request.query_params:
        seconds = min(sent.timeout * _SHARE_OF_TIMEOUT, parts.settings.max_judgment_seconds)
    prepared = await prepare(_wanted(sent, seconds), how, parts, caller)
    row = await accept(prepared, parts, caller)
    await Fallbacks(parts.store).begin(caller.tenant, prepared.group, row.id)
    return Submitted(reward_request_id=row.id)


@router.post(
    "/poll",
    response_model=Result,
    responses=RESPONSES,
    openapi_extra=documented(Poll, {"reward_request_id": "jdg_0"}),
)
@router.get(
    "/poll",
    response_model=Result,
    responses=RESPONSES,
    openapi_extra=documented(Poll, {"reward_request_id": "jdg_0"}),
)
@router.get("/result", response_model=Result, include_in_schema=False)
@router.post("/result", response_model=Result, include_in_schema=False)
@router.get("/task_result", response_model=Result, include_in_schema=False)
@router.post("/task_result", response_model=Result, include_in_schema=False)
async def poll(request: Request, tenant: Tenant) -> Result:
    """Say how far a rollout is. A GET with the same body does too, as ROLL sends it."""
    parts = parts_of(request)
    how = read_how(request, parts.settings.max_judgment_seconds)
    sent = await read_sent(request, Poll)
    row = await parts.store.get(sent.reward_request_id, tenant)
    metadata = json.loads(row.metadata) if row is not None else {}
    if row is None or metadata.get("facade") != "roll":
        raise Problem(404, "not_found", "there is no such reward_request_id")
    if row.judgment is None:
        return Result(
            errcode=RUNNING, errmsg="running", reward_request_id=row.id, start_time=_iso(row.created)
        )
    judgment = Judgment.model_validate_json(row.judgment)
    told = _told(judgment, parts)
    fallbacks, group = Fallbacks(parts.store), str(metadata.get("group"))
    await fallbacks.observe(tenant, group, told)
    settled = await fallbacks.settle(tenant, group, told, how.on_failure)
    return _result(row, judgment, told, settled)


def _wanted(sent: Submit, seconds: float) -> Wanted:
    label, field = _label(sent.reward_info or {})
    ids = {"data_id": sent.data_id, "rollout_id": sent.rollout_id}
    return Wanted(
        "roll",
        {"prompt": sent.prompt},
        [{"id": "a", "trajectory": {"text": with_opened_thought(sent.prompt, sent.response)}}],
        label,
        field,
        budget_seconds=seconds,
        metadata={name: str(value)[:200] for name, value in ids.items() if value is not None},
        places={"task.prompt": "prompt", "candidates.0": "response"},
    )


def _label(info: dict[str, Any]) -> tuple[Any, str]:
    """The label in `reward_info`: its `ground_truth`, or the object itself where that has the fields of one."""
    for name in _GROUND_TRUTHS:
        if set(info) == {name}:
            return info[name], f"reward_info.{name}"
    return info or None, "reward_info"


def _told(judgment: Judgment, parts: Parts) -> Told:
    dimensions = tuple(judgment.candidates[0].vector) if judgment.candidates else ()
    told = told_of(judgment, dimensions)
    if told:
        return told[0]
    reason = "the judgment ended without a candidate"
    return Told(judgment.id, dimensions, failure_kind="internal", failure_reason=reason)


def _result(row: StoredJudgment, judgment: Judgment, told: Told, settled: Settled) -> Result:
    seconds = round(judgment.seconds, 3)
    dimensions = {
        name: {
            "score": settled.values[name],
            "missing": told.valued(name) is None,
            "debug_info": {"judge": {"time_cost": seconds}},
        }
        for name in told.dimensions
    }
    return Result(
        errcode=DONE,
        errmsg=told.reason if told.failed else "",
        reward_request_id=row.id,
        reward_score=settled.reward,
        dimention_reward_score=dimensions,
        judge_failed=float(told.failed),
        start_time=_iso(row.created),
        end_time=_iso(min(time.time(), row.created + seconds)),
    )


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
