"""Whose words a standing has, and what becomes of a candidate that the model is not shown."""

from __future__ import annotations

import pytest

from judge_agent.nodes.matches import Played
from judge_agent.nodes.standings import from_list
from judge_agent.recipes import Samples

pytestmark = pytest.mark.anyio
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
PICTURE = f"data:image/png;base64,{PIXEL}"


def sample(reason: str, **scores: float) -> dict[str, object]:
    return {"scores": scores, "reason": reason, "choice": None, "sample": 0, "order": ["a", "b", "c"]}


def reason_of(candidate: str, *samples: dict[str, object]) -> str:
    played = Played(("a", "b", "c"), samples, ())
    return str(from_list(played, [], Samples(count=len(samples)))[candidate]["reason"])


def test_the_words_are_those_of_the_sample_whose_place_is_nearest_and_a_shared_place_is_half_of_one() -> None:
    """By the mean `a` is the second of three: nearer to a shared first place than to the last one."""
    shared = sample("it is as good as b", a=0.8, b=0.8, c=0.1)
    last = sample("it is the last", a=0.3, b=0.9, c=0.4)
    assert reason_of("a", last, shared) == "it is as good as b"
    assert reason_of("a", shared, last) == "it is as good as b"


async def test_who_gave_nothing_but_pictures_that_are_not_shown_has_no_verdict_and_costs_nobody_theirs(
    arena,
) -> None:
    bench = arena(arena.names_winner())
    messages = [{"role": "assistant", "content": [{"type": "image_url", "image_url": {"url": PICTURE}}]}]
    answers = [
        {"id": name, "trajectory": {"text": f"An answer of quality {at}."}}
        for name, at in (("a", 3), ("b", 9))
    ]
    candidates = [*answers, {"id": "p", "trajectory": {"messages": messages}}]
    judgment = await bench.judge({}, "round-robin", candidates=candidates)
    by_id = {one.id: one for one in judgment.candidates}
    unseen = by_id["p"]
    assert (unseen.status, unseen.failure_kind, unseen.reward) == ("unscored", "tool_unavailable", None)
    assert by_id["b"].reward > by_id["a"].reward
