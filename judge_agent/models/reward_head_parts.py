"""The heavy side of the reward head: weights, tokenizer, and the one thread in which passes are made."""

from __future__ import annotations

import hashlib
import math
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from judge_agent.errors import ModelError
from judge_agent.models.reward_head_chat import as_template_wants
from judge_agent.seams.model import ChatMessage

# Tokenizers without a limit say so with a number beyond all lengths.
NO_LIMIT = 10**9
# For a bound that needs no tokenizing: runs of blanks are the longest tokens there are.
MOST_CHARS_PER_TOKEN = 512
# Shorter ones are white space and marks that texts are made of.
LEAST_CONTROL_CHARS = 3
# What templates raise: their own refusals, and what their expressions run into.
_REFUSALS = (
    jinja2.TemplateError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)


@dataclass
class ScoreJob:
    tokens: list[int]
    deadline: float
    future: Future[float] = field(default_factory=Future)
    cancelled: bool = False


class HeadParts:
    """A loaded reward head. `encode` may run in any thread, passes run in one of its own."""

    def __init__(
        self, model: Any, tokenizer: Any, device: torch.device, revision: str, window: int, max_batch: int
    ) -> None:
        self._model, self._tokenizer = model, tokenizer
        self.device, self.revision, self.context_window = device, revision, window
        self.dtype = str(model.dtype).removeprefix("torch.")
        self._max_batch = max_batch
        self._control = sorted(
            (
                token.content
                for token in tokenizer.added_tokens_decoder.values()
                if token.special and len(token.content) >= LEAST_CONTROL_CHARS
            ),
            key=len,
            reverse=True,
        )
        self._encoding = threading.Lock()
        self._waiting: deque[ScoreJob] = deque()
        self._wake = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="reward-head", daemon=True)
        self._thread.start()

    def encode(self, messages: Sequence[ChatMessage]) -> list[int]:
        """Apply the model's chat template. Raises ModelError: input_too_large, or model_error where it refuses."""
        least = sum(len(message.content) for message in messages) // MOST_CHARS_PER_TOKEN
        if least > self.context_window:
            raise _too_large(least, self.context_window)
        chat = [as_template_wants(message, self._defused) for message in messages]
        try:
            with self._encoding:  # a fast tokenizer keeps the settings of its call
                encoded = self._tokenizer.apply_chat_template(chat, tokenize=True, return_dict=True)
        except _REFUSALS as error:
            problem = f"the chat template refuses these messages: {str(error)[:300]}"
            raise ModelError("model_error", problem) from error
        tokens = [int(token) for token in encoded["input_ids"]]
        if not tokens:
            raise ModelError("model_error", "the chat template makes nothing of these messages")
        if len(tokens) > self.context_window:
            raise _too_large(len(tokens), self.context_window)
        return tokens

    def submit(self, tokens: list[int], deadline: float) -> ScoreJob:
        job = ScoreJob(tokens, deadline)
        job.future.set_running_or_notify_cancel()  # who waits may leave; the future itself is the thread's
        with self._wake:
            if self._closing:
                raise ModelError("model_unreachable", "the reward head is closed")
            self._waiting.append(job)
            self._wake.notify()
        return job

    def close(self) -> None:
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()

    def _defused(self, text: str) -> str:
        """Break control tokens that are typed in a text: a conversation must not end where its text says so."""
        text = text.encode("utf-8", "replace").decode()
        for token in self._control:
            text = text.replace(token, f"{token[0]} {token[1:]}")
        return text

    def _run(self) -> None:
        while jobs := self._next():
            try:
                scores = self._scores([job.tokens for job in jobs])
            except Exception as error:  # noqa: BLE001 - whatever breaks, nobody may wait for ever
                problem = ModelError("model_error", f"the reward head failed: {error!r}"[:500])
                for job in jobs:
                    job.future.set_exception(problem)
                continue
            for job, score in zip(jobs, scores, strict=True):
                if math.isfinite(score):
                    job.future.set_result(score)
                else:
                    job.future.set_exception(ModelError("model_error", f"the reward head gave {score}"))
        for job in self._waiting:
            job.future.set_exception(ModelError("model_unreachable", "the reward head was closed"))

    def _next(self) -> list[ScoreJob]:
        """Wait for work; returns the oldest jobs that somebody still waits for, none when closing."""
        with self._wake:
            while not self._closing:
                jobs: list[ScoreJob] = []
                while self._waiting and len(jobs) < self._max_batch:
                    job = self._waiting.popleft()
                    if job.cancelled or time.monotonic() >= job.deadline:
                        job.future.set_exception(ModelError("model_timeout", "out of time"))
                    else:
                        jobs.append(job)
                if jobs:
                    return jobs
                self._wake.wait()
        return []

    @torch.inference_mode()
    def _scores(self, rows: Sequence[list[int]]) -> list[float]:
        longest = max(map(len, rows))
        pad = self._model.config.pad_token_id or 0
        padded = [[*row, *[pad] * (longest - len(row))] for row in rows]
        mask = [[1] * len(row) + [0] * (longest - len(row)) for row in rows]
        answer = self._model(
            input_ids=torch.tensor(padded, device=self.device),
            attention_mask=torch.tensor(mask, device=self.device),
            use_cache=False,
        )
        return [float(score) for score in answer.logits[:, 0].float().cpu()]


