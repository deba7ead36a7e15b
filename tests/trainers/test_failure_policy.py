"""What a trainer that cannot mask is given: the group's mean, always the same keys, or an end."""

from __future__ import annotations

import math
import os
import pickle
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from judge_agent.errors import InvalidRequest
from judge_agent.trainers import FailurePolicy, JudgeUnavailable, Outcome, flat

DIMENSIONS = ("correctness", "process")
FAILED = Outcome.failed("judge_timeout", "too late", DIMENSIONS)


def good(reward: float, process: float | None = 0.5, passed: bool = True) -> Outcome:
    vector = {"correctness": reward, "process": process}
    return Outcome(reward, score=reward, passed=passed, vector=vector, status="scored")


def test_a_failure_gets_the_mean_of_its_own_group_so_far() -> None:
    policy = FailurePolicy(max_failed_share=1.0)
    for reward in (0.2, 0.4):
        assert policy.settle(good(reward), "a").reward == reward
    policy.settle(good(1.0), "b")
    found = policy.settle(FAILED, "a")
    assert (found.failed, found.reward) == (True, pytest.approx(0.3))
    assert found.means["correctness"] == pytest.approx(0.3)


def test_a_group_without_a_mean_raises_and_says_why() -> None:
    with pytest.raises(JudgeUnavailable, match="judge_timeout: too late"):
        FailurePolicy().settle(FAILED, "a")


def test_raise_raises_at_the_first_failure() -> None:
    policy = FailurePolicy("raise")
    assert policy.settle(good(0.5), "a").reward == 0.5
    with pytest.raises(JudgeUnavailable):
        policy.settle(FAILED, "a")


def test_too_many_failures_in_the_window_raise_and_old_ones_are_forgotten() -> None:
    policy = FailurePolicy(max_failed_share=0.25, window=8, min_outcomes=4)
    policy.settle(good(0.5), "a")
    policy.settle(FAILED, "a")
    policy.settle(good(0.5), "a")
    with pytest.raises(JudgeUnavailable, match="50%"):
        policy.settle(FAILED, "a")
    for _ in range(8):
        policy.settle(good(0.5), "a")
    assert policy.settle(FAILED, "a").reward == 0.5


def test_only_the_last_groups_are_remembered() -> None:
    policy = FailurePolicy(max_groups=2, max_failed_share=1.0)
    for group in ("a", "b", "a", "c"):
        policy.settle(good(0.5), group)
    assert policy.settle(FAILED, "a").reward == 0.5
    with pytest.raises(JudgeUnavailable):
        policy.settle(FAILED, "b")


def test_a_group_of_an_earlier_step_is_no_mean_of_this_one() -> None:
    policy = FailurePolicy(max_failed_share=1.0, group_seconds=0.05)
    policy.settle(good(0.9), "a")
    assert policy.settle(FAILED, "a").reward == 0.9
    time.sleep(0.06)
    with pytest.raises(JudgeUnavailable, match="no mean"):
        policy.settle(FAILED, "a")
    policy.settle(good(0.1), "a")
    assert policy.settle(FAILED, "a").reward == 0.1


def test_what_was_seen_is_in_no_pickle_and_in_no_child() -> None:
    policy = FailurePolicy(max_failed_share=1.0)
    policy.settle(good(0.5), "a")
    copy: FailurePolicy = pickle.loads(pickle.dumps(policy))
    assert copy.max_failed_share == 1.0
    with pytest.raises(JudgeUnavailable):
        copy.settle(FAILED, "a")


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_begins_with_nothing() -> None:
    policy = FailurePolicy(max_failed_share=1.0)
    policy.settle(good(0.5), "a")
    pid = os.fork()
    if pid == 0:
        try:
            policy.settle(FAILED, "a")
        except JudgeUnavailable:
            os._exit(0)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_threads_share_one_policy() -> None:
    policy = FailurePolicy()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda at: policy.settle(good(at % 2), "a"), range(400)))
    assert policy.settle(FAILED, "a").reward == 0.5


def test_a_row_has_the_same_finite_numbers_on_success_and_failure() -> None:
    policy = FailurePolicy(max_failed_share=1.0)
    first = policy.settle(good(0.4), "a")
    failed = policy.settle(FAILED, "a")
    partly = policy.settle(good(0.6, process=None), "a")
    rows = [
        flat(good(0.4), DIMENSIONS, first.reward, first.means),
        flat(FAILED, DIMENSIONS, failed.reward, failed.means),
        flat(good(0.6, process=None), DIMENSIONS, partly.reward, partly.means),
        flat(FAILED, DIMENSIONS, 0.5),
    ]
    assert len({tuple(row) for row in rows}) == 1
    assert all(type(value) is float and math.isfinite(value) for row in rows for value in row.values())
    assert rows[1] == {
        "score": 0.4,
        "acc": 1.0,
        "judge_failed": 1.0,
        "correctness": 0.4,
        "correctness_missing": 1.0,
        "process": 0.5,
        "process_missing": 1.0,
    }
    assert (rows[2]["process"], rows[2]["process_missing"], rows[2]["judge_failed"]) == (0.6, 1.0, 0.0)


@pytest.mark.parametrize("means", [None, {}, {"process": 0.0}, {"process": 1.0}])
def test_a_dimension_that_a_judged_rollout_lacks_is_its_own_score_whatever_its_siblings_have(
    means: dict[str, float] | None,
) -> None:
    outcome = Outcome(0.9, 0.9, True, {"process": None}, "scored", flags={"not_applicable": ["process"]})
    row = flat(outcome, ["process"], 0.9, means)
    assert (row["process"], row["process_missing"]) == (0.9, 1.0)


def test_a_rollout_without_a_reward_has_no_number_of_its_own() -> None:
    partial = Outcome(None, 0.9, True, {"correctness": 1.0, "process": 0.7}, "partial", "model_error")
    row = flat(partial, DIMENSIONS, 0.4, {"reward": 0.4, "acc": 0.5, "correctness": 0.2})
    assert (row["correctness"], row["correctness_missing"]) == (0.2, 1.0)
    assert (row["process"], row["process_missing"]) == (0.4, 1.0)


def test_names_that_would_hide_a_key_and_limits_without_a_meaning_are_refused() -> None:
    with pytest.raises(InvalidRequest):
        flat(FAILED, ["score"], 0.5)
    with pytest.raises(InvalidRequest):
        FailurePolicy(max_failed_share=2)
    with pytest.raises(InvalidRequest):
        FailurePolicy(window=0)
    with pytest.raises(InvalidRequest, match="group_seconds"):
        FailurePolicy(group_seconds=0)
