"""What a trainer reads of its run: steps, alarms, flat numbers; strictly by tenant, and after a restart."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from judge_agent.models.scripted import Held, ScriptedModel, by_schema
from judge_agent.store.runs import Point, RunEnd
from tests.runs.made_points import made, without_nan
from tests.service.served import Served, request, serving
from tests.store.stores import accepted

pytestmark = pytest.mark.anyio


def of_step(step: int | None, run: str = "r", **changes: Any) -> dict[str, Any]:
    return request(run={"id": run} | ({} if step is None else {"step": step}), **changes)


async def run_of(served: Served, run: str = "r", **query: Any) -> dict[str, Any]:
    answer = await served.http.get(f"/v1/runs/{run}", params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    without_nan(found)
    return found


async def filled(served: Served, step: int, points: list[Point], run: str = "r") -> None:
    """Keep points for the tenant of a service without keys."""
    lease = await accepted(served.parts.store, f"{run}/{step}", tenant="local")
    assert await served.parts.store.finish(
        lease, "{}", elapsed_seconds=1.0, points=RunEnd("local", run, step, tuple(points))
    )


async def test_judgments_are_counted_by_their_steps_with_what_they_were() -> None:
    async with serving() as served:
        first = (await served.post(of_step(1))).json()
        again = (await served.post(of_step(2))).json()
        run = await run_of(served)
        assert [one["step"] for one in run["steps"]] == [1, 2]
        one, two = run["steps"]
        assert one["reward"]["mean"] == first["candidates"][0]["reward"] is not None
        assert one["length"]["mean"] == len("It is 4.")
        assert one["judgments"] == one["points"] == 1
        assert (one["cached_share"], two["cached_share"]) == (0.0, 1.0)
        assert again["cached_from"] == first["id"]
        assert one["tokens"]["total"] == sum(
            first["usage"][name] for name in ("prompt_tokens", "completion_tokens")
        )
        assert run["overall"]["points"] == 2


async def test_a_judge_that_failed_is_in_the_unscored_share_and_in_no_mean() -> None:
    async with serving() as served:
        await served.post(of_step(1, recipe="verify", principles=None))
        (step,) = (await run_of(served))["steps"]
        assert (step["unscored_share"], step["failures"]["no_evidence"]["count"]) == (1.0, 1)
        assert (step["reward"]["n"], step["reward"]["mean"]) == (0, None)
        assert step["dimensions"]["correctness"]["mean"] is None


async def test_a_cancelled_judgment_is_counted_once_as_what_it_is() -> None:
    gate = asyncio.Event()
    async with serving(model=ScriptedModel(otherwise=Held(gate, by_schema()))) as served:
        answer = await served.post(of_step(1), prefer="respond-async")
        await served.http.post(f"/v1/judgments/{answer.json()['id']}:cancel")
        (step,) = (await run_of(served))["steps"]
        assert step["failures"] == {"cancelled": {"count": 1, "share": 1.0}}


async def test_a_judgment_that_a_restart_interrupted_counts_once(tmp_path: Path) -> None:
    gate = asyncio.Event()
    async with serving(
        tmp_path / "judge.db", model=ScriptedModel(otherwise=Held(gate, by_schema()))
    ) as served:
        answer = await served.post(of_step(5), prefer="respond-async")
    async with serving(tmp_path / "judge.db") as served:
        await served.http.get(answer.headers["location"], headers={"Prefer": "wait=10"})
        run = await run_of(served)
        assert [(one["step"], one["points"]) for one in run["steps"]] == [(5, 1)]
    async with serving(tmp_path / "judge.db") as served:
        assert (await run_of(served))["overall"]["points"] == 1


async def test_judgments_without_a_run_are_in_none() -> None:
    async with serving() as served:
        await served.post(request())
        assert (await served.http.get("/v1/runs")).json() == {
            "object": "list",
            "data": [],
            "next_cursor": None,
        }
        assert (await served.http.get("/v1/runs/r")).status_code == 404


async def test_steps_come_page_by_page_and_the_newest_without_a_first_step() -> None:
    async with serving() as served:
        for step in (None, *range(6)):
            await served.post(of_step(step))
        newest = await run_of(served, limit=2, overall="no")
        assert ([one["step"] for one in newest["steps"]], newest["earlier_steps"]) == ([4, 5], True)
        assert "overall" not in newest
        page = await run_of(served, from_step=1, to_step=4, limit=3)
        assert ([one["step"] for one in page["steps"]], page["next_from_step"]) == ([1, 2, 3], 4)
        last = await run_of(served, from_step=4, to_step=4)
        assert ([one["step"] for one in last["steps"]], last["next_from_step"]) == ([4], None)
        assert [one["step"] for one in (await run_of(served))["steps"]] == [None, *range(6)]


async def test_flat_numbers_are_finite_and_of_the_newest_step_asked_for() -> None:
    async with serving() as served:
        for step in (1, 2):
            await served.post(of_step(step, cache="no"))
        found = await run_of(served, format="flat")
        assert found["judge/step"] == 2.0
        assert found["judge/unscored_share"] == 0.0
        assert {"judge/reward_mean", "judge/points", "judge/seconds/p99", "judge/alarms"} <= set(found)
        assert all(isinstance(value, float) for value in found.values())
        assert (await run_of(served, format="flat", to_step=1))["judge/step"] == 1.0
        assert await run_of(served, format="flat", from_step=9) == {}


async def test_an_alarm_is_in_the_answer_the_log_and_the_metrics_and_is_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serving() as served:
        with caplog.at_level(logging.WARNING, "judge_agent.service"):
            points = [replace(one, flags="injection") for one in made(3, 20)]
            await filled(served, 7, points)
            served.parts.watch.note(RunEnd("local", "r", 7, ()))
            await served.parts.watch.look()
            lines = [one.getMessage() for one in caplog.records if "run.alarm" in one.getMessage()]
            assert any("name=hack_share value=1 limit=0.05" in line for line in lines)
            run = await run_of(served)
            told = {alarm["name"]: alarm for alarm in run["alarms"]}
            assert (told["hack_share"]["step"], told["hack_share"]["limit"]) == (7, 0.05)
            await run_of(served)
            assert [one.getMessage() for one in caplog.records if "run.alarm" in one.getMessage()] == lines
        again = {alarm["name"]: alarm for alarm in (await run_of(served))["alarms"]}
        assert again["hack_share"]["since"] == told["hack_share"]["since"]
        metrics = (await served.http.get("/metrics")).text
        assert 'judge_run_alarms{name="hack_share"} 1.0' in metrics


async def test_thresholds_belong_to_a_run_and_null_turns_an_alarm_off() -> None:
    async with serving() as served:
        points = [replace(one, flags="injection") for one in made(3, 20)]
        for run in ("exp/1", "exp/2"):
            await filled(served, 7, points, run=run)
        kept = await served.http.put(
            "/v1/runs/exp/1/alarms", json={"hack_share": None, "unscored_share": 0.01}
        )
        assert (kept.status_code, kept.json()["hack_share"]) == (200, None)
        one, two = await run_of(served, "exp/1"), await run_of(served, "exp/2")
        assert "hack_share" not in [alarm["name"] for alarm in one["alarms"]]
        assert "hack_share" in [alarm["name"] for alarm in two["alarms"]]
        assert one["thresholds"]["unscored_share"] == 0.01
        wrong = await served.http.put("/v1/runs/exp/1/alarms", json={"hack_share": 2})
        assert (wrong.status_code, wrong.json()["field"]) == (422, "hack_share")
        unknown = await served.http.put("/v1/runs/exp/1/alarms", json={"hacks": 0.1})
        assert (unknown.status_code, unknown.json()["field"]) == (422, "hacks")


async def test_a_tenant_sees_its_own_runs_alone() -> None:
    keys = {"ada": "a" * 32, "bob": "b" * 32}
    async with serving(api_keys=tuple(keys.items())) as served:
        ada, bob = ({"Authorization": f"Bearer {key}"} for key in keys.values())
        await served.http.post("/v1/judgments", json=of_step(1), headers=ada)
        assert (await served.http.get("/v1/runs/r", headers=bob)).status_code == 404
        assert (await served.http.get("/v1/runs", headers=bob)).json()["data"] == []
        (run,) = (await served.http.get("/v1/runs", headers=ada)).json()["data"]
        assert (run["id"], run["last_step"], run["pin"]) == ("r", 1, None)
        assert (await served.http.get("/v1/runs")).status_code == 401


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"from_step": "-1"}, "from_step"),
        ({"from_step": 5, "to_step": 4}, "to_step"),
        ({"limit": 0}, "limit"),
        ({"format": "xml"}, "format"),
        ({"form": "flat"}, "form"),
    ],
)
async def test_a_wrong_query_is_refused_by_its_field(query: dict[str, Any], field: str) -> None:
    async with serving() as served:
        await served.post(of_step(1))
        answer = await served.http.get("/v1/runs/r", params=query)
        assert (answer.status_code, answer.json()["field"]) == (422, field)


async def test_runs_are_listed_newest_first_and_page_by_page() -> None:
    async with serving() as served:
        for run in ("a", "b", "c"):
            await served.post(of_step(1, run=run))
        page = (await served.http.get("/v1/runs", params={"limit": 2})).json()
        assert [run["id"] for run in page["data"]] == ["c", "b"]
        rest = (await served.http.get("/v1/runs", params={"cursor": page["next_cursor"]})).json()
        assert ([run["id"] for run in rest["data"]], rest["next_cursor"]) == (["a"], None)
