"""Recipe verpo: tests of a group's programs, weighed by how rarely the group passes them; run in real boxes."""

from __future__ import annotations

import pytest

from tools.run_tests import RunTests

pytestmark = pytest.mark.anyio
HIDDEN = [{"args": [number], "expected": number * number} for number in (1, 2, 3, 4)]
TASK = {
    "prompt": "Write square(n).",
    "reference": {"tests": {"kind": "call", "entry_point": "square", "hidden": HIDDEN}},
}


def program(right: list[int], place: int) -> str:
    return f"```python\ndef square(n):\n    return n * n if n in {right} else -{place + 1}\n```"


async def judged(panel, sandbox, members, **body):
    bench = panel(judge_tools=[RunTests(sandbox)])
    programs = {f"m{place}": program(right, place) for place, right in enumerate(members)}
    judgment = await bench.judge("verpo", programs, task=TASK, **body)
    assert bench.prompts == []
    return judgment


async def test_a_group_is_rewarded_as_the_table_says(panel, sandbox, case):
    judgment = await judged(panel, sandbox, case["members"])
    assert [one.reward for one in judgment.candidates] == pytest.approx(case["rewards"], abs=1e-6)
    assert [one.raw_reward for one in judgment.candidates] == [
        float(len(right) == len(HIDDEN)) for right in case["members"]
    ]


async def test_the_same_number_of_tests_is_worth_more_where_they_are_rare(panel, sandbox):
    """The defining step: weights by the group's pass rates. Without it both members pass the same share of tests."""
    members = [[1, 2], [1, 3], [1, 2]]
    common, rare, _ = (one.reward for one in (await judged(panel, sandbox, members)).candidates)
    assert common is not None
    assert rare is not None
    assert rare > common
    plain = await judged(panel, sandbox, members, shape=[])
    assert {one.reward for one in plain.candidates} == {0.0}


async def test_who_passes_all_is_strictly_best_in_every_group(panel, sandbox):
    judgment = await judged(panel, sandbox, [[1, 2, 3], [1, 2, 3, 4], [2, 3, 4], [1, 2, 4]])
    best = judgment.candidates[1].reward
    assert best == 1.0
    assert all(one.reward is not None and one.reward < 0.5 for one in judgment.candidates if one.id != "m1")
    assert judgment.ranking is not None
    assert judgment.ranking[0] == ("m1",)


async def test_without_tests_there_is_no_reward(panel, sandbox):
    bench = panel(judge_tools=[RunTests(sandbox)])
    judgment = await bench.judge("verpo", {"a": program([1], 0)}, task={"prompt": "Write square(n)."})
    assert (judgment.candidates[0].reward, judgment.candidates[0].failure_kind) == (None, "no_evidence")
