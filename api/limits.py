"""What a key may use, on the wire: the refusal that names a limit, and the RateLimit fields.

Fields: draft-ietf-httpapi-ratelimit-headers-10, `RateLimit-Policy` (what is allowed) and `RateLimit` (what is left).
A limit that is its key's own answers 429 with a code of its own; a service that is full for everybody is `queue_full`.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.callers import Caller
from api.problems import Problem
from judge_agent.errors import StoreError
from judge_agent.store import QuotaExceeded, Standing

if TYPE_CHECKING:
    from api.parts import Parts

_WINDOWS = {"requests_per_minute": 60, "tokens_per_minute": 60, "tokens_per_day": 86_400}
_UNITS = {"max_open": "concurrent-requests", "requests_per_minute": "requests"}
# Limits of which a group that is accepted whole takes as much as it has members.
_COUNTED = ("max_open", "requests_per_minute")
_SETTINGS = "judge-agent keys limit, or JUDGE_KEY_{name} for keys without limits of their own"
_log = logging.getLogger("judge_agent.service")


def over_limit(error: QuotaExceeded, *, open_seconds: float, count: int = 1) -> Problem:
    """The refusal of `count` judgments that a key may not have. `open_seconds`: when one that is open may end."""
    one, name = error.standing, error.standing.quota
    seconds = open_seconds if one.retry_seconds is None else one.retry_seconds
    wanted = f", and {count} more are wanted at once" if count > 1 and name in _COUNTED else ""
    detail = (
        f"this key has used {one.used:.10g} of its {name}={one.limit}{wanted}; send it again in {math.ceil(seconds)} s "
        f"(the limit: {_SETTINGS.format(name=name.upper())})"
    )
    told: dict[str, Any] = {"quota": name, "violated-policies": [name]}
    return Problem(
        429,
        f"quota_{name}",
        detail,
        headers={"Retry-After": str(max(1, math.ceil(seconds)))},
        limit=one.limit,
        used=round(one.used, 3),
        retry_seconds=round(seconds, 3),
        **told,
    )


async def take_request(parts: Parts, caller: Caller) -> None:
    """Count a request that is no judgment for its caller's key. Raises Problem 429, StoreError."""
    try:
        await parts.store.quotas.take_request(caller.key_id, caller.limits)
    except QuotaExceeded as error:
        raise over_limit(error, open_seconds=1.0) from None


def fields(standings: Sequence[Standing]) -> dict[str, str]:
    """The RateLimit fields of a key's limits; none where it has no limits."""
    if not standings:
        return {}
    return {
        "RateLimit-Policy": ", ".join(map(_policy, standings)),
        "RateLimit": ", ".join(map(_left, standings)),
    }


def _policy(one: Standing) -> str:
    window = f";w={_WINDOWS[one.quota]}" if one.quota in _WINDOWS else ""
    return f'"{one.quota}";q={one.limit}{window};qu="{_UNITS.get(one.quota, "model-tokens")}"'


def _left(one: Standing) -> str:
    reset = f";t={math.ceil(one.reset_seconds)}" if one.reset_seconds is not None else ""
    return f'"{one.quota}";r={one.remaining}{reset}'


class RateLimitFields:
    """ASGI middleware: says on every answer to a key that has limits what is left of them."""

    def __init__(self, app: ASGIApp, parts: Parts) -> None:
        self._app = app
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start" and isinstance(state.get("caller"), Caller):
                for name, value in (await self._fields(state["caller"])).items():
                    MutableHeaders(scope=message)[name] = value
            await send(message)

        await self._app(scope, receive, sending)

    async def _fields(self, caller: Caller) -> dict[str, str]:
        if not caller.limits.is_limited:
            return {}
        try:
            return fields(await self._parts.store.quotas.standings(caller.key_id, caller.limits))
        except StoreError as error:
            # The answer is worth more than what it would say of limits.
            _log.error("what a key has left could not be read: %s", error)
            return {}
