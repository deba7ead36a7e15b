"""From comparisons to one standing a candidate: score, agreement, and the samples it rests on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from judge_agent.nodes.collect import agreed, agreement, readable
from judge_agent.nodes.matches import Played, match_of
from judge_agent.recipes import Compare, Samples
from judge_agent.state import Json
from judge_agent.votes import PairOutcome, pair_outcome, round_robin, vote
from judge_agent.votes.places_shown import Shown, same_in_both_orders

# How far samples agree at most where orders disagree, or one of them is missing.
DOUBTED_SHARE = 0.5
_NO_VOTE: Json = {"failure_kind": "abstained", "failure_reason": "no sample of a comparison votes"}
_ONE_ORDER: Json = {
    "failure_kind": "abstained",
    "failure_reason": "one order of a pair alone votes, and a verdict counts only where both orders gave it",
}


class InOrders(NamedTuple):
    """Two that were compared: whether both orders say the same; None where one alone was read, in all that was asked.

    `one_sided`: both orders were asked for, and one alone votes.
    """

    first: str
    second: str
    consistent: bool | None
    one_sided: bool

    @property
    def doubted(self) -> bool:
        """Whether the place may have decided."""
        return self.one_sided or self.consistent is False


@dataclass(frozen=True)
class Pair:
    """A played pair, and what its matches come to: nothing where no sample votes.

    `consistent` is the outcome's; where one order alone votes, that of all that could be read.
    """

    played: Played
    outcome: PairOutcome | None
    consistent: bool | None = None
    one_sided: bool = False

    @property
    def failed(self) -> Json | None:
        """The failure that left the pair without an outcome."""
        if self.outcome is not None:
            return None
        nothing = _ONE_ORDER if self.played.voting else _NO_VOTE
        return next((sample for sample in self.played.samples if "failure_kind" in sample), nothing)

    @property
    def orders(self) -> InOrders:
        first, second = self.played.ids
        return InOrders(first, second, self.consistent, self.one_sided)

    def score_of(self, candidate_id: str) -> float:
        assert self.outcome is not None
        first_score = self.outcome.probability
        return first_score if candidate_id == self.outcome.first else 1.0 - first_score


def pair_of(played: Played, compare: Compare, settings: Samples) -> Pair:
    """Reduce a pair over its samples and orders, as the recipe takes orders that disagree.

    A pair of which one order alone votes keeps what that order says, for it is all there is; but the place may have
    decided it, so it is named in the record and counts as half as sure (`_agreed`).
    """
    outcome = _outcome(played, played.voting, settings)
    if outcome is None:
        return Pair(played, None)
    every = _outcome(played, readable(played.samples), settings)
    if outcome.consistent is None:
        kept = outcome if compare.orders_disagree == "mean" else None
        return Pair(played, kept, every.consistent if every else None, settings.orders == "both")
    if compare.orders_disagree == "tie" and not outcome.consistent:
        outcome = replace(outcome, outcome="tie", probability=0.5)
    return Pair(played, outcome, outcome.consistent)


def _outcome(played: Played, samples: Sequence[Json], settings: Samples) -> PairOutcome | None:
    first, second = played.ids
    matches = [match_of(sample) for sample in samples]
    return pair_outcome(first, second, matches, settings.vote) if matches else None


def orders_of_list(played: Played) -> list[InOrders]:
    """What each two of a list come to by who is shown before whom."""
    voting = _by_order(played.ids, played.voting)
    read = _by_order(played.ids, readable(played.samples))
    asked = _by_order(
        played.ids, [{**sample, "scores": dict.fromkeys(played.ids, 0.0)} for sample in played.samples]
    )
    return [
        InOrders(*pair, read[pair] if same is None else same, same is None and asked[pair] is not None)
        for pair, same in voting.items()
    ]


def _by_order(ids: Sequence[str], samples: Sequence[Json]) -> dict[tuple[str, str], bool | None]:
    return same_in_both_orders(ids, [Shown(sample["order"], sample["scores"]) for sample in samples])


def from_list(played: Played, orders: Sequence[InOrders], settings: Samples) -> Json:
    """Standings of a list: each one's votes over the samples, as sure as who is shown where leaves them."""
    if not played.voting:
        failure = next((one for one in played.samples if "failure_kind" in one), _NO_VOTE)
        return {candidate_id: _failed(failure, [played], candidate_id) for candidate_id in played.ids}
    scores = {
        candidate_id: vote([sample["scores"][candidate_id] for sample in played.voting], settings.vote)
        for candidate_id in played.ids
    }
    standings: Json = {}
    for candidate_id in scores:
        own = [pair for pair in orders if candidate_id in (pair.first, pair.second)]
        sure = math.fsum(DOUBTED_SHARE if pair.doubted else 1.0 for pair in own) / len(own) if own else 1.0
        share = agreed(played.samples) if sure == 1.0 else _at_most(sure, agreed(played.samples))
        standings[candidate_id] = _standing(candidate_id, scores, share, [played], settings)
    return standings


