import asyncio
import json
import time
from pathlib import Path

import httpx2
import pytest

from judge_agent.errors import ModelError
from judge_agent.models import Held, OpenAIChatModel, ScriptedModel
from judge_agent.models.fake_server import FakeServer
from judge_agent.models.openai_stream import StreamedAnswer, StreamFailed
from judge_agent.seams.model import ChatMessage

pytestmark = pytest.mark.anyio
PROMPT = [ChatMessage("user", "Think about it.")]
LONG = {"type": "object", "properties": {"text": {"const": "word\u2028 " * 40}}, "required": ["text"]}
BROKEN = json.loads((Path(__file__).parent / "broken_streams.json").read_text("utf-8"))


async def streamed(mode="none", seconds=5.0, **options):
    async with FakeServer(misbehave=mode) as server, OpenAIChatModel(server.base_url) as model:
        began = time.monotonic()
        completion = await model.complete(
            PROMPT, schema=LONG, keep_partial=True, timeout_seconds=seconds, **options
        )
        return completion, server, time.monotonic() - began


async def test_a_stream_that_ends_well_is_the_same_answer_as_a_whole_one():
    completion, server, _ = await streamed(n=2, temperature=1.0)
    async with OpenAIChatModel(server.base_url) as model, server:
        whole = await model.complete(PROMPT, schema=LONG, n=2, temperature=1.0)
    assert completion.choices == whole.choices
    assert completion.usage == whole.usage
    assert server.requests[0]["stream"] is True
    assert "stream" not in server.requests[1]


@pytest.mark.parametrize("mode", BROKEN)
async def test_what_was_written_before_a_stream_broke_off_is_kept(mode):
    finish_reason, seconds = BROKEN[mode]
    completion, server, took = await streamed(mode, seconds=seconds)
    (choice,) = completion.choices
    assert choice.content.startswith('{"text": "word')
    assert choice.finish_reason == finish_reason
    assert completion.usage.completion > 0
    assert len(server.requests) == 1
    assert took < seconds + 2


async def test_a_stream_whose_choices_have_all_ended_is_over_though_the_server_does_not_say_so():
    completion, _, took = await streamed("stream_no_end", seconds=30, n=2, temperature=1.0)
    assert [choice.finish_reason for choice in completion.choices] == ["stop", "stop"]
    assert all(json.loads(choice.content) for choice in completion.choices)
    assert completion.usage.completion > 0
    assert took < 10


async def test_a_stream_in_which_one_choice_has_not_ended_is_not_over():
    def half_ended(answer):
        answer["choices"][1]["finish_reason"] = None
        return answer

    async with (
        FakeServer(misbehave="stream_no_end", edited=half_ended) as server,
        OpenAIChatModel(server.base_url) as model,
    ):
        completion = await model.complete(PROMPT, n=2, keep_partial=True, timeout_seconds=1.5)
    assert [choice.finish_reason for choice in completion.choices] == ["stop", "deadline"]


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ([{"type": "text", "text": "It "}, {"type": "text", "text": "is so."}], "It is so."),
        ([{"type": "thinking", "thinking": []}, {"type": "text", "text": "So."}], "So."),
        ([{"type": "text", "text": 7}], None),
        ([[3]], None),
    ],
)
async def test_content_that_comes_as_parts_is_read_or_breaks_the_stream_off(part, said):
    begun = StreamedAnswer(1, 100)
    event = json.dumps({"choices": [{"index": 0, "delta": {"content": part}, "finish_reason": "stop"}]})
    response = httpx2.Response(200, content=f"data: {event}\n\ndata: [DONE]\n\n".encode())
    if said is None:
        with pytest.raises(StreamFailed):
            await begun.read(response)
    else:
        assert (await begun.read(response))["choices"][0]["message"]["content"] == said


async def test_calls_of_the_wrong_shape_break_a_stream_off_and_not_the_judge():
    tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
    async with FakeServer(misbehave="wrong_calls") as server, OpenAIChatModel(server.base_url) as model:
        with pytest.raises(ModelError, match="a call in the stream has the wrong shape"):
            await model.complete(PROMPT, tools=[tool], keep_partial=True)


async def test_a_stream_that_floods_is_bounded_by_the_tokens_that_were_asked_for():
    completion, _, took = await streamed("stream_floods", seconds=30, max_tokens=100)
    assert len(completion.choices[0].content) < 100 * 32 + 2000
    assert completion.choices[0].finish_reason == "length"
    assert took < 10


@pytest.mark.parametrize(
    ("mode", "kind", "seconds"), [("hang", "model_timeout", 0.8), ("close", "model_error", 5.0)]
)
async def test_without_a_word_written_the_failure_is_the_calls(mode, kind, seconds):
    with pytest.raises(ModelError) as caught:
        await streamed(mode, seconds=seconds)
    assert caught.value.failure_kind == kind


@pytest.mark.parametrize("mode", ["error_500:2", "close:1"])
async def test_a_stream_that_did_not_begin_is_tried_again(mode):
    completion, server, _ = await streamed(mode)
    assert completion.attempts == len(server.requests) == int(mode[-1]) + 1
    assert completion.choices[0].finish_reason == "stop"


@pytest.mark.parametrize("keep_partial", [True, False])
async def test_a_server_that_cannot_sample_is_an_error_and_not_an_empty_sample(keep_partial):
    async with FakeServer(misbehave="one_choice") as server, OpenAIChatModel(server.base_url) as model:
        with pytest.raises(ModelError, match="n=3") as caught:
            await model.complete(PROMPT, n=3, keep_partial=keep_partial)
    assert caught.value.failure_kind == "model_error"


async def test_a_server_that_answers_at_once_is_read_all_the_same():
    completion, _, _ = await streamed("thinking")
    assert completion.choices[0].reasoning == "So it is."
    assert json.loads(completion.choices[0].content)


async def test_reasoning_is_kept_apart_in_a_stream():
    completion, _, _ = await streamed("reasoner")
    assert completion.choices[0].reasoning.startswith("Let me look")
    assert json.loads(completion.choices[0].content)


async def test_a_cancelled_stream_closes_its_request_at_once():
    async with FakeServer(misbehave="stream_stalls") as server, OpenAIChatModel(server.base_url) as model:
        call = asyncio.create_task(model.complete(PROMPT, schema=LONG, keep_partial=True))
        await server.arrived.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        async with asyncio.timeout(2):
            await server.left.wait()


async def test_a_scripted_answer_can_be_half_written():
    never = asyncio.Event()
    model = ScriptedModel(otherwise=Held(never, "whole", so_far="ha"))
    kept = await model.complete(PROMPT, keep_partial=True, timeout_seconds=0.01)
    assert (kept.choices[0].content, kept.choices[0].finish_reason) == ("ha", "deadline")
    with pytest.raises(ModelError):
        await model.complete(PROMPT, timeout_seconds=0.01)


async def test_the_embedded_model_keeps_what_it_wrote(embedded):
    kept = await embedded.complete(
        [ChatMessage("user", "Tell a very long story.")],
        max_tokens=2000,
        keep_partial=True,
        timeout_seconds=2.0,
    )
    assert kept.choices[0].finish_reason == "deadline"
    assert len(kept.choices[0].content) > 5
    assert kept.usage.completion > 1
