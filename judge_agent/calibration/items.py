"""From labelled judgments to items: how sure a verdict was, and whether it was right. Pure.

A verdict is right where `passed` is what the label says; of a comparison, where its winner is. A verdict that was not
given (unscored, undecided, a tie) is left out: it is what coverage is about, not confidence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from judge_agent.calibration.measures import Rated
from judge_agent.calibration.table import ModelKey
from judge_agent.errors import InvalidRequest
from judge_agent.schema import CandidateResult, Judgment


@dataclass(frozen=True)
class Judge:
    """What judged: the recipe by its hash, and the model by its revision."""

    recipe: str
    recipe_sha256: str
    model: ModelKey | None


@dataclass(frozen=True)
class Item:
    """A verdict with its label. Items of one `group` (a judgment with those taken over from it, a task) are not
    independent."""

    judge: Judge
    group: str
    rated: Rated


def judge_of(judgment: Judgment) -> Judge:
    """What judged. Raises InvalidRequest for a judgment that does not say."""
    said = judgment.provenance
    if not said.recipe_sha256:
        raise InvalidRequest("judgment.provenance.recipe_sha256", f"judgment {judgment.id!r} does not say it")
    model = None
    if said.model is not None:
        model = ModelKey(id=str(said.model.get("id", "")), revision=str(said.model.get("revision", "")))
    return Judge(said.recipe, said.recipe_sha256, model)


def items_of(
    judgment: Judgment, labels: Mapping[str, bool], winner: str | None = None, group: str | None = None
) -> list[Item]:
    """Return an item for each labelled candidate with a verdict, or one for a winner.

    Raises InvalidRequest for a label of a candidate that is not there.
    """
    judge, known = judge_of(judgment), {one.id: one for one in judgment.candidates}
    for name in (*labels, *([winner] if winner is not None else [])):
        if name not in known:
            raise InvalidRequest(
                "labels", f"{name!r} is no candidate of the judgment, which has {sorted(known)}"
            )
    place = group or judgment.cached_from or judgment.id
    if winner is not None:
        rated = _of_comparison(judgment, winner)
        return [Item(judge, place, rated)] if rated is not None else []
    found = [(known[name], label) for name, label in labels.items()]
    return [
        Item(judge, place, Rated(value, one.passed is label))
        for one, label in found
        if one.status != "unscored" and one.passed is not None and (value := raw_value(one)) is not None
    ]


def raw_value(result: CandidateResult) -> float | None:
    """The confidence before any calibration: one of calibrated judgments is not calibrated again."""
    said = result.confidence
    return said.value if said.raw is None else said.raw


def one_of_each(items: Sequence[Item]) -> list[Item]:
    """The first item of each group: what is left is independent, as far as the groups are."""
    first: dict[str, Item] = {}
    for one in items:
        first.setdefault(one.group, one)
    return list(first.values())


def _of_comparison(judgment: Judgment, winner: str) -> Rated | None:
    """Whether the candidate of the highest reward is the winner; as sure as the least sure of those compared."""
    scored = [one for one in judgment.candidates if one.raw_reward is not None]
    if len(scored) < 2 or all(one.id != winner for one in scored):
        return None
    best = max(one.raw_reward or 0.0 for one in scored)
    first = [one.id for one in scored if one.raw_reward == best]
    sure = [value for one in scored if (value := raw_value(one)) is not None]
    if len(first) != 1 or len(sure) != len(scored):
        return None
    return Rated(min(sure), first[0] == winner)
