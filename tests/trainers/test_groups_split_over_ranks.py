"""TRL hands each rank its own slice of a batch: a group that two ranks share is one group at the judge."""

from __future__ import annotations

import asyncio
import pickle
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from judge_agent.errors import InvalidRequest
from judge_agent.trainers import Asking, Rollout, RolloutJudge
from judge_agent.trainers.trl import judge_rewards
from tests.groups.grouped import PRINCIPLE, by_word
from tests.service.served import Served, serving_in_a_thread

pytestmark = pytest.mark.anyio
ASKING = Asking(principles=[PRINCIPLE], shape="rank", granularity=["outcome"])
# Four completions a prompt, on two ranks with six rows each: the second group is on both.
ROWS = [
    *(("What is 2+2?", text) for text in ("RIGHT a", "WRONG b", "WRONG c", "WRONG d")),
    *(("What is 1+3?", text) for text in ("WRONG e", "WRONG f", "RIGHT g", "RIGHT h")),
    *(("What is 5-1?", text) for text in ("RIGHT i", "BROKEN j", "WRONG k", "RIGHT l")),
]


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving_in_a_thread(model=by_word()) as found:
        yield found


def ranks(served: Served, run: str, **given: Any) -> list[Any]:
    """The reward function of each rank's process."""
    made: dict[str, Any] = {"asking": ASKING, "seconds": 15.0, "group_size": 4, "join_as": run} | given
    return [judge_rewards(served.url, rank=rank, **made)[0] for rank in (0, 1)]


async def called(functions: list[Any], rows: list[tuple[str, Any]], step: int = 0) -> list[float | None]:
    """Call each rank with its slice, at one time; the rewards as TRL gathers them."""
    each = len(rows) // len(functions)
    slices = [rows[at : at + each] for at in range(0, len(rows), each)]
    state = SimpleNamespace(global_step=step)
    calls = [
        function(prompts=[p for p, _ in part], completions=[c for _, c in part], trainer_state=state)
        for function, part in zip(functions, slices, strict=True)
    ]
    return [reward for rewards in await asyncio.gather(*calls) for reward in rewards]


PARAMETERS = {"type": "object", "properties": {"a": {"type": "number"}}, "required": ["a"]}
ADD = {"type": "function", "function": {"name": "add", "description": "Adds.", "parameters": PARAMETERS}}
CALL = {
    "role": "assistant",
    "content": "",
    "tool_calls": [{"type": "function", "function": {"name": "add", "arguments": {"a": 2}}}],
}
EXPECTED = [1.0, 1 / 3, 1 / 3, 1 / 3, 1 / 6, 1 / 6, 5 / 6, 5 / 6, 0.75, None, 0.0, 0.75]


async def test_rewards_are_shaped_among_all_members_of_a_split_group(served: Served) -> None:
    assert await called(ranks(served, "whole"), ROWS) == pytest.approx(EXPECTED)
    listed = await served_groups(served, "whole/0/1")
    assert [(one["size"], one["state"], one["attempt"]) for one in listed] == [(4, "done", 0)]
    assert len(listed[0]["members"]) == 4


async def test_a_later_batch_of_the_same_prompts_is_another_group(served: Served) -> None:
    functions = ranks(served, "again")
    await called(functions, ROWS)
    turned = [(prompt, text.swapcase().replace("wrong", "RIGHT")) for prompt, text in ROWS]
    assert await called(functions, turned) != pytest.approx(EXPECTED)
    assert await called(functions, ROWS, step=1) == pytest.approx(EXPECTED)
    assert [one["attempt"] for one in await served_groups(served, "again/0/0")] == [1, 0]
    assert [one["attempt"] for one in await served_groups(served, "again/1/0")] == [0]


async def test_a_group_of_which_a_rank_is_missing_has_no_rewards(served: Served) -> None:
    function = ranks(served, "alone", seconds=3.0)[0]
    found = await called([function], ROWS[:6])
    assert found[:4] == pytest.approx(EXPECTED[:4])
    assert found[4:] == [None, None]


