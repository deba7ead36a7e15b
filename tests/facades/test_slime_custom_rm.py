"""slime's two hooks, given what slime gives them: a Sample or a list of them, and its arguments."""

from __future__ import annotations

import asyncio
import json
import math
from argparse import Namespace
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from judge_agent.errors import InvalidRequest
from judge_agent.trainers import JudgeUnavailable
from judge_agent.trainers.slime import custom_rm, post_process
from tests.facades.asked import BROKEN, PRINCIPLES, QUESTION, RIGHT, WRONG, model
from tests.service.served import Served, serving

pytestmark = pytest.mark.anyio


@dataclass
class Sample:
    """The fields of slime's Sample that reward code reads and writes."""

    response: str
    prompt: Any = QUESTION
    label: Any = "4"
    group_index: int | None = 0
    index: int | None = None
    reward: Any = None
    metadata: dict[str, Any] | None = field(default_factory=dict)
    remove_sample: bool = False


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving(model=model()) as found:
        yield found


def arguments(served: Served, **more: Any) -> Namespace:
    judge = {"judge_url": served.url, "principles": PRINCIPLES, "dimensions": ["correctness"]}
    shaping = {"advantage_estimator": "grpo", "rewards_normalization": True, "grpo_std_normalization": False}
    given = {"reward_key": None, **shaping, **more}
    return Namespace(**given | {"judge": judge | more.get("judge", {})})


async def test_one_sample_gets_a_number_and_a_list_gets_a_list_in_its_order(served: Served) -> None:
    args = arguments(served)
    assert await custom_rm(args, Sample(RIGHT)) == 1.0
    assert await custom_rm(args, [Sample(WRONG), Sample(RIGHT), Sample(WRONG)]) == [0.0, 1.0, 0.0]
    assert await custom_rm(args, []) == []


async def test_with_a_reward_key_it_is_a_dict_under_the_same_keys_always(served: Served) -> None:
    rewards = await custom_rm(arguments(served, reward_key="score"), [Sample(RIGHT), Sample(BROKEN)])
    assert list(rewards[0]) == list(rewards[1])
    assert (rewards[0]["score"], rewards[0]["correctness"]) == (1.0, 1.0)
    assert all(math.isfinite(value) for reward in rewards for value in reward.values())


async def test_what_was_not_judged_is_removed_and_has_the_mean_of_its_group(served: Served) -> None:
    samples = [Sample(RIGHT), Sample(BROKEN), Sample(WRONG)]
    assert await custom_rm(arguments(served), samples) == [1.0, 0.5, 0.0]
    assert [sample.remove_sample for sample in samples] == [False, True, False]
    failed = {"judge_failed": True, "judge_failure": "model_error", "judge_removed": True}
    assert samples[1].metadata == failed


@pytest.mark.parametrize("left_out", [False, True])
async def test_a_sample_that_is_judged_at_last_is_as_it_was_before_the_failure(
    served: Served, left_out: bool
) -> None:
    sample = Sample(BROKEN, metadata={"row": 1}, remove_sample=left_out)
    args = arguments(served)
    for _ in range(2):
        await custom_rm(args, sample)
    assert sample.remove_sample
    assert sample.metadata is not None
    assert sample.metadata["judge_failed"]
    sample.response = RIGHT
    assert await custom_rm(args, sample) == 1.0
    assert (sample.remove_sample, sample.metadata) == (left_out, {"row": 1})


async def test_alone_it_is_removed_with_a_number_that_no_loss_sees(served: Served) -> None:
    sample = Sample(BROKEN, metadata=None)
    assert await custom_rm(arguments(served), sample) == 0.0
    assert sample.remove_sample


async def test_in_an_evaluation_nothing_masks_so_a_failure_is_a_mean_or_an_error_and_never_a_nought(
    served: Served,
) -> None:
    args = arguments(served, judge={"seed": 7})
    with pytest.raises(JudgeUnavailable, match="no mean yet"):
        await custom_rm(args, Sample(BROKEN, group_index=None))
    samples = [Sample(text, group_index=None) for text in (BROKEN, RIGHT, f"{RIGHT} {WRONG}", WRONG)]
    rewards = await asyncio.gather(*(custom_rm(args, sample) for sample in samples))
    assert rewards == [pytest.approx(2 / 3), 1.0, 1.0, 0.0]
    assert samples[0].metadata == {
        "judge_failed": True,
        "judge_failure": "model_error",
        "judge_removed": True,
    }


