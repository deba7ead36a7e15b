"""A judgment that one service accepts and another judges stays in the trace of its caller, in both stores."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from api.traces import JudgmentTraces, opened_traces
from judge_agent.store import Store
from tests.store.stores import Place, new

pytestmark = pytest.mark.anyio


def traced(store: Store, spans: InMemorySpanExporter) -> AbstractAsyncContextManager[JudgmentTraces]:
    return opened_traces(
        store.shared, provider_name="none", contents=False, processor=SimpleSpanProcessor(spans)
    )


async def kept(store: Store) -> bool:
    return await store.shared.get("ada", "trace/jdg_1") is not None


async def test_where_a_judgment_came_from_is_known_to_whoever_judges_it(place: Place, store: Store) -> None:
    accepted, ended = InMemorySpanExporter(), InMemorySpanExporter()
    async with traced(store, accepted) as accepting:
        span = accepting.request("POST", {})
        with trace.use_span(span, end_on_exit=True):
            accepting.accepting(new("jdg_1"))
        while not await kept(store):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    async with place.opened() as other, traced(other, ended) as judging:
        with judging.judging("jdg_1", "verify", await judging.origin("ada", "jdg_1")):
            pass
        with judging.judging("jdg_2", "verify", await judging.origin("ada", "jdg_2")):
            pass
        assert await judging.origin("bob", "jdg_1") == {}
    (asked,) = accepted.get_finished_spans()
    judged, alone = ended.get_finished_spans()
    assert judged.context.trace_id == asked.context.trace_id
    assert judged.parent is not None
    assert judged.parent.span_id == asked.context.span_id
    assert alone.context.trace_id != asked.context.trace_id
    assert alone.parent is None
