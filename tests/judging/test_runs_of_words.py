"""A run of words without one of some is found wherever it stands, and by the automaton as by looking up each word."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge_agent.guards.word_runs import RunFinder

KNOWN = ("a", "an", "and", "the", "they")
MARKS = ",;|/-"
finds = RunFinder(KNOWN, MARKS, 4)
words = st.sampled_from(
    [*KNOWN, "AN", "The", "th", "them", "then", "any", "x", "a.", "'an", "dog", "\u00fcber", "9"]
)
apart = st.sampled_from([" ", "  ", "\n", "\t\x0b", "\x1c", ",", " - ", "|", "/;"])


def runs(text: str) -> bool:
    for mark in MARKS:
        text = text.replace(mark, " ")
    said = [word.lower() in KNOWN for word in text.split()]
    return any(not known and len(list(run)) >= 4 for known, run in itertools.groupby(said))


@given(st.lists(st.tuples(words, apart), max_size=30))
def test_it_finds_what_looking_up_each_word_finds(pieces: list[tuple[str, str]]) -> None:
    text = "".join(word + sign for word, sign in pieces)
    assert finds(text) is runs(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", False),
        ("one two three", False),
        ("one two three four", True),
        ("the one two three four", True),
        ("one two the three four", False),
        ("one two THE three four", False),
        ("one,two;three|four", True),
        ("one two three the", False),
        ("a " * 50 + "one two three four", True),
        ("one two th\u00e9 four", True),
        ("one two the th\u00e9 four", False),
    ],
)
def test_what_is_a_run(text: str, found: bool) -> None:
    assert finds(text) is found


def test_words_that_begin_alike_are_not_taken_for_each_other() -> None:
    assert finds("them then they'd andy")
    assert not finds("them then they andy")


def test_a_long_text_is_one_pass() -> None:
    assert not finds("one two three the " * 100_000)
    assert finds("one two three the " * 100_000 + "four five six seven")
