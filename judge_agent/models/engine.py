"""Runs the embedded model in one thread: many calls at once, one forward pass at a time.

Calls wait in a queue. The oldest prompt is read chunk by chunk, in turn with decoding steps of all rows that
are past their prompt; a finished row leaves at once and the next call takes its place. A call that is
cancelled or out of time is dropped before the next chunk or step.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from judge_agent.errors import ModelError
from judge_agent.models.llama import KeyValues, Llama
from judge_agent.models.prefix_cache import PrefixCache, chunk_names
from judge_agent.seams.model import TokenUsage

CHUNK_TOKENS = 128


class Writing(Protocol):
    """An answer in the making: takes logits, gives the next token; `finish_reason` is None until it ends."""

    max_tokens: int
    tokens: list[int]
    finish_reason: str | None

    def take(self, logits: Tensor) -> int: ...


@dataclass
class Job:
    """One prompt and its answers (one per sample). `future` gets the usage when all of them are complete."""

    prompt: list[int]
    answers: Sequence[Writing]
    deadline: float
    future: Future[TokenUsage] = field(default_factory=Future)
    cancelled: bool = False
    cached: int = 0
    read: int = 0
    on_done: Callable[[], None] | None = None

    @property
    def usage(self) -> TokenUsage:
        """Tokens so far: read (or found in the cache) and generated."""
        made = sum(len(answer.tokens) for answer in self.answers)
        return TokenUsage(prompt=self.read, cached=self.cached, completion=made)


@dataclass
class _Row:
    job: Job
    answer: Writing
    capacity: int
    names: list[bytes]
    cache: KeyValues | None = None
    hidden: Tensor | None = None
    last: int = 0

    @property
    def ready(self) -> bool:
        return self.hidden is not None


class Engine:
    """The thread and its rows. `submit` may be called from any thread; `close` stops within one step."""

    def __init__(
        self, model: Llama, *, max_batch: int, max_tokens_in_flight: int, cached_tokens: int
    ) -> None:
        self._model = model
        self._max_batch, self._max_tokens = max_batch, max_tokens_in_flight
        self._prefixes = PrefixCache(CHUNK_TOKENS, cached_tokens)
        self._reading_threads = torch.get_num_threads()
        self._writing_threads = max(1, self._reading_threads // 2)
        self._waiting: deque[_Row] = deque()
        self._rows: list[_Row] = []
        self._wake = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="embedded-model", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> None:
        job.future.set_running_or_notify_cancel()  # who waits may leave; the future itself is the engine's
        names = chunk_names(job.prompt, CHUNK_TOKENS)
        rows = [_Row(job, answer, len(job.prompt) + answer.max_tokens, names) for answer in job.answers]
        with self._wake:
            if self._closing:
                raise ModelError("model_unreachable", "the embedded model is closed")
            self._waiting.extend(rows)
            self._wake.notify()

    def close(self) -> None:
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()

    def _run(self) -> None:
        while self._wait_for_work():
            try:
                self._turn()
            except Exception as error:  # noqa: BLE001 - whatever breaks, nobody may wait for ever
                self._fail(error)
        self._fail(ModelError("model_unreachable", "the embedded model was closed"))

    def _wait_for_work(self) -> bool:
        with self._wake:
            while not (self._waiting or self._rows or self._closing):
                self._wake.wait()
            return not self._closing

    def _turn(self) -> None:
        self._drop_abandoned()
        self._admit()
        if unread := next((row for row in self._rows if not row.ready), None):
            torch.set_num_threads(self._reading_threads)
            self._read(unread)
        if ready := [row for row in self._rows if row.ready]:
            # A step waits for memory and is many small products: the second thread of a core only costs.
            torch.set_num_threads(self._writing_threads)
            self._advance(ready)

    def _drop_abandoned(self) -> None:
        now = time.monotonic()
        with self._wake:
            rows = [*self._rows, *self._waiting]
            gone = {id(row.job) for row in rows if row.job.cancelled or now >= row.job.deadline}
            if not gone:
                return
            self._rows = [row for row in self._rows if id(row.job) not in gone]
            self._waiting = deque(row for row in self._waiting if id(row.job) not in gone)
        for job in {id(row.job): row.job for row in rows if id(row.job) in gone}.values():
            if not job.future.done():
                job.future.set_exception(ModelError("model_timeout", "out of time", usage=job.usage))

    def _admit(self) -> None:
        with self._wake:
            held = sum(row.capacity for row in self._rows)
            while self._waiting and len(self._rows) < self._max_batch:
                row = self._waiting[0]
                if self._rows and held + row.capacity > self._max_tokens:
                    return
                held += row.capacity
                self._rows.append(self._waiting.popleft())

    def _read(self, row: _Row) -> None:
        """Read chunks of one prompt: all that the cache knows, and one that it does not."""
        if row.cache is None:
            row.cache = self._model.new_cache(row.capacity)
        first = row.job.answers[0] is row.answer
        while (index := row.cache.length // CHUNK_TOKENS) < len(row.names):
            part = self._prefixes.get(row.names[index])
            if part is None:
                break
            row.cache.append(part)
            row.job.cached += CHUNK_TOKENS if first else 0
            row.job.read += CHUNK_TOKENS if first else 0
        start = row.cache.length
        chunk = row.job.prompt[start : start + CHUNK_TOKENS]
        hidden = self._model.read(chunk, row.cache)
        row.job.read += len(chunk) if first else 0
        if index < len(row.names):
            self._prefixes.put(row.names[index], row.cache.cut(start, row.cache.length))
        if row.cache.length == len(row.job.prompt):
            self._prefixes.used(row.names)
            row.hidden = hidden
            self._take(row, self._model.logits(hidden)[0])

    def _advance(self, rows: Sequence[_Row]) -> None:
        caches = [row.cache for row in rows if row.cache is not None]
        logits = self._model.logits(self._model.step([row.last for row in rows], caches))
        for row, scores in zip(rows, logits, strict=True):
            self._take(row, scores)

    def _take(self, row: _Row, logits: Tensor) -> None:
        with torch.inference_mode():
            row.last = row.answer.take(logits)
        if row.answer.finish_reason is None:
            return
        self._rows.remove(row)
        if all(answer.finish_reason for answer in row.job.answers):
            row.job.future.set_result(row.job.usage)

    def _fail(self, error: Exception) -> None:
        with self._wake:
            rows = [*self._rows, *self._waiting]
            self._rows.clear()
            self._waiting.clear()
        for job in {id(row.job): row.job for row in rows}.values():
            if not job.future.done():
                job.future.set_exception(error)
