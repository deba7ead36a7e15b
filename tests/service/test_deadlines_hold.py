"""A judgment ends by its `budget.seconds`, whatever it waits for: a model server, a box, the store, its own peers.

What it waits for is hung for good in each of these, so an end is the deadline's doing. The next judgment is judged.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from judge_agent.journal import MemoryJournal, MemorySharedResults
from judge_agent.judge import Judge
from judge_agent.log import MemoryLog
from judge_agent.models.fake_server import FakeServer
from judge_agent.models.openai_chat import OpenAIChatModel
from judge_agent.models.scripted import ScriptedModel
from judge_agent.schema import JudgmentRequest
from judge_agent.seams.sandbox import Box, BoxResult, Limits, Program, Sandbox
from judge_agent.seams.storage import Journal, JournalEntry, SharedResults
from tests.service.served import Served, request, serving
from tools.run_tests import RunTests

pytestmark = pytest.mark.anyio
SECONDS = 1.5
# What lies past the deadline: looking up what is known takes at most one second, writing the end what is left.
GRACE_SECONDS = 2.0
TESTS = {"kind": "call", "entry_point": "f", "hidden": [{"args": [1], "expected": 1}]}


class Endless:
    """A TCP server that takes every connection and does with it as `mode` says; `release` makes it behave.

    `hang` never answers, `drip` sends the head of an answer and then a byte a second, for ever.
    """

    def __init__(self, mode: str, behind: FakeServer) -> None:
        self.mode = mode
        self._behind = behind
        self._done = asyncio.Event()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        finally:
            self._done.set()
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self.mode == "behave":
                await self._passed_on(reader, writer)
            else:
                await self._held(writer)
        except ConnectionError:
            pass  # the client has left, as it should
        finally:
            writer.close()

    async def _held(self, writer: asyncio.StreamWriter) -> None:
        if self.mode == "drip":
            writer.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n{"
            )
        while not self._done.is_set():
            try:
                async with asyncio.timeout(1.0):
                    await self._done.wait()
            except TimeoutError:
                if self.mode == "drip":
                    writer.write(b" ")
                    await writer.drain()

    async def _passed_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        port = int(self._behind.base_url.rpartition(":")[2].partition("/")[0])
        other_reader, other_writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            async with asyncio.TaskGroup() as ways:
                ways.create_task(_copied(reader, other_writer))
                ways.create_task(_copied(other_reader, writer))
        finally:
            other_writer.close()


async def _copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


def judge_of(**other: Any) -> Any:
    """A judge with other parts than the double of the service."""
    return lambda **given: Judge(**(given | other))


async def ended_in_time(served: Served, kind: str, **changes: Any) -> dict[str, Any]:
    """Post a judgment of `SECONDS`; it must end by then and the grace, unscored for `kind` alone."""
    before = time.monotonic()
    answer = await served.post(request(**({"budget": {"seconds": SECONDS}} | changes)))
    took = time.monotonic() - before
    judgment = answer.json()
    [candidate] = judgment["candidates"]
    told = (judgment["state"], candidate["status"], candidate["failure_kind"], candidate["reward"])
    assert told == ("done", "unscored", kind, None), candidate
    assert took < SECONDS + GRACE_SECONDS
    return dict(judgment)


async def is_judged(served: Served, **changes: Any) -> None:
    """The next judgment, of another task, is scored."""
    answer = await served.post(request(task={"prompt": "What is 2+3?"}, **changes))
    [candidate] = answer.json()["candidates"]
    assert candidate["status"] == "scored", candidate


@pytest.mark.parametrize("mode", ["hang", "drip"])
async def test_a_server_that_says_nothing_of_its_model_takes_no_longer_than_the_judgment_has(
    mode: str,
) -> None:
    async with FakeServer() as behind:
        endless = Endless(mode, behind)
        async with (
            endless.serving() as url,
            OpenAIChatModel(url) as model,
            serving(judge_type=judge_of(model=model)) as served,
        ):
            await ended_in_time(served, "deadline")
            endless.mode = "behave"
            await is_judged(served)


@pytest.mark.parametrize("mode", ["hang", "drip"])
async def test_a_model_call_without_an_end_takes_no_longer_than_the_judgment_has(mode: str) -> None:
    async with FakeServer() as behind:
        endless = Endless("behave", behind)
        async with (
            endless.serving() as url,
            OpenAIChatModel(url, "fake") as model,
            serving(judge_type=judge_of(model=model)) as served,
        ):
            await is_judged(served)
            await model.aclose()  # what is known of the model stays; its connections do not
            endless.mode = mode
            await ended_in_time(served, "deadline")
            endless.mode = "behave"
            await is_judged(served, cache="no")


async def test_a_pinned_run_does_not_wait_longer_for_a_server_that_hangs() -> None:
    async with FakeServer() as behind:
        endless = Endless("hang", behind)
        async with (
            endless.serving() as url,
            OpenAIChatModel(url) as model,
            serving(judge_type=judge_of(model=model)) as served,
        ):
            before = time.monotonic()
            body = request(budget={"seconds": SECONDS}, run={"id": "r", "step": 1, "pin": True})
            [candidate] = (await served.post(body)).json()["candidates"]
            assert (candidate["status"], candidate["failure_kind"]) == ("unscored", "deadline")
            # It asks when it is accepted, and once more when it is judged.
            assert time.monotonic() - before < 2 * SECONDS + GRACE_SECONDS
            endless.mode = "behave"
            await is_judged(served)


async def test_a_server_that_wants_an_hour_of_patience_is_not_waited_for() -> None:
    async with (
        FakeServer(misbehave="error_503_later:1") as server,
        OpenAIChatModel(server.base_url, "fake") as model,
        serving(judge_type=judge_of(model=model)) as served,
    ):
        judgment = await ended_in_time(served, "model_error")
        assert judgment["seconds"] < SECONDS
        await is_judged(served)


class NeverFree:
    """Boxes that nobody gets: whoever opens one waits until `free` is set."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.free = asyncio.Event()
        self.waiting = 0

        self.name, self.version = sandbox.name, sandbox.version

    async def run(self, program: Program, *, limits: Limits) -> BoxResult:
        await self._place()
        return await self._sandbox.run(program, limits=limits)

    @asynccontextmanager
    async def open(self, program: Program, *, limits: Limits) -> AsyncIterator[Box]:
        await self._place()
        async with self._sandbox.open(program, limits=limits) as opened:
            yield opened

    async def aclose(self) -> None:
        """The boxes are another one's."""

    async def _place(self) -> None:
        self.waiting += 1
        try:
            await self.free.wait()
        finally:
            self.waiting -= 1


