"""How sure a model was of a choice that it wrote into JSON: the distribution over the menu at the choice's tokens.

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

# What a later token of a label must have at least: it was chosen, so that less is an error of rounding.
_LEAST = 1e-9


def at_values(tokens: Sequence[TokenLogprob], key: str) -> tuple[TokenLogprob, ...]:
    """The tokens of each value that a JSON text gives `key`, a string; the last one holds its closing quote.

    The first may hold what stands before the value as well (`"pa`): that is cut off it, and of the others at its place
    those are kept that begin alike.
    """
    text = "".join(token.token for token in tokens)
    ends = list(accumulate(len(token.token) for token in tokens))
    found = list[TokenLogprob]()
    for match in re.finditer(rf'(?<!\\)"{re.escape(key)}"\s*:\s*"', text):
        first = next((index for index, end in enumerate(ends) if end > match.end()), len(ends))
        for index in range(first, len(ends)):
            before = len(tokens[index].token) - (ends[index] - match.end())
            found.append(_cut(tokens[index], before) if index == first else tokens[index])
            if '"' in found[-1].token:
                break
    return tuple(found)


def by_value(tokens: Sequence[TokenLogprob]) -> list[list[TokenLogprob]]:
    """What `at_values` found, value by value."""
    values: list[list[TokenLogprob]] = [[]]
    for token in tokens:
        values[-1].append(token)
        if '"' in token.token:
            values.append([])
    return [value for value in values if value]


def choice_shares(tokens: Sequence[TokenLogprob], labels: Sequence[str]) -> dict[str, float] | None:
    """The distribution over `labels`, summing to 1, of a choice of one of them that was written in these tokens.

    Where the chosen token begins several labels ('1' of '1' and '10'), the next one tells them apart. None where they
    say too little: no log-probabilities, less than half of the probability on the labels, or too much of it on the
    beginning of several of them that was not chosen.
    """
    masses, untold = dict.fromkeys(labels, 0.0), 0.0
    written, weight = "", 1.0
    for place, token in enumerate(tokens):
        leads = [(piece, share, _meant(written + piece, labels)) for piece, share in _pieces(token)]
        leading = math.fsum(share for _, share, meant in leads if meant)
        if leading < (MIN_MENU_MASS if place == 0 else _LEAST):
            return None
        on_the_way, is_last = 0.0, place + 1 == len(tokens)
        for piece, share, meant in leads:
            part = weight * share / leading
            if len(meant) == 1:
                masses[meant[0]] += part
            elif meant and piece == token.token and not is_last:
                on_the_way += part
            elif meant:
                untold += part
        written, weight = written + token.token, on_the_way
        if not weight:
            break
    total = math.fsum(masses.values())
    if not total > 0.0 or not math.isfinite(total) or untold > MAX_UNTOLD_SHARE:
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


def _pieces(token: TokenLogprob) -> list[tuple[str, float]]:
    """What might have stood at a token's place, each with its probability; nothing where that is not told."""
    pairs = list(token.top)
    if pairs and token.token not in {piece for piece, _ in pairs}:
        pairs.append((token.token, token.logprob))
    return [(piece, math.exp(logprob)) for piece, logprob in pairs]


def _meant(text: str, labels: Sequence[str]) -> list[str]:
    """The labels that a choice which begins with these letters may come to."""
    written, closed, _ = text.partition('"')
    if closed:
        return [label for label in labels if label == written]
    return [label for label in labels if written and label.startswith(written)]
