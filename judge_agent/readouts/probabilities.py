"""Readouts `yes_probability` and `ordinal`: a verdict from the log-probabilities of one token.

The call asks for one token, unconstrained: a grammar would hide that the model wanted to say something else.
How much of the probability is on the menu is `menu_mass`; below half of it there is no verdict. GradeSQL
(2509.01308) and RLBFF (2509.21319) read P(yes), OPRM a distribution over ratings.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from judge_agent.readouts.answer import unparseable
from judge_agent.seams.model import TokenLogprob

YES = ("Yes", "yes", "YES")
NO = ("No", "no", "NO")
# What stands around a word in a token: blanks, and what raw SentencePiece and byte-level BPE tokens write for them.
_BLANKS = " \t\n\u2581\u0120\u010a"
MIN_MENU_MASS = 0.5
MAX_MARGIN = 50.0
# The share from which on a label that begins another, unseen one ('1' of '10') could change the verdict.
MAX_UNTOLD_SHARE = 0.02
# What a mass may exceed 1 by: servers round, and compute in 16 bits.
_ROUNDING = 0.02

TopLogprobs = TokenLogprob | Sequence[tuple[str, float]]


class YesNo(NamedTuple):
    """`p_yes` is P(yes) / (P(yes) + P(no)); `margin` its log-odds in nats, within +-MAX_MARGIN."""

    p_yes: float
    menu_mass: float
    margin: float


class Ordinal(NamedTuple):
    """A distribution over labels from worst to best, summing to 1.

    `expected` and `variance` are of the place in [0, 1] (worst 0, best 1), `entropy` is in nats.
    """

    distribution: Mapping[str, float]
    expected: float
    variance: float
    entropy: float
    menu_mass: float


def yes_probability(top: TopLogprobs, yes: Sequence[str] = YES, no: Sequence[str] = NO) -> YesNo:
    """Return the probability of yes from the likeliest tokens of one position; spellings are summed, and a word counts
    with and without space around it.

    Raises ModelError('model_unparseable') for no log-probabilities, ones that are none, and where less than
    half of the probability is on the menu.
    """
    yeses, noes = {word.strip(_BLANKS) for word in yes}, {word.strip(_BLANKS) for word in no}
    if yeses & noes:
        raise ValueError(f"{sorted(yeses & noes)} mean both yes and no")
    masses = _masses(top)
    for_yes = math.fsum(mass for token, mass in masses.items() if token.strip(_BLANKS) in yeses)
    for_no = math.fsum(mass for token, mass in masses.items() if token.strip(_BLANKS) in noes)
    mass = _menu_mass(for_yes + for_no)
    margin = _log(for_yes) - _log(for_no)
    return YesNo(for_yes / (for_yes + for_no), mass, max(-MAX_MARGIN, min(MAX_MARGIN, margin)))


def ordinal(top: TopLogprobs, labels: Sequence[str]) -> Ordinal:
    """Return the distribution over `labels`, worst first; a label counts with and without space around it.

    Raises ModelError('model_unparseable') as `yes_probability` does, and where a label that is only the
    beginning of another ('1' of '10') is likely while the other is not seen: one token cannot tell them apart.
    """
    if len(labels) < 2 or len(set(labels)) != len(labels) or any(label.strip() != label for label in labels):
        raise ValueError(f"two or more different labels are needed, not {list(labels)}")
    masses = dict.fromkeys(labels, 0.0)
    for token, mass in _masses(top).items():
        label = token.strip(_BLANKS)
        if label in masses:
            masses[label] += mass
    total = math.fsum(masses.values())
    mass = _menu_mass(total)
    shares = {label: masses[label] / total for label in labels}
    _require_told_apart(shares)
    return _moments(shares, mass)


def prefers(a: Mapping[str, float], b: Mapping[str, float]) -> float:
    """Return P(A > B) + P(A = B) / 2 of two independent distributions over the same labels, worst first."""
    if list(a) != list(b):
        raise ValueError(f"the distributions are over different labels: {list(a)} and {list(b)}")
    below, chance = 0.0, 0.0
    for label, share in b.items():
        chance += a[label] * (below + share / 2)
        below += share
    return min(1.0, max(0.0, chance))


def _masses(top: TopLogprobs) -> dict[str, float]:
    """Probability by token. Tokens that read alike but are different ones to the model are summed."""
    pairs = list(top.top) if isinstance(top, TokenLogprob) else list(top)
    if not pairs:
        raise unparseable("there are no log-probabilities of the likeliest tokens")
    if isinstance(top, TokenLogprob) and top.token not in {token for token, _ in pairs}:
        pairs.append((top.token, top.logprob))
    masses: dict[str, float] = {}
    for token, logprob in pairs:
        if math.isnan(logprob) or logprob > _ROUNDING:
            raise unparseable(f"{logprob!r} is no log-probability")
        masses[token] = masses.get(token, 0.0) + math.exp(min(0.0, logprob))
    if math.fsum(masses.values()) > 1.0 + _ROUNDING:
        raise unparseable(f"the probabilities of one token sum to {math.fsum(masses.values()):.3f}")
    return masses


def _menu_mass(total: float) -> float:
    if total < MIN_MENU_MASS:
        raise unparseable(f"only {total:.3f} of the probability is on the menu, {MIN_MENU_MASS} is due")
    return min(1.0, total)


def _log(mass: float) -> float:
    return math.log(mass) if mass > 0.0 else -math.inf


def _require_told_apart(shares: Mapping[str, float]) -> None:
    for label, share in shares.items():
        longer = [other for other in shares if other != label and other.startswith(label)]
        if share > MAX_UNTOLD_SHARE and any(shares[other] == 0.0 for other in longer):
            raise unparseable(
                f"one token does not tell {label!r} from {longer}; give the menu labels of one token each"
            )


def _moments(shares: Mapping[str, float], mass: float) -> Ordinal:
    step = 1.0 / (len(shares) - 1)
    places = {label: index * step for index, label in enumerate(shares)}
    expected = math.fsum(share * places[label] for label, share in shares.items())
    variance = math.fsum(share * (places[label] - expected) ** 2 for label, share in shares.items())
    entropy = -math.fsum(share * math.log(share) for share in shares.values() if share > 0.0)
    return Ordinal(shares, min(1.0, max(0.0, expected)), variance, max(0.0, entropy), mass)
