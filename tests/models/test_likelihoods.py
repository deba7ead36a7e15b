import asyncio

import pytest

from judge_agent.errors import ModelError
from judge_agent.models import EmbeddedModel, OpenAIChatModel, ScriptedModel
from judge_agent.models.fake_server import FakeServer
from judge_agent.seams.model import ChatMessage

pytestmark = pytest.mark.anyio
PROMPT = [ChatMessage("user", "What is the capital of France?")]
FAILURES = {
    "hang": "model_timeout",
    "error_500": "model_error",
    "not_json": "model_error",
    "wrong_shape": "model_error",
    "no_choices": "model_error",
    "content_none": "model_error",
    "close": "model_error",
}


async def likely(model, text, **options):
    completion = await model.likelihood(PROMPT, text, **options)
    (choice,) = completion.choices
    assert choice.content == text
    return choice.logprobs


def total(tokens):
    return sum(token.logprob for token in tokens)


async def test_a_server_with_prompt_logprobs_tells_the_tokens_of_the_continuation_alone():
    async with FakeServer() as server, OpenAIChatModel(server.base_url) as model:
        tokens = await likely(model, "Paris, of course")
        assert "".join(token.token for token in tokens) == "Paris, of course"
        assert all(-9.1 < token.logprob < 0 for token in tokens)
        assert tokens[0].top[0][1] == -0.005
        assert tokens == await likely(model, "Paris, of course")
        assert tokens != await likely(model, "Rome, of course")
        body = server.requests[0]
        assert body["max_tokens"] == 1
        assert (await model.likelihood(PROMPT, "Rome")).usage.prompt == len(server.requests[-1]["prompt"])
        assert all(isinstance(token, int) for token in body["prompt"])
        assert len(body["prompt"]) > len(tokens)


@pytest.mark.parametrize("mode", FAILURES)
async def test_a_server_that_cannot_tell_is_a_model_error_that_says_so(mode):
    async with FakeServer(misbehave=mode) as server, OpenAIChatModel(server.base_url) as model:
        with pytest.raises(ModelError) as caught:
            await likely(model, "Paris", timeout_seconds=0.5 if mode == "hang" else 5)
    assert caught.value.failure_kind == FAILURES[mode]
    if mode == "content_none":
        assert "prompt_logprobs" in str(caught.value)


async def test_scripted_likelihoods_are_queued():
    model = ScriptedModel(
        likelihoods=[
            [-0.5, -1.5],
            ModelError("model_error", "cannot"),
            lambda asked: [-len(asked.continuation)],
        ]
    )
    first = await likely(model, "It is Paris")
    assert [(token.token, token.logprob) for token in first] == [("It", -0.5), (" is", -1.5)]
    with pytest.raises(ModelError, match="cannot"):
        await likely(model, "Rome")
    assert total(await likely(model, "Rome")) == -4
    assert total(await likely(model, "a b c")) == -3
    assert [request.continuation for request in model.requests] == ["It is Paris", "Rome", "Rome", "a b c"]


async def test_the_embedded_model_finds_its_own_answer_as_likely_as_when_it_wrote_it(embedded):
    written = (await embedded.complete(PROMPT, max_tokens=8, logprobs=1)).choices[0]
    given = await likely(embedded, written.content)
    assert [token.token for token in given] == [token.token for token in written.logprobs[: len(given)]]
    assert [token.logprob for token in given] == [token.logprob for token in written.logprobs[: len(given)]]
    assert all(token.top[0][1] >= token.logprob for token in given)


async def test_the_embedded_model_finds_what_is_right_likelier_than_nonsense_alone_and_in_company(
    weights_dir,
):
    texts = ["The capital of France is Paris.", "The bicycle of mud is seven.", "Paris", ""]
    async with EmbeddedModel(weights_dir, device="cpu", max_batch=1, cached_tokens=0) as alone:
        one_by_one = [await likely(alone, text) for text in texts]
    async with EmbeddedModel(weights_dir, device="cpu") as model, asyncio.TaskGroup() as group:
        tasks = [group.create_task(likely(model, text)) for text in texts]
        group.create_task(model.complete(PROMPT, max_tokens=8))
    assert [task.result() for task in tasks] == one_by_one
    right, wrong, word, nothing = one_by_one
    assert total(right) / len(right) > total(wrong) / len(wrong) + 1
    assert len(word) >= 1
    assert nothing == ()


async def test_a_continuation_that_does_not_fit_is_too_large(embedded):
    for text in ("word " * 9000, "x" * 5_000_000):
        with pytest.raises(ModelError) as caught:
            await embedded.likelihood(PROMPT, text)
        assert caught.value.failure_kind == "input_too_large"


async def test_a_likelihood_out_of_time_stops(embedded):
    with pytest.raises(ModelError) as caught:
        await embedded.likelihood(PROMPT, "word " * 3000, timeout_seconds=0.5)
    assert caught.value.failure_kind == "model_timeout"


async def test_the_twenty_likeliest_tokens_come_with_an_unconstrained_one_token_answer(embedded):
    async with FakeServer() as server, OpenAIChatModel(server.base_url) as served:
        for model in (served, embedded):
            (choice,) = (await model.complete(PROMPT, max_tokens=1, logprobs=20)).choices
            (token,) = choice.logprobs
            assert len(token.top) == 20
            assert token.token == token.top[0][0] == choice.content
            assert sorted(token.top, key=lambda other: -other[1]) == list(token.top)
