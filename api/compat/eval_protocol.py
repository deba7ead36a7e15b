"""eval-protocol's remote reward function: `/compat/eval-protocol/evaluate`, and `/reward`, where its client posts.

Source: eval-protocol 0.3.33, `generic_server.py`, `server.py`, `reward_function.py`, `models.py`. `/evaluate` has
further arguments in `kwargs`, `/reward` beside the others. Its client drops `is_score_valid` of what it gets and
keeps `score`: so a failure has no number there at all. `score` is then null, which that client refuses as invalid,
and `error` says why; a reader of the JSON has `is_score_valid: false`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.auth import Calling
from api.callers import Caller
from api.compat.answers import Told, reasons
from api.compat.asking import Prepared, Wanted, ask
from api.compat.failing import judge_failed
from api.compat.labels import FIELDS, read_label
from api.compat.query import read_how
from api.compat.serving import RESPONSES, Sent, documented, ignored, parts_of, read_sent
from judge_agent.schema.messages import MAX_MESSAGES

router = APIRouter(tags=["trainers"])
_MESSAGES = [{"role": "user", "content": "What is 2+2?"}, {"role": "assistant", "content": "It is 4."}]
_GIVEN = {"messages": _MESSAGES, "ground_truth": "4"}
Messages = Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MAX_MESSAGES)]


class Evaluate(Sent):
    """A conversation, and what is known to be right. `kwargs` may hold the fields of a label."""

    messages: Messages
    ground_truth: Any = None
    kwargs: dict[str, Any] | None = None


class Reward(BaseModel):
    """The same, with further arguments beside the two."""

    model_config = ConfigDict(frozen=True, extra="allow")

    messages: Messages
    ground_truth: Any = None


class Metric(BaseModel):
    """One dimension that was scored."""

    is_score_valid: bool = True
    score: float
    reason: str
    data: dict[str, Any] = {}


class StepOutput(BaseModel):
    """One assistant turn that was judged, by its place among them, from 0."""

    step_index: int
    base_reward: float
    terminated: bool = False
    control_plane_info: dict[str, Any] | None = None
    metrics: dict[str, Any] = {}
    reason: str | None = None


class EvaluateResult(BaseModel):
    """`score` is null exactly where `is_score_valid` is false."""

    score: float | None
    is_score_valid: bool
    reason: str | None = None
    metrics: dict[str, Metric] = {}
    step_outputs: list[StepOutput] | None = None
    error: str | None = None
    trajectory_info: dict[str, Any] | None = None
    final_control_plane_info: dict[str, Any] | None = None
    agg_score: float | None = None
    standard_error: float | None = None


@router.post(
    "/evaluate",
    response_model=EvaluateResult,
    responses=RESPONSES,
    openapi_extra=documented(Evaluate, {**_GIVEN, "kwargs": {}}),
)
async def evaluate(request: Request, caller: Calling, response: Response) -> EvaluateResult:
    """Judge a conversation as eval-protocol's generic server does."""
    sent = await read_sent(request, Evaluate)
    return await _evaluated(request, caller, response, sent, sent.kwargs or {}, "kwargs")


@router.post(
    "/reward",
    response_model=EvaluateResult,
    responses=RESPONSES,
    openapi_extra=documented(Reward, _GIVEN),
)
async def reward(request: Request, caller: Calling, response: Response) -> EvaluateResult:
    """Judge a conversation as eval-protocol's reward server does."""
    sent = await read_sent(request, Reward)
    return await _evaluated(request, caller, response, sent, sent.model_extra or {}, "")


async def _evaluated(
    request: Request,
    caller: Caller,
    response: Response,
    sent: Evaluate | Reward,
    more: Mapping[str, Any],
    where: str,
) -> EvaluateResult:
    parts = parts_of(request)
    how = read_how(request, parts.settings.max_judgment_seconds)
    unread = sorted(name for name in more if name not in FIELDS)
    response.headers.update(ignored(unread))
    [(prepared, (told,))] = await ask([_wanted(sent, more, where, unread)], how, parts, caller)
    if told.failed and how.on_failure == "error":
        raise judge_failed(told, "on_failure=error")
    return _result(told, prepared)


def _wanted(sent: Evaluate | Reward, more: Mapping[str, Any], where: str, unread: list[str]) -> Wanted:
    """The messages are judged as they are; the task is what stands before the first assistant turn."""
    known = {name: value for name, value in more.items() if name in FIELDS}
    # Where its caller gives none, the client sends the messages before the last one: they are no ground truth.
    truth = None if sent.ground_truth == sent.messages[:-1] else sent.ground_truth
    label: Any = {**read_label(truth, "ground_truth"), **known} if known else truth
    field = where if known else "ground_truth"
    metadata = {"ignored_fields": [name[:64] for name in unread[:64]]} if unread else {}
    return Wanted(
        "eval_protocol",
        {},
        [{"id": "a", "trajectory": {"messages": sent.messages}}],
        label,
        field,
        granularity=None,
        metadata=metadata,
        places={"task.prompt": "messages", "candidates.0.trajectory.messages": "messages"},
    )


def _result(told: Told, prepared: Prepared) -> EvaluateResult:
    missing = [name for name in told.dimensions if told.valued(name) is None]
    info = {
        "judgment_id": told.judgment_id,
        "failure_kind": told.failure_kind,
        "unscored_dimensions": missing,
        "passed": told.result.passed if told.result else None,
    }
    return EvaluateResult(
        score=told.reward,
        is_score_valid=not told.failed,
        reason=told.reason if told.failed else _reason(told),
        metrics={name: _metric(told, name) for name in told.dimensions if name not in missing},
        step_outputs=_steps(told),
        error=told.reason if told.failed else None,
        trajectory_info=info,
    )


def _metric(told: Told, name: str) -> Metric:
    said = reasons(told.result, name) if told.result else ""
    return Metric(score=told.valued(name) or 0.0, reason=said[:4000] or f"the score of {name}")


def _reason(told: Told) -> str:
    said = [reasons(told.result, name) for name in told.dimensions] if told.result else []
    return "\n".join(line for line in said if line)[:8000]


def _steps(told: Told) -> list[StepOutput] | None:
    """The steps that have a score; None where none was asked for."""
    if told.failed or told.result is None or not told.result.steps:
        return None
    return [
        StepOutput(
            step_index=index,
            base_reward=step.score,
            metrics={"label": step.label, "first_error": step.first_error},
            reason=step.reason or None,
        )
        for index, step in enumerate(told.result.steps)
        if step.score is not None
    ]
