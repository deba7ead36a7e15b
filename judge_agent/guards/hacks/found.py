"""One sign of reward hacking, with the span in which it stands."""

from __future__ import annotations

from typing import NamedTuple

from judge_agent.recipes import Detector as Detector
from judge_agent.schema import Source, Strength

MAX_QUOTE_CHARS = 200
MAX_REASON_CHARS = 200


class Hack(NamedTuple):
    """`where` names the turn, artifact or final answer, `offsets` are characters of its text.

    `answerable`: tests that pass may answer it; not where it works in the boxes of the judge's tests as well.
    """

    detector: Detector
    where: str
    part: str
    quote: str
    offsets: tuple[int, int]
    strength: Strength
    reason: str
    source: Source = "claim"
    step_id: str | None = None
    answerable: bool = True
