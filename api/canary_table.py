"""`GET /v1/canaries`: how the judge did at judgments of known outcome."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel

from api.auth import Tenant
from api.canaries import as_json
from api.parts import Parts
from api.queries import no_query
from judge_agent.canaries import canaries_of

router = APIRouter(prefix="/v1", tags=["catalog"])


class CanaryState(BaseModel):
    """One canary of one recipe. `state` is the last that was decided, `since` (UTC) when it became so; null in
    `judged`: never judged. `unknown_since`: from then on no round gave a score."""

    recipe: str
    canary: str
    state: Literal["passed", "failed", "unknown"]
    since: str | None
    unknown_since: str | None
    judged: str | None
    detail: str


class CanaryTable(BaseModel):
    """`share` and `seconds` are the service's settings; with 0 and null it judges none by itself."""

    object: Literal["list"] = "list"
    share: float
    seconds: float | None
    data: list[CanaryState]


@router.get("/canaries")
async def list_canaries(request: Request, tenant: Tenant) -> CanaryTable:
    """List every canary of every recipe, and how it came out last."""
    no_query(request)
    parts: Parts = request.app.state.parts
    known = {(row.recipe, row.name): as_json(row) for row in await parts.store.canaries.all()}
    data = [
        CanaryState.model_validate(
            known.get((canary.recipe, canary.name)) or _never(canary.recipe, canary.name)
        )
        for recipe in parts.judge.recipes()
        for canary in canaries_of(recipe)
    ]
    return CanaryTable(share=parts.canaries.share, seconds=parts.canaries.seconds, data=data)


def _never(recipe: str, name: str) -> dict[str, str | None]:
    told = dict.fromkeys(("since", "unknown_since", "judged"))
    return {"recipe": recipe, "canary": name, "state": "unknown", **told, "detail": "not judged"}
