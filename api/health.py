"""Is the process alive, and can it judge. Open to everyone who reaches the port: nothing here is secret."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from api.canaries import as_json
from api.described_answers import OPEN
from api.parts import Parts
from judge_agent.errors import JudgeError

router = APIRouter(tags=["health"])
READY_TIMEOUT_SECONDS = 5.0


class Ready(BaseModel):
    """Whether judgments can be made; a check without `ok` is for reading only."""

    status: Literal["ready", "degraded", "not_ready"]
    checks: dict[str, dict[str, Any]]


@router.get("/health", openapi_extra=OPEN)
async def health() -> dict[str, str]:
    """Say that the process is alive."""
    return {"status": "ok"}


@router.get(
    "/health/ready",
    response_model=Ready,
    responses={503: {"model": Ready, "description": "Not ready; `checks` says why."}},
    openapi_extra=OPEN,
)
async def ready(request: Request) -> JSONResponse:
    """Say whether judgments can be made now: database, model, boxes. 200 when they can, else 503.

    `degraded`, still 200: they can be made, but a canary of some recipe fails, and judgments by it say so in
    `flags.canary_failed`. The same is known to every worker, so that 503 (JUDGE_CANARY_READY=unready) takes all out.
    """
    parts: Parts = request.app.state.parts
    store, counts = await _store_check(parts)
    checks: dict[str, dict[str, Any]] = {
        "store": store,
        "queue": counts,
        "boxes": {"tier": parts.settings.sandbox, "made_by": parts.runs.boxes},
    }
    checks["judge"] = await _judge_check(parts)
    if parts.canaries.is_on:
        checks["canaries"] = _canaries_check(parts)
    is_ready = not parts.queue.draining and all(check.get("ok", True) for check in checks.values())
    status = "not_ready" if not is_ready else "degraded" if parts.canaries.failing() else "ready"
    body = {"status": status, "checks": checks}
    return JSONResponse(body, 200 if is_ready else 503, None if is_ready else {"Retry-After": "5"})


def _canaries_check(parts: Parts) -> dict[str, Any]:
    """Which canaries fail, and which have given no score for long. Numbers and names, no contents."""
    failing = parts.canaries.failing()
    refused = {"ok": False} if failing and parts.settings.canary_ready == "unready" else {}
    return {
        **refused,
        "failed": [as_json(row) for row in failing],
        "unknown": [as_json(row) for row in parts.canaries.long_unknown()],
    }


async def _store_check(parts: Parts) -> tuple[dict[str, Any], dict[str, Any]]:
    """Whether the database answers, and how many judgments are open: in all, and in this process."""
    try:
        found = await parts.store.open_count()
    except JudgeError as error:
        return {"ok": False, "reason": str(error)}, {"running_here": parts.queue.running}
    return {"ok": True}, {**found._asdict(), "running_here": parts.queue.running}


async def _judge_check(parts: Parts) -> dict[str, Any]:
    try:
        async with asyncio.timeout(READY_TIMEOUT_SECONDS):
            return dict(await parts.judge.ready())
    except TimeoutError:
        return {"ok": False, "reason": f"no answer in {READY_TIMEOUT_SECONDS:g} s"}
    except JudgeError as error:
        return {"ok": False, "reason": str(error)}
