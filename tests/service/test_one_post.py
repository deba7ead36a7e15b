"""What a caller of POST /v1/judgments gets: sync, async, after a time."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from judge_agent.models.scripted import Held, ScriptedModel, by_schema
from judge_agent.schema import Judgment
from tests.service.served import request, serving

pytestmark = pytest.mark.anyio


async def test_a_sync_post_answers_with_the_finished_judgment_and_where_it_lies() -> None:
    async with serving() as served:
        answer = await served.post(request(metadata={"run": 7}))
        judgment = Judgment.model_validate_json(answer.content)
        assert answer.status_code == 200
        assert (judgment.state, judgment.metadata) == ("done", {"run": 7})
        assert [candidate.id for candidate in judgment.candidates] == ["a"]
        assert answer.headers["location"] == f"/v1/judgments/{judgment.id}"
        again = await served.http.get(answer.headers["location"])
        assert again.content == answer.content


async def test_an_async_post_answers_at_once_and_the_judgment_can_be_waited_for() -> None:
    gate = asyncio.Event()
    async with serving(model=ScriptedModel(otherwise=Held(gate, by_schema()))) as served:
        answer = await served.post(request(), prefer="respond-async")
        assert (answer.status_code, answer.json()["state"]) == (202, "running")
        assert answer.headers["preference-applied"] == "respond-async"
        location = answer.headers["location"]
        assert (await served.http.get(location)).json()["candidates"] == []
        gate.set()
        ended = await served.http.get(location, headers={"Prefer": "wait=10"})
        assert ended.json()["state"] == "done"


async def test_a_post_that_waits_a_second_gets_202_when_the_judgment_takes_longer() -> None:
    gate = asyncio.Event()
    async with serving(model=ScriptedModel(otherwise=Held(gate, by_schema()))) as served:
        answer = await served.post(request(), prefer="wait=1")
        assert (answer.status_code, answer.headers["preference-applied"]) == (202, "wait=1")
        gate.set()


async def test_a_client_that_goes_away_does_not_cancel_its_accepted_judgment(tmp_path: Path) -> None:
    gate = asyncio.Event()
    model = ScriptedModel(otherwise=Held(gate, by_schema()))
    async with serving(tmp_path / "judge.db", model=model) as served:
        with pytest.raises(httpx.ReadTimeout):
            await served.http.post("/v1/judgments", json=request(), timeout=httpx.Timeout(5, read=0.2))
        gate.set()
        page = (await served.http.get("/v1/judgments")).json()
        found = page["data"][0]["id"]
        ended = await served.http.get(f"/v1/judgments/{found}", headers={"Prefer": "wait=10"})
        assert ended.json()["state"] == "done"


async def test_an_unscored_candidate_is_an_answer_and_no_error() -> None:
    async with serving() as served:
        answer = await served.post(request(recipe="verify", principles=None))
        candidate = answer.json()["candidates"][0]
        assert answer.status_code == 200
        assert (candidate["status"], candidate["reward"]) == ("unscored", None)
        assert candidate["failure_kind"] == "no_evidence"


async def test_judgments_are_listed_newest_first_by_state_and_page() -> None:
    async with serving() as served:
        posted = [(await served.post(request(seed=seed))).json()["id"] for seed in range(5)]
        first = (await served.http.get("/v1/judgments", params={"state": "done", "limit": 3})).json()
        second = await served.http.get("/v1/judgments", params={"cursor": first["next_cursor"]})
        listed = [item["id"] for item in first["data"] + second.json()["data"]]
        assert listed == posted[::-1]
        assert second.json()["next_cursor"] is None
        none = await served.http.get("/v1/judgments", params={"state": "queued"})
        assert none.json()["data"] == []


async def test_recipes_tools_and_health_are_told() -> None:
    async with serving() as served:
        recipes = (await served.http.get("/v1/recipes")).json()["data"]
        tools = (await served.http.get("/v1/tools")).json()["data"]
        ready = await served.http.get("/health/ready")
        assert {"default", "verify"} <= {recipe["name"] for recipe in recipes}
        assert "check_tool_calls" in {tool["name"] for tool in tools}
        assert (ready.status_code, ready.json()["status"]) == (200, "ready")
        assert (await served.http.get("/health")).json() == {"status": "ok"}
