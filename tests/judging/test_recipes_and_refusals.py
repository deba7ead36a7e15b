"""Recipes as files, the graph as a drawing, and requests that are refused before anything happens."""

from __future__ import annotations

import importlib
import json
import math
import shutil
import tomllib
from pathlib import Path

import pytest
from pydantic import ValidationError

from judge_agent.errors import InvalidRequest, PromptError
from judge_agent.models import ScriptedModel
from judge_agent.prompting import PromptLibrary, default_folder
from judge_agent.recipes import load_recipes

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[2]
REFUSED = tomllib.loads((Path(__file__).parent / "data" / "refused.toml").read_text("utf-8"))["requests"]


async def test_verify_asks_no_model_and_says_that_there_is_no_evidence(bench):
    judge = bench()
    judgment = await judge.judge(
        text="It is 42.", recipe="verify", principles=[{"description": "It is right."}]
    )
    (result,) = judgment.candidates
    assert (result.status, result.reward, result.failure_kind) == ("unscored", None, "no_evidence")
    assert judge.prompts == []
    assert judgment.provenance.model is None
    assert [event.node for event in judge.log.events if event.type == "node.finished"] == [
        "screen",
        "propose",
        "gather",
        "decide",
    ]


async def test_without_a_model_default_says_so_and_verify_works(bench):
    judge = bench()
    judge.judging = judge.judge_with(None)
    result = await judge.one(text="It is 42.")
    assert (result.status, result.failure_kind) == ("unscored", "model_unreachable")
    assert "verify" in result.failure_reason


async def test_the_record_says_what_judged(bench):
    judgment = await bench(ScriptedModel(id="m", revision="r7")).judge(text="It is 42.", seed=3)
    provenance = judgment.provenance
    assert provenance.model == {"id": "m", "revision": "r7", "backend": "scripted"}
    assert provenance.seed == 3
    manifest = PromptLibrary().manifest
    assert provenance.prompts == {name: manifest[f"{name}.md"] for name in provenance.prompts}
    assert set(provenance.prompts) == {
        f"{node}/default.v1" for node in ("propose", "gather", "critique", "steps")
    }


def recipes_with(tmp_path, text, name="mine"):
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / f"{name}.toml").write_text(text, "utf-8")
    return tmp_path


VERIFY = (default_folder() / "recipes" / "verify.toml").read_text("utf-8")
WRONG_FILES = {
    "TOML": ("name = ", "mine.toml"),
    "unknown field": (
        VERIFY.replace('"verify"', '"mine"').replace("[budget]", "[budget]\nsecond = 3"),
        "budget.second",
    ),
    "wrong value": (VERIFY.replace('"verify"', '"mine"').replace('"gated"', '"average"'), "aggregate"),
    "missing field": ('name = "mine"', "description"),
    "other name": (VERIFY, "names itself 'verify'"),
    "missing file": (
        VERIFY.replace('"verify"', '"mine"').replace(
            "min_weight", 'fallback_principles_from = "no.toml"\nmin_weight'
        ),
        "no.toml",
    ),
}


@pytest.mark.parametrize(("text", "complaint"), WRONG_FILES.values(), ids=WRONG_FILES)
def test_a_recipe_that_is_wrong_is_refused_by_file_and_field(tmp_path, text, complaint):
    with pytest.raises(PromptError, match=r"mine\.toml") as error:
        load_recipes(recipes_with(tmp_path, text))
    assert complaint in str(error.value)


@pytest.mark.parametrize(
    ("policy", "cited", "valid"),
    [("required", False, False), ("required", True, True), ("none", False, True)],
)
async def test_how_strictly_a_critique_must_cite_is_the_recipes(bench, tmp_path, policy, cited, valid):
    folder = tmp_path / "prompts"
    shutil.copytree(default_folder(), folder)
    text = (folder / "recipes" / "default.toml").read_text("utf-8").replace('"default"', '"mine"')
    text = text.replace('otherwise = "optional"', f'otherwise = "{policy}"')
    (folder / "recipes" / "mine.toml").write_text(text, "utf-8")
    citations = [{"source": "m0", "quote": "It is forty two."}] if cited else []
    judge = bench(
        ScriptedModel(otherwise={"reason": "seen", "citations": citations, "choice": "4"}),
        prompts=PromptLibrary(folder),
    )
    rules = [{"description": "It is right."}]
    found = await judge.principle(
        text="It is forty two.", recipe="mine", principles=rules, granularity=["outcome"]
    )
    assert found.valid is valid
    assert found.failure_kind == (None if valid else "evidence_unsupported")
    assert ("Cite what your reason rests on" in judge.prompts[0]) is (policy != "none")


def test_the_graph_loads_through_langgraph_json_and_draws_every_node():
    spec = json.loads((ROOT / "langgraph.json").read_text("utf-8"))["graphs"]["judge"]
    path, name = spec.split(":")
    module = importlib.import_module(path.removeprefix("./").removesuffix(".py").replace("/", "."))
    graph = getattr(module, name)()
    drawing = graph.get_graph().draw_mermaid()
    for node in ("screen", "propose", "gather", "critique", "decide"):
        assert node in graph.nodes
        assert node in drawing


ANSWERED = {"candidates": [{"id": "a", "trajectory": {"text": "It is 42."}}]}


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case["field"])
def test_a_request_that_can_never_be_judged_is_refused_by_field(bench, case):
    with pytest.raises(InvalidRequest) as error:
        bench().check(**{**ANSWERED, **case["body"]})
    assert error.value.field == case["field"]
    assert case["says"] in error.value.message


def test_arguments_that_no_record_could_hold_are_refused(bench):
    deep: dict[str, object] = {}
    for _ in range(500):
        deep = {"a": deep}
    with pytest.raises(InvalidRequest, match="cannot be kept as JSON"):
        bench().check(text="It is 42.", metadata=deep)


@pytest.mark.parametrize(
    "body",
    [
        {"principles": [{"description": "x", "weight": math.nan}]},
        {"principles": [{"description": "x", "weight": math.inf}]},
        {"principles": [{"description": "x"}] * 65},
        {"candidates": []},
        {"candidates": [{"id": "a", "trajectory": {"text": "x"}}] * 2},
        {"budget": {"seconds": 0}},
        {"budget": {"seconds": 1, "minutes": 2}},
        {"dimensions": ["Not A Name"]},
    ],
)
def test_a_request_of_the_wrong_types_is_refused(as_request, body):
    with pytest.raises(ValidationError):
        as_request({**ANSWERED, **body})


def test_the_task_may_be_what_all_candidates_begin_with(bench):
    start = [{"role": "system", "content": "Sell shoes."}, {"role": "user", "content": "Size 9?"}]
    same = [
        {"id": c, "trajectory": {"messages": [*start, {"role": "assistant", "content": c}]}} for c in "ab"
    ]
    bench().check(task={"prompt": ""}, candidates=same)
    other = {"id": "c", "trajectory": {"messages": [start[0], {"role": "assistant", "content": "c"}]}}
    with pytest.raises(InvalidRequest, match="do not begin with the same"):
        bench().check(task={"prompt": " "}, candidates=[*same, other])
