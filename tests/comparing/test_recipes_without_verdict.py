"""A recipe by which no judgment could ever end with a verdict is refused when it is read, by file and field."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from judge_agent.errors import PromptError
from judge_agent.recipes import load_recipes

SOUND = """
name = "sound"
description = "Each alone."
models = true
protocols = ["pointwise"]
dimensions = ["quality"]
granularity = ["outcome"]

[principles]
generate = "never"

[citations]
hard_pass = "none"
otherwise = "none"

[gather]
rounds = 0
"""
TURNS = """
[[turns]]
name = "work"
prompt = "critique/themis-work.v1"

[turns.read]
kind = "score_tag"
low = 0
high = 10
"""
CASES = tomllib.loads(Path(__file__).with_name("recipes_without_verdict.toml").read_text("utf-8"))["case"]


def changed(old: str, new: str) -> str:
    if old == "turns":
        return SOUND
    text = SOUND + TURNS
    assert old in text
    return text.replace(old, new)


def test_the_sound_one_is_read(library):
    assert "sound" in load_recipes(library({"recipes/sound.toml": SOUND + TURNS}).folder)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_it_is_refused_by_file_and_field(library, case):
    prompts = library({"recipes/sound.toml": changed(case["old"], case["new"])})
    with pytest.raises(PromptError, match=rf"(?s)sound\.toml.*{case['complaint']}"):
        load_recipes(prompts.folder)
