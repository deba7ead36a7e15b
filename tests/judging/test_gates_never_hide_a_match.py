"""A gate only ever spares a search that would find nothing: also in texts beyond ASCII, in letters of any script."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge_agent.guards.gate import Gate
from judge_agent.guards.patterns import FOREIGN, PLANTED

LETTERS = "aAkKsSiI\u017f\u212a\u0131\u0130\u00e9\u00c9\u00fc\u03c3\u03c2\u0416\u4e2d\u0e01"
SIGNS = "0195\u0665\u096b \n\t\u00a0\u3000.,:;!?\"'`\u201c\u201d\u2014_-*[](){}<>|=#\u0301\u200b\ud800"
TEXTS = st.text(alphabet=LETTERS + SIGNS, max_size=40)
WORDS = (
    "judge",
    "grader",
    "ignore",
    "instructions",
    "answer is",
    "pass",
    "10/10",
    "note",
    "score",
    "\u00e9valuateur",
)
PATTERNS = (
    r"\b[a-z]{2,}\b",
    r"[^a-z]{3}",
    r"[^\W\d_]{4}",
    r"\d\s\w",
    r"(?<![\w])\S{1,3}(?!\d)",
    r"k(?:\u017f|s)++[\"\u201c]?i",
    r"[\u4e00-\u9fff]{1,3}\b",
    r"^[^\n.]{2,9}$",
)


@pytest.mark.parametrize("pattern", PATTERNS)
@settings(max_examples=300, deadline=None)
@given(text=TEXTS)
def test_where_a_pattern_matches_its_gate_opens(pattern: str, text: str) -> None:
    if re.search(pattern, text, re.IGNORECASE | re.MULTILINE):
        assert Gate(pattern).opens(text)


@settings(max_examples=600, deadline=None)
@given(
    parts=st.lists(st.sampled_from(WORDS) | TEXTS, max_size=8), gap=st.sampled_from(["", " ", "\u00a0", ": "])
)
def test_where_a_planted_text_is_found_its_gate_opens(parts: list[str], gap: str) -> None:
    text = gap.join(parts)
    for pattern in (*PLANTED, *FOREIGN):
        if pattern.regex.search(text):
            assert pattern.gate.opens(text), (pattern.name, text)


def test_a_gate_stays_closed_where_nothing_can_match() -> None:
    said = "\u2014 Aber nat\u00fcrlich \u2026 \u4f60\u597d " * 50
    assert [pattern.name for pattern in PLANTED if pattern.gate.opens(said)] == []
