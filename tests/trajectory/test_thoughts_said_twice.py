"""A thought right behind a thought is as hidden as the first: nothing in it is the answer."""

from __future__ import annotations

import pytest

from judge_agent.fenced_code import spoken
from judge_agent.prompting.material import without_thought


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<think>a</think><think>b</think>c", "c"),
        ("a</think>\n<think>b</think>\n\nc", "c"),
        ("<think>a</think>\n<thinking>b", ""),
        ("<think>a</think>c <think>b</think>", "c <think>b</think>"),
    ],
)
def test_thoughts_in_a_row_are_all_hidden(text: str, said: str) -> None:
    assert (spoken(text), without_thought(text)) == (said, (said, True))
