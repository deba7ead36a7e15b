"""RewardAnything's server: `Client("http://host:8800/compat/rewardanything")` of its Python package posts here.

Source: rewardanything 1.0.1, `client.py`, `serve.py`, `models.py`. All responses are judged together by one principle
in words; scores run from 1 to 5. The client cannot put anything into the URL, so `recipe`, `dimensions` and `seconds`
may stand in the body too, where its `judge(..., recipe=...)` writes them. It gives up after 30 s and tries four
times: the answer comes before that or is 503, and the next try waits for the same judgment. A judge that failed is
503 as well, for there is no other answer that this client does not take for a score.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from api.auth import Calling
from api.callers import Caller
from api.compat.answers import Told
from api.compat.asking import Wanted, ask
from api.compat.failing import judge_failed
from api.compat.query import How, OnFailure, read_how
from api.compat.serving import RESPONSES, Sent, documented, ignored, parts_of, read_body, typed
from api.described_answers import OPEN
from api.parts import Parts
from api.problems import Problem, invalid
from judge_agent.schema.base import Number, Truth
from judge_agent.schema.request import MAX_CANDIDATES

router = APIRouter(tags=["trainers"])
# Below the client's own 30 s; the judgment itself may take longer, over several of its tries.
WAIT_SECONDS = 25.0
BUDGET_SECONDS = 110.0
MAX_REQUESTS = 64
_EXAMPLE = {
    "principle": "Right first, then short.",
    "prompt": "What is 2+2?",
    "responses": {"one": "4", "two": "It may be 5."},
    "mask_responses": True,
}
_CHOICES: tuple[OnFailure, ...] = ("error",)
_HOW: dict[str, Any] = {"seconds": WAIT_SECONDS, "recipe": "reward-anything", "choices": _CHOICES}
_LOW, _HIGH = 1.0, 5.0


class RewardRequest(Sent):
    """One prompt with its responses by name. Names are always masked, whatever `mask_responses` says."""

    principle: str = Field(min_length=1)
    prompt: str
    responses: Annotated[dict[str, str], Field(min_length=1, max_length=MAX_CANDIDATES)]
    mask_responses: Truth = True
    recipe: str | None = None
    dimensions: list[str] | None = None
    seconds: Annotated[Number, Field(gt=0)] | None = None


class Results(BaseModel):
    """`scores` from 1 to 5 by name, and the names from best to worst."""

    scores: dict[str, float]
    best_to_worst: list[str] = Field(serialization_alias="best-to-worst")


class RewardResponse(BaseModel):
    thoughts: str
    results: Results


@router.get("/health", openapi_extra=OPEN)
async def health() -> dict[str, str]:
    """Answer the client's `health_check`: the service is up."""
    return {"status": "ok"}


@router.post(
    "/api/rewardanything",
    response_model=RewardResponse,
    responses=RESPONSES,
    openapi_extra=documented(RewardRequest, _EXAMPLE, **_HOW),
)
async def single(request: Request, caller: Calling, response: Response) -> RewardResponse:
    """Judge responses together by a principle."""
    sent = typed(await read_body(request), RewardRequest)
    [answer] = await _judged(request, caller, response, [sent], "")
    return answer


@router.post(
    "/api/rewardanything_batch",
    response_model=list[RewardResponse],
    responses=RESPONSES,
    openapi_extra=documented(RewardRequest, [_EXAMPLE], most=MAX_REQUESTS, **_HOW),
)
async def batch(request: Request, caller: Calling, response: Response) -> list[RewardResponse]:
    """Judge a list of such requests; the answers are in their order. One that failed fails all, until it is sent again:
    what was judged is then not judged twice."""
    data = await read_body(request)
    if not isinstance(data, list) or not 1 <= len(data) <= MAX_REQUESTS:
        limit = f"a list of 1 to {MAX_REQUESTS} requests"
        raise invalid("body", f"must be {limit}", limit=limit)
    sent = [_item(item, index) for index, item in enumerate(data)]
    return await _judged(request, caller, response, sent, ".")


def _item(data: Any, index: int) -> RewardRequest:
    try:
        return typed(data, RewardRequest)
    except Problem as problem:
        error = problem.errors[0]
        raise invalid(f"{index}.{error.field}", error.detail, value=error.value, limit=error.limit) from None


async def _judged(
    request: Request, caller: Caller, response: Response, sent: list[RewardRequest], dot: str
) -> list[RewardResponse]:
    parts = parts_of(request)
    how = read_how(request, parts.settings.max_judgment_seconds, seconds=WAIT_SECONDS, choices=_CHOICES)
    asked = [_wanted(one, how, parts, f"{index}{dot}" if dot else "") for index, one in enumerate(sent)]
    seconds = max([one.seconds for one in sent if one.seconds is not None], default=how.seconds)
    plain = How(how.recipe, how.dimensions, how.seconds, "error")
    ended = await ask(asked, plain, parts, caller, wait_seconds=seconds)
    if not all(one.mask_responses for one in sent):
        response.headers.update(ignored(["mask_responses"]))
    return [_answer(one, told) for one, (_, told) in zip(sent, ended, strict=True)]


def _wanted(sent: RewardRequest, how: How, parts: Parts, at: str) -> Wanted:
    """One judgment of all responses. Candidates are c1, c2, ...: what they are called says nothing of them."""
    candidates = [
        {"id": f"c{index}", "trajectory": {"text": text}}
        for index, text in enumerate(sent.responses.values(), start=1)
    ]
    names = list(sent.responses)
    texts = {f"candidates.{index}": f"{at}responses.{name[:80]}" for index, name in enumerate(names)}
    label = {"recipe": sent.recipe, "dimensions": sent.dimensions}
    recipe = "verify" if parts.settings.model == "none" else "reward-anything"
    return Wanted(
        "reward_anything",
        {"prompt": sent.prompt},
        candidates,
        {name: value for name, value in label.items() if value is not None},
        at.rstrip("."),
        principles=[{"description": sent.principle}],
        recipe=recipe,
        granularity=None,
        budget_seconds=min(
            max(BUDGET_SECONDS, how.seconds, sent.seconds or 0.0), parts.settings.max_judgment_seconds
        ),
        places={
            "task.prompt": f"{at}prompt",
            "principles.0.description": f"{at}principle",
            "candidates": f"{at}responses",
            **texts,
        },
    )


def _answer(sent: RewardRequest, told: tuple[Told, ...]) -> RewardResponse:
    named = dict(zip(sent.responses, told, strict=True))
    for name, one in named.items():
        if one.score is None:
            raise judge_failed(one, f"the response {name[:80]!r} is among those to compare")
    scores = {name: _LOW + (_HIGH - _LOW) * (one.score or 0.0) for name, one in named.items()}
    order = sorted(scores, key=lambda name: -scores[name])
    return RewardResponse(thoughts=_thoughts(named), results=Results(scores=scores, best_to_worst=order))


def _thoughts(named: dict[str, Told]) -> str:
    """What the judge said, each thing once, with whom it was said of where that differs."""
    said: dict[str, list[str]] = {}
    for name, one in named.items():
        for principle in one.result.principles if one.result else ():
            for text in dict.fromkeys([principle.reason, *(sample.reason for sample in principle.samples)]):
                if text:
                    said.setdefault(text, []).append(name)
    lines = [
        text if len(set(names)) == len(named) else f"{', '.join(dict.fromkeys(names))}: {text}"
        for text, names in said.items()
    ]
    return "\n".join(lines)[:20_000]
