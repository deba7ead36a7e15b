"""The service's own log: one JSON object a line, with its judgment and its trace, and never contents or keys."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from api import logs
from api.auth import make_key
from api.settings import Settings
from api.traces import JudgmentTraces, opened_traces
from judge_agent.errors import ModelError, StoreError
from judge_agent.judge import Judge
from judge_agent.models.scripted import ScriptedModel
from judge_agent.schema import JudgmentRequest
from judge_agent.seams.storage import SharedResults
from judge_agent.store import Finished, Lease, SqliteStore
from tests.service.otlp_receiver import collecting
from tests.service.served import request, serving

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[2]
SECRET = "zebra-quartz-mauve"
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class BrokenModel(ScriptedModel):
    """A model whose bug repeats what it was asked."""

    async def complete(self, messages: Any, **given: Any) -> Any:
        raise RuntimeError(f"cannot read {messages!r}")


class CrashingJudge(Judge):
    """A judge whose bug repeats what it was given."""

    async def judge(self, request: JudgmentRequest, **given: Any) -> Any:
        raise RuntimeError(f"cannot read {request!r}")


class FullStore(SqliteStore):
    """A disk that is full for the first end."""

    tried = 0

    async def finish(self, lease: Lease, judgment: str, **given: Any) -> Finished | None:
        type(self).tried += 1
        if type(self).tried == 1:
            raise StoreError("the database failed: disk I/O error")
        return await super().finish(lease, judgment, **given)


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What the service logs as JSON, from DEBUG on."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in ("judge_agent", *logs._CHATTY)}
    stream = io.StringIO()
    logs.configure(Settings(log_format="json", log_level="debug"), stream)
    yield stream
    root.handlers[:] = before
    root.setLevel(level)
    for name, one in levels.items():
        logging.getLogger(name).setLevel(one)
    logging.captureWarnings(False)


def lines_of(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def line_of(
    message: str, *args: object, name: str = "judge_agent.service", **given: Any
) -> Mapping[str, Any]:
    """A record as the JSON log writes it."""
    record = logging.LogRecord(
        name, logging.ERROR, "/x/queue.py", 1, message, args, **({"exc_info": None} | given)
    )
    settings = Settings(log_format="json", api_keys=f"ada:{SECRET}-{SECRET}")
    found: dict[str, Any] = json.loads(logs.formatter(settings).format(record))
    return found


def secret_everywhere() -> dict[str, Any]:
    """A request with the secret in every field that takes free text."""
    tool = {
        "type": "function",
        "function": {"name": f"look_{SECRET}", "description": SECRET, "parameters": {}},
    }
    call = {
        "id": SECRET,
        "type": "function",
        "function": {"name": f"look_{SECRET}", "arguments": json.dumps({SECRET: SECRET})},
    }
    messages = [
        {"role": "user", "content": SECRET, "name": SECRET},
        {"role": "assistant", "content": SECRET, "reasoning_content": SECRET, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": SECRET, "content": f"{SECRET} is open"},
        {"role": "assistant", "content": f"Done: {SECRET}."},
    ]
    dimension = SECRET.replace("-", "_")
    return {
        "task": {"prompt": SECRET, "kind": SECRET, "reference": {"answer": SECRET, "solution": SECRET}},
        "candidates": [{"id": SECRET, "trajectory": {"messages": messages, "tools": [tool]}}],
        "dimensions": [dimension],
        "principles": [{"description": f"Says {SECRET}.", "name": SECRET, "dimension": dimension}],
        "metadata": {SECRET: SECRET},
    }


async def test_secrets_in_every_field_reach_no_log_no_trace_and_no_number(
    written: io.StringIO, tmp_path: Path
) -> None:
    def traced(shared: SharedResults) -> AbstractAsyncContextManager[JudgmentTraces]:
        processor = BatchSpanProcessor(OTLPSpanExporter(collector.url), schedule_delay_millis=20)
        return opened_traces(shared, provider_name="scripted", contents=False, processor=processor)

    numbers = []
    refused = {"recipe": SECRET}, {SECRET: 1}, {"principles": [{SECRET: SECRET}]}, {"tools": [SECRET]}
    with collecting() as collector:
        models = (
            ScriptedModel(),
            ScriptedModel(otherwise=f"no verdict, {SECRET}"),
            ScriptedModel(otherwise=ModelError("model_error", f"500: {SECRET}")),
            BrokenModel(),
        )
        for at, model in enumerate((*models, ScriptedModel())):
            crashing = at == len(models)
            options: dict[str, Any] = {"judge_type": CrashingJudge} if crashing else {"traces": traced}
            async with serving(tmp_path / f"{at}.db", model=model, **options) as served:
                key = make_key(SECRET, "judge" if at else "all")
                await served.parts.store.add_key(key.row)
                sent = {"X-Api-Key": key.secret, "traceparent": CALLER, "Idempotency-Key": SECRET}
                answer = await served.http.post("/v1/judgments", json=secret_everywhere(), headers=sent)
                assert answer.status_code == 200, answer.text
                for wrong in refused:
                    headers = {"X-Api-Key": key.secret}
                    answer = await served.http.post(f"/v1/judgments?{SECRET}", json=wrong, headers=headers)
                    assert answer.status_code == 422
                await served.http.get(f"/{SECRET}", headers={"X-Api-Key": SECRET})
                facade = {
                    "query": [f"{SECRET} is said by {SECRET} of copper"],
                    "prompts": [SECRET],
                    "labels": [SECRET],
                }
                await served.http.post(f"/k/{key.secret}/compat/openrlhf/get_reward", json=facade)
                numbers.append((await served.http.get("/metrics")).text)
        sent_spans = b"".join(collector.bodies)
    text = written.getvalue()
    assert collector.named("judge "), text
    assert "RuntimeError" in text
    assert "gave no reward: model_" in text
    for haystack in (text, *numbers, sent_spans.decode("latin-1")):
        for secret in (SECRET, SECRET.replace("-", "_"), "jk_"):
            assert secret not in haystack, haystack[max(0, haystack.index(secret) - 300) :][:600]


async def test_a_line_says_when_what_which_judgment_and_which_trace(written: io.StringIO) -> None:
    with collecting() as collector:

        def traced(shared: SharedResults) -> AbstractAsyncContextManager[JudgmentTraces]:
            processor = BatchSpanProcessor(OTLPSpanExporter(collector.url), schedule_delay_millis=20)
            return opened_traces(shared, provider_name="scripted", contents=False, processor=processor)

        FullStore.tried = 0
        async with serving(traces=traced, store_type=FullStore) as served:
            judgment = (await served.post(request(), traceparent=CALLER)).json()
    (line,) = [one for one in lines_of(written) if one["event"].startswith("the_store_failed")]
    assert line["level"] == "ERROR"
    assert line["logger"] == "judge_agent.service"
    assert line["judgment_id"] == judgment["id"]
    assert line["trace_id"] == CALLER.split("-")[1]
    assert line["worker"].endswith(f":{os.getpid()}")
    assert line["time"].endswith("+00:00")
    assert "disk I/O error" in line["message"]


def test_an_event_is_the_same_whatever_its_values_and_an_error_of_others_goes_by_its_type() -> None:
    one = line_of("judgment %s stays open: %s", "jdg_1", ValueError(SECRET))
    other = line_of("judgment %s stays open: %s", "jdg_2", StoreError("the disk is full"))
    assert one["event"] == other["event"] == "judgment_stays_open"
    assert one["message"] == "judgment jdg_1 stays open: ValueError"
    assert other["message"] == "judgment jdg_2 stays open: the disk is full"
    assert line_of("%s", "whatever")["event"] == "queue.None"
    assert line_of("anything at all 17", name="uvicorn.error")["event"] == "uvicorn.error"


def test_keys_are_taken_out_of_paths_texts_and_errors() -> None:
    key = make_key("ada").secret
    for text in (
        f"GET /k/{key}/compat/slime",
        "POST /k/anything?x HTTP/1.1",
        f"bad key {key}",
        f"{SECRET}-{SECRET}",
    ):
        message = line_of(text, name="uvicorn.error")["message"]
        assert key not in message
        assert "anything" not in message
        assert SECRET not in message
    try:
        raise OSError(f"cannot reach http://host/k/{key}/compat")
    except OSError as error:
        told = line_of("it failed", exc_info=(OSError, error, error.__traceback__))
    assert key not in json.dumps(told)
    assert told["exception"]["message"].endswith("/k/***/compat")


def test_an_exception_is_types_and_places_without_the_words_of_others() -> None:
    try:
        try:
            int(SECRET)
        except ValueError as error:
            raise ExceptionGroup(SECRET, [KeyError(SECRET), StoreError("disk full")]) from error
    except ExceptionGroup as group:
        given = (ExceptionGroup, group, group.__traceback__)
        told = line_of("failed", exc_info=given)["exception"]
        record = logging.LogRecord("judge_agent", logging.ERROR, "x", 1, "failed", (), given)
    text = logs.formatter(Settings()).format(record)
    assert told["type"] == "builtins.ExceptionGroup"
    assert [one["type"] for one in told["of"]] == ["builtins.KeyError", "judge_agent.errors.StoreError"]
    assert told["of"][1]["message"] == "disk full"
    assert "test_logs.py" in told["frames"][0]
    for said in (json.dumps(told), text):
        assert SECRET not in said
        assert "disk full" in said


def test_lines_are_bounded_and_stay_lines() -> None:
    assert len(line_of("x" * 100_000)["message"]) < 1100
    assert line_of("two\nlines \ud800")["message"].startswith("two")
    asyncio_says = f"Task exception was never retrieved\nfuture: <Task exception=ValueError('{SECRET}')>"
    assert line_of(asyncio_says, name="asyncio")["message"] == "Task exception was never retrieved"
    record = logging.LogRecord("judge_agent", logging.INFO, "x", 1, "two\nlines", (), None)
    assert "\n" not in logs.formatter(Settings()).format(record)
    assert line_of("100% of %d", "no number")["message"] == "100% of %d"


async def test_a_served_process_writes_json_lines_on_stderr(tmp_path: Path) -> None:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("JUDGE_", "OTEL_"))},
        "JUDGE_DATA_DIR": str(tmp_path),
        "JUDGE_SANDBOX": "none",
        "JUDGE_LOG_FORMAT": "json",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "judge_agent.cli", "serve", "--port", "0", "--model", "none"]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, cwd=ROOT
    )
    assert process.stdout is not None
    await process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    _, said = await process.communicate()
    lines = [json.loads(line) for line in said.decode().splitlines()]
    assert lines
    assert {"time", "level", "logger", "event", "message", "worker"} <= set(lines[0])
    assert any(line["logger"].startswith("judge_agent") for line in lines)
