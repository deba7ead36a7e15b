"""The runs of trainers: what was judged for them, step by step, and when that is cause for alarm."""

from __future__ import annotations

import json
from typing import Any, Literal, NamedTuple

from fastapi import APIRouter, Request
from pydantic import ValidationError

from api.auth import Tenant
from api.body import read_json
from api.parts import Parts
from api.problems import Problem, bounded, invalid
from api.queries import whole_number, words_of
from api.runs.alarms import Thresholds
from api.runs.answers import RunAnswer
from api.runs.report import flat, numbers_of, rung, shown_step, thresholds_of, told_steps
from api.validation import as_problem
from judge_agent.schema.run_ids import LIMIT, is_run_id
from judge_agent.store.runs import NO_STEP, StoredRun

router = APIRouter(prefix="/v1/runs", tags=["runs"])
MAX_STEP = 2**53


def _parameter(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": schema}


_NUMBER = {"type": "integer", "minimum": 0, "maximum": MAX_STEP}
_LIMIT = {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}
_LIST = {
    "parameters": [
        _parameter("limit", "Runs on one page.", _LIMIT),
        _parameter("cursor", "`next_cursor` of the page before.", {"type": "string"}),
    ]
}
_GET = {
    "parameters": [
        _parameter("from_step", "The first step; without it the newest ones are told.", _NUMBER),
        _parameter("to_step", "The last step.", _NUMBER),
        _parameter("limit", "Steps on one page.", _LIMIT),
        _parameter(
            "overall",
            "Whether the whole run is told as well; a long one takes seconds.",
            {"enum": ["yes", "no"], "default": "yes"},
        ),
        _parameter(
            "format",
            "`flat` gives one object of finite numbers, of the newest step in question, for a trainer's logger.",
            {"enum": ["json", "flat"], "default": "json"},
        ),
    ]
}
_PUT = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": Thresholds.model_json_schema()}},
    }
}


class _Query(NamedTuple):
    first: int | None
    last: int
    limit: int
    overall: bool
    format: Literal["json", "flat"]


@router.get("", openapi_extra=_LIST)
async def list_runs(request: Request, tenant: Tenant) -> dict[str, Any]:
    """List the runs of the caller's tenant, newest first: their pins and their last steps."""
    parts: Parts = request.app.state.parts
    words_of(request, {"limit": None, "cursor": None})
    limit = whole_number(request, "limit", 1, 100) or 20
    cursor = whole_number(request, "cursor", 1, 2**62)
    found = await parts.store.runs.list(tenant, limit=limit + 1, cursor=cursor)
    data = []
    for run in found[:limit]:
        newest = await parts.store.runs.steps(tenant, run.id, limit=1, newest=True)
        data.append(_outline(run) | {"last_step": shown_step(newest[0]) if newest else None})
    cursor_after = str(found[limit - 1].number) if len(found) > limit else None
    return {"object": "list", "data": data, "next_cursor": cursor_after}


@router.get(
    "/{run_id:path}",
    openapi_extra=_GET,
    response_model=None,
    responses={200: {"model": RunAnswer | dict[str, float], "description": "The run; or flat numbers."}},
)
async def get_run(run_id: str, request: Request, tenant: Tenant) -> dict[str, Any]:
    """Tell what was judged in a run, per step and over all: rewards, failures, groups, noise, length, hacks, alarms.

    Numbers that cannot be said are null. `next_from_step` is where the next page begins.
    """
    parts: Parts = request.app.state.parts
    query = _read(request)
    answer: dict[str, Any] = await parts.watch.walks.answer(
        request, tenant, run_id, query, lambda: _answer(parts, tenant, run_id, query)
    )
    return answer


async def _answer(parts: Parts, tenant: str, run_id: str, query: _Query) -> dict[str, Any]:
    runs = parts.store.runs
    run = await runs.get(tenant, run_id)
    if run is None:
        raise Problem(404, "not_found", "there is no such run")
    if query.format == "flat":
        return await _flat(parts, tenant, run, query)
    first = NO_STEP if query.first is None else query.first
    steps = await runs.steps(
        tenant, run.id, first=first, last=query.last, limit=query.limit + 1, newest=query.first is None
    )
    more = len(steps) > query.limit
    after = steps[-1] if more and query.first is not None else None
    shown = steps[: query.limit] if query.first is not None else steps[-query.limit :]
    told = await told_steps(runs, tenant, run, shown)
    answer = _outline(run) | {
        "thresholds": thresholds_of(run).model_dump(),
        "alarms": await rung(runs, tenant, run.id, told),
        "steps": [{"step": shown_step(one.step), **one.numbers} for one in told],
        "next_from_step": after,
        "earlier_steps": more and query.first is None,
    }
    if query.overall:
        answer["overall"] = await numbers_of(runs, tenant, run.id)
    return answer


@router.put("/{run_id:path}/alarms", openapi_extra=_PUT)
async def put_alarms(run_id: str, request: Request, tenant: Tenant) -> dict[str, Any]:
    """Set the thresholds of a run's alarms; what is left out has its default, null turns an alarm off."""
    words_of(request, {})
    parts: Parts = request.app.state.parts
    if not is_run_id(run_id):
        raise invalid("run_id", f"must be {LIMIT}", value=run_id, limit=LIMIT)
    body = await read_json(request, parts.settings.max_body_bytes, parts.large_bodies)
    try:
        thresholds = Thresholds.model_validate(body.data)
    except ValidationError as error:
        raise as_problem(error, body.data) from None
    await parts.store.runs.set_alarms(tenant, run_id, json.dumps(thresholds.model_dump()))
    return thresholds.model_dump()


async def _flat(parts: Parts, tenant: str, run: StoredRun, query: _Query) -> dict[str, float]:
    """The newest of the steps in question; an empty object where there is none."""
    runs, first = parts.store.runs, NO_STEP if query.first is None else query.first
    steps = await runs.steps(tenant, run.id, first=first, last=query.last, limit=1, newest=True)
    told = await told_steps(runs, tenant, run, steps)
    await rung(runs, tenant, run.id, told)
    return flat(told[0]) if told else {}


def _outline(run: StoredRun) -> dict[str, Any]:
    pin = None
    if run.pin_sha256 is not None and run.pin is not None:
        pin = {"sha256": run.pin_sha256, "since": run.pinned, "parts": json.loads(run.pin)}
    return {"object": "run", "id": run.id, "created": run.created, "pin": pin, "answered_by": run.answered}


def _read(request: Request) -> _Query:
    """Read the query. Raises Problem 422 for an unknown, repeated or wrong parameter."""
    words = {"overall": ("yes", "no"), "format": ("json", "flat")}
    chosen = words_of(request, {"from_step": None, "to_step": None, "limit": None, **words})
    first = whole_number(request, "from_step", 0, MAX_STEP)
    last = whole_number(request, "to_step", 0, MAX_STEP)
    if first is not None and last is not None and last < first:
        raise invalid("to_step", f"{last} is before from_step={first}", value=bounded(last), limit=first)
    limit = whole_number(request, "limit", 1, 100) or 20
    format_: Literal["json", "flat"] = "flat" if chosen["format"] == "flat" else "json"
    return _Query(first, MAX_STEP if last is None else last, limit, chosen["overall"] == "yes", format_)
