"""What a recipe may choose is read by something, and what can read is chosen by some recipe: no dead name on a menu."""

from __future__ import annotations

import math
import shutil
import tomllib
from pathlib import Path
from typing import Any, ClassVar, get_args

import pytest

from judge_agent.models.scripted import of_tokens
from judge_agent.prompting import PromptLibrary, default_folder
from judge_agent.readouts import READOUTS
from judge_agent.recipes import Gather, Readout
from judge_agent.seams.tool import AskedTool, ToolResult

pytestmark = pytest.mark.anyio
CASES = tomllib.loads(Path(__file__).with_name("kinds-of-readouts.toml").read_text("utf-8"))["case"]
HEAD = """
name = "mine"
description = "Chooses one kind."
models = true
protocols = ["{protocol}"]
dimensions = ["quality"]
granularity = ["outcome"]

[citations]
hard_pass = "none"
otherwise = "none"

[compare]
slots = "{slots}"

[principles]
default = [{{ name = "good", description = "It is good." }}]

[gather]
rounds = {rounds}
format = "{format}"

[prompts]
gather = "gather/default.v1"
gather_tools = "gather/tools.v1"
gather_react = "gather/react.v1"
"""


class LookUp(AskedTool):
    """Finds every word."""

    name, version, description = "look_up", "1", "Looks a word up."
    parameters: ClassVar[dict[str, Any]] = {
        "type": "object",
        "properties": {"word": {"type": "string"}},
        "required": ["word"],
        "additionalProperties": False,
    }

    async def run(self, arguments, view, *, timeout_seconds):
        return ToolResult("ok", f"{arguments['word']} is a word")


def library(tmp_path, case):
    folder = tmp_path / "prompts"
    shutil.copytree(default_folder(), folder)
    head = HEAD.format(
        protocol=case["protocol"],
        format=case.get("format", "json"),
        rounds=2 if "format" in case else 0,
        slots="numbers" if "boxed_index" in case["turns"] else "letters",
    )
    (folder / "recipes" / "mine.toml").write_text(head + case["turns"], "utf-8")
    return PromptLibrary(folder)


async def test_a_recipe_that_chooses_it_is_judged_by_it(panel, tmp_path, case):
    answers = [of_tokens(case["tokens"])] if "tokens" in case else case.get("answers", [])
    bench = panel(
        prompts=library(tmp_path, case),
        judge_tools=[LookUp()],
        answers=answers,
        likelihoods=[[math.log(share) for share in case["shares"]]] if "shares" in case else [],
    )
    texts = {"a": "The moon pulls the water.", "b": "It is the wind."}
    shown = {"a": texts["a"]} if case["protocol"] == "pointwise" else texts
    task = {"prompt": "Explain tides.", "reference": {"answer": "the moon"}}
    judgment = await bench.judge("mine", shown, task=task)
    assert sorted(c.reward for c in judgment.candidates) == pytest.approx(case["rewards"])
    assert judgment.usage.tool_calls == case.get("calls", 0)
    assert bench.model.unused == 0


async def test_every_kind_and_format_on_the_menu_is_read_and_every_readout_is_on_a_menu():
    kinds = {case["name"] for case in CASES if not case.keys() & {"format", "within"}} - {"sections"}
    assert kinds == set(get_args(Readout.model_fields["kind"].annotation))
    formats = {case["format"] for case in CASES if "format" in case}
    assert formats == set(get_args(Gather.model_fields["format"].annotation))
    chosen = {name for case in CASES for name in case["readouts"]}
    assert chosen == {readout.name for readout in READOUTS}


async def test_a_word_for_the_rationale_is_refused_where_nothing_would_look_for_it():
    assert Readout(kind="score_tag", rationale="Work:").rationale == "Work:"
    with pytest.raises(ValueError, match="rationale='Work:' is of the kind 'score_tag', not of 'p_yes'"):
        Readout(kind="p_yes", rationale="Work:")


async def test_a_floor_is_refused_where_no_grade_could_fall_on_it():
    assert Readout(kind="score_tag", low=0, high=5, floor=1).floor == 1
    with pytest.raises(ValueError, match="floor=1 is of the kind 'score_tag'"):
        Readout(kind="scores_json", low=0, high=5, floor=1)
