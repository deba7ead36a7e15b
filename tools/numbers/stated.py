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
_BRACE = re.compile(r"[{}]")
_DELIMITED = re.compile(r"\\\((.*)\\\)|\\\[(.*)\\\]", re.S)
_DENIED_BEFORE = re.compile(
    r"\b(?:not|than|isn['\u2019]t|(?:(?:ca|could|would|wo)n['\u2019]t|(?:can|could|would|will) ?not) be)[\s$:]{1,4}$",
    re.I,
)
_DENIED_BEHIND = re.compile(
    r"[$\s,]{0,4}(?:(?:is|was|would be)\s+)?(?:wrong|incorrect|not (?:right|correct|the)|false)\b", re.I
)
_WRITTEN_OFF = re.compile(
    r"(?:\b(?:not|never|wrong|incorrect|mistak\w*|error)\b|n['\u2019]t\b)(?:(?!\bbut\b)[^,.!?;:\n]){0,60}$",
    re.I,
)
_SENTENCE_END = re.compile(r"\.(?=\s|$)|;")
_REASON = re.compile(r"[\s,;.(]{1,4}(?:because|since)\b", re.I)
_OR = re.compile(r"\bor\b", re.I)
_BRACKETED = re.compile(r"\([^()]{0,200}\)")
# Between an answer and an equation that says something else: 42, x = 7; x = 3 when y = 4.
_ASIDE = re.compile(r"[.,;]\s|\s\(")
_CONDITION = re.compile(
    r"\b(?:(?:if|when|where|given|assuming|check)\b|(?:for|with|as|at)\s+\\?[a-z]\w{0,3}\s*$)", re.I
)
_DIGIT = re.compile(r"\d")
# What makes a number a part of a formula: x^2, 2\pi, x - 2, sqrt(2), 2/x, 1:30.
_FORMULA_BEFORE = re.compile(
    r"(?:[\^/\u221a\u00d7\u00b7|{]|\d:|\\[a-z]+\s?|(?:sqrt|log|ln|sin|cos|tan|exp)\s?\(?"
    r"|(?:(?<![a-z])[a-z]|\d|[)\]}])\s?[-+*\u2212]\s?)$",
    re.I,
)
_SIGNED_BEFORE = re.compile(r"(?:(?<![a-z])[a-z]|\d|[)\]}])\s?$", re.I)
_FORMULA_BEHIND = re.compile(
    r"\s?(?:[\^\u221a\u03c0\u00d7\u00b7\u00b2\u00b3\u00b9\u2070-\u2079\u00bc-\u00be\u2150-\u215e}]|\\(?!text|mathrm|quad)[a-z]|[-+\u2212]\s?(?:[a-z](?![a-z])|[(\\])"
    r"|\*\s?(?:[a-z](?![a-z])|[(\\])|/\s?\d)|[(|]",
    re.I,
)
_UNITLESS_BEHIND = re.compile(r"\s?/\s?[\w(]|!")


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
        return _without_reason(_marked(text, marked))
    if len(text) <= MAX_ALONE_CHARS and "\n" not in text:
        return _without_reason(_said(text, _mentions(_SAID, text), whole=True) or _alone(text))
    said = _said(text, _mentions(_SAID, text), whole=False)
    return _last_number(text) if said is None else _without_reason(said)


def _boxes(text: str) -> list[_Mention]:
    """All boxes; none where the last one is cut off."""
    closings = _closings(text)
    found = [(box.start(), box.end(), closings.get(box.end() - 1, len(text))) for box in _BOX.finditer(text)]
    whole = [end < min(len(text), start + MAX_ANSWER_CHARS) for _, start, end in found]
    if not whole[-1]:
        return []
    return [
        _Mention(text[start:end].strip(), begin, end + 1)
        for (begin, start, end), is_whole in zip(found, whole, strict=True)
        if is_whole
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


def _closings(text: str) -> dict[int, int]:
    """Where each brace closes, by where it is opened. One pass, for a text may be nothing but boxes."""
    found, opened = dict[int, int](), list[int]()
    for brace in _BRACE.finditer(text):
        if brace[0] == "{":
            opened.append(brace.start())
        elif opened:
            found[opened.pop()] = brace.start()
    return found


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


def _without_reason(stated: Stated) -> Stated:
    """The answer without why it is one; in doubt where an equation beside it may be read for it."""
    text = stated.text
    if (reason := _REASON.search(text)) is not None and re.search(r"\w", text[: reason.start()]):
        behind = text[reason.end() :]
        if _OR.search(behind):
            return stated.in_doubt
        if "=" in behind:
            text = _bare(text[: reason.start()])
    stated = stated._replace(text=text)
    plain = _BRACKETED.sub("", text)
    first = _DIGIT.search(plain)
    if first is None or "=" not in plain[first.end() :]:
        return stated
    behind = plain[first.end() :]
    is_beside = _ASIDE.search(behind.partition("=")[0]) if "=" not in plain[: first.end()] else None
    return stated.in_doubt if is_beside or _CONDITION.search(behind.rpartition("=")[0]) else stated


def _last_number(text: str) -> Stated | None:
    """The last number of the last line, where it stands by itself and is not denied."""
    line = next((line for line in reversed(text.split("\n")) if line.strip()), "")[-2000:]
    numbers = list(_NUMBER.finditer(line))
    if not numbers or _is_of_a_formula(line, numbers[-1]) or "?" in line[numbers[-1].end() :]:
        return None
    if _TOLD_BEFORE.search(line[max(0, numbers[-1].start() - 100) : numbers[-1].start()]):
        return None
    return Stated(numbers[-1][0], sure=False, others=len({one[0] for one in numbers}) - 1)


def _is_of_a_formula(line: str, number: re.Match[str]) -> bool:
    """Whether a number is a part of what the line says: of 2\\pi, or of x - 2."""
    before, behind = line[max(0, number.start() - 20) : number.start()], line[number.end() :][:20]
    if _FORMULA_BEFORE.search(before) or _FORMULA_BEHIND.match(behind):
        return True
    if number[0][0] in "-\u2212" and _SIGNED_BEFORE.search(before):
        return True
    has_unit = number[0][-1].isalpha()
    return not has_unit and bool(_UNITLESS_BEHIND.match(behind))
