"""Readout `likelihood`: how likely a given continuation is, such as a reference answer after the trajectory.

Read from the prompt's token log-probabilities. Alone it favours short and common texts; the pointwise mutual
information takes off how likely the same text is without the condition.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from judge_agent.readouts.answer import unparseable
from judge_agent.seams.model import TokenLogprob

_ROUNDING = 0.02


class Likelihood(NamedTuple):
    """Log-probabilities in nats: of the whole text, a token, and what the condition adds (None when not asked)."""

    total: float
    mean: float
    tokens: int
    pmi: float | None = None
    pmi_mean: float | None = None


def likelihood(
    tokens: Sequence[TokenLogprob], unconditional: Sequence[TokenLogprob] | None = None
) -> Likelihood:
    """Return the log-likelihood of a continuation, and its PMI against `unconditional`, the same text alone.

    Raises ModelError('model_unparseable') for no tokens, a number that is no finite log-probability, and
    where the two are not of the same text.
    """
    total, count = _total(tokens), len(tokens)
    if unconditional is None:
        return Likelihood(total, total / count, count)
    alone = _total(unconditional)
    if _text(tokens) != _text(unconditional):
        raise unparseable("the log-probabilities with and without the condition are of different texts")
    return Likelihood(total, total / count, count, total - alone, (total - alone) / count)


def _total(tokens: Sequence[TokenLogprob]) -> float:
    if not tokens:
        raise unparseable("there are no log-probabilities of the continuation")
    for token in tokens:
        if not math.isfinite(token.logprob) or token.logprob > _ROUNDING:
            raise unparseable(f"{token.logprob!r} of the token {token.token!r} is no finite log-probability")
    return math.fsum(min(0.0, token.logprob) for token in tokens)


def _text(tokens: Sequence[TokenLogprob]) -> str:
    return "".join(token.token for token in tokens)
