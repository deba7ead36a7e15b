"""NeMo Gym's own models and aggregation against the facade: rows that it would send, and what it reads of the answers.

Version 0.4.0 is the newest for Python 3.12. Masks came later (`test_masks_and_failures.py`): for it they are fields of
the row that are carried along.
"""

from __future__ import annotations

import pytest
from nemo_gym.base_resources_server import BaseVerifyResponse
from nemo_gym.reward_profile import compute_aggregate_metrics

from tests.trainers_nemo_gym.rows import TESTS, aggregated, code, row, verified

pytestmark = [pytest.mark.trainers, pytest.mark.anyio]
KEYS = ("correctness", "tool_use", "robustness")


async def test_its_rows_are_judged_and_come_back_as_its_own_answer(judge_url: str) -> None:
    for operator, reward in (("+", 1.0), ("-", 0.0)):
        sent = row(code(operator)) | {"reference": {"tests": TESTS}, "_ng_task_index": 0}
        told = await verified(judge_url, sent)
        read = BaseVerifyResponse.model_validate(told)
        assert read.reward == reward
        assert read.response.model_dump(mode="json") == sent["response"]
        assert tuple(told["reward_components"]) == KEYS


async def test_a_row_that_was_not_judged_is_masked_under_the_same_keys(judge_url: str) -> None:
    right = await verified(judge_url, row(code("+")) | {"reference": {"tests": TESTS}})
    told = await verified(judge_url, row("No evidence decides this."))
    BaseVerifyResponse.model_validate(told)
    assert (told["mask_sample"], told["_ng_failure_class"]) == (True, "judge_failed")
    assert tuple(told["reward_components"]) == tuple(right["reward_components"])


async def test_its_aggregation_of_measured_rows_says_what_the_facades_does(judge_url: str) -> None:
    texts = (code("+"), code("-"), code("+"))
    rows = []
    for index, text in enumerate(texts):
        told = await verified(judge_url, row(text) | {"reference": {"tests": TESTS}})
        rows.append(told | {"_ng_task_index": index % 2, "_ng_rollout_index": index})
    ours = (await aggregated(judge_url, rows))["agent_metrics"]
    own = compute_aggregate_metrics(rows).agent_metrics
    shared = {name for name in own if name.startswith(("mean/", "max/", "min/", "median/"))} & set(ours)
    assert {"mean/reward", "max/reward", "mean/correctness"} <= shared
    assert {name: ours[name] for name in shared} == pytest.approx({name: own[name] for name in shared})
