"""Against the real server: `make test-vllm`. The model has 135 million parameters: its words mean nothing here."""

import asyncio
import json
import os
import re
import signal
from contextlib import aclosing
from pathlib import Path

import httpx
import jsonschema
import pytest

from evals.service import running
from judge_agent.client import JudgeClient
from judge_agent.models.hf_folder import write_hf_folder
from judge_agent.models.vllm_model import VllmModel
from judge_agent.models.vllm_settings import VllmSettings
from judge_agent.seams.model import ChatMessage

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / ".venvs" / "vllm" / "bin" / "vllm"
WINDOW = 4096
# Seconds for one call: a busy machine of two cores reads some ten tokens a second.
PATIENCE = 300.0
FACTS = " ".join(
    f"Fact {number}: the box of colour {number % 7} holds {number * 3} pens." for number in range(60)
)
VERDICT = {
    "type": "object",
    "properties": {
        "reason": {"type": "string", "maxLength": 80},
        "quotes": {"type": "array", "items": {"type": "string", "maxLength": 30}, "maxItems": 2},
        "choice": {"enum": ["pass", "fail", "cannot_assess"]},
    },
    "required": ["reason", "quotes", "choice"],
    "additionalProperties": False,
}
LOOK_UP = {
    "name": "look_up",
    "description": "Look a key up.",
    "parameters": {
        "type": "object",
        "properties": {"key": {"type": "string", "enum": ["alpha", "beta"]}, "limit": {"type": "integer"}},
        "required": ["key", "limit"],
        "additionalProperties": False,
    },
}
LIST_ALL = {
    "name": "list_all",
    "parameters": {"type": "object", "properties": {}, "additionalProperties": False},
}

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.vllm,
    pytest.mark.skipif(not PROGRAM.exists(), reason="no vLLM here: make vllm-venv"),
]


def settings(folder, log_file):
    cores = sorted(os.sched_getaffinity(0))[:2]
    return VllmSettings(
        str(folder),
        log_file,
        program=str(PROGRAM),
        max_model_len=WINDOW,
        extra_arguments=("--enforce-eager", "--dtype", "bfloat16", "--max-num-seqs", "16"),
        environment={
            "VLLM_CPU_KVCACHE_SPACE": "1",
            "VLLM_CPU_OMP_THREADS_BIND": ",".join(map(str, cores)),
        },
        start_seconds=300.0,
        first_pause_seconds=0.1,
    )


def converted(folder, *, thinking=False):
    try:
        return write_hf_folder(folder, ROOT / ".judge" / "weights", thinking=thinking)
    except FileNotFoundError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
async def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    started = await VllmModel.started(settings(converted(folder / "smollm2"), folder / "vllm.log"))
    async with aclosing(started) as running_model:
        yield running_model


async def computed_and_asked(model):
    """Prompt tokens that the server computed itself, and those that it was asked to read, since its start."""
    async with httpx.AsyncClient(trust_env=False) as http:
        text = (await http.get(model.server.base_url.removesuffix("/v1") + "/metrics")).text
    computed = re.findall(
        r'^vllm:prompt_tokens_by_source_total{.*source="local_compute".*} (\S+)$', text, re.M
    )
    asked = re.findall(r"^vllm:prompt_tokens_total{.*} (\S+)$", text, re.M)
    return sum(map(float, computed)), sum(map(float, asked))


def user(text):
    return (ChatMessage("user", text),)


async def test_the_served_model_says_who_it_is(model):
    info = await model.info()
    assert (info.id, info.backend, info.context_window) == ("smollm2", "vllm", WINDOW)
    assert re.fullmatch("[0-9a-f]{16}", info.revision)
    assert info.details["images"] is False


async def test_a_strict_schema_holds_word_for_word(model):
    answer = await model.complete(
        user("Judge this: water is wet."), schema=VERDICT, max_tokens=400, timeout_seconds=PATIENCE
    )
    assert answer.choices[0].finish_reason == "stop"
    verdict = json.loads(answer.choices[0].content)
    jsonschema.validate(verdict, VERDICT)
    assert list(verdict) == ["reason", "quotes", "choice"]


async def test_one_call_gives_n_samples_and_the_same_seed_gives_the_same(model):
    ask = {"n": 4, "temperature": 1.0, "seed": 7, "max_tokens": 12, "timeout_seconds": PATIENCE}
    first, second = [await model.complete(user("Name an animal."), **ask) for _ in range(2)]
    assert len(first.choices) == 4
    assert len({choice.content for choice in first.choices}) > 1
    assert [choice.content for choice in first.choices] == [choice.content for choice in second.choices]


async def test_twenty_logprobs_of_one_token_are_a_distribution(model):
    answer = await model.complete(
        user("Is water wet? Yes or No."), logprobs=20, max_tokens=1, timeout_seconds=PATIENCE
    )
    (token,) = answer.choices[0].logprobs
    assert len(token.top) == 20
    values = [logprob for _, logprob in token.top]
    assert values == sorted(values, reverse=True)
    assert token.logprob == values[0] < 0


@pytest.mark.parametrize("choice", ["required", "look_up"])
async def test_strict_tools_give_a_call_whose_arguments_fit(model, choice):
    answer = await model.complete(
        user("Look up beta, at most 3."),
        tools=[LOOK_UP, LIST_ALL] if choice == "look_up" else [LOOK_UP],
        tool_choice=choice,
        max_tokens=200,
        timeout_seconds=PATIENCE,
    )
    (call, *_) = answer.choices[0].tool_calls
    assert call["function"]["name"] == "look_up"
    assert "error" not in call
    jsonschema.validate(json.loads(call["function"]["arguments"]), LOOK_UP["parameters"])


