"""Keys in the path, `/k/KEY/compat/...`: for trainers whose clients send no headers, and so no other key.

A URL ends up in configs, logs and experiment trackers. So only a key that can do nothing but ask for judgments may
come in one, only facades take it, and it is out of the path before anything can write the path down.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from starlette.types import ASGIApp, Receive, Scope, Send

from api.callers import Caller
from api.parts import Parts
from api.problems import Problem, render
from judge_agent.errors import StoreError

PREFIX = "/k/"
FACADES = "/compat/"
# ROLL's client sends its key under this name.
_ROLL_HEADER = b"xrl-authorization"


def may_come_in_a_path(caller: Caller) -> bool:
    """Whether a key can do nothing but have rollouts judged."""
    return caller.scope == "judge"


class PathKeys:
    """ASGI middleware: takes a key out of the path and passes it on as a header."""

    def __init__(self, app: ASGIApp, parts: Parts) -> None:
        self._app = app
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        if not path.startswith(PREFIX):
            await self._app(_with_roll_key(scope), receive, send)
            return
        secret, _, rest = path.removeprefix(PREFIX).partition("/")
        _take_out(scope, secret, f"/{rest}")
        try:
            problem = await self._refusal(secret, f"/{rest}")
        except StoreError:
            problem = Problem(503, "unavailable", "the keys cannot be read", headers={"Retry-After": "5"})
        answer = self._app if problem is None else render(problem)
        await answer(scope, receive, send)

    async def _refusal(self, secret: str, rest: str) -> Problem | None:
        """Why this key may not come here; None where it may."""
        if not rest.startswith(FACADES):
            detail = f"a key in the path opens {FACADES} only; send it as Authorization: Bearer KEY elsewhere"
            return Problem(404, "not_found", detail)
        if not await self._parts.keys.has_keys():
            return None
        caller = await self._parts.keys.caller(secret)
        if caller is not None and may_come_in_a_path(caller):
            return None
        detail = (
            "the key in the path is wrong, revoked, or may do more than judge; a path takes only keys "
            "that can do nothing else: judge-agent keys add TENANT --scope judge"
        )
        return Problem(
            401, "unauthorized", detail, headers={"WWW-Authenticate": 'Bearer realm="judge-agent"'}
        )


def _take_out(scope: Scope, secret: str, path: str) -> None:
    """Make the request what it would be with its key in a header, and in no other place.

    The scope itself is changed: the server that made it writes its path into logs.
    """
    kept = [(name, value) for name, value in scope["headers"] if name not in (b"authorization", b"x-api-key")]
    scope["headers"] = [*kept, (b"x-api-key", secret.encode("utf-8", "surrogateescape"))]
    scope["path"], scope["raw_path"] = path, quote(path).encode()


def _with_roll_key(scope: Scope) -> Scope:
    """ROLL's own header counts as Authorization where there is none, on the facades only."""
    headers: list[tuple[bytes, Any]] = scope["headers"]
    names = {name for name, _ in headers}
    if not scope["path"].startswith(f"{FACADES}roll/") or _ROLL_HEADER not in names:
        return scope
    if names & {b"authorization", b"x-api-key"}:
        return scope
    value = next(value for name, value in headers if name == _ROLL_HEADER)
    return {**scope, "headers": [*headers, (b"authorization", value)]}
