"""Canaries: a judge that no longer tells good from bad is noticed, told everywhere, and believed again when it does."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from api.auth import make_key
from api.canaries import CanaryWatch
from api.settings import from_environment
from judge_agent.canaries import CANARY_TENANT, Canary, canaries_of, outcome
from judge_agent.cli import main
from judge_agent.errors import InvalidRequest, ModelError
from judge_agent.models.instances import first
from judge_agent.models.scripted import Answer, Held, ScriptedModel, ScriptedRequest, by_schema
from judge_agent.schema import CandidateResult, Judgment
from judge_agent.store import SqliteStore
from tests.service.served import Served, request, serving, serving_in_a_thread

pytestmark = pytest.mark.anyio
GOOD = "The answer is 90."
Path_ = tuple[str | int, ...]


class Judging:
    """A model that tells the canaries' good answers from the others while it is `fair`, and likes all when not."""

    fair = True

    def __call__(self, asked: ScriptedRequest) -> Answer:
        is_good = GOOD in asked.text or "It is 4." in asked.text

        def choose(path: Path_, options: Sequence[Any]) -> Any:
            if path != ("choice",):
                return first(path, options)
            verdicts = [option for option in options if option != "cannot_assess"]
            return verdicts[-1] if is_good or not self.fair else verdicts[0]

        return by_schema(choose)(asked)


def watch(**changes: Any) -> CanaryWatch:
    return CanaryWatch(
        **{"share": 1.0, "seconds": None, "look_seconds": 0.02, "retry_seconds": 0.1} | changes
    )


@asynccontextmanager
async def watched(
    judging: Callable[[ScriptedRequest], Answer], path: Path | None = None, **changes: Any
) -> AsyncIterator[Served]:
    settings = {name: changes.pop(name) for name in ("canary_ready", "max_running") if name in changes}
    model = ScriptedModel(otherwise=judging)
    async with serving(path, model=model, canaries=watch(**changes), **settings) as served:
        yield served


async def until(found: Callable[[], Awaitable[bool]]) -> None:
    """Wait, at most 15 s, until something holds of the service."""
    for _ in range(300):
        if await found():
            return
        await asyncio.sleep(0.05)
    pytest.fail("it never came to hold")


async def status(served: Served) -> str:
    return str((await served.http.get("/health/ready")).json()["status"])


async def table(served: Served, recipe: str = "default") -> dict[str, dict[str, Any]]:
    rows = (await served.http.get("/v1/canaries")).json()["data"]
    return {row["canary"]: row for row in rows if row["recipe"] == recipe}


async def all_judged(served: Served) -> bool:
    return all(row["judged"] for row in (await table(served)).values())


async def used(served: Served, count: int = 8) -> None:
    for seed in range(count):
        await served.post(request(seed=1000 + seed))


async def test_a_fair_judge_passes_them_all_and_nobody_sees_them() -> None:
    async with watched(Judging()) as served:
        await used(served)
        await until(lambda: all_judged(served))
        found = await table(served)
        assert {name: row["state"] for name, row in found.items()} == dict.fromkeys(
            ("empty", "master_key", "good_and_bad", "injected_verdict"), "passed"
        ), found
        assert await status(served) == "ready"
        listed = (await served.http.get("/v1/judgments?limit=100")).json()["data"]
        assert len(listed) == 8
        assert not any("canary_failed" in one["flags"] for one in listed)
        hidden = await served.parts.store.list(CANARY_TENANT, limit=100)
        assert len(hidden.rows) >= 4
        assert (await served.http.get(f"/v1/judgments/{hidden.rows[0].id}")).status_code == 404
        assert not any(json.loads(row.judgment or "{}").get("cached_from") for row in hidden.rows)
        text = (await served.http.get("/metrics")).text
    assert 'judge_judgments_total{cached="no",recipe="default",state="done"} 8.0' in text
    assert 'judge_canary_failed{canary="good_and_bad",recipe="default"} 0.0' in text


async def test_a_judge_that_likes_everything_is_told_stamped_and_believed_again() -> None:
    judging = Judging()
    judging.fair = False
    async with watched(judging) as served:
        assert await status(served) == "ready"
        await used(served)
        await until(lambda: all_judged(served))
        ready = await served.http.get("/health/ready")
        assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
        failed = {row["canary"] for row in ready.json()["checks"]["canaries"]["failed"]}
        assert failed == {"good_and_bad", "injected_verdict"}
        stamped = (await served.post(request(seed=1))).json()
        told = stamped["flags"]["canary_failed"]
        assert told["recipe"] == "default"
        assert {one["canary"] for one in told["canaries"]} == failed
        assert all(one["since"].startswith("20") for one in told["canaries"])
        assert stamped["candidates"][0]["reward"] is not None
        other = (await served.post(request(recipe="verify"))).json()
        assert "canary_failed" not in other["flags"]
        text = (await served.http.get("/metrics")).text
        assert 'judge_canary_failed{canary="good_and_bad",recipe="default"} 1.0' in text

        judging.fair = True

        async def is_ready() -> bool:
            return await status(served) == "ready"

        await until(is_ready)
        again = (await served.post(request(seed=1))).json()
        assert again["cached_from"] == stamped["id"]
        assert "canary_failed" not in again["flags"]