def by_tests(prompt: str) -> dict[str, Any]:
    return {
        "recipe": "verify",
        "principles": None,
        "task": {"prompt": prompt, "reference": {"tests": TESTS}},
        "candidates": [{"id": "a", "trajectory": {"text": "```python\ndef f(n):\n    return n\n```"}}],
    }


async def test_a_box_that_never_gets_free_is_waited_for_no_longer_than_the_judgment_has(
    sandbox: Sandbox,
) -> None:
    boxes = NeverFree(sandbox)
    tools = (RunTests(boxes, concurrent_runs=1),)
    async with serving(judge_type=judge_of(tools=tools, model=None)) as served:
        # The second waits for the tool's own place, the first for a box.
        async with asyncio.TaskGroup() as both:
            both.create_task(ended_in_time(served, "deadline", **by_tests("Write f.")))
            both.create_task(ended_in_time(served, "deadline", **by_tests("Write f, again.")))
        assert boxes.waiting == 0
        boxes.free.set()
        answer = await served.post(request(**by_tests("Write f once more.")))
        assert answer.json()["candidates"][0]["reward"] == 1.0


class Slow:
    """A journal and shared results of a store that answers in an hour what `held` names, and all else at once."""

    def __init__(self, journal: Journal, shared: SharedResults, held: str) -> None:
        self._journal, self._shared, self.what = journal, shared, held

    async def _wait(self, name: str) -> None:
        if name == self.what:
            await asyncio.sleep(3600)

    async def load(self, judgment_id: str) -> Mapping[str, JournalEntry]:
        await self._wait("load")
        return await self._journal.load(judgment_id)

    async def append(self, judgment_id: str, entry: JournalEntry, *, lease: int | None = None) -> None:
        await self._wait("append_call" if entry.node != "judge" else "append_info")
        await self._journal.append(judgment_id, entry, lease=lease)

    async def held(self, judgment_id: str, lease: int) -> None:
        await self._journal.held(judgment_id, lease)

    async def get(self, tenant: str, key: str) -> Mapping[str, Any] | None:
        await self._wait("get_call" if key.startswith("call/") else "get_outcome")
        return await self._shared.get(tenant, key)

    async def put(
        self, tenant: str, key: str, value: Mapping[str, Any], *, replace: bool = False
    ) -> Mapping[str, Any]:
        await self._wait("put_call" if key.startswith("call/") else "put_outcome")
        return await self._shared.put(tenant, key, value, replace=replace)


@pytest.mark.parametrize(
    ("what", "principles"),
    [
        ("append_info", "given"),
        ("append_call", "given"),
        ("get_outcome", "given"),
        ("put_outcome", "given"),
        ("get_call", "generated"),
        ("put_call", "generated"),
    ],
)
async def test_a_store_that_is_slow_does_not_hold_a_judgment_past_its_time(
    what: str, principles: str
) -> None:
    slow = list[Slow]()

    def over_a_slow_store(**given: Any) -> Judge:
        slow.append(Slow(given["journal"], given["shared"], what))
        return Judge(**(given | {"journal": slow[0], "shared": slow[0]}))

    judging: Any = over_a_slow_store

    changes = {} if principles == "given" else {"principles": None}
    async with serving(judge_type=judging, model=ScriptedModel()) as served:
        await ended_in_time(served, "deadline", **changes)
        slow[0].what = ""
        await is_judged(served)


async def test_a_resumed_judgment_whose_journal_does_not_answer_ends_in_its_time() -> None:
    slow = Slow(MemoryJournal(), MemorySharedResults(), "load")
    judge = Judge(model=ScriptedModel(), tools=(), journal=slow, shared=slow, log=MemoryLog())
    asked = JudgmentRequest.model_validate(request(budget={"seconds": SECONDS}))
    async with asyncio.timeout(30):
        found = await judge.judge(asked, judgment_id="j", tenant="t", created=0.0, resumed=True, lease=2)
    assert [(one.status, one.failure_kind, one.reward) for one in found.candidates] == [
        ("unscored", "deadline", None)
    ]
