"""From comparisons to one standing a candidate: score, agreement, and the samples it rests on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from judge_agent.nodes.collect import agreement, readable
from judge_agent.nodes.matches import Played
from judge_agent.nodes.reading import TIE
from judge_agent.recipes import Samples
from judge_agent.state import Json
from judge_agent.votes import vote


@dataclass(frozen=True)
class Pair:
    """What the samples of a pair come to. `first_score` in [0, 1] is the first one's; `consistent` over the orders."""

    played: Played
    first_score: float = 0.5
    consistent: bool | None = None

    @property
    def failed(self) -> Json | None:
        """The failure that left the pair without a single vote."""
        if self.played.voting:
            return None
        return next((sample for sample in self.played.samples if "failure_kind" in sample), _NO_VOTE)

    @property
    def winner(self) -> str | None:
        first, second = self.played.ids
        return None if self.first_score == 0.5 else first if self.first_score > 0.5 else second

    def score_of(self, candidate_id: str) -> float:
        return self.first_score if candidate_id == self.played.ids[0] else 1.0 - self.first_score


_NO_VOTE: Json = {"failure_kind": "abstained", "failure_reason": "no sample of a comparison votes"}


def pair_of(played: Played) -> Pair:
    """Reduce a pair: the mean of what its orders come to, so that a preference for a place cancels out."""
    first = played.ids[0]
    by_order: dict[str, list[float]] = {}
    for sample in played.voting:
        share = _share(sample, played.ids)
        by_order.setdefault(sample["order"][0], []).append(share)
    means = [math.fsum(shares) / len(shares) for shares in by_order.values()]
    if not means:
        return Pair(played)
    score = math.fsum(means) / len(means)
    sides = {mean > 0.5 if mean != 0.5 else None for mean in means}
    consistent = len(sides) == 1 if len(means) > 1 else None
    assert first in played.samples[0]["order"]
    return Pair(played, score, consistent)


def _share(sample: Json, ids: Sequence[str]) -> float:
    """The first one's part of a pair: its win, or the difference of two scores on [0, 1]."""
    first, second = ids
    if sample["choice"] == TIE:
        return 0.5
    won = float(sample["choice"] == first)
    gap = abs(sample["scores"][first] - sample["scores"][second])
    return 0.5 + (won - 0.5) * gap if 0.0 < gap <= 1.0 else won


def from_list(played: Played, settings: Samples) -> Json:
    """Standings of a list: each one's votes over the samples."""
    if not played.voting:
        failure = next((one for one in played.samples if "failure_kind" in one), _NO_VOTE)
        return {candidate_id: _failed(failure, [played], candidate_id) for candidate_id in played.ids}
    scores = {
        candidate_id: vote([sample["scores"][candidate_id] for sample in played.voting], settings.vote)
        for candidate_id in played.ids
    }
    agreed = agreement(played.voting) if len(played.voting) > 1 and len(played.ids) > 1 else None
    return {
        candidate_id: _standing(candidate_id, scores, agreed, [played], settings) for candidate_id in scores
    }


def from_pairs(ids: Sequence[str], pairs: Sequence[Pair], settings: Samples) -> Json:
    """Standings of all pairs: a pair's own score for two, else wins and half the ties (Copeland)."""
    standings: Json = {}
    own = {one: [pair for pair in pairs if one in pair.played.ids] for one in ids}
    scores = {one: _copeland(one, own[one]) for one in ids if own[one]}
    for one in ids:
        played = [pair.played for pair in own[one]]
        failed = next((pair.failed for pair in own[one] if pair.failed), None)
        if not own[one]:
            continue
        standings[one] = (
            _failed(failed, played, one)
            if failed
            else _standing(one, scores, _agreement(own[one]), played, settings)
        )
    return standings


def from_ranks(scores: Mapping[str, float], pairs: Sequence[Pair], settings: Samples) -> Json:
    """Standings of a tournament; without scores it broke off at a pair that nobody could judge."""
    failed = next((pair.failed for pair in pairs if pair.failed), None)
    ids = dict.fromkeys(one for pair in pairs for one in pair.played.ids)
    standings: Json = {}
    for one in ids:
        own = [pair for pair in pairs if one in pair.played.ids]
        played = [pair.played for pair in own]
        standings[one] = (
            _failed(failed, played, one)
            if failed
            else _standing(one, scores, _agreement(own), played, settings)
        )
    return standings


def _copeland(candidate_id: str, pairs: Sequence[Pair]) -> float:
    if len(pairs) == 1:
        return pairs[0].score_of(candidate_id)
    points = [0.5 if pair.winner is None else float(pair.winner == candidate_id) for pair in pairs]
    return math.fsum(points) / len(points)


def _agreement(pairs: Sequence[Pair]) -> float | None:
    """The mean agreement of the samples, over the pairs that have several."""
    shares = [agreement(pair.played.voting) for pair in pairs if len(pair.played.voting) > 1]
    known = [share for share in shares if share is not None]
    return math.fsum(known) / len(known) if known else None


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
    voting = [sample for one in played for sample in one.voting]
    leading = min(
        voting, key=lambda one: abs(one["scores"][candidate_id] - scores[candidate_id]), default=None
    )
    return {
        "choice": f"{better + 1} of {len(scores)}",
        "score": scores[candidate_id],
        "valid": True,
        "reason": leading["reason"] if leading else "",
        "agreement": agreed,
        "samples": _samples(candidate_id, played),
    }


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
            "voted": sample.get("voted", "failure_kind" not in sample),
            "failure_kind": sample.get("failure_kind"),
        }
        for one in played
        for sample in one.samples
    ]


def report(played: Sequence[Played], pairs: Sequence[Pair]) -> Json:
    """What the judgment's flags say about its comparisons; nothing where there was none."""
    if not played:
        return {}
    samples = [sample for one in played for sample in one.samples]
    said: Json = {
        "comparisons": len(played),
        "samples": len(samples),
        "unreadable": len(samples) - len(readable(samples)),
        "rounds": [list(one.rounds) for one in played if len(one.rounds) > 1],
    }
    both = [pair for pair in pairs if pair.consistent is not None]
    if both:
        said["order_consistency"] = round(sum(bool(pair.consistent) for pair in both) / len(both), 4)
        said["inconsistent"] = [list(pair.played.ids) for pair in both if not pair.consistent]
    said["contradicting_rankings"] = sum(not sample.get("consistent", True) for sample in samples)
    if cycles := _cycles(pairs):
        said["cycles"] = cycles
    return {"comparison": {key: value for key, value in said.items() if value not in ([], None)}}


def _cycles(pairs: Sequence[Pair]) -> list[list[str]]:
    """Three who beat each other in a circle, each circle once, beginning with its smallest id."""
    beats = {(pair.winner, _loser(pair)) for pair in pairs if pair.winner is not None and not pair.failed}
    found = {
        tuple(min(((a, b, c), (b, c, a), (c, a, b))))
        for a, b in beats
        for other, c in beats
        if other == b and (c, a) in beats
    }
    return [list(map(str, cycle)) for cycle in sorted(found)]


def _loser(pair: Pair) -> str:
    first, second = pair.played.ids
    return second if pair.winner == first else first
