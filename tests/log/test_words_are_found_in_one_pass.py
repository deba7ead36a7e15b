"""One pass over a text tells the words that it holds, whatever else it holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge_agent.words_in import WordFinder

WORDS = ("secret", "sec", "a.b", "x|y", "[z]", "pass=", "\\", " ", "token :")


@given(st.lists(st.sampled_from(WORDS) | st.text(st.characters(), max_size=6), max_size=12))
def test_the_words_that_are_in_the_text_are_found_and_no_other(parts: list[str]) -> None:
    text = "".join(parts)
    assert WordFinder(WORDS)(text) == {word for word in WORDS if word in text}


@pytest.mark.parametrize("word", ["", "\u00e9"])
def test_what_is_no_ascii_word_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match="no ASCII word"):
        WordFinder(["fine", word])
