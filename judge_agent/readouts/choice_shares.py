"""How sure a model was of a choice that it wrote into JSON: the distribution over the menu at the choice's first token.

A judge's mean over what it might have chosen ranks better than the one choice that it made (arXiv 2503.03064), and
tells apart two candidates that get the same one. No further call is needed where the answer comes with them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from itertools import accumulate

from judge_agent.readouts.probabilities import MAX_UNTOLD_SHARE, MIN_MENU_MASS
from judge_agent.seams.model import TokenLogprob


def at_values(tokens: Sequence[TokenLogprob], key: str) -> tuple[TokenLogprob, ...]:
    """For each value that a JSON text gives `key`, a string, the token that begins it.

    A token may hold what stands before the value as well (`"pa`): that is cut off it, and of the others at its place
    those are kept that begin alike.
    """
    text = "".join(token.token for token in tokens)
    ends = list(accumulate(len(token.token) for token in tokens))
    found = list[TokenLogprob]()
    for match in re.finditer(rf'(?<!\\)"{re.escape(key)}"\s*:\s*"', text):
        place = next((index for index, end in enumerate(ends) if end > match.end()), None)
        if place is not None:
            before = len(tokens[place].token) - (ends[place] - match.end())
            found.append(_cut(tokens[place], before))
    return tuple(found)


def choice_shares(token: TokenLogprob, labels: Sequence[str]) -> dict[str, float] | None:
    """The distribution over `labels`, summing to 1, at the token that begins a choice of one of them.

    None where it says too little: no log-probabilities, less than half of the probability on the labels, or too much of
    it on the beginning of several of them ('1' of '1' and '10').
    """
    masses, untold = dict.fromkeys(labels, 0.0), 0.0
    pairs = list(token.top)
    if pairs and token.token not in {piece for piece, _ in pairs}:
        pairs.append((token.token, token.logprob))
    for piece, logprob in pairs:
        meant = _meant(piece, labels)
        if len(meant) == 1:
            masses[meant[0]] += math.exp(logprob)
        elif meant:
            untold += math.exp(logprob)
    total = math.fsum(masses.values())
    if total + untold < MIN_MENU_MASS or untold > MAX_UNTOLD_SHARE * (total + untold):
        return None
    return {label: mass / total for label, mass in masses.items()}


def expected(shares: Mapping[str, float], scores: Mapping[str, float]) -> float | None:
    """The mean of `scores` by the shares of those labels that have one; None where they have no share."""
    total = math.fsum(shares.get(label, 0.0) for label in scores)
    if total <= 0.0:
        return None
    mean = math.fsum(shares.get(label, 0.0) * score for label, score in scores.items()) / total
    return min(1.0, max(0.0, mean))


def _cut(token: TokenLogprob, before: int) -> TokenLogprob:
    start = token.token[:before]
    alike = tuple((other[before:], logprob) for other, logprob in token.top if other.startswith(start))
    return TokenLogprob(token.token[before:], token.logprob, alike)


def _meant(piece: str, labels: Sequence[str]) -> list[str]:
    """The labels that a choice which begins with these letters may come to."""
    written, closed, _ = piece.partition('"')
    if closed:
        return [label for label in labels if label == written]
    return [label for label in labels if written and label.startswith(written)]