async def test_a_run_that_begins_anew_under_its_old_name_is_refused_and_not_paid(served: Served) -> None:
    await called(ranks(served, "old"), ROWS)
    other = [(prompt, f"{text} again") for prompt, text in ROWS]
    assert await called(ranks(served, "old"), other) == [None] * 12


async def test_a_pickled_function_knows_its_run_and_rank(served: Served) -> None:
    functions = pickle.loads(pickle.dumps(ranks(served, "pickled")))
    assert await called(functions, ROWS) == pytest.approx(EXPECTED)


async def test_a_member_has_what_its_own_judgment_says_beside_the_groups_reward(served: Served) -> None:
    judge = RolloutJudge(
        served.url, asking=Asking(principles=[PRINCIPLE], shape="z", join=True), seconds=15.0
    )
    rollouts = [
        Rollout("What is 2+2?", text, group="told", index=at, size=2, attempt=7)
        for at, text in enumerate(("RIGHT x", "WRONG y"))
    ]
    best, worst = await judge.outcomes(rollouts)
    assert (best.reward, worst.reward) == (1.0, -1.0)
    assert (best.flags["raw_reward"], worst.flags["raw_reward"]) == (1.0, 0.0)
    assert best.tokens > 0
    assert "right: 1" in best.explanation
    [group] = await served_groups(served, "told")
    assert (group["id"], group["attempt"]) == (best.flags["group"], 7)


@pytest.mark.parametrize("broken", ["half \ud83d", [{"role": "assistant", "content": object()}]])
async def test_a_member_that_can_never_be_posted_keeps_nobody_waiting(served: Served, broken: Any) -> None:
    began = time.monotonic()
    rows = [("What is 2+2?", text) for text in ("RIGHT a", "WRONG b", "RIGHT c")]
    functions = ranks(served, f"broken {type(broken).__name__}", seconds=60.0)
    assert await called(functions, [*rows, ("What is 2+2?", broken)]) == [None] * 4
    assert time.monotonic() - began < 20


async def test_a_row_is_worth_the_same_on_whichever_rank_it_is(served: Served) -> None:
    """Rank 0 has texts only, and rank 1 calls too: what is known of a dimension is known of the whole group."""
    url, dimensions = served.url, ["correctness", "tool_use"]
    asking = Asking(principles=[PRINCIPLE], granularity=["outcome"])
    made: dict[str, Any] = {"asking": asking, "seconds": 20.0, "group_size": 4, "join_as": "dimensions"}
    functions = [judge_rewards(url, dimensions, rank=rank, agent_tools=[ADD], **made) for rank in (0, 1)]
    said = [CALL, {"role": "tool", "name": "add", "content": "4"}, {"role": "assistant", "content": "RIGHT"}]
    slices: list[list[Any]] = [["RIGHT", "WRONG"], ["RIGHT", said]]

    async def of_rank(rank: int) -> list[list[float | None]]:
        given = {"prompts": ["What is 2+2?"] * 2, "completions": slices[rank]}
        return list(await asyncio.gather(*(function(**given) for function in functions[rank])))

    first, second = await asyncio.gather(of_rank(0), of_rank(1))
    assert [column[1] for column in second] == [1.0, 1.0]
    assert [column[0] for column in first] == [column[0] for column in second]


@pytest.mark.parametrize("wrong", [{"group_size": None}, {"join_as": ""}, {"join_as": "x" * 81}])
async def test_a_run_that_cannot_be_joined_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match="join_as"):
        judge_rewards("http://127.0.0.1:1", **({"join_as": "r", "group_size": 4} | wrong))


async def served_groups(served: Served, group_id: str) -> list[dict[str, Any]]:
    async with httpx.AsyncClient(base_url=served.url) as http:
        found: list[dict[str, Any]] = (await http.get("/v1/groups", params={"group_id": group_id})).json()[
            "data"
        ]
    return found
