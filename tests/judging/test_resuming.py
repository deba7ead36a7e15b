"""Resuming: a judgment that is stopped anywhere ends as its unstopped twin, and repeats no finished call."""

from __future__ import annotations

import asyncio
import hashlib
import json

import pytest

from judge_agent.journal import MemoryJournal
from judge_agent.models import ScriptedModel
from judge_agent.schema import PrincipleSpec
from judge_agent.seams.tool import Finding, OpeningCall, ToolResult

pytestmark = pytest.mark.anyio


class Reader:
    """A tool that the model may ask; its calls take a turn of the loop."""

    name, version, description = "reader", "1", "Reads a page of the answer."
    parameters = {"type": "object", "properties": {"page": {"type": "integer"}}, "required": ["page"]}  # noqa: RUF012

    def __init__(self) -> None:
        self.calls: list[str] = []

    def principle(self, view):
        return PrincipleSpec(
            description="The first page reads well.", name="page_one", kind="hard", dimension="correctness"
        )

    def opening_calls(self, view):
        return [OpeningCall({"page": 1})]

    def offered(self, view):
        return True

    def can_decide(self, principle, view):
        return principle.tool == self.name

    async def run(self, arguments, view, *, timeout_seconds):
        key = json.dumps([dict(arguments), view.trajectory.model_dump(mode="json")], sort_keys=True)
        self.calls.append(key)
        await asyncio.sleep(0)
        return ToolResult("ok", f"page {arguments['page']}", (Finding("confirms", "hint"),))


def by_prompt(request):
    """Answers that depend on the prompt and the seed alone, some of them unusable."""
    digest = hashlib.sha256(f"{request.seed}{request.text}".encode()).digest()[0]
    if "you may check facts" in request.text:
        return {"thought": "hm", "call": {"tool": "reader", "arguments": {"page": digest % 3 + 2}}}
    if "You prepare the judging" in request.text:
        names = ["names every number used", "explains its working clearly", "answers in one short sentence"]
        items = [
            {
                "name": name,
                "description": f"The answer {name} and more.",
                "dimension": "correctness",
                "weight": 2,
            }
            for name in names
        ]
        return {"principles": items}
    if "single steps" in request.text:
        return {alias: {"reason": "seen", "label": "good"} for alias in request.schema["required"]}
    if digest % 4 == 0 and "could not be used" not in request.text:
        return "nonsense"
    return {
        "reason": "seen",
        "citations": [],
        "choice": "fail" if "pass" in str(request.schema) else str(digest % 5 + 1),
    }


class Stopping(ScriptedModel):
    """Stops for ever before the answer of the call of that number, as a killed process would."""

    def __init__(self, at: int | None = None) -> None:
        super().__init__(otherwise=by_prompt)
        self.at, self.started, self.stopped, self.answered = at, 0, asyncio.Event(), []

    async def complete(self, messages, **settings):
        number, self.started = self.started, self.started + 1
        await asyncio.sleep(0)
        if number == self.at:
            self.stopped.set()
            await asyncio.Event().wait()
        answer = await super().complete(messages, **settings)
        self.answered.append((messages, settings["seed"]))
        return answer


CANDIDATES = [
    {"id": "a", "trajectory": {"text": "Six times seven is 42."}},
    {"id": "b", "trajectory": {"text": "I think that it is 43."}},
]


def essence(judgment):
    data = judgment.model_dump(
        mode="json", exclude={"seconds": True, "usage": {"replayed_calls", "model_seconds", "tool_seconds"}}
    )
    for item in data["evidence"]:
        item["seconds"] = 0
    return data


async def unstopped(bench, as_request, **body):
    judge = bench(Stopping(), tools=[Reader()])
    return await judge.judge(**body), judge


