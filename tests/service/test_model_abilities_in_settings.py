"""What a model server can do is said in the settings where the server does not list it."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from api.settings import Settings, from_environment
from api.wiring import local_judge
from judge_agent.errors import InvalidRequest
from judge_agent.models.fake_server import FakeServer
from judge_agent.models.openai_info import read_info
from judge_agent.schema import JudgmentRequest


@pytest.mark.parametrize(("written", "read"), [("true", True), ("1", True), ("false", False), ("", None)])
@pytest.mark.parametrize("ability", ["images", "tools", "reasoning", "logprobs"])
def test_an_ability_is_said_denied_or_left_to_the_server(
    ability: str, written: str, read: bool | None
) -> None:
    settings = from_environment({f"JUDGE_MODEL_{ability.upper()}": written})
    assert getattr(settings, f"model_{ability}") is read


@pytest.mark.parametrize(
    "variable", ["JUDGE_MODEL_IMAGES", "JUDGE_MODEL_TOOLS", "JUDGE_MODEL_REASONING", "JUDGE_MODEL_LOGPROBS"]
)
def test_what_is_neither_yes_nor_no_is_refused_by_name(variable: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        from_environment({variable: "some"})
    assert refused.value.field == variable


@pytest.mark.parametrize("written", ["0", "255", "-1", "8k"])
def test_a_window_that_is_none_is_refused_by_name(written: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        from_environment({"JUDGE_MODEL_CONTEXT_WINDOW": written})
    assert refused.value.field == "JUDGE_MODEL_CONTEXT_WINDOW"


def of_server(url: str, folder: Path, **written: str) -> Settings:
    given = {"JUDGE_MODEL": "openai", "JUDGE_MODEL_URL": url, "JUDGE_MODEL_NAME": "fake"}
    return from_environment({**given, "JUDGE_DATA_DIR": str(folder), **written})


@pytest.mark.anyio
async def test_a_window_that_nobody_tells_is_said_to_be_assumed_at_the_start_and_when_ready(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        FakeServer(context_window=None) as server,
        local_judge(of_server(server.base_url, tmp_path)) as judge,
    ):
        (said,) = [one.getMessage() for one in caplog.records if "window" in one.getMessage()]
        assert "8192 tokens (assumed" in said
        assert "JUDGE_MODEL_CONTEXT_WINDOW" in said
        ready = await judge.ready()
    assert (ready["context_window"], ready["window_assumed"]) == (8192, True)


@pytest.mark.anyio
async def test_the_window_of_the_settings_is_the_models(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with FakeServer(context_window=None) as server:
        settings = of_server(server.base_url, tmp_path, JUDGE_MODEL_CONTEXT_WINDOW="65536")
        async with local_judge(settings) as judge:
            ready = await judge.ready()
    assert ready["context_window"] == 65536
    assert "window_assumed" not in ready
    assert not caplog.records


@pytest.mark.anyio
async def test_a_model_server_that_is_not_up_yet_keeps_nothing_from_starting(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        async with local_judge(of_server(url, tmp_path)) as judge:
            assert (await judge.ready())["ok"] is False
    assert "does not say what it serves" in caplog.text


@pytest.mark.anyio
async def test_a_trajectory_that_does_not_fit_an_assumed_window_is_told_so(tmp_path: Path) -> None:
    long = {"id": "a", "trajectory": {"text": "The agent looked at the order, which was shipped. " * 800}}
    asked = {"task": {"prompt": "Where is it?"}, "recipe": "themis", "candidates": [long]}
    async with (
        FakeServer(context_window=None) as server,
        local_judge(of_server(server.base_url, tmp_path)) as judge,
    ):
        request = JudgmentRequest.model_validate(asked)
        judgment = await judge.judge(request, judgment_id="j", tenant="t", created=0.0)
    (candidate,) = judgment.candidates
    assert candidate.failure_kind == "input_too_large"
    assert "assumed" in str(candidate.failure_reason)
    assert "JUDGE_MODEL_CONTEXT_WINDOW" in str(candidate.failure_reason)


@pytest.mark.anyio
@pytest.mark.parametrize(("written", "asked"), [("false", [False]), ("", [True])])
async def test_a_model_that_is_set_not_to_reason_is_not_asked_to_answer_at_once(
    tmp_path: Path, written: str, asked: list[bool]
) -> None:
    """The field for that is no part of OpenAI's interface, and strict servers refuse it."""
    one = {"id": "a", "trajectory": {"text": "The order was shipped on Monday, says the tracker."}}
    body = {
        "task": {"prompt": "Where is it?"},
        "recipe": "rlbff",
        "candidates": [one],
        "principles": [{"text": "The answer says where the order is."}],
    }
    async with FakeServer() as server:
        settings = of_server(server.base_url, tmp_path, JUDGE_MODEL_REASONING=written)
        async with local_judge(settings) as judge:
            request = JudgmentRequest.model_validate(body)
            judgment = await judge.judge(request, judgment_id="j", tenant="t", created=0.0)
    assert judgment.candidates[0].status == "scored"
    one_token = [sent for sent in server.requests if sent.get("logprobs")]
    assert ["chat_template_kwargs" in sent for sent in one_token] == asked


@pytest.mark.anyio
@pytest.mark.parametrize("written", ["true", "false", ""])
async def test_a_server_that_is_set_to_tell_log_probabilities_gives_the_mean_of_its_choices(
    tmp_path: Path, written: str
) -> None:
    one = {"id": "a", "trajectory": {"text": "The order was shipped on Monday, says the tracker."}}
    body = {
        "task": {"prompt": "Where is it?"},
        "granularity": ["outcome"],
        "candidates": [one],
        "principles": [{"description": "The answer says where the order is.", "kind": "soft"}],
    }
    async with FakeServer() as server:
        settings = of_server(server.base_url, tmp_path, JUDGE_MODEL_LOGPROBS=written)
        async with local_judge(settings) as judge:
            request = JudgmentRequest.model_validate(body)
            judgment = await judge.judge(request, judgment_id="j", tenant="t", created=0.0)
    (principle,) = judgment.candidates[0].principles
    assert any(sent.get("logprobs") for sent in server.requests) == (written == "true")
    assert (principle.distribution is not None) == (written == "true")
    on_the_scale = {0.0, 0.25, 0.5, 0.75, 1.0}
    assert (principle.score in on_the_scale) == (written != "true")


@pytest.mark.parametrize(
    ("owner", "told"), [("vllm", True), ("sglang", True), ("somebody", None), (None, None)]
)
def test_servers_that_are_known_to_tell_log_probabilities_are_asked(
    owner: str | None, told: bool | None
) -> None:
    entry = {"id": "m", "owned_by": owner, "max_model_len": 4096}
    given = {"model": "m", "revision": None, "context_window": None, "base_url": "http://x/v1"}
    info = read_info({"data": [entry]}, **given, abilities={"logprobs": None})
    assert info.details.get("logprobs") is told
    refused = read_info({"data": [entry]}, **given, abilities={"logprobs": False})
    assert refused.details["logprobs"] is False
