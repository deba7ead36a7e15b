"""A server that refuses fields beyond OpenAI's own is asked without them, and only then."""

import logging

import pytest

from judge_agent.errors import ModelError
from judge_agent.models import OpenAIChatModel
from judge_agent.models.fake_server import FakeServer
from judge_agent.seams.model import ChatMessage

pytestmark = pytest.mark.anyio
PROMPT = [ChatMessage("user", "Is it right?")]
ONE_TOKEN = {"max_tokens": 1, "logprobs": 5, "think": False}


@pytest.mark.parametrize("mode", ["strict", "strict_pydantic"])
async def test_what_a_strict_server_refuses_is_left_out_and_not_sent_again(mode, caplog):
    async with FakeServer(misbehave=mode) as server, OpenAIChatModel(server.base_url) as model:
        with caplog.at_level(logging.WARNING):
            first = await model.complete(PROMPT, **ONE_TOKEN)
            again = await model.complete(PROMPT, **ONE_TOKEN)
    assert first.choices[0].logprobs
    assert first.choices == again.choices
    assert (first.attempts, again.attempts) == (2, 1)
    assert ["chat_template_kwargs" in body for body in server.requests] == [True, False, False]
    assert [record.getMessage() for record in caplog.records] == [
        "the model server refuses chat_template_kwargs; calls go without"
    ]


@pytest.mark.parametrize("mode", ["strict", "strict_pydantic"])
async def test_a_strict_server_streams_and_its_token_counts_are_still_asked_for(mode):
    async with FakeServer(misbehave=mode) as server, OpenAIChatModel(server.base_url) as model:
        completion = await model.complete(PROMPT, keep_partial=True, think=False)
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage.prompt > 0
    assert completion.attempts == len(server.requests) == 3
    assert server.requests[-1]["stream_options"] == {"include_usage": True}


async def test_a_server_that_refuses_something_else_is_not_asked_again():
    async with FakeServer(misbehave="bad_request") as server, OpenAIChatModel(server.base_url) as model:
        with pytest.raises(ModelError) as caught:
            await model.complete(PROMPT, **ONE_TOKEN)
    assert caught.value.failure_kind == "model_error"
    assert len(server.requests) == 1


async def test_a_field_that_was_not_sent_is_not_left_out_again_and_again():
    async with (
        FakeServer(misbehave="strict") as server,
        OpenAIChatModel(server.base_url, extra_body={"top_k": 1}) as model,
    ):
        with pytest.raises(ModelError, match="top_k") as caught:
            await model.complete(PROMPT, **ONE_TOKEN)
    assert caught.value.attempts == len(server.requests) <= 2


async def test_a_model_that_is_said_not_to_reason_is_sent_nothing_that_would_keep_it_from_it():
    async with (
        FakeServer(misbehave="strict") as server,
        OpenAIChatModel(server.base_url, reasoning=False) as model,
    ):
        completion = await model.complete(PROMPT, **ONE_TOKEN)
    assert completion.attempts == len(server.requests) == 1


async def test_a_lenient_server_is_sent_all_of_it():
    async with FakeServer() as server, OpenAIChatModel(server.base_url) as model:
        await model.complete(PROMPT, keep_partial=True, think=False)
    (body,) = server.requests
    assert body["chat_template_kwargs"]["enable_thinking"] is False
    assert body["stream_options"] == {"include_usage": True, "continuous_usage_stats": True}