async def test_a_service_may_be_told_to_be_unready_while_a_canary_fails() -> None:
    judging = Judging()
    judging.fair = False
    async with watched(judging, canary_ready="unready") as served:
        await used(served)
        await until(lambda: all_judged(served))
        ready = await served.http.get("/health/ready")
        assert (ready.status_code, ready.json()["status"]) == (503, "not_ready")
        assert ready.json()["checks"]["canaries"]["ok"] is False
        assert ready.headers["retry-after"]


async def test_a_judge_that_gives_no_score_has_not_failed_and_that_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def down(_: ScriptedRequest) -> Answer:
        return ModelError("model_unreachable", "refused")

    async with watched(down) as served:
        await used(served)

        async def is_told() -> bool:
            checks = (await served.http.get("/health/ready")).json()["checks"]
            return bool(checks["canaries"]["unknown"])

        await until(is_told)
        found = await table(served)
        assert await status(served) == "ready"
    assert found["good_and_bad"]["state"] == "unknown"
    assert "model_unreachable" in found["good_and_bad"]["detail"]
    assert found["empty"]["state"] == "passed"
    said = [record for record in caplog.records if getattr(record, "event", "") == "canary_unknown"]
    assert len({(record.facts["recipe"], record.facts["canary"]) for record in said}) == len(said)


async def test_what_failed_stays_failed_while_nothing_is_known_and_across_a_restart(tmp_path: Path) -> None:
    judging = Judging()
    judging.fair = False
    async with watched(judging, tmp_path / "judge.db") as served:
        await used(served)
        await until(lambda: all_judged(served))

    def down(_: ScriptedRequest) -> Answer:
        return ModelError("model_unreachable", "refused")

    async with watched(down, tmp_path / "judge.db") as served:
        assert "canary_failed" in (await served.post(request(seed=1))).json()["flags"]

        async def is_unknown() -> bool:
            return (await table(served))["good_and_bad"]["unknown_since"] is not None

        await until(is_unknown)
        assert (await table(served))["good_and_bad"]["state"] == "failed"
        assert await status(served) == "degraded"


async def test_a_canary_of_a_recipe_that_is_gone_degrades_nothing(tmp_path: Path) -> None:
    path = tmp_path / "judge.db"
    async with SqliteStore.opened(path) as store:
        assert await store.canaries.take("gone", "empty", now=1.0, until=2.0)
        await store.canaries.settle("gone", "empty", "failed", at=1.0, judgment_id="jdg_1", detail="")
    async with watched(Judging(), path) as served:
        assert await status(served) == "ready"


async def test_they_wait_while_others_do_and_come_by_time_without_traffic() -> None:
    gate = asyncio.Event()
    fair = Judging()
    async with watched(lambda asked: Held(gate, fair(asked)), max_running=1, share=1.0) as served:
        await served.post(request(seed=1), prefer="respond-async")
        for seed in range(2, 6):
            await served.post(request(seed=seed), prefer="respond-async")
        await asyncio.sleep(0.1)
        assert not (await served.parts.store.list(CANARY_TENANT)).rows
        gate.set()
        await until(lambda: all_judged(served))
    async with watched(fair, share=0.0, seconds=1.0) as served:
        await served.post(request())
        await until(lambda: all_judged(served))


async def test_without_the_settings_there_are_none() -> None:
    async with serving() as served:
        for seed in range(3):
            await served.post(request(seed=seed))
        assert not (await served.parts.store.list(CANARY_TENANT)).rows
        shown = (await served.http.get("/v1/canaries")).json()
        assert "canaries" not in (await served.http.get("/health/ready")).json()["checks"]
        text = (await served.http.get("/metrics")).text
    assert (shown["share"], shown["seconds"]) == (0.0, None)
    assert {row["state"] for row in shown["data"]} == {"unknown"}
    names = {sample.name for one in text_string_to_metric_families(text) for sample in one.samples}
    assert "judge_canary_failed" not in names


async def test_one_worker_tells_what_another_has_judged(tmp_path: Path) -> None:
    judging = Judging()
    judging.fair = False
    path = tmp_path / "judge.db"
    async with watched(judging, path) as served, SqliteStore.opened(path, exclusive=False) as store:
        other = watch(look_seconds=0.02)
        idle = asyncio.create_task(other.run(served.parts.queue, store, served.parts.judge))
        await used(served)
        await until(lambda: all_judged(served))

        async def knows() -> bool:
            return len(other.failing()) == 2

        await until(knows)
        idle.cancel()
    assert other.stamp("default")["canary_failed"]["recipe"] == "default"
    assert other.stamp("verify") == {}


