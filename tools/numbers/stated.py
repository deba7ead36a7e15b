"""Finds the answer that a candidate states: in a box, behind a mark, in a sentence that says so, or alone.

Not in its hidden reasoning: an answer is what its reader gets.
`sure` is false where the last number of the last line has to do: what it says may not be the answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from judge_agent.prompting.material import without_thought
from judge_agent.schema import Trajectory
from judge_agent.trajectory import final_answer

MAX_ANSWER_CHARS = 2000
MAX_ALONE_CHARS = 80
_TAIL_CHARS = 20_000
_MARKED = re.compile(
    r"^[ \t*_#>-]{0,8}(?:(?:the[ \t]+)?(?:final[ \t]+)?answer(?:[ \t]+is)?[ \t*_]{0,4}[:=]"
    r"|A:(?!.*\n\s*B:)|####)"
    r"[ \t*_]{0,4}(\S[^\n]{0,2000})$",
    re.I | re.M,
)
# What follows may stand on the next line; "isn't" says nothing of what it is.
_SAID = re.compile(
    r"\banswer[ \t]+(?:is|equals|=)(?![\w'\u2019])(?:"
    r"(?:[ \t]+(?:as follows|(?:given |shown |stated )?(?:below|here)|the following))?[ \t:.*_]{0,6}\n\s{0,9}"
    r"|[ \t:]{0,3})((?!\.\s)[^\s:][^\n]{0,300})",
    re.I,
)
_TOLD_BEFORE = re.compile(
    r"\b(?:if|whether|suppose\w*|assum\w*|doubt\w*|unlikely|(?:some|others|people|many|they|he|she) (?:say"
    r"|think|claim|believe)s?|wrong|incorrect|mistak\w*|error|not|never|cannot|might|may|could)\b"
    r"(?:(?!\b(?:so|thus|hence|therefore|but|then|and)\b)[^,.!?;:\n]){0,60}$|n['\u2019]t\b[^,.!?;:\n]{0,60}$",
    re.I,
)
_DENIED_FIRST = re.compile(r"[\s*_$]{0,4}(?:not|never|neither|wrong|incorrect|no longer|far from)\b", re.I)
_TURN = re.compile(
    r"\b(?:wait|actually|correction|scratch that|just kidding|sorry|oops|on second thoughts?|no,|let me (?:re"
    r"|correct|fix)\w*)",
    re.I,
)
# A sentence that says "the answer is simple" does not give it.
_VALUE = re.compile(r"[\d\\^=\u221a\u03c0]|(?<![^\W_])(?:[A-Z]{1,4}|[b-z]|pi|sqrt|infinity)(?![^\W_])")
_LIST_MARK = re.compile(r"[-*+\u2022][ \t]")
_JOINED = re.compile(r"(?:[\s$,;/()|]|\\[()\[\]]|\bor\b|\band\b){0,12}", re.I)
_MARKS = " \t\r\n*_`"
# With the unit behind it, which may be another one than that of the right answer.
_NUMBER = re.compile(
    r"(?<![\w.])[-\u2212]?[$\u20ac\u00a3]?(?:\d{1,9} \d{1,9}/\d{1,9}|(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
    r"(?:[eE][+-]?\d{1,3}(?!\w)| ?/ ?\d+)?)(?:%| ?[a-zA-Z\u00b0]{1,12}(?!\w))?"
)
_BOX = re.compile(r"\\(?:boxed|fbox)\s{0,3}\{")
_DELIMITED = re.compile(r"\\\((.*)\\\)|\\\[(.*)\\\]", re.S)
_DENIED_BEFORE = re.compile(
    r"\b(?:not|than|isn['\u2019]t|(?:can|could|would|wo)(?:not|n['\u2019]t) be|cannot be)[\s$:]{1,4}$", re.I
)
_DENIED_BEHIND = re.compile(
    r"[$\s,]{0,4}(?:(?:is|was|would be)\s+)?(?:wrong|incorrect|not (?:right|correct|the)|false)\b", re.I
)
_WRITTEN_OFF = re.compile(
    r"(?:\b(?:not|never|wrong|incorrect|mistak\w*|error)\b|n['\u2019]t\b)(?:(?!\bbut\b)[^,.!?;:\n]){0,60}$",
    re.I,
)
_SENTENCE_END = re.compile(r"\.(?=\s|$)|;")


class Stated(NamedTuple):
    """The text of an answer, without marks; `others` are the other numbers of the line that it stands in.

    One that something beside it leaves in doubt is not `sure` and has another.
    """

    text: str
    sure: bool
    others: int = 0

    @property
    def in_doubt(self) -> Stated:
        """The same, neither confirmed by itself nor, where the right one stands elsewhere in the text, refuted."""
        return self._replace(sure=False, others=max(1, self.others))


class _Mention(NamedTuple):
    text: str
    begin: int
    end: int


def stated_answer(trajectory: Trajectory) -> Stated | None:
    """The stated answer, or None where nothing says one."""
    text = without_thought(final_answer(trajectory))[0].strip()[-_TAIL_CHARS:]
    if not text:
        return None
    if _BOX.search(text):
        return _boxed(text, _boxes(text))
    if marked := _mentions(_MARKED, text):
        return _marked(text, marked)
    if len(text) <= MAX_ALONE_CHARS and "\n" not in text:
        return _said(text, _mentions(_SAID, text), whole=True) or _alone(text)
    return _said(text, _mentions(_SAID, text), whole=False) or _last_number(text)


def _boxes(text: str) -> list[_Mention]:
    """All boxes; none where the last one is cut off."""
    found = [(match.start(), match.end(), _closing(text, match.end())) for match in _BOX.finditer(text)]
    if found[-1][2] is None:
        return []
    return [
        _Mention(text[start:end].strip(), begin, end + 1) for begin, start, end in found if end is not None
    ]


def _boxed(text: str, boxes: Sequence[_Mention]) -> Stated | None:
    """What stands in the last \\boxed{...} that is not denied beside it; none where all are.

    One of two that stand side by side is no choice, and one that its sentence may deny is none beside another.
    """
    meant = [box for box in boxes if not _is_denied(text, box.begin, box.end)]
    if not meant:
        return None
    stated = Stated(meant[-1].text[:MAX_ANSWER_CHARS], sure=True)
    if len(meant) == 1 or meant[-2].text == meant[-1].text:
        return stated
    beside = _JOINED.fullmatch(text[meant[-2].end : meant[-1].begin])
    written_off = _WRITTEN_OFF.search(text[max(0, meant[-1].begin - 100) : meant[-1].begin])
    return stated.in_doubt if beside or written_off else stated


def _closing(text: str, begin: int) -> int | None:
    """Where the brace closes that was opened before `begin`."""
    depth = 1
    for place in range(begin, min(len(text), begin + MAX_ANSWER_CHARS)):
        depth += (text[place] == "{") - (text[place] == "}")
        if not depth:
            return place
    return None


def _is_denied(text: str, start: int, end: int) -> bool:
    return bool(
        _DENIED_BEFORE.search(text[max(0, start - 20) : start]) or _DENIED_BEHIND.match(text[end : end + 40])
    )


def _mentions(pattern: re.Pattern[str], text: str) -> list[_Mention]:
    """All mentions of an answer, each to the end of its line, those that begin in another one too."""
    found, at = list[_Mention](), 0
    while (match := pattern.search(text, at)) is not None:
        found.append(_Mention(match.group(1), match.start(), match.end()))
        at = match.start(1)
    return found


def _marked(text: str, marked: Sequence[_Mention]) -> Stated:
    """The text behind the last mark; in doubt where what follows, or a mark beside it, says another."""
    last = marked[-1]
    stated = Stated(_bare(last.text), sure=True)
    rest = text[last.end :]
    others = [
        one.text for one in _mentions(_SAID, rest) if _VALUE.search(one.text) and not _is_told(rest, one)
    ]
    others += [one.text for one in marked[:-1] if not text[one.end : last.begin].strip()]
    is_other = any(not _begins_with(_bare(one), stated.text) for one in others)
    return stated.in_doubt if is_other or _TURN.search(rest) else stated


def _begins_with(text: str, answer: str) -> bool:
    """Whether a text is an answer, or that with more words behind it."""
    return text.startswith(answer) and not text[len(answer) : len(answer) + 1].isalnum()


def _said(text: str, found: Sequence[_Mention], *, whole: bool) -> Stated | None:
    """What the last sentence gives that says what the answer is; of a short text its `whole` end."""
    if not found:
        return None
    meant = [one for one in found if _VALUE.search(one.text) and not _is_told(text, one)]
    if not meant:
        return Stated(_sentence(found[-1].text), sure=False, others=1)
    last = meant[-1]
    if whole:
        stated = Stated(_bare(last.text), sure=True)
        return stated if len({_sentence(one.text) for one in meant}) == 1 else stated.in_doubt
    stated = Stated(_sentence(last.text), sure=True)
    return stated.in_doubt if _TURN.search(text[last.begin :]) else stated


def _is_told(text: str, mention: _Mention) -> bool:
    """Whether its sentence denies it, or says it of a case."""
    before = text[max(0, mention.begin - 100) : mention.begin]
    return bool(_DENIED_FIRST.match(mention.text) or _TOLD_BEFORE.search(before))


def _sentence(text: str) -> str:
    return _bare(_SENTENCE_END.split(text)[0])


def _alone(text: str) -> Stated:
    """A short text is the answer; a mark of a list may be a sign."""
    stated = Stated(_bare(text), sure=True)
    return stated.in_doubt if _LIST_MARK.match(text) else stated


def _bare(text: str) -> str:
    text = text.strip(_MARKS).removesuffix(".").strip(_MARKS)
    if (inside := _DELIMITED.fullmatch(text)) is not None:
        text = (inside.group(1) or inside.group(2) or "").strip()
    return text[:MAX_ANSWER_CHARS]


def _last_number(text: str) -> Stated | None:
    line = next((line for line in reversed(text.split("\n")) if line.strip()), "")[-2000:]
    numbers = _NUMBER.findall(line)
    if not numbers:
        return None
    return Stated(numbers[-1], sure=False, others=len(set(numbers)) - 1)
