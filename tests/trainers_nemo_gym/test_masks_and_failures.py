"""Masks and names of failures: NeMo Gym's own readers of them, fed with what the facade answers."""

from __future__ import annotations

import importlib.util
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

if importlib.util.find_spec("nemo_gym.failure_kinds") is None:
    pytest.skip("masks and names of failures came with NeMo Gym 0.5", allow_module_level=True)

import aiohttp
from nemo_gym import failure_kinds
from nemo_gym.base_resources_server import BaseMultiRewardVerifyResponse, BaseVerifyRequest
from nemo_gym.comparison.diff import compare_runs
from nemo_gym.comparison.loading import build_loaded_run, load_agg_metrics_file
from nemo_gym.judge import JudgeError, call_judge, judge_failsafe
from nemo_gym.reward_profile import compute_aggregate_metrics, select_measured
from nemo_gym.rollout_reverification import InputRolloutPair, _build_verify_payload, _is_judge_failure
from resources_servers.genrm_compare.app import GenRMCompareRequest, GenRMCompareResponse

from tests.trainers_nemo_gym.rows import TESTS, aggregated, code, row, verified

pytestmark = [pytest.mark.trainers, pytest.mark.anyio]
RIGHT = {"reference": {"tests": TESTS}}
# Ways in which the judge fails without a model, and the name that NeMo Gym has for each.
FAILURES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "nothing decides": ({}, {}, "verifier_error"),
    "its time is over": (RIGHT, {"seconds": 0.001}, "judge_failed"),
    "there is no model": ({}, {"recipe": "default"}, "judge_failed"),
}
NUMBERS = ("mean/reward", "max/reward", "min/reward", "mean/correctness")