def load(folder: Path, device: str, max_batch: int, context_window: int | None) -> HeadParts:
    """Load a saved classifier. Raises ModelError('model_error') for a model that is no reward head."""
    if not (folder / "config.json").is_file():
        raise ModelError("model_unreachable", f"there is no saved model in {folder}: config.json is missing")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    place = torch.device(device)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    model, told = AutoModelForSequenceClassification.from_pretrained(
        folder,
        local_files_only=True,
        trust_remote_code=False,
        use_safetensors=True,
        output_loading_info=True,
        dtype=torch.bfloat16 if place.type == "cuda" else torch.float32,
    )
    _check(folder, model, told, tokenizer, max_batch)
    window = min(_window(model.config, tokenizer), context_window if context_window is not None else NO_LIMIT)
    return HeadParts(model.eval().to(place), tokenizer, place, _revision(folder), window, max_batch)


def _check(folder: Path, model: Any, told: Mapping[str, Any], tokenizer: Any, max_batch: int) -> None:
    if missing := sorted(map(str, told["missing_keys"])):
        # They would be filled with random numbers, and so would be the rewards.
        raise ModelError("model_error", f"{folder} holds no reward head: it lacks {missing[:5]}")
    if model.config.num_labels != 1:
        raise ModelError(
            "model_error", f"{folder} has {model.config.num_labels} labels; a reward head has one"
        )
    if not tokenizer.chat_template:
        raise ModelError("model_error", f"{folder} has no chat template")
    if max_batch > 1 and model.config.pad_token_id is None:
        raise ModelError("model_error", f"{folder} has no pad_token_id, so that max_batch must be 1")


def _window(config: Any, tokenizer: Any) -> int:
    limits = (getattr(config, "max_position_embeddings", None), tokenizer.model_max_length)
    known = [int(limit) for limit in limits if limit and limit < NO_LIMIT]
    return min(known, default=NO_LIMIT)


def _revision(folder: Path) -> str:
    """The hash of everything that a score depends on: weights, configuration, tokenizer, template."""
    digest = hashlib.sha256()
    for path in sorted(
        path for path in folder.iterdir() if path.suffix in (".safetensors", ".json", ".jinja")
    ):
        with path.open("rb") as file:
            digest.update(f"{path.name}:{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()


def _too_large(tokens: int, window: int) -> ModelError:
    return ModelError("input_too_large", f"{tokens} tokens exceed context_window={window}; nothing is cut")
