"""A model server that misbehaves in every way: unscored, of the right kind, in time; never a number."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from judge_agent.errors import FailureKind
from judge_agent.journal import MemoryJournal, MemorySharedResults
from judge_agent.judge import Judge
from judge_agent.log import AuditLogWriter
from judge_agent.models.fake_server import FakeServer
from judge_agent.models.openai_chat import OpenAIChatModel
from judge_agent.prompting import PromptLibrary, default_folder
from judge_agent.schema import Judgment, JudgmentRequest

CALL_SECONDS, BUDGET_SECONDS = 2.0, 30.0
KINDS: dict[str, FailureKind] = {
    "content_none": "model_unparseable",
    "reasoning_only": "model_unparseable",
    "truncated": "model_unparseable",
    "off_menu": "model_unparseable",
    "two_verdicts": "model_unparseable",
    "hang": "model_timeout",
    "drip": "model_timeout",
    "error_429": "model_error",
    "error_429_later": "model_error",
    "error_500": "model_error",
    "error_503": "model_error",
    "error_503_later": "model_error",
    "unauthorized": "model_error",
    "bad_request": "model_error",
    "context_length": "input_too_large",
    "close": "model_error",
    "close_midway": "model_error",
    "not_json": "model_error",
    "broken_json": "model_error",
    "deep_json": "model_error",
    "wrong_shape": "model_error",
    "no_choices": "model_error",
    "wrong_types": "model_error",
    "huge": "model_error",
    "compressed": "model_error",
    "redirect": "model_error",
}
REQUEST = {
    "task": {"prompt": "Name the capital of France."},
    "candidates": [{"id": "a", "trajectory": {"text": "The capital of France is Paris."}}],
    "principles": [{"text": "The answer names Paris.", "kind": "hard"}, {"text": "The answer is brief."}],
    "budget": {"seconds": BUDGET_SECONDS},
}


@pytest.fixture
def impatient_prompts(tmp_path: Path) -> PromptLibrary:
    """The released prompts, and `default` with short calls."""
    folder = tmp_path / "prompts"
    shutil.copytree(default_folder(), folder)
    recipe = folder / "recipes" / "default.toml"
    text = recipe.read_text("utf-8")
    recipe.write_text(text.replace("call_seconds = 120.0", f"call_seconds = {CALL_SECONDS}"), "utf-8")
    return PromptLibrary(folder)


async def _judge(base_url: str, prompts: PromptLibrary, folder: Path) -> Judgment:
    async def anchor(writer: str, segment: str, count: int, head: str) -> None:
        return None

    model = OpenAIChatModel(base_url, "fake")
    async with model, AuditLogWriter(folder / "log", anchor=anchor) as log:
        judge = Judge(
            model=model,
            tools=(),
            journal=MemoryJournal(),
            shared=MemorySharedResults(),
            log=log,
            prompts=prompts,
        )
        request = JudgmentRequest.model_validate(REQUEST)
        return await judge.judge(request, judgment_id="j", tenant="t", created=0.0)


def _assert_unscored(judgment: Judgment, kind: FailureKind) -> None:
    candidate = judgment.candidates[0]
    assert (judgment.state, candidate.status, candidate.failure_kind) == ("done", "unscored", kind)
    assert (candidate.score, candidate.reward, candidate.passed) == (None, None, None)
    assert set(candidate.vector.values()) == {None}
    assert [(p.score, p.valid) for p in candidate.principles] == [(None, False)] * 2
    assert {step.score for step in candidate.steps} == {None}


@pytest.mark.anyio
@pytest.mark.parametrize("mode", KINDS)
async def test_a_misbehaving_model_never_gives_a_number(
    mode: str, impatient_prompts: PromptLibrary, tmp_path: Path
) -> None:
    started = time.monotonic()
    async with FakeServer(misbehave=mode) as server:
        judgment = await _judge(server.base_url, impatient_prompts, tmp_path)
    _assert_unscored(judgment, KINDS[mode])
    assert time.monotonic() - started < BUDGET_SECONDS


@pytest.mark.anyio
async def test_a_model_that_refuses_the_connection_is_unreachable(
    impatient_prompts: PromptLibrary, tmp_path: Path
) -> None:
    async with FakeServer() as server:
        gone = server.base_url
    _assert_unscored(await _judge(gone, impatient_prompts, tmp_path), "model_unreachable")


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ["error_500:2", "error_429:1"])
async def test_a_model_that_recovers_in_time_gives_verdicts(
    mode: str, impatient_prompts: PromptLibrary, tmp_path: Path
) -> None:
    async with FakeServer(misbehave=mode) as server:
        judgment = await _judge(server.base_url, impatient_prompts, tmp_path)
    assert all(p.valid or p.failure_kind == "evidence_unsupported" for p in judgment.candidates[0].principles)
    assert judgment.candidates[0].principles[1].score is not None


@pytest.mark.anyio
async def test_tokens_of_useless_answers_are_counted(
    impatient_prompts: PromptLibrary, tmp_path: Path
) -> None:
    async with FakeServer(misbehave="off_menu") as server:
        judgment = await _judge(server.base_url, impatient_prompts, tmp_path)
        asked = sum(server.counts.values())
    usage = judgment.usage
    assert usage.model_calls == usage.useless_calls == asked
    assert usage.prompt_tokens > 0
    assert usage.completion_tokens > 0


def test_every_mode_of_the_server_is_tried() -> None:
    from judge_agent.models.fake_modes import MODES

    assert set(MODES) - set(KINDS) == {"none", "thinking", "no_usage", "strict", "strict_pydantic"}
