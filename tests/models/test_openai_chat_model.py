import asyncio
import json
import socket
import sys
import time
from pathlib import Path

import httpx
import pytest

from judge_agent.errors import ModelError
from judge_agent.models import OpenAIChatModel
from judge_agent.models.fake_server import FakeServer
from judge_agent.seams.model import ChatMessage

pytestmark = pytest.mark.anyio
VERDICT = {
    "type": "object",
    "properties": {
        "reason": {"type": "string", "maxLength": 200},
        "choice": {"enum": ["pass", "fail"]},
    },
    "required": ["reason", "choice"],
    "additionalProperties": False,
}
PROMPT = [ChatMessage("system", "You judge."), ChatMessage("user", "Is it right?")]
FAILURES = json.loads((Path(__file__).parent / "misbehaviour.json").read_text("utf-8"))


async def complete(mode="none", **options):
    async with (
        FakeServer(misbehave=mode) as server,
        OpenAIChatModel(server.base_url, api_key="secret-k3y") as model,
    ):
        return await model.complete(PROMPT, schema=VERDICT, **options), server


async def test_an_answer_comes_with_its_tokens_and_the_model_that_gave_it():
    completion, server = await complete()
    assert json.loads(completion.choices[0].content)["choice"] in ("pass", "fail")
    assert completion.usage.prompt > completion.usage.cached > 0
    assert completion.usage.completion > 0
    assert completion.model == "fake"
    sent = server.requests[0]["response_format"]["json_schema"]
    assert sent["strict"] is True
    assert list(sent["schema"]["properties"]) == ["reason", "choice"]


async def test_the_same_call_gives_the_same_answer_and_another_seed_another():
    async with FakeServer() as server, OpenAIChatModel(server.base_url) as model:
        answers = [
            (await model.complete(PROMPT, schema=VERDICT, seed=seed)).choices[0].content for seed in range(8)
        ]
        again = [
            (await model.complete(PROMPT, schema=VERDICT, seed=seed)).choices[0].content for seed in range(8)
        ]
        assert answers == again
        assert len(set(answers)) > 1
        assert set(server.counts.values()) == {2}


@pytest.mark.parametrize("mode", FAILURES)
async def test_every_way_to_fail_has_its_failure_kind_inside_the_time(mode):
    kind, attempts = FAILURES[mode]
    began = time.monotonic()
    async with (
        FakeServer(misbehave=mode) as server,
        OpenAIChatModel(server.base_url, api_key="secret-k3y") as model,
    ):
        with pytest.raises(ModelError) as caught:
            await model.complete(
                PROMPT, schema=VERDICT, timeout_seconds=0.5 if kind == "model_timeout" else 5
            )
        assert len(server.requests) == attempts
    assert caught.value.failure_kind == kind
    assert caught.value.attempts == attempts
    assert "secret-k3y" not in str(caught.value)
    assert len(str(caught.value)) < 1000
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("mode", ["error_429:2", "error_500:2", "close:1"])
async def test_a_passing_failure_is_tried_again(mode):
    completion, server = await complete(mode)
    assert completion.attempts == len(server.requests) == int(mode[-1]) + 1


async def test_tokens_of_an_answer_of_the_wrong_shape_are_not_lost():
    with pytest.raises(ModelError) as caught:
        await complete("no_choices")
    assert caught.value.usage.prompt == 5


async def test_an_answer_without_content_is_passed_on_with_its_reasoning():
    assert (await complete("content_none"))[0].choices[0].content is None
    choice = (await complete("reasoning_only"))[0].choices[0]
    assert (choice.content, choice.reasoning) == (None, "I think, and think again.")


async def test_inline_thinking_is_split_from_the_answer():
    choice = (await complete("thinking"))[0].choices[0]
    assert choice.reasoning == "So it is."
    assert json.loads(choice.content)


async def test_a_truncated_answer_says_so():
    assert (await complete("truncated"))[0].choices[0].finish_reason == "length"


async def test_missing_usage_is_no_failure():
    assert (await complete("no_usage"))[0].usage.prompt == 0


