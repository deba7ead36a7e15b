"""Reduces the samples of one principle to a verdict: what votes, how far the votes agree, when there is none.

Where more samples say that they cannot assess it than give a verdict, there is none: the few that guess do not decide
for those that could not. Of a jury whose recipe sets a quorum, that decides.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from judge_agent.nodes.collect import abstaining, readable
from judge_agent.nodes.collect import agreed as agreed_of
from judge_agent.recipes import Samples
from judge_agent.schema import Citation, PrincipleResult, Sample
from judge_agent.state import Json
from judge_agent.votes import PASS, distribution, gate, vote


def base_of(principle: Json) -> Json:
    """What a result carries over from its principle."""
    return {key: principle[key] for key in ("name", "description", "dimension", "kind", "weight", "tool")}


def by_samples(principle: Json, critiques: Sequence[Json], settings: Samples) -> PrincipleResult | None:
    """The verdict of one principle from its critiques; None where the model was not asked."""
    if not critiques:
        return None
    base, samples = base_of(principle), tuple(map(sample_of, critiques))
    voting = [one for one in readable(critiques) if one.get("voted", True)]
    if not voting:
        return PrincipleResult(**base, valid=False, samples=samples, **_failure(critiques))
    if absent := _no_quorum(critiques, voting, settings):
        return PrincipleResult(**base, valid=False, samples=samples, **absent)
    agreed = agreed_of(critiques)
    if reason := _no_verdict(principle, critiques, voting, settings):
        failure: Json = {"failure_kind": "abstained", "failure_reason": reason}
        return PrincipleResult(**base, valid=False, samples=samples, agreement=agreed, **failure)
    score = vote([one["score"] for one in voting], settings.vote)
    leading = _leading(principle, voting, score)
    citations = tuple(Citation.model_validate(citation) for citation in leading.get("citations", ()))
    return PrincipleResult(
        **base,
        choice=str(leading["choice"]),
        score=score,
        valid=True,
        reason=leading["reason"],
        citations=tuple(citation for citation in citations if citation.resolved),
        samples=samples,
        agreement=agreed,
        distribution=_distribution(voting),
        decided_by="model",
    )


def _no_quorum(critiques: Sequence[Json], voting: Sequence[Json], settings: Samples) -> Json | None:
    """Why a jury comes to no verdict: too few of its models gave one. The failure is that of the first who did not."""
    seated = {one["model"] for one in critiques if "model" in one}
    heard = {one["model"] for one in voting if "model" in one}
    quorum = settings.quorum or len(seated) // 2 + 1
    if not seated or len(heard) >= quorum:
        return None
    failure = _failure([one for one in critiques if one.get("model") not in heard])
    said = f"{len(heard)} of {len(seated)} models of the jury gave a verdict, of {quorum} that must: "
    return {**failure, "failure_reason": (said + failure["failure_reason"])[:500]}


def _no_verdict(
    principle: Json, critiques: Sequence[Json], voting: Sequence[Json], settings: Samples
) -> str | None:
    """Why samples come to no verdict: most abstain, they agree too little, or are tied on a hard principle."""
    without_one = abstaining(critiques)
    if settings.quorum is None and len(without_one) > len(readable(critiques)):
        said = f"{len(without_one)} of {len(critiques)} samples give no verdict"
        return f"{said}: {without_one[0]['failure_reason']}"[:500]
    agreed, unread = agreed_of(critiques), len(critiques) - len(readable(critiques))
    if agreed is not None and agreed < settings.abstain_below:
        without = f", of which {unread} could not be read," if unread else ""
        asked = f"the recipe asks for {settings.abstain_below:.0%}"
        return f"{len(voting) + unread} samples{without} agree to {agreed:.0%} only; {asked}"
    scores = [float(one["score"]) for one in voting]
    if principle["kind"] == "hard" and gate(scores, settings.vote) == "tied":
        passing = sum(score >= PASS for score in scores)
        return f"{passing} of {len(scores)} samples pass it, which is no pass of a hard principle and no fail"
    return None


def _failure(critiques: Sequence[Json]) -> Json:
    failed = next((one for one in critiques if "failure_kind" in one), None)
    if failed is None:
        return {"failure_kind": "abstained", "failure_reason": "no sample could be rated, so none votes"}
    return {"failure_kind": failed["failure_kind"], "failure_reason": failed["failure_reason"]}


def _leading(principle: Json, voting: Sequence[Json], score: float) -> Json:
    """The sample that stands for the verdict: choice, reason and citations are one sample's, and of this verdict.

    Where there is pass or fail, it is one that gave what the score says: a record must not say fail of what counts as
    passed, nor pass without the citations of a pass. Of these it makes the commonest choice, nearest to the score.
    """
    gated = principle["kind"] == "hard" or all(one["choice"] in ("pass", "fail") for one in voting)
    siding = [one for one in voting if not gated or (one["score"] >= PASS) == (score >= PASS)]
    counts = Counter(one["choice"] for one in siding)
    most = max(counts.values())
    common = [one for one in siding if counts[one["choice"]] == most]
    return min(common, key=lambda one: (abs(one["score"] - score), one.get("sample", 0)))


def _distribution(voting: Sequence[Json]) -> dict[str, float] | None:
    """The mean of the token distributions; else the shares of the choices, where there are several samples.

    A sample that has none among others that have was scored by its choice alone.
    """
    if any(one.get("distribution") for one in voting):
        given: list[Mapping[str, float]] = [one.get("distribution") or {one["choice"]: 1.0} for one in voting]
        labels = dict.fromkeys(label for shares in given for label in shares)
        return {label: math.fsum(shares.get(label, 0.0) for shares in given) / len(given) for label in labels}
    if len(voting) == 1:
        return None
    return distribution([str(one["choice"]) for one in voting])


def sample_of(critique: Json) -> Sample:
    return Sample(
        choice=critique.get("choice"),
        score=critique.get("score"),
        reason=critique.get("reason", ""),
        citations=tuple(Citation.model_validate(citation) for citation in critique.get("citations", ())),
        model=critique.get("model"),
        order=tuple(critique.get("order", ())),
        meta_score=critique.get("meta_score"),
        voted=critique.get("voted", "failure_kind" not in critique),
        numbers=critique.get("numbers", {}),
        details=tuple(critique.get("details", ())),
        failure_kind=critique.get("failure_kind"),
    )
