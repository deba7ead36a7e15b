"""A shape is over all rollouts of a group, each as often as it came; a part of a group is not shaped."""

from __future__ import annotations

import asyncio
import json
import logging
from argparse import Namespace
from collections.abc import Iterator
from typing import Any

import pytest

from judge_agent.errors import InvalidRequest
from judge_agent.trainers import Asking, Rollout, RolloutJudge
from judge_agent.trainers.areal import JudgeReward
from judge_agent.trainers.slime import custom_rm
from judge_agent.trainers.trl import judge_rewards
from judge_agent.trainers.verl import compute_score
from tests.groups.grouped import PRINCIPLE, by_word
from tests.service.served import Served, serving_in_a_thread
from tests.trainers.adapters import Sample
from tests.trainers.answering import Body, Reply, answering, judgment, scored, unscored

SEVEN_OF_EIGHT = [1 / 7**0.5] * 7 + [-(7**0.5)]


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving_in_a_thread(model=by_word()) as found:
        yield found


def rewards(
    url: str, texts: list[Any], shape: Any = "z", metrics: dict[str, float] | None = None, **given: Any
) -> list[float | None]:
    """One group of TRL's."""
    asking = given.pop("asking", None) or Asking(shape=shape)
    (function,) = judge_rewards(
        url, asking=asking, **({"group_size": len(texts), "seconds": 20.0, "sync": False} | given)
    )
    extra = {} if metrics is None else {"log_metric": metrics.__setitem__}
    found: list[float | None] = asyncio.run(function(prompts=["p"] * len(texts), completions=texts, **extra))
    return found


def short_and_long(body: Body) -> Reply:
    """Wrong is what says so, however long it is."""
    return judgment(body, lambda text: scored(0.0 if text.startswith("bad") else 1.0))


def test_equal_completions_are_judged_once_and_each_counts() -> None:
    with answering() as server:
        assert rewards(server.url, ["a" * 10] * 7 + [""]) == pytest.approx(SEVEN_OF_EIGHT)
        assert server.candidates == 2
        assert server.bodies[0]["shape"] == []


def test_a_group_is_shaped_alike_whether_it_is_joined_or_not(served: Served) -> None:
    asking = Asking(principles=[PRINCIPLE], shape="z", granularity=["outcome"])
    texts = ["RIGHT a"] * 7 + ["WRONG b"]
    alone = rewards(served.url, texts, asking=asking)
    joined = rewards(served.url, texts, asking=asking, join_as="alike", rank=0)
    assert alone == pytest.approx(SEVEN_OF_EIGHT)
    assert joined == pytest.approx(alone)


@pytest.mark.parametrize("shape", ["rank", ["z"], {"kind": "dimensions"}])
def test_every_shape_counts_twins(shape: Any) -> None:
    with answering() as server:
        found = rewards(server.url, ["aaaa", "aaaa", "aaaa", "aa"], shape)
    assert found[0] == found[1] == found[2]
    assert found[3] != found[0]
    if shape == "rank":
        assert found == pytest.approx([2 / 3, 2 / 3, 2 / 3, 0.0])
    else:
        assert sum(value or 0.0 for value in found) == pytest.approx(0.0)


def test_a_group_of_long_rollouts_that_takes_two_posts_is_shaped_as_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    texts = [f"{'bad' if at == 9 else 'good'} {at} {'x' * 1_000_000}" for at in range(10)]
    metrics = dict[str, float]()
    with answering(short_and_long) as server, caplog.at_level(logging.WARNING):
        found = rewards(server.url, texts, metrics=metrics)
    assert len(server.bodies) == 2
    assert found == pytest.approx([1 / 3] * 9 + [-3.0])
    assert metrics["judge/split_groups"] == 1
    assert "judged in parts" in caplog.text


def test_a_group_of_more_than_one_post_holds_is_shaped_as_one() -> None:
    texts = [f"{'bad' if at % 4 == 0 else 'good'} {at}" for at in range(68)]
    with answering(short_and_long) as server:
        found = rewards(server.url, texts)
    assert len(server.bodies) == 2
    assert {round(value or 0.0, 6) for value in found[1::4]} == {round(1 / 3**0.5, 6)}
    assert {round(value or 0.0, 6) for value in found[::4]} == {round(-(3**0.5), 6)}


def test_who_was_not_judged_has_no_reward_and_moves_nobody() -> None:
    def answer(body: Body) -> Reply:
        return judgment(body, lambda text: unscored() if text == "fails" else scored(len(text) / 10))

    with answering(answer) as server:
        found = rewards(server.url, ["aaaa", "fails", "aa", [{"content": object()}]])
    assert found == [pytest.approx(1.0), None, pytest.approx(-1.0), None]


