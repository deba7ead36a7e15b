"""Every call that was made is in the usage and in the log, cut off or of unknown cost; and why none was made."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from judge_agent.errors import ModelError
from judge_agent.journal import MemoryJournal, MemorySharedResults
from judge_agent.judge import Judge
from judge_agent.log import AuditLogWriter, show
from judge_agent.models import OpenAIChatModel, ScriptedModel
from judge_agent.models.fake_server import FakeServer
from judge_agent.prompting import default_folder
from judge_agent.recipes import load_recipes
from judge_agent.schema import JudgmentRequest
from judge_agent.seams.model import TokenUsage
from judge_agent.seams.tool import OpeningCall, ToolResult

pytestmark = pytest.mark.anyio
ASKING = sorted(name for name, recipe in load_recipes(default_folder()).items() if recipe.models)
TWO = [{"id": name, "trajectory": {"text": f"It is 4{name}, as anyone can see."}} for name in ("2", "3")]
TASK = {"prompt": "What is six times seven?", "reference": {"answer": "42"}}
RULES = [{"name": f"rule_{n}", "description": f"The answer meets demand number {n}."} for n in range(40)]


class Hanging(ScriptedModel):
    """A model that hears every question and never answers."""

    def __init__(self) -> None:
        super().__init__()
        self.heard = 0

    async def complete(self, messages, **settings):
        return await self._hang()

    async def likelihood(self, messages, continuation, *, timeout_seconds):
        return await self._hang()

    async def _hang(self):
        self.heard += 1
        return await asyncio.Event().wait()


def logged(judge, type_):
    return [event for event in judge.log.events if event.type == type_]


# By `edit` nobody is asked about candidates without pictures.
@pytest.mark.parametrize("recipe", [name for name in ASKING if name != "edit"])
async def test_a_model_call_that_the_deadline_cut_off_is_logged_and_counted(bench, recipe):
    model = Hanging()
    judge = bench(model)
    body = {"candidates": TWO, "recipe": recipe, "task": TASK, "granularity": None}
    judgment = await judge.judge(**body, budget={"seconds": 0.3})
    events = logged(judge, "model.call")
    assert model.heard == len(events) == judgment.usage.model_calls == judgment.usage.useless_calls > 0
    assert {event.fields["failure_kind"] for event in events} == {"deadline"}
    assert all(event.contents["messages"] for event in events), "what was asked is kept"
    assert {result.failure_kind for result in judgment.candidates} == {"deadline"}


class Endless:
    """A tool whose opening calls never end."""

    name, version, description, parameters = "endless", "1", "Waits.", {}

    def principle(self, view):
        return None

    def opening_calls(self, view):
        return [OpeningCall({"number": number}) for number in range(3)]

    def offered(self, view):
        return False

    def can_decide(self, principle, view):
        return False

    async def run(self, arguments, view, *, timeout_seconds) -> ToolResult:
        await asyncio.Event().wait()
        raise AssertionError("never")


@pytest.mark.parametrize("recipe", ["verify", "default"])
async def test_a_tool_call_that_the_deadline_cut_off_is_logged_and_counted(bench, recipe):
    judge = bench(tools=[Endless()])
    judgment = await judge.judge(text="It is 42.", recipe=recipe, budget={"seconds": 0.3})
    events = logged(judge, "tool.call")
    assert len(events) == judgment.usage.tool_calls == 3
    assert {event.fields["failure_kind"] for event in events} == {"deadline"}
    assert sorted(event.contents["arguments"]["number"] for event in events) == [0, 1, 2]


async def test_the_log_says_for_which_candidate_a_call_was_made(bench):
    judge = bench()
    judgment = await judge.judge(candidates=TWO, principles=RULES[:1], granularity=["outcome"])
    events = logged(judge, "model.call")
    assert len(events) == judgment.usage.model_calls == 2
    assert {event.node for event in events} == {"critique/rule_0/0"}
    assert sorted(event.fields["candidates"] for event in events) == [["2"], ["3"]]


async def test_the_account_of_a_judgment_tells_the_calls_of_two_candidates_apart(tmp_path):
    async def anchor(*head: object) -> None:
        """Nobody checks this chain."""

    async with AuditLogWriter(tmp_path, anchor=anchor) as log:
        judge = Judge(
            model=ScriptedModel(), tools=(), journal=MemoryJournal(), shared=MemorySharedResults(), log=log
        )
        request = JudgmentRequest.model_validate({"task": TASK, "candidates": TWO, "principles": RULES[:1]})
        await judge.judge(request, judgment_id="j1", tenant="t", created=0.0)
    account = show(tmp_path, "j1")
    assert "model call in critique/rule_0/0 for 2: " in account
    assert "model call in critique/rule_0/0 for 3: " in account


async def test_a_call_that_two_candidates_asked_for_is_one_call_that_names_both(bench):
    thoughts = {"a": "so it is", "b": "is it so"}
    candidates = [
        {
            "id": name,
            "trajectory": {
                "messages": [
                    {"role": "user", "content": "What is six times seven?"},
                    {"role": "assistant", "content": "It is 42.", "reasoning_content": thought},
                ]
            },
        }
        for name, thought in thoughts.items()
    ]
    judge = bench()
    judgment = await judge.judge(candidates=candidates, principles=RULES[:1], granularity=["outcome"])
    (event,) = logged(judge, "model.call")
    assert judgment.usage.model_calls == 1
    assert event.fields["candidates"] == ["a", "b"]


async def spent_with(bench, mode, **body):
    async with FakeServer(misbehave=mode) as server, OpenAIChatModel(server.base_url, "fake") as model:
        judge = bench(model)
        judgment = await judge.judge(
            text="It is forty-two, 42, since 6*7=42. " * 20,
            principles=RULES,
            granularity=["outcome"],
            budget={"model_tokens": 10_000},
            **body,
        )
        return judge, judgment, len(server.requests)


async def test_a_server_that_tells_no_usage_does_not_get_round_the_budget(bench):
    _, told, told_requests = await spent_with(bench, "none")
    judge, untold, requests = await spent_with(bench, "no_usage")
    assert told.usage.estimated_calls == 0
    assert untold.candidates[0].failure_kind == "budget_exhausted"
    assert 0 < requests <= told_requests
    assert untold.usage.estimated_calls == untold.usage.model_calls == requests
    spent = untold.usage.prompt_tokens + untold.usage.completion_tokens
    assert 5_000 < spent <= 10_000
    assert all(event.fields["estimated"] for event in logged(judge, "model.call"))


class Untold(ScriptedModel):
    """A model that tells only what `told` says of its tokens."""

    def __init__(self, told: TokenUsage) -> None:
        super().__init__()
        self._told = told

    async def complete(self, messages, **settings):
        return replace(await super().complete(messages, **settings), usage=self._told)


@pytest.mark.parametrize("told", [TokenUsage(), TokenUsage(prompt=7), TokenUsage(completion=9)])
async def test_what_a_server_tells_of_its_tokens_stays_and_the_rest_is_estimated(bench, told):
    judge = bench(Untold(told))
    judgment = await judge.judge(text="It is 42.", principles=RULES[:1], granularity=["outcome"])
    usage = judgment.usage
    assert usage.estimated_calls == 1
    assert (usage.prompt_tokens == told.prompt) == bool(told.prompt)
    assert (usage.completion_tokens == told.completion) == bool(told.completion)
    assert min(usage.prompt_tokens, usage.completion_tokens) > 0


async def test_an_estimate_is_the_same_after_a_restart(bench, as_request):
    judge = bench(Untold(TokenUsage()))
    body = {"text": "It is 42.", "principles": RULES[:3], "granularity": ["outcome"]}
    first = await judge.judge(**body)
    again = await judge.judge_with(Hanging()).judge(
        as_request(body), judgment_id="j1", tenant="t", created=0.0, resumed=True
    )
    assert again.usage.replayed_calls == again.usage.estimated_calls == 3
    assert again.usage.prompt_tokens == first.usage.prompt_tokens


class Absent(ScriptedModel):
    def __init__(self, kind) -> None:
        super().__init__()
        self._kind = kind

    async def info(self):
        raise ModelError(self._kind, "the model is on holiday")


@pytest.mark.parametrize("recipe", [name for name in ASKING if name != "rlpr"])
@pytest.mark.parametrize("kind", ["model_unreachable", "model_error"])
async def test_why_there_is_no_model_is_the_reason_of_every_recipe(bench, recipe, kind):
    judge = bench(Absent(kind))
    judgment = await judge.judge(candidates=TWO, recipe=recipe)
    for result in judgment.candidates:
        assert (result.status, result.reward, result.failure_kind) == ("unscored", None, kind)
        assert "the model is on holiday" in result.failure_reason
    (event,) = [event for event in logged(judge, "node.finished") if event.node == "judge"]
    assert event.fields == {"failure_kind": kind, "reason": "the model is on holiday"}


@pytest.mark.parametrize("recipe", ASKING)
async def test_a_service_without_a_model_says_so_by_every_recipe(bench, recipe):
    judge = bench()
    judgment = await judge.judge_with(None).judge(two_by(recipe), judgment_id="j1", tenant="t", created=0.0)
    for result in judgment.candidates:
        assert (result.status, result.failure_kind) == ("unscored", "model_unreachable")
        assert "runs without a model" in result.failure_reason


def two_by(recipe):
    return JudgmentRequest.model_validate({"task": TASK, "candidates": TWO, "recipe": recipe})


@pytest.mark.parametrize("recipe", ["default", "themis"])
async def test_a_password_in_the_models_address_is_refused_and_not_repeated(bench, recipe):
    async with FakeServer() as server:
        address = server.base_url.replace("http://", "http://joe:hunter2x9secret@")
        async with OpenAIChatModel(address, "fake") as model:
            result = await bench(model).one(text="It is 42.", recipe=recipe, principles=RULES[:1])
    assert result.failure_kind == "model_error"
    assert "user name or password" in result.failure_reason
    assert "hunter2" not in result.failure_reason


async def test_a_wrong_model_name_is_the_models_error_and_names_those_that_are_there(bench):
    async with FakeServer(model="fake") as server, OpenAIChatModel(server.base_url, "other") as model:
        result = await bench(model).one(text="It is 42.", recipe="themis", principles=RULES[:1])
    assert result.failure_kind == "model_error"
    assert "has no model 'other'; it has ['fake']" in result.failure_reason
