"""An end that is in the log is the end: a crash before it was kept in the database brings about no second one."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from judge_agent.journal import as_json
from judge_agent.judge import Judge
from judge_agent.log import AuditLogWriter, MemoryLog, heads_in, read, verify
from judge_agent.models.scripted import ScriptedModel
from judge_agent.schema import Judgment, JudgmentRequest
from judge_agent.store import NewJudgment, SqliteStore
from tests.service.served import request, serving

pytestmark = pytest.mark.anyio
ENDS = ("judgment.done", "judgment.cancelled")


async def left_open(path: Path, log: AuditLogWriter | MemoryLog, *, cancelled: bool = False) -> Judgment:
    """Judge to the line of the end and no further, as a worker that is killed right after it."""
    body = request(metadata={"key": "sk-abcdefghijklmnopqrstuvwxyz012345"})
    wanted = JudgmentRequest.model_validate(body)
    async with SqliteStore.opened(path) as store:
        new = NewJudgment("jdg_1", "local", as_json(body, "request"), time.time(), worker="killed")
        await store.accept(new)
        judge = Judge(model=ScriptedModel(), tools=(), journal=store.journal, shared=store.shared, log=log)
        asked = {"judgment_id": "jdg_1", "tenant": "local", "created": new.created}
        if cancelled:
            return await judge.cancelled(wanted, **asked)
        return await judge.judge(wanted, **asked, lease=1)


def ends_in(folder: Path) -> Counter[str]:
    return Counter(event.type for event in read(folder, "jdg_1") if event.type in ENDS)


async def ended(served: Any) -> dict[str, Any]:
    answer = await served.http.get("/v1/judgments/jdg_1", headers={"Prefer": "wait=15"})
    return dict(answer.json())


@pytest.mark.parametrize("cancelled", [False, True], ids=["done", "cancelled"])
async def test_a_logged_end_is_kept_as_it_is_and_not_written_again(tmp_path: Path, cancelled: bool) -> None:
    log = MemoryLog()
    first = await left_open(tmp_path / "judge.db", log, cancelled=cancelled)
    model = ScriptedModel()
    async with serving(tmp_path / "judge.db", log=log, model=model) as served:
        judgment = Judgment.model_validate(await ended(served))
    assert judgment == first
    assert model.requests == []
    assert [event.type for event in log.events if event.type in ENDS] == [f"judgment.{first.state}"]


async def test_the_folder_is_searched_whichever_writer_wrote_the_end(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    async with SqliteStore.opened(tmp_path / "heads.db") as heads:
        async with (
            AuditLogWriter(folder, anchor=heads.set_head),
            AuditLogWriter(folder, anchor=heads.set_head) as second,
        ):
            first = await left_open(tmp_path / "judge.db", second)
        async with AuditLogWriter(folder, anchor=heads.set_head) as third:
            found = await asyncio.gather(third.end("jdg_1", first.created), third.end("jdg_2", first.created))
            assert await third.end("jdg_1", first.created + 3600) is None, "no younger segment can hold it"
    assert found[1] is None
    assert Judgment.model_validate(found[0]).candidates == first.candidates
    # What the caller sent is kept from the log, and comes back from the request.
    assert found[0] is not None
    assert "abcdefghij" not in str(found[0]["metadata"])
    assert ends_in(folder) == {"judgment.done": 1}


async def test_a_torn_end_is_no_end(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    async with SqliteStore.opened(tmp_path / "heads.db") as heads:
        async with AuditLogWriter(folder, anchor=heads.set_head) as writer:
            first = await left_open(tmp_path / "judge.db", writer)
        segment = next(folder.glob("*.jsonl"))
        segment.write_bytes(segment.read_bytes()[:-20])
        async with AuditLogWriter(folder, anchor=heads.set_head) as writer:
            assert await writer.end("jdg_1", first.created) is None


async def test_verification_tells_of_judgments_with_two_ends(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    async with SqliteStore.opened(tmp_path / "heads.db") as heads:
        async with AuditLogWriter(folder, anchor=heads.set_head) as writer:
            await left_open(tmp_path / "one.db", writer)
            await left_open(tmp_path / "two.db", writer)
        doubled = verify(folder, heads_in(tmp_path / "heads.db"))
        async with AuditLogWriter(folder, anchor=heads.set_head) as writer:
            store = await _judge(writer)
            await store.superseded(judgment_id="jdg_1", tenant="local", lease=1)
        marked = verify(folder, heads_in(tmp_path / "heads.db"))
    assert any("more than one end, jdg_1" in note for note in doubled.notes)
    assert (marked.status, marked.notes) == ("intact", ())


async def _judge(log: AuditLogWriter) -> Judge:
    async with SqliteStore.opened(None) as store:
        return Judge(model=None, tools=(), journal=store.journal, shared=store.shared, log=log)


async def test_an_end_that_came_too_late_is_marked_in_the_log(tmp_path: Path) -> None:
    log = MemoryLog()

    class TakenOver(SqliteStore):
        """Another worker takes the judgment over between the last look at the lease and the end."""

        async def finish(self, *_: Any, **__: Any) -> None:
            """Keep nothing: the row is another worker's."""

    async with serving(tmp_path / "judge.db", log=log, store_type=TakenOver) as served:
        await served.post(request(), prefer="respond-async")
        async with asyncio.timeout(15):
            while not any(event.type == "judgment.superseded" for event in log.events):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    assert [
        event.fields["lease"]
        for event in log.events
        if event.type in ("judgment.done", "judgment.superseded")
    ][:2] == [1, 1]
