"""Calling a judgment off, and following one while it is judged."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from judge_agent.log import MemoryLog
from judge_agent.models.scripted import Held, ScriptedModel, ScriptedRequest, by_schema
from judge_agent.seams.storage import AuditEvent
from judge_agent.store import NewJudgment, SqliteStore
from tests.service.served import Served, request, serving

pytestmark = pytest.mark.anyio


class Never(ScriptedModel):
    """A model that is asked and does not answer."""

    def __init__(self) -> None:
        super().__init__(otherwise=self._held)
        self.asked = asyncio.Event()

    def _held(self, request: ScriptedRequest) -> Held:
        self.asked.set()
        return Held(asyncio.Event(), by_schema())


async def started(served: Served) -> str:
    answer = await served.post(request(), prefer="respond-async")
    assert isinstance(served.model, Never)
    await served.model.asked.wait()
    return str(answer.headers["location"])


async def events(http: httpx.AsyncClient, path: str, **headers: str) -> list[tuple[str, str, dict]]:
    """Every event of a stream that ends: (id, type, data)."""
    found, fields = [], {}
    async with http.stream("GET", f"{path}/events", headers=headers) as answer:
        assert answer.status_code == 200, answer.status_code
        async for line in answer.aiter_lines():
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
            elif "event" in fields:
                found.append((fields.get("id", ""), fields["event"], json.loads(fields["data"])))
                fields = {}
    return found


async def test_a_running_judgment_that_is_cancelled_ends_within_a_second_and_scores_nothing() -> None:
    async with serving(model=Never()) as served:
        path = await started(served)
        waiting = asyncio.create_task(served.http.get(path, headers={"Prefer": "wait=10"}))
        before = time.monotonic()
        answer = await served.http.post(f"{path}:cancel")
        assert time.monotonic() - before < 1.0
        body = answer.json()
        assert (answer.status_code, body["state"]) == (200, "cancelled")
        [candidate] = body["candidates"]
        assert (candidate["status"], candidate["failure_kind"], candidate["reward"]) == (
            "unscored",
            "cancelled",
            None,
        )
        assert set(candidate["vector"].values()) == {None}
        assert (await waiting).json() == body
        assert (await served.http.get(path)).json() == body
        assert served.parts.queue.running == 0


async def test_a_judgment_that_waits_for_its_turn_can_be_cancelled() -> None:
    async with serving(model=Never(), max_running=1) as served:
        await started(served)
        queued = await served.post(request(seed=2), prefer="respond-async")
        answer = await served.http.post(f"{queued.headers['location']}:cancel")
        assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")


async def test_what_has_ended_stays_as_it_is_when_it_is_cancelled() -> None:
    async with serving() as served:
        ended = (await served.post(request())).json()
        answer = await served.http.post(f"/v1/judgments/{ended['id']}:cancel")
        assert (answer.status_code, answer.json()) == (200, ended)
        assert (await served.http.post("/v1/judgments/jdg_no:cancel")).status_code == 404


async def test_who_asked_for_the_judgment_gets_its_cancelled_end() -> None:
    model = Never()
    async with serving(model=model) as served:
        posting = asyncio.create_task(served.post(request()))
        await model.asked.wait()
        [row] = (await served.http.get("/v1/judgments")).json()["data"]
        await served.http.post(f"/v1/judgments/{row['id']}:cancel")
        answer = await posting
        assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")


async def test_a_wish_to_cancel_outlives_a_killed_worker(tmp_path: Path) -> None:
    async with SqliteStore.opened(tmp_path / "judge.db") as store:
        text = json.dumps(request())
        await store.accept(NewJudgment("j1", "local", text, 1.0, worker="killed", lease_seconds=60))
        assert await store.cancel("j1", worker="other", lease_seconds=60) is None
    async with serving(tmp_path / "judge.db") as served:
        ended = await served.http.get("/v1/judgments/j1", headers={"Prefer": "wait=10"})
        assert ended.json()["state"] == "cancelled"
        assert served.model.requests == []


async def test_the_events_of_a_judgment_come_in_order_and_end_with_its_end() -> None:
    async with serving() as served:
        path = (await served.post(request(), prefer="respond-async")).headers["location"]
        found = await events(served.http, path)
        kinds = [kind for _, kind, _ in found]
        assert kinds[0] == "judgment.accepted"
        assert kinds[-1] == "judgment.done"
        assert kinds.count("judgment.done") == 1
        assert [data["node"] for _, kind, data in found if kind == "node.finished"] == [
            "screen",
            "propose",
            "gather",
            "critique",
            "decide",
        ]
        assert "model.call" in kinds
        numbers = [int(number) for number, _, _ in found]
        assert numbers == sorted(set(numbers))


async def test_a_stream_is_taken_up_after_its_last_event_and_then_is_over() -> None:
    async with serving() as served:
        path = (await served.post(request())).headers["location"]
        every = await events(served.http, path)
        rest = await events(served.http, path, **{"Last-Event-ID": every[2][0]})
        assert rest == every[3:]
        over = await served.http.get(f"{path}/events", headers={"Last-Event-ID": every[-1][0]})
        assert (over.status_code, over.content) == (204, b"")


async def test_events_come_while_the_judgment_runs_and_carry_no_content() -> None:
    async with serving(model=Never()) as served:
        path = await started(served)
        streaming = asyncio.create_task(events(served.http, path))
        await asyncio.sleep(0.05)
        await served.http.post(f"{path}:cancel")
        found = await asyncio.wait_for(streaming, 5)
        assert found[-1][1] == "judgment.cancelled"
        assert "What is 2+2" not in json.dumps(found)


@pytest.mark.parametrize("given", ["x", "-1", "1.5", "9" * 30])
async def test_an_event_id_that_is_none_is_refused(given: str) -> None:
    async with serving() as served:
        path = (await served.post(request())).headers["location"]
        answer = await served.http.get(f"{path}/events", headers={"Last-Event-ID": given})
        assert (answer.status_code, answer.json()["field"]) == (422, "Last-Event-ID")


async def test_a_stream_ends_when_the_service_stops() -> None:
    async with serving(model=Never()) as served:
        path = await started(served)
        streaming = asyncio.create_task(events(served.http, path))
        await asyncio.sleep(0.05)
        await served.stop()
        found = await asyncio.wait_for(streaming, 5)
        assert "judgment.done" not in [kind for _, kind, _ in found]


class SlowToEnd(MemoryLog):
    """Takes its time with the line that ends a judgment, and says when it begins."""

    def __init__(self) -> None:
        super().__init__()
        self.ending, self.go_on = asyncio.Event(), asyncio.Event()

    async def append(self, event: AuditEvent, **after: Any) -> None:
        if event.type == "judgment.done":
            self.ending.set()
            await self.go_on.wait()
        await super().append(event, **after)


@pytest.mark.parametrize("stop", ["cancel", "stop"])
async def test_what_is_being_ended_ends_once_whatever_comes(stop: str) -> None:
    log = SlowToEnd()
    async with serving(log=log) as served:
        posting = asyncio.create_task(served.post(request()))
        await log.ending.wait()
        [row] = (await served.http.get("/v1/judgments")).json()["data"]
        stopping = asyncio.create_task(
            served.http.post(f"/v1/judgments/{row['id']}:cancel") if stop == "cancel" else served.stop()
        )
        await asyncio.sleep(0.05)
        log.go_on.set()
        answer = await posting
        assert answer.json()["state"] == "done"
        assert answer.json()["candidates"][0]["status"] == "scored"
        await stopping
    assert [event.type for event in log.events if event.type.startswith("judgment.")] == [
        "judgment.accepted",
        "judgment.done",
    ]


class SlowToCancel(MemoryLog):
    """Has the line of a cancelled judgment on disk, and takes its time to say so."""

    def __init__(self) -> None:
        super().__init__()
        self.written, self.go_on = asyncio.Event(), asyncio.Event()

    async def append(self, event: AuditEvent, **after: Any) -> None:
        await super().append(event, **after)
        if event.type == "judgment.cancelled":
            self.written.set()
            await self.go_on.wait()


async def test_a_cancelled_judgment_ends_once_where_the_service_stops_meanwhile() -> None:
    log = SlowToCancel()
    async with serving(model=Never(), log=log, max_running=1) as served:
        await started(served)
        waiting = await served.post(request(seed=1), prefer="respond-async")
        cancelling = asyncio.create_task(served.http.post(f"{waiting.headers['location']}:cancel"))
        await log.written.wait()
        stopping = asyncio.create_task(served.stop())
        await asyncio.sleep(0.05)
        log.go_on.set()
        await asyncio.gather(cancelling, stopping)
    ends = [event.type for event in log.events if event.type == "judgment.cancelled"]
    assert ends == ["judgment.cancelled"]
