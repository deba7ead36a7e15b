"""From comparisons to one standing a candidate: score, agreement, and the samples it rests on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import pstdev

from judge_agent.nodes.collect import agreed as agreed_of
from judge_agent.nodes.collect import agreement, readable
from judge_agent.nodes.matches import Played, match_of
from judge_agent.recipes import Compare, Samples
from judge_agent.state import Json
from judge_agent.votes import PairOutcome, pair_outcome, round_robin, vote

ONE_ORDER_SHARE = 0.5
_NO_VOTE: Json = {"failure_kind": "abstained", "failure_reason": "no sample of a comparison votes"}


@dataclass(frozen=True)
class Pair:
    """A played pair, and what its matches come to: nothing where no sample votes.

    `one_sided`: both orders were wanted, and only one of them could be read.
    """

    played: Played
    outcome: PairOutcome | None
    one_sided: bool = False

    @property
    def failed(self) -> Json | None:
        """The failure that left the pair without an outcome."""
        if self.outcome is not None:
            return None
        return next((sample for sample in self.played.samples if "failure_kind" in sample), _NO_VOTE)

    def score_of(self, candidate_id: str) -> float:
        assert self.outcome is not None
        first_score = self.outcome.probability
        return first_score if candidate_id == self.outcome.first else 1.0 - first_score


def pair_of(played: Played, compare: Compare, settings: Samples) -> Pair:
    """Reduce a pair over its samples and orders, as the recipe takes orders that disagree.

    A pair of which one order alone was read keeps what that order says, for it is all there is; but the place may
    have decided it, so it is named in the record and counts as half agreed (`_agreement`).
    """
    first, second = played.ids
    matches = [match_of(sample) for sample in played.voting]
    outcome = pair_outcome(first, second, matches, settings.vote) if matches else None
    if outcome is None or compare.orders_disagree == "mean" or outcome.consistent:
        one_sided = outcome is not None and outcome.consistent is None and settings.orders == "both"
        return Pair(played, outcome, one_sided)
    both_read = outcome.consistent is not None
    return Pair(played, replace(outcome, outcome="tie", probability=0.5) if both_read else None)


def from_list(played: Played, settings: Samples) -> Json:
    """Standings of a list: each one's votes over the samples."""
    if not played.voting:
        failure = next((one for one in played.samples if "failure_kind" in one), _NO_VOTE)
        return {candidate_id: _failed(failure, [played], candidate_id) for candidate_id in played.ids}
    scores = {
        candidate_id: vote([sample["scores"][candidate_id] for sample in played.voting], settings.vote)
        for candidate_id in played.ids
    }
    agreed = agreed_of(played.samples)
    return {
        candidate_id: _standing(candidate_id, scores, agreed, [played], settings) for candidate_id in scores
    }


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
    """The mean agreement of the samples, over the pairs that have several, or should have: none has agreed to a pair
    of which one order is missing but those of the other.
    """
    known = [share for pair in pairs if (share := _agreed(pair)) is not None]
    return math.fsum(known) / len(known) if known else None


def _agreed(pair: Pair) -> float | None:
    whole = agreed_of(pair.played.samples)
    if not pair.one_sided:
        return whole
    one_order = (agreement(pair.played.voting) or 0.0) * ONE_ORDER_SHARE
    return one_order if whole is None else min(one_order, whole)


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


def report(played: Sequence[Played], pairs: Sequence[Pair], tosses: Sequence[Sequence[str]] = ()) -> Json:
    """What the judgment's flags say about its comparisons; nothing where there was none.

    `tosses`: pairs that the seed alone decided, winner first.
    """
    if not played:
        return {}
    # In the order of ids: they were finished in whatever order the model answered.
    played = sorted(played, key=lambda one: one.ids)
    samples = [sample for one in played for sample in one.samples]
    said: Json = {
        "comparisons": len(played),
        "samples": len(samples),
        "unreadable": len(samples) - len(readable(samples)),
        "rounds": [list(one.rounds) for one in played if len(one.rounds) > 1],
    }
    outcomes = [pair.outcome for pair in pairs if pair.outcome]
    both = [one for one in outcomes if one.consistent is not None]
    if both:
        said["order_consistency"] = round(sum(bool(one.consistent) for one in both) / len(both), 4)
        said["inconsistent"] = [[one.first, one.second] for one in both if not one.consistent]
    said["one_order_only"] = [list(pair.played.ids) for pair in pairs if pair.one_sided]
    said["votes"] = _votes([sample for one in played for sample in one.voting])
    said["contradicting_rankings"] = sum(not sample.get("consistent", True) for sample in samples)
    said["cycles"] = _cycles(pairs)
    said["ties"] = [[one.first, one.second] for one in outcomes if one.winner is None]
    said["decided_by_seed"] = [list(pair) for pair in tosses]
    return {"comparison": {key: value for key, value in said.items() if value or key in _ALWAYS}}


def _votes(voting: Sequence[Json]) -> Json:
    """What the numbers that the model wrote come to for each candidate, where several samples vote."""
    numbers: dict[str, list[float]] = {}
    for sample in voting:
        for candidate_id, number in sample.get("written", {}).items():
            numbers.setdefault(candidate_id, []).append(number)
    return {
        candidate_id: {
            "samples": len(written),
            "total": math.fsum(written),
            "mean": round(math.fsum(written) / len(written), 4),
            "deviation": round(pstdev(written), 4),
        }
        for candidate_id, written in sorted(numbers.items())
        if len(written) > 1
    }


_ALWAYS = ("comparisons", "samples", "order_consistency")


def _cycles(pairs: Sequence[Pair]) -> list[list[str]]:
    """Circles in which each beat the next one, among pairs that were played at all."""
    outcomes = {(pair.outcome.first, pair.outcome.second): pair.outcome for pair in pairs if pair.outcome}
    ids = sorted({one for names in outcomes for one in names})
    return [list(cycle) for cycle in round_robin(ids, list(outcomes.values())).cycles] if ids else []
