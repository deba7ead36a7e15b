"""Judging by typed items: what prompts show of a rubric, and what the marks of its items come to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from judge_agent import readouts
from judge_agent.errors import ModelError
from judge_agent.guards.planted import planted_in
from judge_agent.prompting.fences import neutralise
from judge_agent.readouts import Difference, RubricItem
from judge_agent.recipes import Readout
from judge_agent.reward.rubric import MarkedItem, broken_vetoes, rubric_scores
from judge_agent.schema import PrincipleSpec
from judge_agent.seams.model import Choice


class Marked(NamedTuple):
    """One score in [0, 1] for each slot, why, and the winner that is named behind the marks (a slot, or `tie`)."""

    scores: tuple[float, ...]
    reason: str
    winner: str | None


class AgainstItsMarks(ModelError):
    """An answer names a winner that breaks more hard rules than another one: two verdicts in one answer."""

    def __init__(self, winner: str, broken: Sequence[int]) -> None:
        message = (
            f"the winner {winner!r} contradicts the marks: vetoes violated are {list(broken)} by response"
        )
        super().__init__("model_unparseable", message)


def given_items(specs: Sequence[PrincipleSpec], spec: Readout) -> tuple[RubricItem, ...]:
    """The caller's principles as items: hard ones of the rubric's first kind, the others of its second."""
    kinds = list(spec.labels)
    return tuple(
        RubricItem(
            kinds[0] if one.kind == "hard" else kinds[min(1, len(kinds) - 1)], one.description, one.weight
        )
        for one in specs
        if one.tool is None
    )


def without_planted(items: Sequence[RubricItem]) -> tuple[RubricItem, ...]:
    """The items that carry no verdict of somebody else's. Raises ModelError('model_unparseable') where none is left."""
    kept = tuple(item for item in items if not planted_in(item.text))
    if not kept:
        raise ModelError("model_unparseable", "every item of the rubric carries planted text")
    return kept


def items_in_words(items: Sequence[RubricItem], spec: Readout) -> str:
    """The items as later prompts show them: numbered, each with its kind, without weights."""
    written = (spec.labels.get(item.kind, item.kind) for item in items)
    lines = [
        f"{number}. ({kind}) {neutralise(item.text)}"
        for number, (kind, item) in enumerate(zip(written, items, strict=True), start=1)
    ]
    return "\n".join(lines)


def differences_in_words(found: Sequence[Difference]) -> str:
    """The differences, numbered, with what each response says word for word."""
    lines = []
    for number, one in enumerate(found, start=1):
        lines.append(f"{number}. {neutralise(one.dimension)}: {neutralise(one.said)}")
        lines += [
            f'    Response {slot}: "{neutralise(quote)}"' for slot, quote in one.quotes.items() if quote
        ]
    return "\n".join(lines)


def rules_of(spec: Readout, items: Sequence[RubricItem]) -> list[bool]:
    """Of each item whether it is met or violated, and not graded."""
    return [item.kind in spec.vetoes for item in items]


def marked(spec: Readout, answer: Choice, slots: Sequence[str], items: Sequence[RubricItem]) -> Marked:
    """Read the marks of an answer, and what they come to.

    Raises ModelError('model_unparseable'), also for a winner that breaks more vetoes than another response does.
    """
    if not items:
        raise ModelError(
            "internal", "marks are given to the items of a rubric, and no turn before has read one"
        )
    winners = tuple(spec.labels.values())
    found = readouts.read_marks(
        answer, rules_of(spec, items), slots, low=spec.low, high=spec.high, winners=winners
    )
    rows = [
        MarkedItem(marks, item.weight * spec.weights.get(item.kind, 1.0), item.kind in spec.vetoes)
        for item, marks in zip(items, found.marks, strict=True)
    ]
    reason = "\n".join(
        f"{number}. ({item.kind}) {_told(slots, marks)} {said}"
        for number, (item, marks, said) in enumerate(
            zip(items, found.marks, found.reasons, strict=True), start=1
        )
    )
    if found.winner is None:
        return Marked(rubric_scores(rows, cap=spec.cap, vetoes_alone=spec.vetoes_alone), reason, None)
    winner = next(slot for slot, written in spec.labels.items() if written == found.winner)
    return Marked(_by_winner(winner, broken_vetoes(rows), slots, spec.cap), reason, winner)


def _told(slots: Sequence[str], marks: Sequence[float]) -> str:
    return ", ".join(f"{slot or 'it'} {mark:g}" for slot, mark in zip(slots, marks, strict=True)) + ":"


def _by_winner(winner: str, broken: Sequence[int], slots: Sequence[str], cap: float) -> tuple[float, ...]:
    """Hard rules first: who breaks more of them cannot win, and a winner that breaks one wins by `cap` alone."""
    fewest = min(broken)
    if winner not in slots:
        if len(set(broken)) > 1:
            raise AgainstItsMarks(winner, broken)
        return (0.5,) * len(slots)
    if broken[slots.index(winner)] > fewest:
        raise AgainstItsMarks(winner, broken)
    return tuple((cap if fewest else 1.0) if slot == winner else 0.0 for slot in slots)
