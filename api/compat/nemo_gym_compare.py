"""NeMo Gym's `/compare`: responses to one conversation, compared with each other.

Source: NeMo Gym 0.7.0, `resources_servers/genrm_compare/app.py`. Rewards come in the order of the responses, from 0 to
1 where that server's own run from 1 to 5; a judge that failed is 503 as it is there, for its answer has no mask.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from api.auth import Calling
from api.compat.answers import Told
from api.compat.asking import Wanted, ask
from api.compat.failing import judge_failed
from api.compat.query import OnFailure, read_how
from api.compat.responses_task import answered
from api.compat.serving import RESPONSES, Sent, documented, parts_of, read_sent
from judge_agent.schema.messages import MAX_MESSAGES
from judge_agent.schema.request import MAX_CANDIDATES

router = APIRouter(tags=["trainers"])
RECIPE = "arena"
_CHOICES: tuple[OnFailure, ...] = ("error",)
_MESSAGE = {"type": "message", "role": "assistant"}
_EXAMPLE = {
    "conversation_history": [{"role": "user", "content": "What is 2+2?"}],
    "response_objs": [
        {"output": [{**_MESSAGE, "content": [{"type": "output_text", "text": text}]}]}
        for text in ("It is 4.", "It is 5.")
    ],
}


class Compare(Sent):
    """A conversation and the Responses objects that would continue it; `principle` says what makes one better."""

    conversation_history: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MAX_MESSAGES)]
    response_objs: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MAX_CANDIDATES)]
    principle: str | None = None


class Compared(BaseModel):
    """`comparison_results` is null: which pairs were shown, and what was said, is in the judgment `judgment_id`."""

    rewards: list[float]
    comparison_results: list[dict[str, Any]] | None = None
    metrics: dict[str, float] | None = None
    judgment_id: str | None = None


@router.post(
    "/compare",
    response_model=Compared,
    responses=RESPONSES,
    openapi_extra=documented(Compare, _EXAMPLE, recipe=RECIPE, choices=_CHOICES),
)
async def compare(request: Request, caller: Calling) -> Compared:
    """Compare responses by a recipe that compares (`arena` unless the URL says otherwise)."""
    parts = parts_of(request)
    how = read_how(request, parts.settings.max_judgment_seconds, choices=_CHOICES)
    sent = await read_sent(request, Compare)
    [(_, told)] = await ask([_wanted(sent)], how, parts, caller)
    for index, one in enumerate(told):
        if one.failed:
            raise judge_failed(one, f"response_objs.{index} is among those to compare")
    return Compared(
        rewards=[one.reward or 0.0 for one in told], metrics=_metrics(told), judgment_id=told[0].judgment_id
    )


def _wanted(sent: Compare) -> Wanted:
    candidates = [
        {"id": f"c{index}", "trajectory": answered(one, None, f"response_objs.{index}")}
        for index, one in enumerate(sent.response_objs)
    ]
    texts = {f"candidates.{index}": f"response_objs.{index}" for index in range(len(candidates))}
    return Wanted(
        "nemo_gym_compare",
        {"messages": sent.conversation_history},
        candidates,
        principles=[{"description": sent.principle}] if sent.principle else None,
        recipe=RECIPE,
        granularity=None,
        places={
            "task.messages": "conversation_history",
            "candidates": "response_objs",
            "principles.0.description": "principle",
            **texts,
        },
    )


def _metrics(told: tuple[Told, ...]) -> dict[str, float]:
    rewards = [one.reward or 0.0 for one in told]
    return {
        "mean_reward": sum(rewards) / len(rewards),
        "min_reward": min(rewards),
        "max_reward": max(rewards),
        "needs_review": float(sum(bool(one.result and one.result.needs_review) for one in told)),
    }
