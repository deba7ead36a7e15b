"""Messages held against the decoded text of their rollout: what they lack is added, what is not theirs is refused."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from judge_agent.trainers.decoded_text import complete, spoken

CASES = json.loads(Path(__file__).with_name("decoded_texts.json").read_text("utf-8"))


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_messages_become_what_the_text_says(case: dict[str, Any]) -> None:
    found = complete(case["messages"], case["text"])
    said = None if found is None else [[message["role"], message["content"]] for message in found]
    assert said == case["said"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("4<|im_end|>", "4"),
        ("4 <|im_end|>\n<|endoftext|>\n", "4"),
        ("4</s>", "4"),
        ("4<｜end▁of▁sentence｜>", "4"),
        ("a <|b|> c", "a <|b|> c"),
        ("4  ", "4  "),
        ("<|im_end|>", ""),
        ("", ""),
    ],
)
def test_tokens_that_end_a_turn_are_no_part_of_what_was_said(text: str, said: str) -> None:
    assert spoken(text) == said


@pytest.mark.parametrize("unit", [" ", "\n", "<|im_end|>", "\nassistant ", "<|", "</s> "])
def test_a_megabyte_of_anything_takes_no_time(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    began = time.process_time()
    complete([{"role": "assistant", "content": text}, {"role": "tool", "content": "x"}], text + "y")
    spoken(text)
    assert time.process_time() - began < 2
