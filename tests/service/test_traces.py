"""A judgment is one trace: the caller's request, nodes, calls, and a result for each dimension of each candidate."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from api.settings import Settings
from api.traces import JudgmentTraces, opened_traces
from api.wanted_traces import wants_contents, wants_traces
from judge_agent.models.scripted import Held, ScriptedModel, ScriptedRequest, by_schema
from judge_agent.seams.storage import SharedResults
from tests.service.otlp_receiver import CLIENT, SERVER, Collector, collecting
from tests.service.served import Traced, request, serving

pytestmark = pytest.mark.anyio
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TRACE, SPAN = CALLER.split("-")[1:3]


def sent_to(url: str, *, contents: bool = False, **limits: Any) -> Traced:
    def traced(shared: SharedResults) -> AbstractAsyncContextManager[JudgmentTraces]:
        processor = BatchSpanProcessor(OTLPSpanExporter(url), schedule_delay_millis=20, **limits)
        return opened_traces(shared, provider_name="scripted", contents=contents, processor=processor)

    return traced


def with_a_tool_call() -> dict[str, Any]:
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
    call = {"id": "1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    messages = [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": "Sunny."},
        {"role": "assistant", "content": "It is 4."},
    ]
    return request(candidates=[{"id": "a", "trajectory": {"messages": messages, "tools": [tool]}}])


async def ended(collector: Collector, count: int = 1) -> None:
    await asyncio.to_thread(collector.waited_for, lambda: len(collector.named("judge ")) >= count)


async def test_a_judgment_is_one_trace_of_its_caller() -> None:
    with collecting() as collector:
        async with serving(traces=sent_to(collector.url)) as served:
            posted = await served.post(with_a_tool_call(), traceparent=CALLER)
            judgment = posted.json()
            await ended(collector)
    assert {one.trace_id for one in collector.spans} == {TRACE}
    (service,) = collector.named("POST /v1/judgments")
    assert (service.parent_id, service.kind, service.failed) == (SPAN, SERVER, False)
    assert service.attributes["http.route"] == "/v1/judgments"
    assert service.attributes["http.response.status_code"] == 200
    (judged,) = collector.named("judge ")
    assert (judged.name, judged.parent_id) == ("judge default", service.span_id)
    assert judged.attributes["judge_agent.judgment.id"] == judgment["id"]
    assert judged.attributes["judge_agent.judgment.state"] == "done"
    nodes = {one.name: one for one in collector.spans if one.parent_id == judged.span_id}
    assert set(nodes) == {"screen", "propose", "gather", "critique", "decide"}
    chats = collector.named("chat ")
    assert len(chats) == judgment["usage"]["model_calls"]
    for chat in chats:
        assert chat.kind == CLIENT
        assert chat.parent_id in {nodes["gather"].span_id, nodes["critique"].span_id}
        assert chat.attributes["gen_ai.operation.name"] == "chat"
        assert chat.attributes["gen_ai.provider.name"] == "scripted"
        assert chat.name == f"chat {chat.attributes['gen_ai.request.model']}"
    prompt_tokens = sum(chat.attributes["gen_ai.usage.input_tokens"] for chat in chats)
    assert prompt_tokens == judgment["usage"]["prompt_tokens"]
    (tool,) = collector.named("execute_tool ")
    assert (tool.name, tool.parent_id) == ("execute_tool check_tool_calls", nodes["gather"].span_id)
    assert tool.attributes["gen_ai.operation.name"] == "execute_tool"
    assert tool.attributes["gen_ai.tool.name"] == "check_tool_calls"
    assert judged.resource["service.name"] == "judge-agent"


async def test_each_dimension_of_each_candidate_has_its_result() -> None:
    with collecting() as collector:
        async with serving(traces=sent_to(collector.url)) as served:
            judgment = (await served.post(request())).json()
            await ended(collector)
    (judged,) = collector.named("judge ")
    assert {name for name, _ in judged.events} == {"gen_ai.evaluation.result"}
    found = {told["gen_ai.evaluation.name"]: told for _, told in judged.events}
    (candidate,) = judgment["candidates"]
    assert set(found) == {"reward", *candidate["vector"]}
    assert found["reward"]["gen_ai.evaluation.score.value"] == candidate["reward"]
    assert found["reward"]["gen_ai.evaluation.score.label"] in ("pass", "fail", "scored")
    for name, value in candidate["vector"].items():
        assert found[name].get("gen_ai.evaluation.score.value") == value
    assert not any("gen_ai.evaluation.explanation" in told for told in found.values())


async def test_a_judge_that_failed_gives_results_without_values() -> None:
    with collecting() as collector:
        model = ScriptedModel(otherwise="no verdict")
        async with serving(traces=sent_to(collector.url), model=model) as served:
            await served.post(request())
            await ended(collector)
    (judged,) = collector.named("judge ")
    for _, told in judged.events:
        assert "gen_ai.evaluation.score.value" not in told
        assert told["gen_ai.evaluation.score.label"] == "unscored"
        assert told["error.type"] == "model_unparseable"


async def test_contents_are_there_only_where_they_are_wanted() -> None:
    for contents in (False, True):
        with collecting() as collector:
            async with serving(traces=sent_to(collector.url, contents=contents)) as served:
                await served.post(with_a_tool_call())
                await ended(collector)
        sent = b"".join(collector.bodies)
        assert (b"What is 2+2?" in sent) == contents
        assert (b"It is 4." in sent) == contents
        chats = collector.named("chat ")
        assert all(("gen_ai.input.messages" in one.attributes) == contents for one in chats)
        explained = [told for _, told in collector.named("judge ")[0].events if "explanation" in str(told)]
        assert bool(explained) == contents


async def test_a_judgment_that_waits_or_is_taken_up_by_another_process_stays_in_its_trace(
    tmp_path: Path,
) -> None:
    gate = asyncio.Event()
    with collecting() as collector:
        traced = sent_to(collector.url)
        model = ScriptedModel(otherwise=Held(gate, by_schema()))
        async with serving(tmp_path / "judge.db", traces=traced, model=model, max_running=1) as served:
            for seed in range(2):
                await served.post(request(seed=seed), traceparent=CALLER, prefer="respond-async")
        assert len(collector.named("POST ")) == 2
        stopped = len(collector.named("judge "))
        async with serving(tmp_path / "judge.db", traces=traced) as served:
            for row in (await served.http.get("/v1/judgments")).json()["data"]:
                await served.http.get(f"/v1/judgments/{row['id']}", headers={"Prefer": "wait=10"})
            await ended(collector, stopped + 2)
    judged = [one for one in collector.named("judge ") if one.attributes.get("judge_agent.judgment.state")]
    assert len(judged) == 2
    assert {one.trace_id for one in judged} == {TRACE}
    assert {one.parent_id for one in judged} == {one.span_id for one in collector.named("POST ")}


async def test_one_that_is_answered_from_memory_and_one_that_is_called_off_say_so() -> None:
    asked, is_held = asyncio.Event(), False

    def answer(one: ScriptedRequest) -> Any:
        if not is_held:
            return by_schema()(one)
        asked.set()
        return Held(asyncio.Event(), by_schema())

    with collecting() as collector:
        model = ScriptedModel(otherwise=answer)
        async with serving(traces=sent_to(collector.url), model=model) as served:
            for _ in range(2):
                await served.post(request())
            is_held = True
            later = await served.post(request(seed=7), prefer="respond-async")
            await asked.wait()
            await served.http.post(f"{later.headers['location']}:cancel")
            await ended(collector, 4)
    states = [
        (one.attributes["judge_agent.judgment.state"], one.attributes["judge_agent.judgment.cached"])
        for one in collector.named("judge ")
        if "judge_agent.judgment.state" in one.attributes
    ]
    assert sorted(states) == [("cancelled", False), ("done", False), ("done", True)]


async def test_headers_that_are_no_trace_and_unsampled_callers_are_taken_as_w3c_says() -> None:
    with collecting() as collector:
        async with serving(traces=sent_to(collector.url)) as served:
            for wrong in ("", "00-00000000000000000000000000000000-b7ad6b7169203331-01", "x" * 5000):
                assert (await served.post(request(), traceparent=wrong)).status_code == 200
            await ended(collector, 3)
            unsampled = f"{CALLER[:-1]}0"
            assert (await served.post(request(seed=5), traceparent=unsampled)).status_code == 200
            assert (await served.http.get("/health/ready")).status_code == 200
    own = {one.trace_id for one in collector.named("judge ")}
    assert len(own) == 3
    assert {one.trace_id for one in collector.spans} == own


async def test_a_collector_that_is_not_there_or_hangs_delays_nothing() -> None:
    """A listener that never accepts hangs whoever waits for it; a queue of four spans is soon full."""
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        for url in ("http://127.0.0.1:9/v1/traces", f"http://127.0.0.1:{hanging.getsockname()[1]}/v1/traces"):
            limits = {"max_queue_size": 4, "max_export_batch_size": 2}
            began = time.monotonic()
            async with serving(traces=sent_to(url, **limits)) as served:
                for seed in range(10):
                    judgment = (await served.post(request(seed=seed))).json()
                    assert judgment["candidates"][0]["status"] == "scored"
                assert time.monotonic() - began < 5
                began = time.monotonic()
            assert time.monotonic() - began < 5


def test_traces_are_wanted_by_the_setting_or_by_the_variables_of_opentelemetry() -> None:
    endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}
    only_traces = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}
    auto, on, off = (Settings(traces=given) for given in ("auto", "on", "off"))
    assert not wants_traces(auto, {})
    assert wants_traces(auto, endpoint)
    assert wants_traces(auto, only_traces)
    assert not wants_traces(auto, endpoint | {"OTEL_SDK_DISABLED": "true"})
    assert not wants_traces(auto, endpoint | {"OTEL_TRACES_EXPORTER": "none"})
    assert wants_traces(on, {})
    assert not wants_traces(on, {"OTEL_SDK_DISABLED": "TRUE"})
    assert not wants_traces(off, endpoint)
    name = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
    wanted = {given: wants_contents({name: given}) for given in ("", "false", "NO_CONTENT", "EVENT_ONLY")}
    assert not any(wanted.values())
    assert all(wants_contents({name: given}) for given in ("true", "SPAN_ONLY", "SPAN_AND_EVENT"))