@pytest.mark.parametrize("way", FAILURES)
async def test_a_failed_judge_is_a_mask_and_a_failure_that_it_knows_by_name(
    way: str, judge_url: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    label, params, kind = FAILURES[way]
    told = await verified(judge_url, row(code("+", way)) | label, **params)
    monkeypatch.setattr(failure_kinds, "_WARNED_UNKNOWN", set())
    with caplog.at_level(logging.WARNING, "nemo_gym"):
        read = BaseMultiRewardVerifyResponse.model_validate(told)
    assert not caplog.records
    assert (read.mask_sample, read.failure_kind, read.reward) == (True, kind, 0.0)
    assert read.failure_reason
    assert failure_kinds.is_registered(kind)


def test_every_name_that_the_facade_has_for_a_failure_is_in_its_vocabulary() -> None:
    names = json.loads(Path(__file__).with_name("failure_kinds.json").read_text("utf-8"))
    assert [name for name in names if not failure_kinds.is_registered(name)] == []


async def test_what_was_judged_is_neither_masked_nor_failed(judge_url: str) -> None:
    for operator, reward in (("+", 1.0), ("-", 0.0)):
        told = await verified(judge_url, row(code(operator)) | RIGHT)
        read = BaseMultiRewardVerifyResponse.model_validate(told)
        assert (read.reward, read.mask_sample) == (reward, False)
        assert (read.failure_kind, read.failure_reason) == (None, None)
        assert read.reward_components["correctness"] == reward


async def test_a_masked_row_is_one_as_its_own_servers_write_it(judge_url: str) -> None:
    sent = row(code("+", "masked"))
    body = BaseVerifyRequest.model_validate(sent)

    async def verify(body: BaseVerifyRequest) -> None:
        raise JudgeError("the judge did not answer")

    own = json.loads((await judge_failsafe(verify)(body=body)).body)
    told = await verified(judge_url, sent | RIGHT, seconds=0.001)
    assert own.keys() <= told.keys()
    same = ("reward", "mask_sample", "failure_kind", "instance_config", "_ng_failure_class")
    assert {name: told[name] for name in same} == {name: own[name] for name in same}


async def rows_of(judge_url: str, *answers: str) -> list[dict[str, Any]]:
    """Rows of two rollouts a task; `?` is one that nothing decides."""
    rows = []
    for index, answer in enumerate(answers):
        sent = row(code(answer)) | RIGHT if answer != "?" else row("No evidence decides this.")
        told = await verified(judge_url, sent)
        rows.append(told | {"_ng_task_index": index // 2, "_ng_rollout_index": index % 2})
    return rows


async def test_its_aggregation_leaves_masked_rows_out_as_the_facades_does(judge_url: str) -> None:
    rows = await rows_of(judge_url, "+", "?", "-", "+", "?", "?")
    own, ours = compute_aggregate_metrics(rows), await aggregated(judge_url, rows)
    assert own.agent_metrics["mean/reward"] == pytest.approx(2 / 3)
    coverage = {name: value for name, value in own.agent_metrics.items() if name.startswith("coverage/")}
    assert coverage == {
        "coverage/measured_rollouts": 3,
        "coverage/masked_rollouts": 3,
        "coverage/measured_tasks": 2,
        "coverage/fully_masked_tasks": 1,
    }
    assert coverage.items() <= ours["agent_metrics"].items()
    for name in NUMBERS:
        assert ours["agent_metrics"][name] == pytest.approx(own.agent_metrics[name])
    by_task = [[one["_ng_task_index"], one["mean/reward"]] for one in own.group_level_metrics]
    assert [[one["_ng_task_index"], one["mean/reward"]] for one in ours["group_level_metrics"]] == by_task


async def test_where_all_are_masked_both_tell_the_coverage_alone(judge_url: str) -> None:
    rows = await rows_of(judge_url, "?", "?")
    own, ours = compute_aggregate_metrics(rows), await aggregated(judge_url, rows)
    assert ours["agent_metrics"] == own.agent_metrics
    assert ours["key_metrics"] == own.key_metrics


async def test_its_profile_measures_what_was_judged(judge_url: str) -> None:
    results = await rows_of(judge_url, "+", "?")
    rows = [{name: one[name] for name in ("_ng_task_index", "_ng_rollout_index")} for one in results]
    measured, kept, masked, _ = select_measured(rows, results)
    assert measured == rows[:1]
    assert ([one["reward"] for one in kept], len(masked)) == ([1.0], 1)


async def test_a_failure_of_the_judge_is_recovered_by_its_reverification(judge_url: str) -> None:
    sent = row(code("+", "recovered")) | RIGHT | {"_ng_task_index": 0, "_ng_rollout_index": 0}
    failed = await verified(judge_url, sent, seconds=0.001)
    assert _is_judge_failure(failed)
    given = {name: value for name, value in sent.items() if name != "response"}
    again = await verified(judge_url, _build_verify_payload(InputRolloutPair(given, failed)))
    assert (again["reward"], again["mask_sample"], again["failure_kind"]) == (1.0, False, None)
    assert not _is_judge_failure(again)


async def test_its_comparison_of_runs_reads_the_facades_metrics(judge_url: str, tmp_path: Path) -> None:
    runs = []
    for role, answers in (("baseline", "+?--"), ("candidate", "+?++")):
        metrics = await aggregated(judge_url, await rows_of(judge_url, *answers))
        path = tmp_path / f"{role}.json"
        path.write_text(json.dumps([metrics | {"agent_ref": {"name": "judged"}}]), "utf-8")
        found = load_agg_metrics_file(f"{role}.jsonl", role, aggregate_metrics_fpath_override=str(path))
        runs.append(build_loaded_run(found, "judged"))
    told = compare_runs(runs[0], runs[1:])
    [reward] = [one for one in told.metrics if one.metric == "mean/reward"]
    assert reward.is_key_metric
    assert [one.task_index for flips in told.flips for one in flips.flips] == [1]


class Client:
    """What `call_judge` asks of a client of NeMo Gym's servers."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url, self._session = url, session

    async def post(self, server_name: str, url_path: str, json: Any) -> aiohttp.ClientResponse:
        return await self._session.post(f"{self._url}/compat/nemo-gym{url_path}", json=json)


@pytest.fixture
async def client(judge_url: str) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession() as session:
        yield Client(judge_url, session)


def to_compare(*texts: str) -> dict[str, Any]:
    """What its own server of comparisons takes."""
    responses = [row(text)["response"] for text in texts]
    history = [{"role": "user", "content": "Write add(a, b)."}]
    asked = GenRMCompareRequest(
        conversation_history=history, response_objs=responses, principle="Right is better."
    )
    return asked.model_dump(mode="json")


async def compared(client: Client, *texts: str) -> GenRMCompareResponse:
    return await call_judge(
        client,
        server_name="judge",
        url_path="/compare",
        json=to_compare(*texts),
        response_model=GenRMCompareResponse,
    )


async def test_a_comparison_that_was_not_judged_is_a_failure_of_the_judge_and_no_reward(
    client: Client,
) -> None:
    with pytest.raises(JudgeError, match="503"):
        await compared(client, code("+"), code("-"))


async def test_responses_of_one_content_are_compared_as_its_own_answer(client: Client) -> None:
    told = await compared(client, code("+"), code("+"))
    assert len(told.rewards) == 2
    assert told.rewards[0] == told.rewards[1]
    assert told.metrics is not None
    assert told.metrics["mean_reward"] == told.rewards[0]