@pytest.mark.parametrize("at", range(16))
async def test_a_judgment_stopped_at_any_model_call_ends_as_its_twin(bench, as_request, at):
    twin, _ = await unstopped(bench, as_request, candidates=CANDIDATES, seed=5)
    tool = Reader()
    first = Stopping(at)
    judge = bench(first, tools=[tool])
    request = as_request({"candidates": CANDIDATES, "seed": 5})
    running = asyncio.ensure_future(judge.judging.judge(request, judgment_id="j1", tenant="t", created=0.0))
    stopped = asyncio.ensure_future(first.stopped.wait())
    await asyncio.wait({running, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    assert not running.done(), "the judgment made fewer calls than this; lower the range"
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    second = Stopping()
    resumed = await judge.judge_with(second).judge(
        request, judgment_id="j1", tenant="t", created=0.0, resumed=True
    )
    assert essence(resumed) == essence(twin)
    finished = {str(answered) for answered in first.answered}
    repeated = finished & {str(answered) for answered in second.answered}
    assert not repeated
    assert len(tool.calls) == len(set(tool.calls))
    assert "judgment.resumed" in [event.type for event in judge.log.events]


class StoppingJournal(MemoryJournal):
    """Stops for ever before or after the write of that number."""

    def __init__(self, at: int, after: bool) -> None:
        super().__init__()
        self.at, self.after, self.writes, self.stopped = at, after, 0, asyncio.Event()

    async def append(self, judgment_id, entry, *, lease=None):
        number, self.writes = self.writes, self.writes + 1
        if number == self.at and not self.after:
            await self._stop()
        await super().append(judgment_id, entry)
        if number == self.at:
            await self._stop()

    async def _stop(self):
        self.stopped.set()
        await asyncio.Event().wait()


@pytest.mark.parametrize("after", [False, True], ids=["before the write", "after the write"])
@pytest.mark.parametrize("at", range(0, 20, 2))
async def test_a_judgment_stopped_at_any_write_of_the_journal_ends_as_its_twin(bench, as_request, at, after):
    twin, _ = await unstopped(bench, as_request, candidates=CANDIDATES, seed=5)
    judge = bench(Stopping(), tools=[Reader()])
    judge.journal = journal = StoppingJournal(at, after)
    request = as_request({"candidates": CANDIDATES, "seed": 5})
    running = asyncio.ensure_future(
        judge.judge_with(Stopping()).judge(request, judgment_id="j1", tenant="t", created=0.0)
    )
    await asyncio.wait_for(journal.stopped.wait(), 5)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    journal.at = -1
    resumed = await judge.judge_with(Stopping()).judge(
        request, judgment_id="j1", tenant="t", created=0.0, resumed=True
    )
    assert essence(resumed) == essence(twin)


async def test_a_finished_judgment_judged_again_asks_for_nothing(bench, as_request):
    twin, judge = await unstopped(bench, as_request, candidates=CANDIDATES)
    silent = ScriptedModel()
    request = as_request({"candidates": CANDIDATES})
    again = await judge.judge_with(silent).judge(
        request, judgment_id="j1", tenant="t", created=0.0, resumed=True
    )
    assert silent.requests == []
    assert essence(again) == essence(twin)
    usage = again.usage
    assert usage.replayed_calls >= usage.model_calls + usage.tool_calls - 1


async def test_the_shared_call_of_a_stopped_judgment_is_made_by_the_one_that_waits_for_it(bench, as_request):
    model = Stopping(0)
    judge = bench(model)
    requests = [as_request({"candidates": [candidate]}) for candidate in CANDIDATES]
    running = [
        asyncio.ensure_future(judge.judging.judge(request, judgment_id=f"j{index}", tenant="t", created=0.0))
        for index, request in enumerate(requests)
    ]
    await model.stopped.wait()
    running[0].cancel()
    second = await running[1]
    assert second.candidates[0].status == "scored"
    first = await judge.judging.judge(requests[0], judgment_id="j0", tenant="t", created=0.0, resumed=True)
    proposing = [request for request in model.requests if "You prepare the judging" in request.text]
    assert len(proposing) == 1
    names = [[p.name for p in judgment.candidates[0].principles] for judgment in (first, second)]
    assert names[0] == names[1]


class Waiting(ScriptedModel):
    """What it is asked about 42 waits for `released`; what it is asked a second time about 43 sets it, and hangs."""

    def __init__(self) -> None:
        super().__init__(otherwise=by_prompt)
        self.released, self.about_43 = asyncio.Event(), 0

    async def complete(self, messages, **settings):
        if "you may check facts" in messages[-1].content:
            self.about_43 += "43" in messages[-1].content
            if self.about_43 == 2:
                self.released.set()
                await asyncio.Event().wait()
            await (asyncio.sleep(0) if "43" in messages[-1].content else self.released.wait())
        return await super().complete(messages, **settings)


async def test_tool_calls_made_before_the_stop_count_against_the_share_of_the_candidate_that_had_them(
    bench, as_request
):
    reader, model = Reader(), Waiting()
    judge = bench(model, tools=[reader])
    request = as_request({"candidates": CANDIDATES, "budget": {"tool_calls": 2 * len(CANDIDATES) + 1}})
    running = asyncio.ensure_future(judge.judging.judge(request, judgment_id="j1", tenant="t", created=0.0))
    await model.released.wait()
    while sum("gather/reader" in entry.node for entry in (await judge.journal.load("j1")).values()) < 4:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    running.cancel()
    made = list(reader.calls)
    resumed = await judge.judge_with(Stopping()).judge(request, judgment_id="j1", tenant="t", created=0.0)
    assert reader.calls == made
    found = [
        [item.tool for item in resumed.evidence if candidate["id"] in item.candidate_ids].count("reader")
        for candidate in CANDIDATES
    ]
    assert found == [2, 2]
    stopped = [candidate.flags["gather_stopped"]["failure_kind"] for candidate in resumed.candidates]
    assert stopped == ["budget_exhausted"] * 2
    assert resumed.usage.tool_calls == len(made) == 4


async def test_time_before_the_stop_counts_and_time_in_between_does_not(bench, as_request):
    request = as_request({"text": "It is 42.", "budget": {"seconds": 10}})
    judge = bench()
    used_up = await judge.judging.judge(
        request, judgment_id="j1", tenant="t", created=0.0, elapsed_seconds=10.0, resumed=True
    )
    assert used_up.candidates[0].failure_kind == "deadline"
    assert used_up.candidates[0].reward is None
    going_on = await judge.judging.judge(
        request, judgment_id="j2", tenant="t", created=0.0, elapsed_seconds=3.0, resumed=True
    )
    assert going_on.candidates[0].status == "scored"
    assert 3.0 <= going_on.seconds < 4.0
