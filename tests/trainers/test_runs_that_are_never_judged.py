"""A run of which nothing can be judged ends with the reason; one of which something is judged goes on."""

from __future__ import annotations

import asyncio
import json
import pickle
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from judge_agent.errors import InvalidRequest
from judge_agent.trainers import JudgeUnavailable
from judge_agent.trainers.trl import judge_rewards
from tests.service.served import serving_in_a_thread
from tests.trainers.answering import Reply, answering, judgment, scored, unscored

TESTS = {"kind": "call", "entry_point": "add", "hidden": [{"args": [2, 3], "expected": 5}]}


def reward(url: str, **given: Any) -> Any:
    (found,) = judge_rewards(url, **{"recipe": "verify", "seconds": 5.0} | given)
    return found


def batch(function: Any, *texts: str, prompts: tuple[str, ...] = (), **extra: Any) -> list[float | None]:
    given = list(prompts or ("p",) * len(texts))
    found: list[float | None] = asyncio.run(function(prompts=given, completions=list(texts), **extra))
    return found


def problem(status: int, field: str | None) -> Reply:
    return Reply(
        status, json.dumps({"status": status, "code": "invalid", "field": field, "detail": "no such"})
    )


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving_in_a_thread() as served:
        yield served.url


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"recipe": "verfy"}, "'verfy' is unknown"),
        ({"dimensions": ["corectness"]}, "'corectness' is fed by nothing"),
        ({"columns": {"tests": "test"}}, "there is no column 'test'"),
    ],
)
def test_settings_that_no_rollout_can_be_judged_by_end_the_run_at_its_first_batch(
    url: str, given: Mapping[str, Any], says: str
) -> None:
    with pytest.raises(JudgeUnavailable, match=says):
        batch(reward(url, **given), "a", "b", tests=[TESTS, TESTS])


def test_an_address_with_a_path_too_many_ends_the_run_at_its_first_batch(url: str) -> None:
    with pytest.raises(JudgeUnavailable, match="404"):
        batch(reward(f"{url}/v1"), "a", "b")


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_is_refused_ends_the_run_at_its_first_batch(status: int) -> None:
    with answering(lambda body: problem(status, None)) as server:
        with pytest.raises(JudgeUnavailable, match="put the settings right"):
            batch(reward(server.url), "a")
        with pytest.raises(JudgeUnavailable, match="put the settings right"):
            batch(reward(server.url, sync=False, on_failure="mask", join_as=None), "a")


def test_a_row_that_is_refused_costs_its_group_and_the_same_of_several_rows_the_run() -> None:
    with answering(lambda body: problem(422, "task.reference.tests")) as server:
        function = reward(server.url)
        assert batch(function, "a", "b") == [None, None]
        with pytest.raises(JudgeUnavailable, match=r"task\.reference\.tests|no such"):
            batch(function, "a", "b", prompts=("p", "q"))


def test_one_rollout_that_is_judged_keeps_the_run_going() -> None:
    def of(body: Mapping[str, Any]) -> Reply:
        return problem(422, "recipe") if body["task"]["prompt"] == "q" else judgment(body)

    with answering(of) as server:
        assert batch(reward(server.url), "aa", "bb", prompts=("p", "q")) == [0.2, None]


def test_batches_in_a_row_without_any_reward_end_the_run_and_one_reward_begins_the_count_anew() -> None:
    def of(text: str) -> Mapping[str, Any]:
        return unscored("no_evidence") if "dead" in text else scored(0.5)

    with answering(lambda body: judgment(body, of)) as server:
        function = reward(server.url, max_failed_batches=3)
        for text in ("dead1", "dead2", "fine", "dead3", "dead4"):
            assert batch(function, text) == [0.5 if text == "fine" else None]
        with pytest.raises(JudgeUnavailable, match=r"3 batches in a row.*no_evidence"):
            batch(function, "dead5")
        twin = pickle.loads(pickle.dumps(reward(server.url, max_failed_batches=2)))
        assert batch(twin, "dead6") == [None]
        with pytest.raises(JudgeUnavailable, match="2 batches in a row"):
            batch(twin, "dead7")


def test_columns_that_are_empty_though_nothing_failed_end_the_run_with_the_dimensions_name() -> None:
    def of(text: str) -> Mapping[str, Any]:
        return {**scored(1.0, robustness=None), "flags": {"not_applicable": ["robustness"]}}

    with answering(lambda body: judgment(body, of)) as server:
        function = reward(server.url, dimensions=["robustness"], max_failed_batches=2)
        assert batch(function, "a") == [None]
        with pytest.raises(JudgeUnavailable, match="not applicable: robustness"):
            batch(function, "b")


def test_dimensions_that_are_one_text_are_refused_with_what_to_write() -> None:
    with pytest.raises(InvalidRequest, match=r"write \['correctness'\]"):
        judge_rewards("http://h", "correctness")
    with pytest.raises(InvalidRequest, match="max_failed_batches"):
        judge_rewards("http://h", max_failed_batches=0)
