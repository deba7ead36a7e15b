"""Readout of prospects: how a prefix stands, from 1 to 5, and whether, and where, hope was lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from judge_agent.readouts.answer import unparseable
from judge_agent.readouts.items import choice_in, text_in

STANDS = ("1", "2", "3", "4", "5")
GO_ON, STOP = "go_on", "stop"
NOWHERE = "nowhere"
MIDDLE = 3


class Prospects(NamedTuple):
    """What was said of a prefix; `lost_at` is a step's alias, None where nothing is lost."""

    reason: str
    citations: Sequence[Mapping[str, Any]]
    lost_at: str | None
    stop: bool
    stands: int


def read_prospects(data: Mapping[str, Any], steps: Sequence[str]) -> Prospects:
    """Return what is said of a prefix with these steps.

    Raises ModelError('model_unparseable') for an answer off the menu, no reason, a stop without a step at which hope
    was lost, such a step without a stop, and a stop of what stands in the middle or better.
    """
    reason = text_in(data, "reason", empty=False)
    lost_at = choice_in(data, "hope_lost_at", (*steps, NOWHERE))
    stands = int(choice_in(data, "stands", STANDS))
    stop = choice_in(data, "advice", (GO_ON, STOP)) == STOP
    given = data.get("citations")
    if not isinstance(given, list) or not all(isinstance(item, dict) for item in given):
        raise unparseable("'citations' is no list of objects")
    if stop != (lost_at != NOWHERE):
        raise unparseable(
            f"the advice is {data['advice']!r} and hope is lost at {lost_at!r}: both, or neither"
        )
    if stop and stands >= MIDDLE:
        raise unparseable(f"a run that stands at {stands} of 5 is not one to stop")
    return Prospects(reason, given, None if lost_at == NOWHERE else lost_at, stop, stands)