async def test_a_prompt_that_was_read_before_is_cached_and_the_usage_says_so(model):
    first = await model.complete(user(f"Once. {FACTS}"), max_tokens=1, timeout_seconds=PATIENCE)
    second = await model.complete(user(f"Once. {FACTS}"), max_tokens=1, timeout_seconds=PATIENCE)
    assert first.usage.prompt == second.usage.prompt > 500
    assert second.usage.cached >= 0.8 * second.usage.prompt


async def test_eight_samples_of_one_prompt_are_read_once(model, record_property):
    before = await computed_and_asked(model)
    prompt = user(f"Eight samples. {FACTS}")
    answer = await model.complete(prompt, n=8, temperature=0.8, max_tokens=8, timeout_seconds=PATIENCE)
    computed, asked = (now - then for now, then in zip(await computed_and_asked(model), before, strict=True))
    assert len(answer.choices) == 8
    assert asked == 8 * answer.usage.prompt
    record_property("computed_share", computed / asked)
    print(f"prompt tokens computed / asked for: {computed:.0f} / {asked:.0f} = {computed / asked:.3f}")
    assert computed / asked <= 0.4


async def test_long_sampled_prompts_in_company_do_not_end_the_server(model):
    asks = [
        model.complete(
            user(f"{number} {FACTS}"), n=2, temperature=0.9, max_tokens=2, timeout_seconds=PATIENCE
        )
        for number in range(3)
    ]
    answers = await asyncio.gather(*asks)
    assert all(len(answer.choices) == 2 for answer in answers)
    assert model.server.starts == 1


async def test_a_likely_answer_is_more_likely_than_another(model):
    question = user("What is the capital of France?")
    told = [await model.likelihood(question, text, timeout_seconds=PATIENCE) for text in ("Paris", "bicycle")]
    sums = [sum(token.logprob for token in likelihood.choices[0].logprobs) for likelihood in told]
    assert sums[0] > sums[1]


async def judged(model, folder, request):
    """The judgment of a service that asks this server."""
    environment = {"JUDGE_MODEL_API_KEY": model.server.api_key}

    def judge():
        with (
            running(folder, model=model.server.base_url, settings=environment) as url,
            JudgeClient(url, timeout_seconds=PATIENCE) as client,
        ):
            return client.judge(request)

    return await asyncio.to_thread(judge)


async def test_work_that_leads_to_the_reference_scores_by_its_likelihood(model, tmp_path):
    texts = [f"The header names {name} as its author." for name in ("Maria Lopez", "Peter Smith")]
    request = {
        "recipe": "rlpr",
        "task": {"prompt": "Who wrote the report?", "reference": {"answer": "Maria Lopez"}},
        "candidates": [{"id": text, "trajectory": {"text": text}} for text in texts],
        "budget": {"seconds": 240},
    }
    right, wrong = (await judged(model, tmp_path, request)).candidates
    assert (right.status, wrong.status) == ("scored", "scored")
    assert right.reward > wrong.reward + 0.2


async def test_a_judgment_by_the_default_recipe_runs_against_the_server(model, tmp_path):
    polite = {"name": "polite", "description": "The answer is polite.", "kind": "soft"}
    request = {
        "recipe": "default",
        "task": {"prompt": "Greet the user."},
        "principles": [polite],
        "candidates": [{"id": "a", "trajectory": {"text": "Hello, how do you do?"}}],
        "budget": {"seconds": 240},
    }
    judgment = await judged(model, tmp_path, request)
    assert judgment.state == "done"
    assert judgment.provenance.model["id"] == "smollm2"
    assert judgment.usage.prompt_tokens > 0
    kinds = {candidate.failure_kind for candidate in judgment.candidates}
    assert not kinds & {"model_unreachable", "model_error", "model_timeout", "input_too_large", "internal"}


async def test_a_call_in_flight_when_the_server_is_killed_is_answered_after_its_restart(model):
    call = asyncio.create_task(
        model.complete(user("Write a long story."), max_tokens=60, temperature=1.0, timeout_seconds=PATIENCE)
    )
    await asyncio.sleep(0.1)
    front = Path(f"/proc/{model.server.pid}/task/{model.server.pid}/children").read_text().split()  # noqa: ASYNC240
    os.kill(int(front[0]), signal.SIGKILL)
    answer = await call
    assert answer.choices[0].content
    assert model.server.starts == 2
    assert model.server.state == "up"


async def test_a_thinking_model_gives_its_thought_apart_and_a_strict_answer_at_once_when_asked(tmp_path):
    wanted = settings(converted(tmp_path / "thinker", thinking=True), tmp_path / "vllm.log")
    async with aclosing(await VllmModel.started(wanted)) as thinker:
        assert thinker.server.family.reasoning_parser == "deepseek_r1"
        ask = user("Is the sky blue?")
        thought = await thinker.complete(ask, max_tokens=24, timeout_seconds=PATIENCE, keep_partial=True)
        assert thought.choices[0].reasoning
        assert not thought.choices[0].content
        answer = await thinker.complete(
            ask, schema=VERDICT, think=False, max_tokens=400, timeout_seconds=PATIENCE
        )
        jsonschema.validate(json.loads(answer.choices[0].content), VERDICT)
