"""Judgments of one tenant share what tools found: equal calls are made once, and nobody's failure is another's."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from judge_agent.errors import SandboxError
from judge_agent.journal import MemoryJournal, MemorySharedResults
from judge_agent.judge import Judge
from judge_agent.log import MemoryLog
from judge_agent.models import ScriptedModel
from judge_agent.models.scripted import by_schema
from judge_agent.schema import Judgment, JudgmentRequest, PrincipleSpec
from judge_agent.seams.tool import DecidingTool, Finding, OpeningCall, ToolResult, ToolView
from judge_agent.tool_cache import ToolCache
from judge_agent.trajectory import final_answer

pytestmark = pytest.mark.anyio
TASK = {"prompt": "Say it calmly."}
KIND = {"description": "It is kind.", "dimension": "communication"}
KEY = ("t", "key")


class Calm(DecidingTool):
    """Refutes an answer in capitals, and counts how often it is run; `gate` holds it up, `fails` breaks it."""

    name, version, parameters = "calm", "1", {}
    description = "Refutes an answer in capitals."
    decides = PrincipleSpec(name="calm", description="It is calm.", kind="hard", dimension="correctness")

    def __init__(self, *, fails: int = 0, held: bool = False, status: Any = "ok", size: int = 0) -> None:
        self.runs, self.cut_off = 0, 0
        self._fails, self._status, self._size = fails, status, size
        self.begun, self.gate = asyncio.Event(), asyncio.Event()
        if not held:
            self.gate.set()

    def opening_calls(self, view: ToolView) -> tuple[OpeningCall, ...]:
        return (OpeningCall(),)

    async def run(
        self, arguments: Mapping[str, Any], view: ToolView, *, timeout_seconds: float
    ) -> ToolResult:
        self.runs += 1
        self.begun.set()
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cut_off += 1
            raise
        if self.runs <= self._fails:
            raise SandboxError("the box broke")
        calm = not final_answer(view.trajectory).isupper()
        finding = Finding("confirms" if calm else "refutes", "decisive", float(calm))
        return ToolResult(self._status, {"calm": calm, "much": "x" * self._size}, (finding,))


class Fickle(Calm):
    """One whose results do not repeat."""

    repeats = False


class Bench:
    """Judges with one tool and one cache; each judge has a journal of its own, as each judgment has its entries."""

    def __init__(self, tool: Calm, max_bytes: int = 1_000_000) -> None:
        self.tool, self.log, self.journal = tool, MemoryLog(), MemoryJournal()
        self._cache = ToolCache(max_bytes)
        self._shared = MemorySharedResults()

    def judge(self) -> Judge:
        return Judge(
            model=ScriptedModel(otherwise=by_schema()),
            tools=(self.tool,),
            journal=self.journal,
            shared=self._shared,
            log=self.log,
            tool_cache=self._cache,
        )

    async def judged(
        self, id: str, text: str = "calm words", *, tenant: str = "t", resumed: bool = False, **fields: Any
    ) -> Judgment:
        request = JudgmentRequest.model_validate(
            {
                "task": TASK,
                "candidates": [{"id": "a", "trajectory": {"text": text}}],
                "recipe": "verify",
                # Budgets are no part of what a tool is asked, but of what a judgment is remembered by.
                "pass_threshold": int(id.removeprefix("j")) / 1000,
            }
            | fields
        )
        return await self.judge().judge(request, judgment_id=id, tenant=tenant, created=0.0, resumed=resumed)

    def calls_logged(self, id: str) -> list[Mapping[str, Any]]:
        return [one.fields for one in self.log.events if one.type == "tool.call" and one.judgment_id == id]


async def test_equal_candidates_under_other_recipes_are_checked_once() -> None:
    bench = Bench(Calm())
    first = await bench.judged("j1")
    second = await bench.judged("j2", recipe="default", principles=[KIND])
    assert bench.tool.runs == 1
    assert [one.candidates[0].vector["correctness"] for one in (first, second)] == [1.0, 1.0]
    assert (first.usage.tool_calls, second.usage.tool_calls, second.usage.replayed_calls) == (1, 0, 1)
    assert [fields.get("by") for fields in bench.calls_logged("j2")] == ["j1"]
    assert bench.calls_logged("j1")[0]["replayed"] is False


async def test_rewards_are_the_same_with_and_without_what_is_shared() -> None:
    bench, alone = Bench(Calm()), Bench(Calm())
    for text in ("calm words", "LOUD WORDS"):
        await bench.judged("j1", text)
        taken, made = await bench.judged("j2", text), await alone.judged("j2", text)
        told = [
            one.candidates[0].model_dump() | {"evidence": [e.output for e in one.evidence]}
            for one in (taken, made)
        ]
        assert told[0] == told[1]
    assert (bench.tool.runs, alone.tool.runs) == (2, 2)


@pytest.mark.parametrize(
    "other",
    [
        {"task": {"prompt": "Say it loudly."}},
        {"seed": 7},
        {"resources": {"corpora": [{"name": "c", "documents": [{"id": "d", "text": "x"}]}]}},
        {"tenant": "u"},
        {"text": "other words"},
    ],
    ids=str,
)
async def test_what_could_change_a_result_is_another_call(other: dict[str, Any]) -> None:
    bench = Bench(Calm())
    await bench.judged("j1")
    await bench.judged("j2", **other)
    assert bench.tool.runs == 2


async def test_requests_at_one_time_call_once() -> None:
    bench = Bench(Calm(held=True))
    judging = [asyncio.create_task(bench.judged(f"j{number}")) for number in range(1, 6)]
    await bench.tool.begun.wait()
    bench.tool.gate.set()
    judgments = await asyncio.gather(*judging)
    assert bench.tool.runs == 1
    assert {one.candidates[0].reward for one in judgments} == {1.0}
    assert sum(one.usage.tool_calls for one in judgments) == 1


@pytest.mark.parametrize(("cache", "runs"), [("no", 2), ("refresh", 2), ("yes", 1), (None, 1)])
async def test_a_request_says_whether_it_takes_over_what_others_made(cache: str | None, runs: int) -> None:
    bench = Bench(Calm())
    await bench.judged("j1")
    await bench.judged("j2", cache=cache)
    assert bench.tool.runs == runs


async def test_one_that_shares_nothing_leaves_nothing_and_one_that_refreshes_does() -> None:
    bench = Bench(Calm())
    await bench.judged("j1", cache="no")
    await bench.judged("j2", cache="refresh")
    await bench.judged("j3")
    assert bench.tool.runs == 2
    assert [fields.get("by") for fields in bench.calls_logged("j3")] == ["j2"]


async def test_a_tool_whose_results_do_not_repeat_is_asked_each_time() -> None:
    bench = Bench(Fickle())
    await bench.judged("j1")
    await bench.judged("j2")
    assert bench.tool.runs == 2


@pytest.mark.parametrize(("status", "runs"), [("failed", 1), ("refused", 1), ("timeout", 2)])
async def test_a_result_that_ran_out_of_time_is_not_kept(status: str, runs: int) -> None:
    bench = Bench(Calm(status=status))
    await bench.judged("j1")
    await bench.judged("j2")
    assert bench.tool.runs == runs


async def test_a_broken_box_is_nobodys_result() -> None:
    bench = Bench(Calm(fails=1))
    broken = await bench.judged("j1")
    assert (broken.candidates[0].reward, broken.candidates[0].status) == (None, "unscored")
    assert (await bench.judged("j2")).candidates[0].reward == 1.0


async def test_who_waited_for_a_call_that_failed_makes_it_again() -> None:
    bench = Bench(Calm(fails=1, held=True))
    judging = [asyncio.create_task(bench.judged(f"j{number}")) for number in range(1, 5)]
    await bench.tool.begun.wait()
    bench.tool.gate.set()
    rewards = [one.candidates[0].reward for one in await asyncio.gather(*judging)]
    assert (rewards.count(None), rewards.count(1.0)) == (1, 3)


async def test_ones_deadline_is_not_the_others() -> None:
    bench = Bench(Calm(held=True))
    hasty = asyncio.create_task(bench.judged("j1", budget={"seconds": 0.05}))
    await bench.tool.begun.wait()
    patient = asyncio.create_task(bench.judged("j2"))
    assert (await hasty).candidates[0].failure_kind == "deadline"
    bench.tool.gate.set()
    assert (await patient).candidates[0].reward == 1.0


async def test_what_was_asked_for_longest_ago_goes_first() -> None:
    bench = Bench(Calm(size=1000), max_bytes=8000)
    for number in range(1, 5):
        await bench.judged(f"j{number}", f"words {number}")
    await bench.judged("j5", "words 1")  # asked for again: it stays
    for number in range(6, 8):
        await bench.judged(f"j{number}", f"words {number}")
    runs = bench.tool.runs
    await bench.judged("j8", "words 1")
    assert bench.tool.runs == runs
    await bench.judged("j9", "words 2")
    assert bench.tool.runs == runs + 1


async def test_one_large_result_does_not_push_out_all_others() -> None:
    bench = Bench(Calm(size=5000), max_bytes=8000)
    await bench.judged("j1")
    await bench.judged("j2")
    assert bench.tool.runs == 2


async def test_a_resumed_judgment_reads_its_journal_and_not_what_is_shared() -> None:
    bench = Bench(Calm())
    await bench.judged("j1")
    taken = await bench.judged("j2", cache=None)
    again = Bench(bench.tool)
    again.journal = bench.journal
    resumed = await again.judged("j2", resumed=True)
    assert bench.tool.runs == 1
    assert resumed.candidates == taken.candidates
    assert resumed.usage.tool_calls == 0


class Work:
    """A call that ends when the gate opens."""

    def __init__(self) -> None:
        self.made, self.cut_off, self.gate = 0, 0, asyncio.Event()

    async def __call__(self) -> Mapping[str, Any]:
        self.made += 1
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cut_off += 1
            raise
        return {"status": "ok", "output": self.made}


async def begun(*calls: Any) -> list[asyncio.Task[Any]]:
    tasks = [asyncio.create_task(call) for call in calls]
    for _ in range(5):
        await asyncio.sleep(0)
    return tasks


async def test_one_that_is_called_off_does_not_call_off_the_others() -> None:
    cache, work = ToolCache(10_000), Work()
    first, second = await begun(*(cache.result(KEY, by, work, 60) for by in ("j1", "j2")))
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    third = (await begun(cache.result(KEY, "j3", work, 60)))[0]
    work.gate.set()
    assert [(await one)["by"] for one in (second, third)] == ["j1", "j1"]
    assert (work.made, work.cut_off) == (1, 0)


async def test_a_call_that_nobody_waits_for_any_more_is_called_off_and_may_be_made_again() -> None:
    cache, work = ToolCache(10_000), Work()
    waiting = await begun(*(cache.result(KEY, by, work, 60) for by in ("j1", "j2")))
    for one in waiting:
        one.cancel()
    await asyncio.wait(waiting)
    assert (work.made, work.cut_off) == (1, 1)
    work.gate.set()
    assert await cache.result(KEY, "j3", work, 60) == {"value": {"status": "ok", "output": 2}}


async def test_a_result_that_took_most_of_its_time_is_not_kept() -> None:
    cache, work = ToolCache(10_000), Work()
    asyncio.get_running_loop().call_later(0.02, work.gate.set)
    await cache.result(KEY, "j1", work, 0.03)
    assert "by" not in await cache.result(KEY, "j2", work, 60)
    assert (await cache.result(KEY, "j3", work, 60))["by"] == "j2"


async def test_who_waits_for_a_result_that_is_not_kept_makes_it_with_its_own_time() -> None:
    cache, work = ToolCache(10_000), Work()
    waiting = await begun(cache.result(KEY, "j1", work, 1e-9), cache.result(KEY, "j2", work, 60))
    work.gate.set()
    assert [(await one)["value"]["output"] for one in waiting] == [1, 2]


async def test_a_kept_result_cannot_be_changed_by_who_took_it() -> None:
    cache, work = ToolCache(10_000), Work()
    work.gate.set()
    await cache.result(KEY, "j1", work, 60)
    (await cache.result(KEY, "j2", work, 60))["value"]["output"] = "changed"
    assert (await cache.result(KEY, "j3", work, 60))["value"]["output"] == 1
