"""What judges now, as a hash that a trainer can pin; and the refusal where a run is pinned to something else."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel

from api.auth import Tenant
from api.callers import Caller
from api.parts import Parts
from api.problems import FieldError, Problem, bounded, busy
from api.queries import one_of_query
from judge_agent.errors import PinDrift
from judge_agent.schema import JudgmentRequest

router = APIRouter(prefix="/v1", tags=["runs"])


class CurrentPin(BaseModel):
    """What judges by a recipe now. `parts` are texts: hashes, names and versions; `sha256` is the hash of them all."""

    object: Literal["pin"] = "pin"
    recipe: str
    sha256: str
    parts: dict[str, str]


@router.get("/pin")
async def get_pin(request: Request, tenant: Tenant) -> CurrentPin:
    """Tell what judges by `recipe` (default: `default`) now; a request's `run.pin` may be this hash.

    503 where the model does not say what it is.
    """
    parts: Parts = request.app.state.parts
    recipe = one_of_query(request, "recipe", "default")
    pin = await parts.judge.pin(recipe)
    if pin.problem is not None:
        raise busy(f"the model does not say what it is: {pin.problem}", status=503)
    return CurrentPin(recipe=recipe, sha256=pin.sha256, parts=dict(pin.parts))


async def held_to_its_pin(
    parts: Parts,
    caller: Caller,
    wanted: JudgmentRequest,
    idempotency_key: str | None = None,
    body_sha256: str = "",
    *,
    count: int | None = 1,
) -> None:
    """Raise Problem 409 `pin_drift` where something else judges than what the request's run is pinned to.

    A judgment that the key has been used for is answered again whatever judges now: it was judged before. A request
    that would be refused pins nothing: Problem 429 and 503 where there is no room for `count` judgments (None: room is
    not looked for), and IdempotencyConflict.
    """
    if wanted.run is None:
        return
    tenant = caller.tenant

    async def acceptable() -> None:
        earlier = None
        if idempotency_key is not None:
            earlier = await parts.store.earlier(tenant, idempotency_key, body_sha256)
        if earlier is None and count is not None:
            await parts.queue.check_room(caller, count)

    try:
        await parts.judge.hold(wanted, tenant, acceptable)
    except PinDrift as drift:
        if idempotency_key is not None and await parts.store.earlier(tenant, idempotency_key, body_sha256):
            return
        raise refusal_of(drift) from None


def refusal_of(drift: PinDrift) -> Problem:
    """The refusal names each part that is not what it was."""
    changes = [{"part": one.part, "pinned": one.pinned, "current": one.current} for one in drift.changes]
    first = drift.changes[0]
    error = FieldError(
        "run.pin", f"{first.part} is not what the run is pinned to", first.current, first.pinned
    )
    detail = (
        f"{drift}; judge by what was pinned, start a run of another id, or send pin: false for a judgment that the "
        "run's pin does not hold"
    )
    return Problem(409, "pin_drift", detail, errors=[error], run=bounded(drift.run), changes=changes[:64])
