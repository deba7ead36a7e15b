"""A reward model with a number for a head: a transformers sequence classifier in this process, no prompt, no text.

For Skywork-Reward and its kin: one label, the model's own chat template, the logit is the reward. It gives no
reasons and no evidence, and its numbers have no scale of their own: they rank, they do not grade.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from judge_agent.errors import ModelError
from judge_agent.models.loading import Loading
from judge_agent.seams.model import ChatMessage, ModelInfo

if TYPE_CHECKING:
    from judge_agent.models.reward_head_parts import HeadParts

INSTALL = "pip install 'judge-agent[embedded]'"


class RewardHead:
    """Scores conversations. `folder` is a saved model (safetensors); nothing is fetched, no code of it is run.

    Up to `max_batch` conversations that wait are scored in one pass. Larger batches are faster for short texts,
    but kernels round by the shape of the batch: with 1, the default, the same conversation always gets the same
    number. `context_window` can only lower what the model itself says.
    """

    def __init__(
        self,
        folder: Path | str,
        *,
        device: Literal["auto", "cpu", "cuda"] = "auto",
        max_batch: int = 1,
        context_window: int | None = None,
    ) -> None:
        if max_batch < 1:
            raise ValueError(f"max_batch={max_batch} must be at least 1")
        self.folder = Path(folder)
        self._device, self._max_batch, self._context_window = device, max_batch, context_window
        self._parts = Loading("the reward head", self._load, lambda parts: parts.close())

    async def __aenter__(self) -> RewardHead:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def start(self) -> None:
        """Load the model. Raises ModelError: model_unreachable when it cannot be loaded, model_error when it is
        no reward head."""
        await self._parts.loaded()

    async def info(self) -> ModelInfo:
        parts = await self._parts.loaded()
        details = {"device": str(parts.device), "dtype": parts.dtype, "in_process": True}
        return ModelInfo(self.folder.name, parts.revision[:12], "reward_head", parts.context_window, details)

    async def score(self, messages: Sequence[ChatMessage], *, timeout_seconds: float = 60.0) -> float:
        """Return the reward of a conversation that ends with the answer to be scored; any finite number.

        Raises ModelError: input_too_large (nothing is ever cut), tool_unavailable for images, model_timeout,
        model_error for a chat that the model's template refuses, model_unreachable.
        """
        if any(message.images for message in messages):
            raise ModelError("tool_unavailable", f"the reward head {self.folder.name!r} takes no images")
        deadline = time.monotonic() + timeout_seconds
        try:
            async with asyncio.timeout(timeout_seconds):
                parts = await self._parts.loaded()
                tokens = await asyncio.to_thread(parts.encode, messages)
                job = parts.submit(tokens, deadline)
                try:
                    return await asyncio.wrap_future(job.future)
                finally:
                    job.cancelled = True
        except TimeoutError as error:
            raise ModelError("model_timeout", f"no score within {timeout_seconds=}") from error

    async def aclose(self) -> None:
        """Stop the thread and free the memory. A closed head does not start again."""
        await self._parts.aclose()

    def _load(self) -> HeadParts:
        try:
            from judge_agent.models.reward_head_parts import load

            return load(self.folder, self._device, self._max_batch, self._context_window)
        except ModelError:
            raise
        except ImportError as error:
            raise ModelError("model_unreachable", f"{error}; run: {INSTALL}") from error
        except Exception as error:
            message = f"the reward head in {self.folder} did not load: {error!r}"
            raise ModelError("model_unreachable", message[:1000]) from error