async def test_a_refused_connection_is_unreachable_and_not_tried_again():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        async with OpenAIChatModel(f"http://127.0.0.1:{taken.getsockname()[1]}/v1") as model:
            for call in (model.info(), model.complete(PROMPT)):
                with pytest.raises(ModelError) as caught:
                    await call
                assert caught.value.failure_kind == "model_unreachable"


async def test_proxies_of_the_environment_see_nothing(monkeypatch):
    async with FakeServer() as proxy, FakeServer() as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.base_url.removesuffix("/v1"))
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        async with OpenAIChatModel(server.base_url, "fake") as model:
            await model.complete(PROMPT)
    assert (len(proxy.requests), len(server.requests)) == (0, 1)


async def test_a_cancelled_call_closes_its_request_at_once():
    async with FakeServer(misbehave="hang") as server, OpenAIChatModel(server.base_url, "fake") as model:
        call = asyncio.create_task(model.complete(PROMPT))
        await server.arrived.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        async with asyncio.timeout(2):
            await server.left.wait()


async def test_identity_and_length_come_from_the_server():
    async with FakeServer(context_window=777) as server, OpenAIChatModel(server.base_url) as model:
        info = await model.info()
        assert (info.id, info.context_window, info.backend) == ("fake", 777, "openai_chat")
        assert await model.count_tokens(PROMPT) < 777 / 2
    async with FakeServer(context_window=100) as server, OpenAIChatModel(server.base_url) as model:
        assert await model.count_tokens(PROMPT) == len("You judge.\nIs it right?") // 4 + 1
    async with FakeServer() as server:
        other = OpenAIChatModel(server.base_url, "another")
        with pytest.raises(ModelError, match="no model 'another'"):
            await other.info()
        await other.aclose()


@pytest.mark.parametrize(
    ("listed", "window", "known"),
    [
        ({}, 8192, False),
        ({"max_model_len": None, "context_length": 0}, 8192, False),
        ({"max_model_len": "32k", "context_window": True}, 8192, False),
        ({"meta": {"n_ctx_train": 131072}}, 8192, False),
        ({"context_window": 131072}, 131072, True),
        ({"context_length": 40960, "max_context_length": 32768}, 32768, True),
    ],
)
async def test_the_window_is_what_the_server_lists_under_any_of_its_names_or_assumed(listed, window, known):
    async with (
        FakeServer(context_window=None, listed=listed) as server,
        OpenAIChatModel(server.base_url) as model,
    ):
        info = await model.info()
    assert (info.context_window, info.details["window_known"]) == (window, known)
    assert ("assumed" in info.window_said) is not known


async def test_a_window_that_is_given_is_taken_before_what_the_server_lists():
    async with FakeServer() as server, OpenAIChatModel(server.base_url, context_window=4096) as model:
        assert (await model.info()).window_said == "4096 tokens"


async def test_samples_logprobs_tools_and_hostile_text_go_over_the_wire():
    async with FakeServer() as server, OpenAIChatModel(server.base_url) as model:
        tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
        messages = [ChatMessage("user", 'lone \ud800 surrogate, "quotes" and \x00')]
        completion = await model.complete(
            messages, n=3, logprobs=2, tools=[tool], temperature=1.0, stop=["END"]
        )
        assert len(completion.choices) == 3
        assert completion.choices[0].logprobs[0].top[1][1] == -1.8
        body = server.requests[0]
        assert body["tools"][0]["function"]["strict"] is True
        assert body["stop"] == ["END"]
        assert body["messages"][0]["content"].startswith("lone ? surrogate")


async def test_the_fake_server_runs_as_a_process_and_its_counts_outlive_it(tmp_path):
    counts = tmp_path / "counts"
    command = ["-m", "judge_agent.models.fake_server", "--count-file", str(counts)]
    server = await asyncio.create_subprocess_exec(sys.executable, *command, stdout=asyncio.subprocess.PIPE)
    try:
        base_url = (await server.stdout.readline()).decode().strip()
        async with OpenAIChatModel(base_url) as model:
            await model.complete(PROMPT)
            await model.complete(PROMPT)
        async with httpx.AsyncClient(trust_env=False) as client:
            seen = (await client.get(base_url.removesuffix("/v1") + "/counts")).json()
    finally:
        server.kill()
        await server.communicate()
    assert list(seen.values()) == [2]
    assert counts.read_text().split() == list(seen) * 2
