"""Which model an OpenAI-compatible server serves: asked when it must be known, once for all who ask together."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping

from judge_agent.errors import ModelError
from judge_agent.models.openai_connection import OpenAIConnection
from judge_agent.models.openai_info import created_alone, read_info
from judge_agent.seams.model import ModelInfo

# Clocks of two machines differ; what is further from now is no time of a question.
NEAR_SECONDS = 3600.0
APART_SECONDS = 1.1
log = logging.getLogger(__name__)


class Identity:
    """What `/models` says. `known` is its last answer; None before the first."""

    def __init__(
        self,
        connection: OpenAIConnection,
        *,
        model: str | None,
        revision: str | None,
        context_window: int | None,
        abilities: Mapping[str, bool | None],
        timeout_seconds: float,
    ) -> None:
        self._connection = connection
        self._model, self._revision, self._window = model, revision, context_window
        self._abilities = abilities
        self._timeout = timeout_seconds
        self._lock = asyncio.Lock()
        self._asked_at = 0.0
        self._failure: ModelError | None = None
        self._created: float | None = None
        self._tells_the_time = False
        self.known: ModelInfo | None = None

    async def asked(self) -> ModelInfo:
        """Ask the server. Who comes while another one asks gets the next answer, for this one may be from before.

        Raises ModelError.
        """
        came = time.monotonic()
        async with self._lock:
            if self._asked_at < came:
                await self._ask()
            if self._failure is not None:
                raise ModelError(self._failure.failure_kind, str(self._failure)) from self._failure
            assert self.known is not None
            return self.known

    async def _ask(self) -> None:
        began = time.monotonic()
        try:
            data = await self._listed()
            await self._look_at_the_time(data)
            found = read_info(
                data,
                model=self._model,
                revision=self._revision,
                context_window=self._window,
                base_url=self._connection.base_url,
                abilities=self._abilities,
                tells_the_time=self._tells_the_time,
            )
        except ModelError as error:
            self._asked_at, self._failure = began, error
            return
        self._asked_at, self._failure = began, None
        if self.known is not None and found != self.known:
            log.warning("the model server serves %s %s now", found.id, found.revision)
        if not found.details["window_known"] and found != self.known:
            log.warning("the window of the model %s is %s", found.id, found.window_said)
        self.known = found

    async def _listed(self) -> object:
        data: object = (await self._connection.send("GET", "/models", None, self._timeout))[0]
        return data

    async def _look_at_the_time(self, data: object) -> None:
        """Find out whether a server's `created` is the time of the question: then it is another one a moment later.

        Asked once more for a value that is new and near to now, whose seconds are whole.
        """
        created = created_alone(data, self._model)
        if created is None or self._tells_the_time or created == self._created:
            return
        if abs(time.time() - created) < NEAR_SECONDS:
            await asyncio.sleep(APART_SECONDS)
            self._tells_the_time = created_alone(await self._listed(), self._model) != created
        self._created = created
