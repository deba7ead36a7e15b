"""A supervised vLLM as a ChatModel: calls wait while the server starts again, within their own time.

A call that the server's death cut off is sent once more to the next start, not oftener: a request that kills the
server must not use up its restarts.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from judge_agent.errors import ModelError
from judge_agent.models.openai_chat import OpenAIChatModel
from judge_agent.models.vllm_family import takes_images
from judge_agent.models.vllm_files import fingerprint
from judge_agent.models.vllm_server import VllmServer
from judge_agent.models.vllm_settings import VllmSettings
from judge_agent.seams.model import ChatMessage, Completion, ModelInfo

log = logging.getLogger(__name__)
Result = TypeVar("Result")
_CUT_OFF = frozenset(("model_unreachable", "model_error"))
_NOTICE_SECONDS = 5.0


class VllmModel:
    """The model that `server` serves. `started` makes both; `aclose` stops both."""

    def __init__(self, server: VllmServer, revision: str | None = None) -> None:
        self._server, self._revision = server, revision
        self._client: OpenAIChatModel | None = None
        self._client_url = ""

    @classmethod
    async def started(cls, settings: VllmSettings) -> VllmModel:
        """Start the server and wait until it answers. Raises ModelError and ValueError as VllmServer does."""
        server = await VllmServer(settings).__aenter__()
        try:
            files = server.files
            if not files.is_local and settings.revision is None:
                log.warning("no revision is set for %s; its commit is %s", settings.model, files.commit)
            local = files.folder if files.is_local else None
            revision = files.commit if local is None else await asyncio.to_thread(fingerprint, local)
            return cls(server, revision)
        except BaseException:
            await server.__aexit__()
            raise

    @property
    def server(self) -> VllmServer:
        return self._server

    async def info(self) -> ModelInfo:
        """Say which model answers, once the server is up. Raises ModelError when it is given up."""

        async def once(left: float) -> ModelInfo:
            return await (await self._model()).info()

        return replace(
            await self._through_restarts(once, self._server.settings.start_seconds), backend="vllm"
        )

    async def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        """Ask the server's tokenizer, as `OpenAIChatModel` does; waits as `info` does."""

        async def once(left: float) -> int:
            return await (await self._model()).count_tokens(messages)

        return await self._through_restarts(once, self._server.settings.start_seconds)

    async def complete(
        self,
        messages: Sequence[ChatMessage],
        *,
        schema: Mapping[str, Any] | None = None,
        tools: Sequence[Mapping[str, Any]] | None = None,
        tool_choice: str | None = None,
        n: int = 1,
        logprobs: int = 0,
        seed: int = 0,
        max_tokens: int = 512,
        temperature: float = 0.0,
        stop: Sequence[str] = (),
        timeout_seconds: float = 60.0,
        keep_partial: bool = False,
        think: bool = True,
    ) -> Completion:
        """Complete a chat; `model_unreachable` when the server does not come back within `timeout_seconds`."""

        async def once(left: float) -> Completion:
            return await (await self._model()).complete(
                messages,
                schema=schema,
                tools=tools,
                tool_choice=tool_choice,
                n=n,
                logprobs=logprobs,
                seed=seed,
                max_tokens=max_tokens,
                temperature=temperature,
                stop=stop,
                timeout_seconds=left,
                keep_partial=keep_partial,
                think=think,
            )

        return await self._through_restarts(once, timeout_seconds)

    async def likelihood(
        self, messages: Sequence[ChatMessage], continuation: str, *, timeout_seconds: float = 60.0
    ) -> Completion:
        """Tell how likely the continuation is as the answer; waits and fails as `complete` does."""

        async def once(left: float) -> Completion:
            return await (await self._model()).likelihood(messages, continuation, timeout_seconds=left)

        return await self._through_restarts(once, timeout_seconds)

    async def aclose(self) -> None:
        """Close the connections and stop the server."""
        client, self._client = self._client, None
        try:
            if client is not None:
                await client.aclose()
        finally:
            await self._server.__aexit__()

    async def _through_restarts(
        self, once: Callable[[float], Awaitable[Result]], timeout_seconds: float
    ) -> Result:
        """Await `once` with the time that is left; again when the server died meanwhile and came back."""
        deadline = time.monotonic() + timeout_seconds
        await self._up_before(deadline)
        starts = self._server.starts
        try:
            return await once(deadline - time.monotonic())
        except ModelError as error:
            if error.failure_kind not in _CUT_OFF or not await self._died_since(starts, deadline):
                raise
            died = error
        await self._up_before(deadline)
        try:
            return await once(deadline - time.monotonic())
        except ModelError as error:
            raise ModelError(
                error.failure_kind, str(error), usage=error.usage, attempts=died.attempts + error.attempts
            ) from died

    async def _up_before(self, deadline: float) -> None:
        began = time.monotonic()
        try:
            async with asyncio.timeout(deadline - began):
                await self._server.until_up()
        except TimeoutError as error:
            message = f"vLLM is {self._server.state} and did not come back within {deadline - began:.1f} s"
            raise ModelError("model_unreachable", message) from error

    async def _died_since(self, starts: int, deadline: float) -> bool:
        """Whether the server that a call failed on is gone; its supervisor may need a moment to notice."""
        notice = min(deadline, time.monotonic() + _NOTICE_SECONDS)
        while self._server.state == "up" and self._server.starts == starts:
            if await self._server.answers() or time.monotonic() >= notice:
                return False
            await asyncio.sleep(0.05)
        return self._server.state != "stopped"

    async def _model(self) -> OpenAIChatModel:
        """The client of this start's address."""
        server, stale = self._server, self._client
        if stale is not None and self._client_url == server.base_url:
            return stale
        self._client_url = server.base_url
        self._client = client = OpenAIChatModel(
            server.base_url,
            server.served_name,
            server.api_key,
            revision=self._revision,
            tools=True,
            logprobs=True,
            images=takes_images(server.files.folder),
            reasoning=True if server.family.reasoning_parser else None,
        )
        if stale is not None:
            await stale.aclose()
        return client
