"""An answer whose tokens are given: walking through it tells how likely the model finds each of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from judge_agent.seams.model import TokenLogprob


class Forced:
    """Takes the place of an `Answer` in the engine: same passes, same numbers, no choice."""

    def __init__(self, given: Sequence[int], decode: Callable[[Sequence[int]], str]) -> None:
        self._given, self._decode = list(given), decode
        self.max_tokens = len(self._given)
        self.tokens: list[int] = []
        self.logprobs: list[TokenLogprob] = []
        self.finish_reason: str | None = None

    def take(self, logits: Tensor) -> int:
        """Note the next token's log-probability in (vocabulary,) logits, and return it."""
        token = self._given[len(self.tokens)]
        shares = torch.log_softmax(logits, -1)
        best = int(shares.argmax())
        top = tuple((self._decode([index]), float(shares[index])) for index in dict.fromkeys((best, token)))
        self.tokens.append(token)
        self.logprobs.append(TokenLogprob(self._decode([token]), float(shares[token]), top))
        if len(self.tokens) == len(self._given):
            self.finish_reason = "stop"
        return token
