"""How often a recipe asks the model, in which orders, and what a comparison of candidates comes to."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from judge_agent.schema import Envelope
from judge_agent.schema.base import Score
from judge_agent.schema.shape import DimensionName

Vote = Literal["sum", "mean", "majority"]


class Samples(Envelope):
    """How often the model is asked, in which orders, and how its answers are put together.

    `vote`: the sum or mean of scores, or the commonest; in pairs and tournaments the majority is of the samples that
    name one as the better, by however little. `keep`: only the best so many of them vote, or the better half of
    `count`, by P(yes) of the prompt `meta`, from each order of a comparison alike; where the model tells no
    log-probabilities, all vote and the record says so. `adaptive` stops when no further answer can
    turn the vote, the pass, or whether the samples agree as far as is asked; `escalate_to` asks for as many again while
    fewer than `min_agreement` of them agree, or could be read; still below `abstain_below` at the end is no verdict.
    `spend`: of candidates judged alone each gets all samples, or one half of them, and the rest goes to those whose
    place among the others is open (`by_place`): then a group is judged and remembered whole.
    `quorum`: of a jury, how many of its models must give a verdict on a principle; more than half of them by default.
    """

    count: Annotated[int, Field(ge=1, le=64)] = 1
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.0
    orders: Literal["one", "both", "shuffled"] = "one"
    vote: Vote = "mean"
    spend: Literal["evenly", "by_place"] = "evenly"
    adaptive: bool = False
    escalate_to: Annotated[int, Field(ge=0, le=64)] = 0
    min_agreement: Score = 0.6
    abstain_below: Score = 0.0
    meta: str | None = None
    keep: Annotated[int, Field(ge=1, le=64)] | Literal["half"] | None = None
    quorum: Annotated[int, Field(ge=1, le=64)] | None = None


class Compare(Envelope):
    """What a comparison of candidates feeds, and how the model is told them apart.

    `criteria`: the caller's are added to the description, or stand instead of it, numbered in the caller's order.
    `orders_disagree`: what a pair comes to whose two orders name different winners: the mean of both, or a tie; with
    `tie` a verdict counts only where both orders gave it, and a pair that was read in one order only has none; with
    `mean` it counts, is named, and is half as sure.
    `long_trajectories`: what does not fit the model's window is refused, or shown with its long texts by head and tail
    and, where that is not enough, without its middle; what is left out is in the record.
    """

    dimension: DimensionName = "quality"
    description: str = "How the candidate compares with its peers."
    criteria: Literal["added", "instead"] = "added"
    orders_disagree: Literal["mean", "tie"] = "mean"
    slots: Literal["letters", "numbers", "masked"] = "letters"
    long_trajectories: Literal["refuse", "shorten"] = "refuse"
