"""Whether two demands say the same in nearly the same words. Pure; of the same in other words it knows nothing."""

from __future__ import annotations

import re

SAME_SHARE = 0.8
# A script that puts no spaces between words is counted by its characters.
WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
# Where two demands differ in one of these they ask for different things, however much else they share.
_NEGATIONS = frozenset(
    ("no", "not", "never", "none", "without", "except", "only", "more", "less", "fewer", "most", "least")
)
_NUMBERS = frozenset(("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"))
_PLACES = frozenset(
    ("first", "second", "third", "last", "next", "before", "after", "above", "below", "start", "begin", "end")
)
# Chinese, Japanese and Korean: no, not, without; one to ten; before, after, more, less.
_SIGNS = frozenset(
    "\u4e0d\u6ca1\u6c92\u65e0\u7121\u975e\u672a\u52ff\u83ab\u306a\u305a\uc548\ubabb\uc5c6\uc54a"
    "\u4e00\u4e8c\u4e09\u56db\u4e94\u516d\u4e03\u516b\u4e5d\u5341\u524d\u540e\u5f8c\u591a\u5c11"
)
_TURNS_IT = _NEGATIONS | _NUMBERS | _PLACES | _SIGNS


def same_words(left: str, right: str) -> bool:
    """Whether most words of the shorter text are in the other one, and what turns the one turns the other.

    Most are 80%. A negation, a number or a place that stands in one alone makes two demands of them.
    """
    first, second = (set(WORD.findall(text.casefold())) for text in (left, right))
    if any(word in _TURNS_IT or any(map(str.isdigit, word)) for word in first ^ second):
        return False
    return len(first & second) >= SAME_SHARE * max(1, min(len(first), len(second)))
