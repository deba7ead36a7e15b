"""Opens the exporter of traces, as OpenTelemetry's own variables say, and closes it in bounded time.

Spans wait in a bounded queue (OTEL_BSP_MAX_QUEUE_SIZE) for a thread of their own: a collector that is slow, or not
there, costs spans and never time.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from api.traces.judgments import JudgmentTraces
from judge_agent.schema.request import MAX_CANDIDATES
from judge_agent.seams.storage import SharedResults
from judge_agent.version import __version__

NAME = "judge-agent"
CLOSE_SECONDS = 3.0
# One event for each candidate and for each of its dimensions, of which a request may declare 32.
MAX_EVENTS = MAX_CANDIDATES * 33


@asynccontextmanager
async def opened_traces(
    shared: SharedResults, *, provider_name: str, contents: bool, processor: SpanProcessor | None = None
) -> AsyncIterator[JudgmentTraces]:
    """Trace until the end of the block; what is left is sent then, for at most `CLOSE_SECONDS`.

    `provider_name` says who serves the model. `contents`: spans also hold what was asked and answered.
    `processor` takes the spans; None sends them by OTLP (HTTP, protobuf).
    """
    # What an exporter that cannot reach its collector says of each try would drown the log.
    logging.getLogger("opentelemetry").setLevel(logging.ERROR)
    provider = TracerProvider(
        resource=_resource(), shutdown_on_exit=False, span_limits=SpanLimits(max_events=MAX_EVENTS)
    )
    provider.add_span_processor(processor or BatchSpanProcessor(OTLPSpanExporter()))
    tracer = provider.get_tracer(NAME, __version__)
    try:
        yield JudgmentTraces(tracer, shared, provider_name=provider_name, contents=contents)
    finally:
        closing = threading.Thread(target=provider.shutdown, name="judge-traces-close", daemon=True)
        closing.start()
        await asyncio.to_thread(closing.join, CLOSE_SECONDS)


def _resource() -> Resource:
    """What OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME say, and what they leave out."""
    said = Resource.create()
    own = {"service.version": __version__, "service.instance.id": f"{socket.gethostname()}:{os.getpid()}"}
    if str(said.attributes.get("service.name", "")).startswith("unknown_service"):
        own["service.name"] = NAME
    return said.merge(
        Resource(
            {key: value for key, value in own.items() if key not in said.attributes or key == "service.name"}
        )
    )