@pytest.mark.parametrize(("prompts", "size"), [(["p", "p", "q"], 2), (["p"], 1), (["p", "p"], 4)])
def test_a_part_of_a_group_is_not_shaped(prompts: list[str], size: int) -> None:
    with answering() as server:
        (function,) = judge_rewards(server.url, asking=Asking(shape="z"), group_size=size)
        found = asyncio.run(function(prompts=prompts, completions=["aa", "aaaa", "a"][: len(prompts)]))
    whole = [pytest.approx(-1.0), pytest.approx(1.0), None]
    assert found == (whole if len(prompts) == 3 else [None] * len(prompts))


def test_a_comparison_of_a_part_of_a_group_is_no_reward_and_says_so() -> None:
    def compares(body: Body) -> Reply:
        found = json.loads(judgment(body).body) | {"flags": {"comparison": {"order_consistency": 1.0}}}
        return Reply(body=json.dumps(found))

    rollouts = [Rollout("p", str(at) * 1_000_000) for at in range(9)]
    with answering(compares) as server:
        judge = RolloutJudge(server.url, seconds=20)
        parts, whole = judge.outcomes_now(rollouts), judge.outcomes_now(rollouts[:3])
        judge.close()
    assert {(one.reward, one.failure_kind) for one in parts} == {(None, "group_split")}
    assert "2 parts" in str(parts[0].failure_reason)
    assert [one.reward for one in whole] == [1.0] * 3


def test_a_shape_that_only_the_recipe_names_is_no_reward_but_a_reason() -> None:
    def shapes(body: Body) -> Reply:
        found = json.loads(judgment(body).body)
        return Reply(body=json.dumps(found | {"flags": {"shape": [{"kind": "z", "counted": 1}]}}))

    with answering(shapes) as server:
        judge = RolloutJudge(server.url, seconds=5)
        (outcome,) = judge.outcomes_now([Rollout("p", "aa")])
        judge.close()
    assert (outcome.reward, outcome.failure_kind) == (None, "judge_refused")
    assert "Asking(shape=...)" in str(outcome.failure_reason)


@pytest.mark.parametrize("shape", ["difficulty", {"kind": "dimensions", "weights": {"style": 1}}])
def test_a_shape_that_reads_what_there_is_not_gives_no_reward(shape: Any) -> None:
    with answering() as server:
        assert rewards(server.url, ["aa", "aaaa"], shape) == [None, None]


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"shape": "curve"}, "shape"),
        ({"shape": ["z", "difficulty"]}, "shape"),
        ({"shape": {"kind": "dimensions", "weights": {"style": 1}}, "dimensions": ["process"]}, "style"),
    ],
)
def test_a_shape_that_there_is_not_is_refused_at_once(given: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidRequest, match=named):
        Asking(**given)


@pytest.mark.parametrize("setting", [{"shape": "z"}, {"shape": ["rank"]}, {"join": True}])
def test_adapters_that_have_rollouts_one_by_one_refuse_what_needs_a_group(setting: dict[str, Any]) -> None:
    named = f"^{next(iter(setting))}: "
    with answering() as server:
        given = {"judge_url": server.url, "recipe": "verify", **setting}
        with pytest.raises(InvalidRequest, match=named):
            JudgeReward(**given)
        with pytest.raises(InvalidRequest, match=named):
            asyncio.run(compute_score("d", "x", "5", {"question": "q"}, **given))
        with pytest.raises(InvalidRequest, match=named):
            asyncio.run(custom_rm(Namespace(judge=given), Sample("aa", "p")))
    assert not server.bodies


def test_slime_shapes_the_groups_that_it_hands_over() -> None:
    with answering() as server:
        args = Namespace(judge={"judge_url": server.url, "shape": "z"}, group_rm=True)
        samples = [Sample(text, "p") for text in ("aaaa", "aa")]
        assert asyncio.run(custom_rm(args, samples)) == pytest.approx([1.0, -1.0])
        # Without it a list is what one rollout was cut into: its parts are not paid against each other.
        args.group_rm = False
        with pytest.raises(InvalidRequest, match=r"shape.*--group-rm"):
            asyncio.run(custom_rm(args, samples))


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"group_size": 66, "join_as": "run"}, "group_size.*64"),
        ({"group_size": 0}, "group_size"),
        ({"asking": Asking(shape="z")}, "group_size=num_generations"),
        ({"asking": Asking(shape="z"), "group_size": 4, "dimensions": ["correctness"]}, "dimensions"),
        ({"asking": Asking(join=True)}, "join_as"),
    ],
)
def test_groups_that_cannot_be_are_refused_when_the_functions_are_made(
    given: dict[str, Any], named: str
) -> None:
    with pytest.raises(InvalidRequest, match=named):
        judge_rewards("http://127.0.0.1:1", **given)
