"""Answers who is cut off because the service stops: 503, to be sent again, instead of the server's 500."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.parts import Parts
from api.problems import busy, render


class StoppedRequests:
    """ASGI middleware. A request that is still worked on when the time to stop is over gets its answer here."""

    def __init__(self, app: ASGIApp, parts: Parts) -> None:
        self._app = app
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_begun = False

        async def sending(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except asyncio.CancelledError:
            if has_begun or scope["type"] != "http" or not self._parts.queue.draining:
                raise
            detail = "the service is stopping before this request was answered; send it again"
            await render(busy(detail, status=503))(scope, receive, send)
