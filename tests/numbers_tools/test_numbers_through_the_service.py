"""Numbers, dates, constraints and texts through the whole service, without a model: the requests of the README."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.app import create_app
from api.settings import Settings
from api.wiring import service

pytestmark = pytest.mark.anyio
Judged = Callable[..., Awaitable[list[dict[str, Any]]]]
CNF = "Find an assignment:\n```cnf\np cnf 2 2\n1 2 0\n-1 2 0\n```\n"


@pytest.fixture
async def client(tmp_path: Path, sandbox: object) -> AsyncIterator[httpx.AsyncClient]:
    async with AsyncExitStack() as stack:
        settings = Settings.model_validate({"model": "none", "data_dir": tmp_path / "data"})
        app = create_app(await stack.enter_async_context(service(settings)))
        yield await stack.enter_async_context(
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost", timeout=120)
        )


@pytest.fixture
def judged(client: httpx.AsyncClient) -> Judged:
    async def post(*answers: str, **task: Any) -> list[dict[str, Any]]:
        candidates = [{"id": f"c{place}", "trajectory": {"text": one}} for place, one in enumerate(answers)]
        body = {"task": task, "candidates": candidates, "recipe": "verify"}
        answer = await client.post("/v1/judgments", json=body)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["candidates"])

    return post


async def test_a_sum_is_compared_with_the_reference_and_its_slip_marks_the_step(judged: Judged) -> None:
    right, wrong = await judged(
        "9 * 2 = 18\n18 * 2 = 36\nAnswer: $36",
        "9 * 2 = 16\n16 * 2 = 32\nAnswer: 32",
        prompt="Nine eggs at $2, sold twice: how much?",
        reference={"answer": "36"},
    )
    assert (right["reward"], wrong["reward"]) == (1.0, 0.0)
    assert [(step["label"], step["reason"]) for step in wrong["steps"]] == [("bad", "9 * 2 is 18, not 16")]


async def test_instructions_that_can_be_counted_give_the_reward(judged: Judged) -> None:
    checks = [
        {"id": "short", "check": "words", "max": 12},
        {"id": "dear", "check": "starts_with", "texts": ["Dear"]},
    ]
    polite, rude = await judged(
        "Dear Ann, please come to tea on Sunday at four.",
        "Hi Ann, please come to tea on Sunday at four.",
        prompt="Invite Ann in at most 12 words; begin with Dear.",
        reference={"text_checks": {"checks": checks}},
    )
    assert (polite["reward"], rude["reward"]) == (1.0, 0.0)


async def test_an_assignment_is_put_in_and_what_claims_nothing_is_not_scored(judged: Judged) -> None:
    holds, fails, silent = await judged("v 1 2 0", "v 1 -2 0", "I cannot say.", prompt=CNF)
    assert (holds["reward"], fails["reward"]) == (1.0, 0.0)
    assert (silent["status"], silent["reward"]) == ("unscored", None)


async def test_a_wrong_weekday_refutes_and_a_right_one_decides_nothing(judged: Judged) -> None:
    wrong, right = await judged(
        "We leave on Saturday, 2022-09-02.", "We leave on Friday, 2022-09-02.", prompt="When do we leave?"
    )
    assert (wrong["reward"], right["failure_kind"]) == (0.0, "no_evidence")


async def test_every_tool_of_numbers_and_texts_tells_its_schema_and_limits(client: httpx.AsyncClient) -> None:
    listed = {tool["name"]: tool for tool in (await client.get("/v1/tools")).json()["data"]}
    for name in ("calculate", "calendar", "check_text", "lookup", "solve"):
        properties = listed[name]["parameters"]["properties"]
        assert listed[name]["limits"], name
        assert all(one.get("description") for one in properties.values()), name
