"""What eval-protocol and RewardAnything get: a result that says if it is valid; scores from 1 to 5, or an error."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.facades.asked import (
    BROKEN,
    LABEL,
    PRINCIPLES,
    QUESTION,
    RIGHT,
    WRONG,
    held_model,
    model,
    was_asked,
)
from tests.service.served import Served, serving

pytestmark = pytest.mark.anyio
MODEL_NAMES = {"gpt": RIGHT, "claude": WRONG}


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving(model=model()) as found:
        yield found


def conversation(answer: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": answer}]


async def evaluate(served: Served, answer: str, path: str = "evaluate", **fields: Any) -> httpx.Response:
    body = {"messages": conversation(answer), "ground_truth": "4"} | fields
    return await served.http.post(f"/compat/eval-protocol/{path}", json=body)


async def test_a_conversation_is_evaluated_with_metrics_and_steps(served: Served) -> None:
    told = (await evaluate(served, RIGHT, kwargs=LABEL)).json()
    assert (told["score"], told["is_score_valid"], told["error"]) == (1.0, True, None)
    assert told["metrics"]["correctness"]["score"] == 1.0
    assert told["metrics"]["correctness"]["reason"].startswith("right: ")
    assert [step["step_index"] for step in told["step_outputs"]] == [0]


async def test_a_failure_has_no_score_and_the_same_keys(served: Served) -> None:
    right = (await evaluate(served, RIGHT, kwargs=LABEL)).json()
    told = (await evaluate(served, BROKEN, kwargs=LABEL)).json()
    assert (told["score"], told["is_score_valid"], told["metrics"]) == (None, False, {})
    assert "model_error" in told["error"]
    assert told.keys() == right.keys()
    assert told["trajectory_info"].keys() == right["trajectory_info"].keys()


async def test_reward_takes_its_arguments_beside_the_messages(served: Served) -> None:
    told = await evaluate(served, RIGHT, "reward", principles=PRINCIPLES, temperature=0.2)
    assert (told.json()["score"], told.headers["x-ignored-fields"]) == (1.0, "temperature")


async def test_what_the_client_sends_for_no_ground_truth_is_none(served: Served) -> None:
    told = await evaluate(
        served, RIGHT, "reward", ground_truth=conversation(RIGHT)[:-1], principles=PRINCIPLES
    )
    assert told.json()["score"] == 1.0
    assert not any("REFERENCE" in request.text for request in served.model.requests)


async def test_the_url_can_ask_for_an_error(served: Served) -> None:
    body = {"messages": conversation(BROKEN), "kwargs": LABEL}
    params = {"on_failure": "error"}
    failed = await served.http.post("/compat/eval-protocol/evaluate", json=body, params=params)
    assert (failed.status_code, failed.json()["code"]) == (503, "judge_failed")


async def test_a_dimension_that_was_not_scored_is_no_metric_and_is_named(served: Served) -> None:
    told = (await evaluate(served, RIGHT, kwargs=LABEL)).json()
    assert list(told["metrics"]) == ["correctness"]
    assert told["trajectory_info"]["unscored_dimensions"] == ["tool_use"]


async def anything(served: Served, responses: Any = None, **fields: Any) -> httpx.Response:
    body = {
        "principle": "Right is better.",
        "prompt": QUESTION,
        "responses": responses or MODEL_NAMES,
    } | fields
    return await served.http.post("/compat/rewardanything/api/rewardanything", json=body)


async def judged(served: Served) -> int:
    return len((await served.http.get("/v1/judgments")).json()["data"])


async def test_responses_get_scores_from_one_to_five_and_a_ranking(served: Served) -> None:
    told = (await anything(served, {"claude": WRONG, "gpt": RIGHT})).json()
    assert told["results"]["best-to-worst"] == ["gpt", "claude"]
    assert told["results"]["scores"] == {"claude": 2.0, "gpt": 5.0}
    assert isinstance(told["thoughts"], str)


async def test_names_reach_no_prompt_whatever_the_caller_says_about_masks(served: Served) -> None:
    told = await anything(served, mask_responses=False)
    assert told.headers["x-ignored-fields"] == "mask_responses"
    assert not any("claude" in request.text for request in served.model.requests)


async def test_a_failure_is_an_error_and_no_score(served: Served) -> None:
    failed = await anything(served, {"a": RIGHT, "b": BROKEN})
    assert (failed.status_code, failed.json()["code"]) == (503, "judge_failed")
    assert "results" not in failed.json()


async def test_a_batch_is_answered_in_its_order_and_judges_nothing_twice(served: Served) -> None:
    def item(*texts: str) -> dict[str, Any]:
        return {
            "principle": "Right is better.",
            "prompt": QUESTION,
            "responses": dict(zip("ab", texts, strict=True)),
        }

    url = "/compat/rewardanything/api/rewardanything_batch"
    bad = await served.http.post(url, json=[item(RIGHT, WRONG), item(BROKEN, RIGHT)])
    assert bad.status_code == 503
    assert await judged(served) == 2
    told = (await served.http.post(url, json=[item(WRONG, RIGHT), item(RIGHT, WRONG)])).json()
    assert [one["results"]["best-to-worst"] for one in told] == [["b", "a"], ["a", "b"]]
    assert await judged(served) == 3


async def test_an_answer_that_comes_later_is_an_error_now_and_there_at_the_next_try() -> None:
    gate = asyncio.Event()
    async with serving(model=held_model(gate)) as served:
        late = asyncio.create_task(anything(served, seconds=0.1))
        await was_asked(served.model)
        assert (await late).status_code == 503
        gate.set()
        assert (await anything(served, seconds=5)).json()["results"]["best-to-worst"][0] == "gpt"


async def test_a_recipe_in_the_body_counts_and_its_lack_of_evidence_is_an_error() -> None:
    async with serving(model=model()) as served:
        assert (await anything(served, recipe="verify")).status_code == 503
        assert (await served.http.get("/compat/rewardanything/health")).json() == {"status": "ok"}
