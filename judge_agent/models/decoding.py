"""Chooses the next token of one answer: grammar, repetition, sampling, stop. Knows nothing of batches."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import xgrammar as xgr
from torch import Tensor

from judge_agent.seams.model import TokenLogprob

FREE_TEXT_TOKENS = 1000
REPEATED_TOKENS = 8
REPETITION_PENALTY = 4.0
STOP_WINDOW = 64
CIRCLE_TOKENS = 20
CIRCLE_DISTINCT = 10
CERTAIN = 100.0


@dataclass
class Answer:
    """One answer in the making. `finish_reason` is None until it ends."""

    decode: Callable[[Sequence[int]], str]
    ends: frozenset[int]
    max_tokens: int
    temperature: float
    generator: torch.Generator
    stop: tuple[str, ...] = ()
    logprobs: int = 0
    matcher: xgr.GrammarMatcher | None = None
    closes_text: int | None = None
    tokens: list[int] = field(default_factory=list)
    top: list[TokenLogprob] = field(default_factory=list)
    finish_reason: str | None = None

    def take(self, logits: Tensor) -> int:
        """Choose the next token from (vocabulary,) logits, which are changed; sets `finish_reason` at the end."""
        if self.matcher is not None:
            _mask(logits, self.matcher)
        # Of the tokens that the grammar allows: among them alone is chosen.
        told = torch.log_softmax(logits, -1) if self.logprobs else None
        self._hold_back_repetition(logits)
        token = self._sample(logits)
        if self.matcher is not None and not self.matcher.accept_token(token):
            raise RuntimeError(f"the grammar refused token {token}, which its own mask allowed")
        if told is not None and token not in self.ends:
            self.top.append(_logprob(told, token, self.logprobs, self.decode))
        self._finish(token)
        return token

    @property
    def text(self) -> str:
        """The answer so far, cut before the first stop sequence."""
        text = self.decode(self.tokens)
        places = [place for stop in self.stop if (place := text.find(stop)) >= 0]
        return text[: min(places)] if places else text

    def _sample(self, logits: Tensor) -> int:
        if self.temperature <= 0:
            return int(logits.argmax())
        shares = torch.softmax(logits / self.temperature, -1)
        return int(torch.multinomial(shares, 1, generator=self.generator))

    def _hold_back_repetition(self, logits: Tensor) -> None:
        """Make a token that would repeat a long run of this answer less likely, where text is free.

        A small model that decodes greedily else writes one clause until its text is full; a text that goes in
        circles all the same is closed as soon as its grammar allows. Where a grammar leaves a choice from a
        menu nothing is changed, for that would push the verdict.
        """
        follower, circles = _repeated(self.tokens), self._goes_in_circles()
        if (follower is None and not circles) or int(torch.isfinite(logits).sum()) < FREE_TEXT_TOKENS:
            return
        if circles and self.closes_text is not None and torch.isfinite(logits[self.closes_text]):
            logits[self.closes_text] = logits.max() + CERTAIN
        elif follower is not None:
            logits[follower] -= REPETITION_PENALTY

    def _goes_in_circles(self) -> bool:
        """Whether the last words are a few tokens over and over, which says no more however long it gets."""
        tail = self.tokens[-CIRCLE_TOKENS:]
        return self.matcher is not None and len(tail) == CIRCLE_TOKENS and len(set(tail)) <= CIRCLE_DISTINCT

    def _finish(self, token: int) -> None:
        if token in self.ends or (self.matcher is not None and self.matcher.is_terminated()):
            self.finish_reason = "stop"
            if token in self.ends:
                return
        self.tokens.append(token)
        if self.finish_reason is None and self.stop:
            tail = self.decode(self.tokens[-STOP_WINDOW:])
            if any(stop in tail for stop in self.stop):
                self.finish_reason = "stop"
        if self.finish_reason is None and len(self.tokens) >= self.max_tokens:
            self.finish_reason = "length"


def generator_for(seed: int, sample: int) -> torch.Generator:
    """A source of randomness that depends on the call's seed and the sample's index alone."""
    digest = hashlib.sha256(f"{seed}/{sample}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)


def _mask(logits: Tensor, matcher: Any) -> None:
    bitmask = xgr.allocate_token_bitmask(1, len(logits))
    matcher.fill_next_token_bitmask(bitmask)
    xgr.apply_token_bitmask_inplace(logits[None], bitmask)


def _repeated(tokens: Sequence[int]) -> int | None:
    """Return the token that followed the last occurrence of the answer's last `REPEATED_TOKENS` tokens."""
    tail = list(tokens[-REPEATED_TOKENS:])
    if len(tokens) <= REPEATED_TOKENS:
        return None
    for start in range(len(tokens) - REPEATED_TOKENS - 1, -1, -1):
        if tokens[start] == tail[0] and list(tokens[start : start + REPEATED_TOKENS]) == tail:
            return tokens[start + REPEATED_TOKENS]
    return None


def _logprob(told: Tensor, token: int, count: int, decode: Callable[[Sequence[int]], str]) -> TokenLogprob:
    values, indices = told.topk(min(count, len(told)))
    likeliest = zip(values.tolist(), indices.tolist(), strict=True)
    top = tuple((decode([index]), value) for value, index in likeliest if math.isfinite(value))
    return TokenLogprob(decode([token]), float(told[token]), top)
