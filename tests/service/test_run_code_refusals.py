"""What POST /run_code turns away, and what it does where there is no room, no box, or a broken one."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx
import pytest

from judge_agent.errors import SandboxError
from judge_agent.seams.sandbox import Box, BoxResult, Limits, Program
from tests.service.served import Served, serving

pytestmark = pytest.mark.anyio
GOOD = {"code": "print(1)", "language": "python"}


class HeldBoxes:
    """Boxes that break so many times, and then hold each program until the gate opens."""

    name, version = "held", "1"

    def __init__(self, breaks: int = 0) -> None:
        self.gate = asyncio.Event()
        self.breaks = breaks
        self.cancelled = 0
        self.programs: list[Program] = []
        self.limits: list[Limits] = []

    async def run(self, program: Program, *, limits: Limits) -> BoxResult:
        self.programs.append(program)
        self.limits.append(limits)
        if self.breaks:
            self.breaks -= 1
            raise SandboxError("it broke")
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return BoxResult("ok", exit_code=0, stdout=b"1\n")

    def open(self, program: Program, *, limits: Limits) -> AbstractAsyncContextManager[Box]:
        raise NotImplementedError

    async def aclose(self) -> None:
        return None


async def posted(served: Served, **fields: Any) -> httpx.Response:
    return await served.http.post("/run_code", json=GOOD | fields)


async def until(told: Any) -> None:
    async with asyncio.timeout(10):
        while not told():  # noqa: ASYNC110 - what is waited for is another task's, and has no event
            await asyncio.sleep(0.005)


@pytest.fixture(scope="module")
async def served() -> AsyncIterator[Served]:
    boxes = HeldBoxes()
    boxes.gate.set()
    async with serving(sandbox=boxes, run_code_memory_mb=512, max_body_bytes=100_000) as found:
        yield found


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"code": None}, "code"),
        ({"code": 4}, "code"),
        ({"language": "brainfuck"}, "language"),
        ({"run_timeout": 0}, "run_timeout"),
        ({"run_timeout": -1}, "run_timeout"),
        ({"run_timeout": 601}, "run_timeout"),
        ({"run_timeout": "soon"}, "run_timeout"),
        ({"compile_timeout": -1}, "compile_timeout"),
        ({"memory_limit_MB": 513}, "memory_limit_MB"),
        ({"memory_limit_MB": 1.5}, "memory_limit_MB"),
        ({"stdin": ["x"]}, "stdin"),
        ({"files": {"../x": ""}}, "files"),
        ({"files": {"/etc/x": ""}}, "files"),
        ({"files": {"": ""}}, "files"),
        ({"files": {"a\x00b": ""}}, "files"),
        ({"files": {"a/" + "x" * 300: ""}}, "files"),
        ({"files": {"a": "no base64!"}}, "files"),
        ({"files": {"a": "QQ==", "a/b": "QQ=="}}, "files"),
        ({"files": {f"f{i}": "" for i in range(300)}}, "files"),
        ({"fetch_files": ["/etc/passwd"]}, "fetch_files"),
        ({"fetch_files": ["a/../../b"]}, "fetch_files"),
        ({"fetch_files": ["."]}, "fetch_files"),
        ({"fetch_files": ["a"] * 300}, "fetch_files"),
        ({"args": "-q"}, "args"),
    ],
)
async def test_a_wrong_field_is_named(served: Served, fields: dict[str, Any], field: str) -> None:
    answer = await posted(served, **fields)
    assert answer.status_code == 422, answer.text
    assert answer.json()["field"].split(".")[0] == field
    assert "Value error" not in answer.text
    assert len(answer.content) < 10_000


async def test_a_body_that_is_no_json_or_too_large_is_refused(served: Served) -> None:
    headers = {"Content-Type": "application/json"}
    assert (await served.http.post("/run_code", content=b"{", headers=headers)).status_code == 400
    assert (await served.http.post("/run_code", content=b"[]", headers=headers)).status_code == 422
    assert (await posted(served, code="x" * 100_001)).status_code == 413
    assert (await served.http.post("/run_code", content=b"code=1")).status_code == 415
    assert (await served.http.post("/run_code?debug=1", json=GOOD)).status_code == 422
    assert (await served.http.get("/run_code")).status_code == 405


async def test_what_is_asked_for_is_what_the_box_gets() -> None:
    boxes = HeldBoxes()
    boxes.gate.set()
    async with serving(sandbox=boxes) as served:
        content = base64.encodebytes(b"x" * 100).decode()
        await posted(served, run_timeout=2.5, memory_limit_MB=64, files={"a": content}, fetch_files=["b*"])
        await posted(served, memory_limit_MB=0, language="pytest")
        await posted(served)
    first, second, _ = boxes.programs
    assert (first.files["a"], list(first.collect), first.profile) == (b"x" * 100, ["b[*]"], "strict")
    assert second.warm == "pytest"
    assert [limits.memory_bytes >> 20 for limits in boxes.limits] == [64, 4096, 4096]
    assert [limits.wall_seconds for limits in boxes.limits] == [2.5, 10, 10]


async def test_a_box_that_breaks_once_is_replaced() -> None:
    boxes = HeldBoxes(breaks=1)
    boxes.gate.set()
    async with serving(sandbox=boxes) as served:
        assert (await posted(served)).json()["status"] == "Success"
    assert len(boxes.programs) == 2


async def test_a_box_that_breaks_twice_says_nothing_of_the_program() -> None:
    async with serving(sandbox=HeldBoxes(breaks=2)) as served:
        answer = await posted(served)
    told = answer.json()
    assert (answer.status_code, told["status"], told["run_result"]) == (200, "SandboxError", None)
    assert "it broke" in told["message"]


async def test_without_boxes_nothing_is_run_and_it_says_so() -> None:
    async with serving() as served:
        told = (await posted(served)).json()
    assert (told["status"], told["run_result"]) == ("SandboxError", None)
    assert "JUDGE_SANDBOX" in told["message"]


async def test_who_waits_too_long_for_a_box_gets_504_which_verl_tries_again() -> None:
    boxes = HeldBoxes()
    async with serving(sandbox=boxes, run_code_running=1) as served:
        parts = served.parts
        first = asyncio.create_task(posted(served))
        await until(lambda: boxes.programs)
        with pytest.raises(Exception, match="no box was free") as refused:
            await parts.runs.run(Program("1"), Limits(), wait_seconds=0.05)
        assert (refused.value.status, refused.value.headers["Retry-After"]) == (504, "1")
        boxes.gate.set()
        assert (await first).json()["status"] == "Success"
        assert (await posted(served)).json()["status"] == "Success"


async def test_when_too_many_wait_the_next_is_told_when_to_come_back() -> None:
    boxes = HeldBoxes()
    async with serving(sandbox=boxes, run_code_running=1, max_queued=1) as served:
        first = asyncio.create_task(posted(served))
        await until(lambda: boxes.programs)
        second = asyncio.create_task(posted(served))
        await until(lambda: served.parts.runs.waiting)
        full = await posted(served)
        assert (full.status_code, full.json()["code"]) == (429, "queue_full")
        assert int(full.headers["retry-after"]) > 0
        boxes.gate.set()
        assert [(await one).json()["status"] for one in (first, second)] == ["Success", "Success"]


async def test_programs_run_no_more_than_so_many_at_one_time() -> None:
    boxes = HeldBoxes()
    async with serving(sandbox=boxes, run_code_running=3) as served:
        posts = [asyncio.create_task(posted(served)) for _ in range(8)]
        await until(lambda: len(boxes.programs) == 3)
        await asyncio.sleep(0.05)
        assert len(boxes.programs) == 3
        boxes.gate.set()
        assert {(await one).json()["status"] for one in posts} == {"Success"}
        assert len(boxes.programs) == 8


async def test_a_program_whose_caller_has_gone_is_not_run() -> None:
    boxes = HeldBoxes()
    async with serving(sandbox=boxes, run_code_running=1) as served:
        first = asyncio.create_task(posted(served))
        await until(lambda: boxes.programs)
        with pytest.raises(httpx.ReadTimeout):
            await served.http.post("/run_code", json=GOOD, timeout=httpx.Timeout(5, read=0.2))
        await until(lambda: not served.parts.runs.waiting)
        boxes.gate.set()
        assert (await first).status_code == 200
        assert (await posted(served)).status_code == 200
    assert len(boxes.programs) == 2


async def test_a_program_whose_caller_hangs_up_is_stopped_and_its_place_is_free() -> None:
    boxes = HeldBoxes()
    async with serving(sandbox=boxes, run_code_running=1) as served:
        with pytest.raises(httpx.ReadTimeout):
            await served.http.post("/run_code", json=GOOD, timeout=httpx.Timeout(5, read=0.2))
        await until(lambda: boxes.cancelled)
        boxes.gate.set()
        assert (await posted(served)).json()["status"] == "Success"


async def test_a_service_that_stops_sends_away_who_waits() -> None:
    boxes = HeldBoxes()
    async with serving(sandbox=boxes, run_code_running=1) as served:
        first = asyncio.create_task(posted(served))
        await until(lambda: boxes.programs)
        waiting = asyncio.create_task(posted(served))
        await until(lambda: served.parts.runs.waiting)
        served.server.stop()
        answer = await waiting
        assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
        boxes.gate.set()
        assert (await first).json()["status"] == "Success"


async def test_a_program_that_outlasts_the_service_is_broken_off_and_says_nothing() -> None:
    boxes = HeldBoxes()
    async with serving(sandbox=boxes) as served:
        running = asyncio.create_task(posted(served))
        await until(lambda: boxes.programs)
        served.server.stop()
        answer = await running
    assert (answer.status_code, answer.json()["code"], boxes.cancelled) == (503, "unavailable", 1)


async def test_keys_are_needed_where_there_are_keys_and_may_stand_in_the_url() -> None:
    boxes = HeldBoxes()
    boxes.gate.set()
    key = "0123456789abcdef"
    async with serving(sandbox=boxes, api_keys=f"ada:{key}") as served:
        assert (await posted(served)).status_code == 401
        assert not boxes.programs
        for headers in ({"Authorization": f"Bearer {key}"}, {"X-Api-Key": key}):
            assert (await served.http.post("/run_code", json=GOOD, headers=headers)).status_code == 200
        url = served.url.replace("http://", f"http://any:{key}@") + "/run_code"
        async with httpx.AsyncClient() as client:
            assert (await client.post(url, json=GOOD)).status_code == 200
        for wrong in ("Basic", "Basic !", "Basic " + base64.b64encode(b"ada:wrong").decode()):
            answer = await served.http.post("/run_code", json=GOOD, headers={"Authorization": wrong})
            assert answer.status_code == 401
