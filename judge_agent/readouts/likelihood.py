"""Readout `likelihood`: how likely a given continuation is, such as a reference answer after the trajectory.

Read from the prompt's token log-probabilities. The mean of the tokens' probabilities is what RLPR (2506.18254)
rewards: it lies in [0, 1] at any length, and one token that is unlikely, such as another wording, costs its share and
no more, where the product, or the geometric mean, all but vanishes. A text that is short or common is likely
whatever the condition; what the same text is without it, taken off, leaves what the condition adds: as RLPR's
debiased reward, or, of the logarithms, as pointwise mutual information.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from judge_agent.readouts.answer import unparseable
from judge_agent.seams.model import TokenLogprob

_ROUNDING = 0.02


class Likelihood(NamedTuple):
    """Log-probabilities in nats: of the whole text, a token, and what the condition adds (None when not asked).

    `probability` is the mean of the tokens' probabilities, `probability_alone` the same without the condition.
    """

    total: float
    mean: float
    tokens: int
    pmi: float | None = None
    pmi_mean: float | None = None
    probability: float = 0.0
    probability_alone: float | None = None

    @property
    def gain(self) -> float:
        """What the condition adds to `probability`, no less than 0; all of it where nothing is to be taken off."""
        return max(0.0, self.probability - (self.probability_alone or 0.0))


def likelihood(
    tokens: Sequence[TokenLogprob], unconditional: Sequence[TokenLogprob] | None = None
) -> Likelihood:
    """Return the log-likelihood of a continuation, and its PMI against `unconditional`, the same text alone.

    Raises ModelError('model_unparseable') for no tokens, a number that is no finite log-probability, and
    where the two are not of the same text.
    """
    total, count = _total(tokens), len(tokens)
    told = Likelihood(total, total / count, count, probability=_probability(tokens))
    if unconditional is None:
        return told
    alone = _total(unconditional)
    if _text(tokens) != _text(unconditional):
        raise unparseable("the log-probabilities with and without the condition are of different texts")
    return told._replace(
        pmi=total - alone,
        pmi_mean=(total - alone) / count,
        probability_alone=_probability(unconditional),
    )


def between_marks(tokens: Sequence[TokenLogprob], begin: str, end: str) -> tuple[TokenLogprob, ...]:
    """Return the tokens of what stands between two marks, with the one in which the closing mark begins.

    That one says that the text ends there: without it '4' is as likely as the '42' that it begins. What the marks
    hold beside is left out, for it is certain once they have begun. They are looked for from both sides, since a
    character that is several tokens has no text of its own in any of them. Raises ModelError('model_unparseable')
    where the tokens do not begin and end with the marks.
    """
    texts = [token.token for token in tokens]
    text = "".join(texts)
    if tokens and not (text.lstrip().startswith(begin) and text.rstrip().endswith(end)):
        raise unparseable(f"the tokens {text[:80]!r} do not stand between {begin!r} and {end!r}")
    first = _reaching(texts, len(text) - len(text.lstrip()) + len(begin) + 1)
    last = len(texts) - _reaching(texts[::-1], len(text) - len(text.rstrip()) + len(end))
    return tuple(tokens[first:last])


def _reaching(texts: Sequence[str], characters: int) -> int:
    """The index of the text that holds so manyeth a character of all."""
    passed = 0
    for index, text in enumerate(texts):
        passed += len(text)
        if passed >= characters:
            return index
    return len(texts)


def _total(tokens: Sequence[TokenLogprob]) -> float:
    if not tokens:
        raise unparseable("there are no log-probabilities of the continuation")
    for token in tokens:
        if not math.isfinite(token.logprob) or token.logprob > _ROUNDING:
            raise unparseable(f"{token.logprob!r} of the token {token.token!r} is no finite log-probability")
    return math.fsum(min(0.0, token.logprob) for token in tokens)


def _probability(tokens: Sequence[TokenLogprob]) -> float:
    return math.fsum(math.exp(min(0.0, token.logprob)) for token in tokens) / len(tokens)


def _text(tokens: Sequence[TokenLogprob]) -> str:
    return "".join(token.token for token in tokens)