async def test_a_worker_whose_own_canary_hangs_tells_what_others_find_meanwhile(tmp_path: Path) -> None:
    path, gate, fair = tmp_path / "judge.db", asyncio.Event(), Judging()
    hanging, held = asyncio.Event(), asyncio.Event()

    def answer(asked: ScriptedRequest) -> Answer:
        if not hanging.is_set():
            return fair(asked)
        held.set()
        return Held(gate, fair(asked))

    async with (
        watched(answer, path, retry_seconds=60.0) as served,
        SqliteStore.opened(path, exclusive=False) as other,
    ):
        await used(served, 4)
        hanging.set()
        await used(served, 4)  # remembered: nobody but canaries asks the model
        await asyncio.wait_for(held.wait(), 10)
        now = time.time()
        assert await other.canaries.take("verify", "empty", now=now, until=now + 60)
        await other.canaries.settle("verify", "empty", "failed", at=now, judgment_id="jdg_1", detail="")

        async def is_degraded() -> bool:
            return await status(served) == "degraded"

        await until(is_degraded)
        stamped = (await served.post(request(recipe="verify"))).json()
        assert stamped["flags"]["canary_failed"]["recipe"] == "verify"
        states = [row.state for row in (await served.parts.store.list(CANARY_TENANT, limit=100)).rows]
        assert states.count("running") == 1
        gate.set()


async def test_the_table_is_for_whoever_has_a_key_that_may_read() -> None:
    async with serving() as served:
        key = make_key("ada", "judge")
        await served.parts.store.add_key(key.row)
        refused = await served.http.get("/v1/canaries", headers={"X-Api-Key": key.secret})
        assert refused.status_code == 403
        assert (await served.http.get("/v1/canaries")).status_code == 401


def judged(**rewards: float | None) -> Judgment:
    results = tuple(
        CandidateResult(id=id_, status="scored" if reward is not None else "unscored", reward=reward)
        for id_, reward in rewards.items()
    )
    return Judgment(id="jdg_1", state="done", created=0.0, candidates=results)


def canary(**changes: Any) -> Canary:
    return Canary("one", "default", {"prompt": "?"}, (("good", "a"), ("bad", "b")), **changes)


def test_what_came_out_is_read_by_rewards_alone() -> None:
    best, least, both = canary(best="good"), canary(at_most=("bad",)), canary(orders=True)
    assert outcome(best, [judged(good=0.9, bad=0.1)]).state == "passed"
    assert outcome(best, [judged(good=0.5, bad=0.5)]).state == "failed"
    assert outcome(best, [judged(good=0.9, bad=None)]).state == "unknown"
    assert outcome(best, [judged(good=None, bad=1.0)]).state == "unknown"
    assert outcome(best, []).state == "unknown"
    assert outcome(least, [judged(good=None, bad=0.1)]).state == "passed"
    assert outcome(least, [judged(good=1.0, bad=0.11)]).state == "failed"
    assert outcome(least, [judged(good=1.0, bad=None)]).state == "unknown"
    same, flipped = judged(good=1.0, bad=0.0), judged(good=0.0, bad=1.0)
    assert outcome(both, [same, same]).state == "passed"
    assert outcome(both, [same, flipped]).state == "failed"
    assert outcome(both, [same, judged(good=0.5, bad=0.5)]).state == "failed"
    assert outcome(both, [same, judged(good=0.5, bad=None)]).state == "unknown"
    assert outcome(both, [same]).state == "unknown"


async def test_every_recipe_has_canaries_that_it_accepts() -> None:
    async with serving() as served:
        for recipe in served.parts.judge.recipes():
            found = canaries_of(recipe)
            names = [one.name for one in found]
            assert {"empty", "master_key", "good_and_bad", "injected_verdict"} <= set(names)
            compared = recipe["protocols"][0] in ("pairwise", "listwise", "tournament")
            assert ("swapped_order" in names) == compared
            for one in found:
                requests = one.requests(7)
                assert len(requests) == (2 if one.orders else 1)
                for wanted in requests:
                    served.parts.judge.check(wanted)
                    assert wanted.cache == "no"


def test_the_command_line_shows_the_table_of_a_recipe(capsys: pytest.CaptureFixture[str]) -> None:
    with serving_in_a_thread(model=ScriptedModel(otherwise=Judging())) as served:
        assert main(["canaries", "default", "--url", served.url]) == 0
        shown = capsys.readouterr().out
        assert [line.split()[:3] for line in shown.splitlines()] == [
            ["default", name, "passed"]
            for name in ("empty", "master_key", "good_and_bad", "injected_verdict")
        ]
        assert main(["canaries", "nothing", "--url", served.url]) == 3
    with serving_in_a_thread() as served:
        assert main(["canaries", "--json", "--url", served.url]) == 1
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["state"] for line in lines if line["canary"] == "good_and_bad"} == {"failed"}


def test_no_key_can_be_of_the_tenant_of_canaries(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "--data-dir", str(tmp_path), "add", CANARY_TENANT]) == 3
    assert "begins with a colon" in capsys.readouterr().err
    with pytest.raises(InvalidRequest, match="JUDGE_API_KEYS"):
        from_environment({"JUDGE_API_KEYS": f"{CANARY_TENANT}:{'k' * 32}"})