async def test_what_one_rollout_was_cut_into_is_judged_piece_by_piece(served: Served) -> None:
    pieces = [Sample(RIGHT), Sample(WRONG), Sample(BROKEN)]
    judge = {"recipe": "reward-anything", "principles": None}
    rewards = await custom_rm(arguments(served, group_rm=False, judge=judge), pieces)
    assert len(rewards) == 3
    sizes = [
        len((await served.http.get(f"/v1/judgments/{one['id']}")).json()["candidates"])
        for one in (await served.http.get("/v1/judgments")).json()["data"]
    ]
    assert sizes == [1, 1, 1]


async def test_pieces_within_a_group_are_refused_by_name(served: Served) -> None:
    with pytest.raises(InvalidRequest, match="--group-rm"):
        await custom_rm(arguments(served, group_rm=True), [[Sample(RIGHT), Sample(WRONG)], [Sample(RIGHT)]])


async def test_a_service_that_is_away_removes_every_sample_and_then_stops_the_run(served: Served) -> None:
    judge = {"judge_url": "http://127.0.0.1:9", "seconds": 0.5, "retry_seconds": 0.1, "min_outcomes": 8}
    args = arguments(served, judge=judge)
    samples = [Sample(f"{RIGHT} {place}") for place in range(4)]
    assert await custom_rm(args, samples) == [0.0] * 4
    assert all(sample.remove_sample for sample in samples)
    with pytest.raises(JudgeUnavailable):
        await custom_rm(args, [Sample(f"{RIGHT} {place}") for place in range(8)])


@pytest.mark.parametrize(
    "label",
    [
        "4",
        42,
        "",
        None,
        {"answer": "4"},
        {"reference": {"answer": "4"}},
        json.dumps({"answer": "4"}),
        '{"x": 1}',
        "{x}",
    ],
)
async def test_a_label_is_text_or_an_object_of_what_is_known(served: Served, label: Any) -> None:
    assert await custom_rm(arguments(served), Sample(RIGHT, label=label)) == 1.0


async def test_a_label_that_says_something_unknown_spoils_its_own_sample_only(served: Served) -> None:
    samples = [Sample(RIGHT, label={"answr": "4"}), Sample(RIGHT)]
    await custom_rm(arguments(served), samples)
    assert [sample.remove_sample for sample in samples] == [True, False]


async def test_a_setting_that_there_is_not_is_refused_by_name(served: Served) -> None:
    with pytest.raises(InvalidRequest, match="recipee"):
        await custom_rm(arguments(served, judge={"recipee": "verify"}), Sample(RIGHT))


async def test_the_hook_centres_a_group_without_what_was_not_judged(served: Served) -> None:
    args = arguments(served)
    groups = [[RIGHT, BROKEN, WRONG, WRONG], [RIGHT, RIGHT, BROKEN, RIGHT]]
    samples = [Sample(text, group_index=place) for place, group in enumerate(groups) for text in group]
    for sample, reward in zip(samples, await custom_rm(args, samples), strict=True):
        sample.reward = reward
    raw, shaped = post_process(args, samples)
    assert len(raw) == len(shaped) == 8
    assert shaped == pytest.approx([2 / 3, 0, -1 / 3, -1 / 3, 0, 0, 0, 0])
    assert post_process(arguments(served, rewards_normalization=False), samples) == (raw, raw)


async def test_the_hook_scales_as_slime_does(served: Served) -> None:
    samples = [Sample(RIGHT, reward={"score": 1.0}), Sample(WRONG, reward={"score": 0.0})]
    args = arguments(served, grpo_std_normalization=True, reward_key="score")
    assert post_process(args, samples)[1] == pytest.approx([0.7071, -0.7071], abs=1e-3)
    assert post_process(args, [samples])[1] == post_process(args, samples)[1]


async def test_the_hook_refuses_a_sample_without_a_number(served: Served) -> None:
    with pytest.raises(InvalidRequest, match="None"):
        post_process(arguments(served), [Sample(RIGHT)])
