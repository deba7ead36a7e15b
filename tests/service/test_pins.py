"""A run is held to what judged first: whatever part changes, there is a 409 or no reward, never another reward."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from judge_agent.judge import Judge
from judge_agent.models.fake_server import FakeServer
from judge_agent.models.openai_chat import OpenAIChatModel
from judge_agent.models.scripted import Held, ScriptedModel, by_schema
from judge_agent.prompting import PromptLibrary, default_folder
from tests.service.served import request, serving

pytestmark = pytest.mark.anyio


def pinned(run: str = "r", pin: Any = True, **changes: Any) -> dict[str, Any]:
    return request(run={"id": run, "step": 1, "pin": pin}, **changes)


def judge_with(**other: Any) -> Callable[..., Judge]:
    """A judge that differs in some of its parts."""
    return lambda **given: Judge(**(given | other))


class OtherTool:
    """A tool of another version that never has anything to say."""

    name = "check_tool_calls"
    version = "99"
    description = "Says nothing."
    parameters: ClassVar[dict[str, Any]] = {}

    def principle(self, view):
        return None

    def opening_calls(self, view):
        return []

    def offered(self, view):
        return False

    def can_decide(self, principle, view):
        return False


def prompts_in(folder: Path, changed: str) -> PromptLibrary:
    """The prompts, with a word more in one file."""
    shutil.copytree(default_folder(), folder)
    path = folder / changed
    path.write_text(path.read_text("utf-8") + "\n# Changed.\n", "utf-8")
    if changed.endswith(".md"):
        (folder / "manifest.json").unlink(missing_ok=True)
    return PromptLibrary(folder)


async def test_the_first_judgment_fixes_what_judges_and_the_service_tells_the_hash() -> None:
    async with serving() as served:
        told = (await served.http.get("/v1/pin", params={"recipe": "default"})).json()
        assert (await served.post(pinned())).status_code == 200
        assert (await served.post(pinned(pin=told["sha256"]))).status_code == 200
        assert told["parts"]["recipe"] == "default"
        assert told["parts"]["tools.check_tool_calls"] == "1"
        assert {"model.id", "model.revision", "recipe_sha256", "judge_agent"} <= set(told["parts"])


async def test_a_hash_that_is_not_the_current_one_is_refused_with_field_and_hash() -> None:
    async with serving() as served:
        answer = await served.post(pinned(pin="0" * 64))
        problem = answer.json()
        current = (await served.http.get("/v1/pin")).json()["sha256"]
        assert (answer.status_code, problem["code"], problem["field"]) == (409, "pin_drift", "run.pin")
        assert problem["changes"] == [{"part": "pin", "pinned": "0" * 64, "current": current}]
        assert (await served.http.get("/v1/judgments")).json()["data"] == []


async def test_another_recipe_in_a_pinned_run_is_refused_unless_the_request_opts_out() -> None:
    async with serving() as served:
        await served.post(pinned())
        for pin in (True, None):
            answer = await served.post(pinned(pin=pin, recipe="verify", principles=None))
            parts = [one["part"] for one in answer.json()["changes"]]
            assert answer.status_code == 409
            assert "recipe" in parts
            assert "recipe_sha256" in parts
        assert (await served.post(pinned(pin=False, recipe="verify", principles=None))).status_code == 200
        assert (await served.post(pinned(run="other", recipe="verify", principles=None))).status_code == 200


@pytest.mark.parametrize(
    ("changed", "part"),
    [
        ("recipes/default.toml", "recipe_sha256"),
        ("critique/", "prompts.critique"),
        ("tool", "tools.check_tool_calls"),
    ],
)
async def test_a_part_that_changes_over_a_restart_is_refused_by_its_name(
    changed: str, part: str, tmp_path: Path
) -> None:
    async with serving(tmp_path / "judge.db") as served:
        assert (await served.post(pinned())).status_code == 200
        prompts = [
            name for name in (await served.http.get("/v1/pin")).json()["parts"] if name.startswith("prompts.")
        ]
    if changed == "critique/":
        name = next(one for one in prompts if one.startswith("prompts.critique"))
        changed, part = f"{name.removeprefix('prompts.')}.md", name
    other = (
        {"tools": (OtherTool(),)}
        if changed == "tool"
        else {"prompts": prompts_in(tmp_path / "prompts", changed)}
    )
    async with serving(tmp_path / "judge.db", judge_type=judge_with(**other)) as served:
        answer = await served.post(pinned())
        assert answer.status_code == 409
        (change,) = answer.json()["changes"]
        assert change["part"] == part
        assert change["pinned"] != change["current"]
        assert part in answer.json()["detail"]
    async with serving(tmp_path / "judge.db") as served:
        assert (await served.post(pinned())).status_code == 200


async def test_a_model_server_that_comes_to_serve_other_weights_is_refused() -> None:
    async with (
        FakeServer(listed={"root": "weights-1"}) as server,
        OpenAIChatModel(server.base_url) as model,
        serving(model=model) as served,
    ):
        first = await served.post(pinned())
        assert first.json()["candidates"][0]["reward"] is not None
        server.listed["root"] = "weights-2"
        answer = await served.post(pinned())
        assert answer.status_code == 409
        assert [one["part"] for one in answer.json()["changes"]] == ["model.revision"]
        server.listed["root"] = "weights-1"
        assert (await served.post(pinned())).status_code == 200


async def test_weights_that_change_while_it_is_judged_leave_it_unscored() -> None:
    async with FakeServer(listed={"root": "1"}) as server, OpenAIChatModel(server.base_url) as model:

        def changing(answer: dict[str, Any]) -> dict[str, Any]:
            server.listed["root"] = "2"
            return answer

        server.edited = changing
        async with serving(model=model) as served:
            candidate = (await served.post(pinned(cache="no"))).json()["candidates"][0]
            assert (candidate["status"], candidate["reward"]) == ("unscored", None)
            assert candidate["failure_kind"] == "model_error"
            assert "model.revision" in candidate["failure_reason"]


async def test_a_drift_in_a_pinned_run_is_no_failure_of_the_same_request_outside_of_it() -> None:
    async with (
        FakeServer(listed={"root": "1"}, latency_seconds=0.3) as server,
        OpenAIChatModel(server.base_url) as model,
        serving(model=model) as served,
    ):

        def changing(answer: dict[str, Any]) -> dict[str, Any]:
            server.listed["root"] = "2"
            return answer

        server.edited = changing
        first = await served.post(pinned(), prefer="respond-async")
        free = await served.post(request())
        held = await served.http.get(first.headers["location"], headers={"Prefer": "wait=10"})
        assert held.json()["candidates"][0]["reward"] is None
        assert free.json()["candidates"][0]["reward"] is not None


async def test_an_answer_of_a_server_that_says_it_is_another_one_leaves_it_unscored() -> None:
    marks = iter(("a", "b"))

    def marked(answer: dict[str, Any]) -> dict[str, Any]:
        return answer | {"system_fingerprint": mark}

    async with FakeServer(edited=marked) as server, OpenAIChatModel(server.base_url) as model:
        async with serving(model=model) as served:
            mark = next(marks)
            first = (await served.post(pinned(cache="no"))).json()["candidates"][0]
            mark = next(marks)
            second = (await served.post(pinned(cache="no"))).json()["candidates"][0]
            free = (await served.post(pinned(cache="no", pin=False))).json()["candidates"][0]
        assert first["reward"] is not None
        assert (second["reward"], second["failure_kind"]) == (None, "model_error")
        assert "fake b" in second["failure_reason"]
        assert free["reward"] is not None


async def test_a_model_that_does_not_say_what_it_is_gives_a_pinned_run_no_reward() -> None:
    async with FakeServer() as server:
        url = server.base_url
    async with OpenAIChatModel(url) as model, serving(model=model) as served:
        told = await served.http.get("/v1/pin")
        assert (told.status_code, told.json()["code"]) == (503, "unavailable")
        candidate = (await served.post(pinned())).json()["candidates"][0]
        assert (candidate["reward"], candidate["failure_kind"]) == (None, "model_unreachable")


async def test_a_change_between_acceptance_and_judging_leaves_it_unscored(tmp_path: Path) -> None:
    gate = asyncio.Event()
    async with serving(
        tmp_path / "judge.db", model=ScriptedModel(otherwise=Held(gate, by_schema()))
    ) as served:
        answer = await served.post(pinned(), prefer="respond-async")
        assert answer.status_code == 202
    other = ScriptedModel(id="other")
    async with serving(
        tmp_path / "judge.db", model=other, judge_type=judge_with(tools=(OtherTool(),))
    ) as served:
        location = answer.headers["location"]
        ended = (await served.http.get(location, headers={"Prefer": "wait=10"})).json()["candidates"][0]
        assert (ended["reward"], ended["status"]) == (None, "unscored")
        assert "tools.check_tool_calls" in ended["failure_reason"]


async def test_a_judgment_that_was_judged_before_a_drift_is_answered_again_by_its_key(tmp_path: Path) -> None:
    async with serving(tmp_path / "judge.db") as served:
        first = await served.post(pinned(), idempotency_key="k")
    drifted = judge_with(tools=(OtherTool(),))
    async with serving(tmp_path / "judge.db", judge_type=drifted) as served:
        again = await served.post(pinned(), idempotency_key="k")
        assert (again.status_code, again.json()) == (200, first.json())
        assert (await served.post(pinned(), idempotency_key="new")).status_code == 409


async def test_runs_of_two_tenants_with_one_name_have_pins_of_their_own() -> None:
    keys = {"ada": "a" * 32, "bob": "b" * 32}
    async with serving(api_keys=tuple(keys.items())) as served:
        for tenant, recipe in (("ada", "default"), ("bob", "verify")):
            body = pinned(recipe=recipe, principles=None)
            answer = await served.post(body, authorization=f"Bearer {keys[tenant]}")
            assert answer.status_code == 200


@pytest.mark.parametrize(
    ("run", "field"),
    [
        ({"id": ""}, "run.id"),
        ({"id": "r", "step": -1}, "run.step"),
        ({"id": "r", "step": 2**60}, "run.step"),
        ({"id": "r", "pin": "ABC"}, "run.pin"),
        ({"id": "r", "stap": 1}, "run.stap"),
    ],
)
async def test_a_run_that_is_no_run_is_refused_by_its_field(run: dict[str, Any], field: str) -> None:
    async with serving() as served:
        answer = await served.post(request(run=run))
        assert answer.status_code == 422
        assert answer.json()["field"].startswith(field)
