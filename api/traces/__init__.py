"""OpenTelemetry traces of requests and judgments, over OTLP. Imported only where they are wanted."""

from api.traces.judge import TracedJudge
from api.traces.judgments import JudgmentTraces
from api.traces.provider import opened_traces
from api.traces.requests import TracedRequests

__all__ = ["JudgmentTraces", "TracedJudge", "TracedRequests", "opened_traces"]