def from_pairs(ids: Sequence[str], pairs: Sequence[Pair], settings: Samples) -> Json:
    """Standings of all pairs: a pair's own score for two, else wins and half the ties (Copeland)."""
    if len(ids) == 2:
        scores = {one: pair.score_of(one) for pair in pairs if pair.outcome for one in ids}
    else:
        table = round_robin(ids, [pair.outcome for pair in pairs if pair.outcome is not None])
        scores = {one: row.score for one, row in table.standings.items() if row.score is not None}
    return from_scores(ids, scores, pairs, settings)


def from_scores(
    ids: Sequence[str], scores: Mapping[str, float], pairs: Sequence[Pair], settings: Samples
) -> Json:
    """Standings by scores that pairs came to; who has none was in a pair, or a tournament, that broke off."""
    broken = next((pair.failed for pair in pairs if pair.failed), _NO_VOTE)
    standings: Json = {}
    for one in ids if pairs else ():
        own = [pair for pair in pairs if one in pair.played.ids]
        played = [pair.played for pair in own]
        failure = next((pair.failed for pair in own if pair.failed), broken)
        standings[one] = (
            _standing(one, scores, _agreement(own), played, settings)
            if one in scores
            else _failed(failure, played, one)
        )
    return standings


def _agreement(pairs: Sequence[Pair]) -> float | None:
    """The mean agreement of the samples, over the pairs that have several, or should have."""
    known = [share for pair in pairs if (share := _agreed(pair)) is not None]
    return math.fsum(known) / len(known) if known else None


def _agreed(pair: Pair) -> float | None:
    share = agreed(pair.played.samples)
    if pair.one_sided:
        return _at_most(DOUBTED_SHARE * (agreement(pair.played.voting) or 0.0), share)
    return share if pair.consistent is not False else _at_most(DOUBTED_SHARE, share)


def _at_most(limit: float, share: float | None) -> float:
    return limit if share is None else min(limit, share)


def _standing(
    candidate_id: str,
    scores: Mapping[str, float],
    agreed: float | None,
    played: Sequence[Played],
    settings: Samples,
) -> Json:
    if agreed is not None and agreed < settings.abstain_below:
        reason = f"only {agreed:.0%} of the samples agree; the recipe asks for {settings.abstain_below:.0%}"
        abstained = {"failure_kind": "abstained", "failure_reason": reason}
        return {**_failed(abstained, played, candidate_id), "agreement": agreed}
    better = sum(score > scores[candidate_id] for score in scores.values())
    leading = _leading(candidate_id, scores, [sample for one in played for sample in one.voting])
    return {
        "choice": f"{better + 1} of {len(scores)}",
        "score": scores[candidate_id],
        "valid": True,
        "reason": leading["reason"] if leading else "",
        "agreement": agreed,
        "samples": _samples(candidate_id, played),
    }


def _leading(candidate_id: str, scores: Mapping[str, float], voting: Sequence[Json]) -> Json | None:
    """The sample that says most nearly what the standing says: first by the place that it gives, then by the score."""

    def distance(sample: Json) -> tuple[float, float]:
        place = abs(_place(candidate_id, sample["scores"]) - _place(candidate_id, scores))
        return place, abs(sample["scores"][candidate_id] - scores[candidate_id])

    return min(voting, key=distance, default=None)


def _place(candidate_id: str, scores: Mapping[str, float]) -> float:
    """From 0 for the best to 1 for the worst; of equals the middle."""
    own, others = scores[candidate_id], [score for one, score in scores.items() if one != candidate_id]
    if not others:
        return 0.0
    return math.fsum((score > own) + (score == own) / 2 for score in others) / len(others)


def _failed(failure: Json, played: Sequence[Played], candidate_id: str) -> Json:
    kind = {key: failure[key] for key in ("failure_kind", "failure_reason")}
    return {"valid": False, "samples": _samples(candidate_id, played), **kind}


def _samples(candidate_id: str, played: Sequence[Played]) -> list[Json]:
    return [
        {
            "choice": sample.get("choice"),
            "score": sample.get("scores", {}).get(candidate_id),
            "reason": sample.get("reason", ""),
            "order": sample["order"],
            "meta_score": sample.get("meta_score"),
            "numbers": _written(sample, candidate_id),
            "voted": sample.get("voted", "failure_kind" not in sample),
            "failure_kind": sample.get("failure_kind"),
        }
        for one in played
        for sample in one.samples
    ]


def _written(sample: Json, candidate_id: str) -> dict[str, float]:
    """The number that the model wrote for a candidate, on its own scale, where it wrote one."""
    number = sample.get("written", {}).get(candidate_id)
    return {} if number is None else {"written": number}
