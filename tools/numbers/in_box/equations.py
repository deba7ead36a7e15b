"""Finds every "a op b = c" that a text asserts, and works it out again.

What it calls wrong is wrong however it is read: as per cent or plain number, with decimals that were rounded on the
way, cut or rounded at the end, in another unit. What could be read otherwise (a variable beside it, a word that is an
operation, a doubt or a denial in the line, a slip that is put right later) is `off` or left out.

Does not know whether a right calculation was the one to make.
"""

from __future__ import annotations

import re
from fractions import Fraction

from tools.numbers.in_box.arithmetic import NoValue, Value, value_of
from tools.numbers.in_box.manners import other_meaning
from tools.numbers.in_box.tokens import Token, plain, tokens
from tools.numbers.in_box.units import may_be_units

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Literal

    Verdict = Literal["right", "wrong", "off"]

MAX_LINE_CHARS = 4000
_FLOATING = 10**12  # what calculation in floating point is off by, at most
_ARITHMETIC = frozenset(("number", "operator", "open", "close", "percent"))
_FENCE = re.compile(r"^\s{0,3}(?:```|~~~)")
_NOTE = re.compile(r"<<([^<>\n]{1,300})>>")
# before the left side, or after the right side: the words belong to the calculation
_BEFORE = frozenset((
    "of", "times", "plus", "minus", "over", "by", "per", "than", "and", "from", "half", "third", "quarter",
    "twice", "thrice", "negative", "double", "triple", "sqrt", "root", "sin", "cos", "tan", "log", "ln", "exp",
    "max", "min", "abs", "floor", "ceil", "gcd", "lcm", "mod", "divided", "multiplied", "subtract", "add", "increased",
    "decreased", "squared", "cubed", "sum", "product", "difference", "ratio", "power", "to",
))  # fmt: skip
_AFTER = frozenset((
    "million", "millions", "thousand", "thousands", "billion", "billions", "trillion", "hundred",
    "hundreds", "dozen", "dozens", "k", "m", "bn", "r", "rem", "remainder", "mod", "modulo", "squared",
    "cubed", "factorial", "times", "plus", "minus", "over", "divided", "multiplied",
))  # fmt: skip
_DOUBT = re.compile(
    r"\b(?:wrong\w*|incorrect\w*|mistake\w*|errors?|erroneous\w*|not|never|isn't|isn\u2019t|doesn't|doesn\u2019t|cannot|can't|"
    r"false|fails?|suppose\w*|assum\w+|pretend|imagine|let's\s+say|wait|oops|sorry|instead|unlike|should|typo|correction|"
    r"corrected|approx\w*|about|roughly|around|nearly|almost|estimat\w+|round\w*|base|mod|modulo|modular|binary|hex\w*|"
    r"octal|remainder|clock|contradict\w*|impossible|absurd|hypothe\w+|joke|said|says|claim\w*|thinks|thought|believ\w*|wrote|"
    r"written|writes|according|student'?\u2019?s?\s+(?:work|answer|solution)|bugs?|xor|bitwise|python|"
    r"off\s+by|would\s+be\s+wrong)\b|[\u2260\u2248~?\u2717\u2718\u274c\u2716]|:\s*no\b|\b(?:if|given\s+that)\b[^.;=\d]{0,25}\d[^.;=,a-z]{0,40}=",
    re.I,
)
_TAKES_BACK = re.compile(
    r"^\W*(?:wait|no\b|oops|actually|correction|sorry|hmm|(?:but\s+|so\s+)?(?:that|this|it|which|the\s+\w+)\b[^.=\n]{0,40}"
    r"\b(?:not|wrong|incorrect|mistake|error|false|contradiction)|(?:wrong|incorrect|false|a\s+contradiction)\b)",
    re.I,
)
# a line that ends so: what follows is told, and not said
_ANNOUNCES = re.compile(
    r"\b(?:student|wrong|incorrect\w*|mistake\w*|errors?|claim\w*|suppose|assum\w+|false|wrote|written|says|said|attempt)\b"
    r"[^.\n]{0,60}:\W*$",
    re.I,
)
# what gives numbers or signs another meaning, wherever it stands in a text
_OTHER_ARITHMETIC = re.compile(
    r"\b(?:base[- ]?(?:\d|two|three|four|five|six|seven|eight|nine|twelve|sixteen|b\b)|mod(?:ulo|ular)?\b|binary|octal|"
    r"hexadecimal|xor\b|bitwise|finite\s+fields?|GF\s?\(|boolean|clock\s+arithmetic|"
    r"(?:defin\w+|denotes?|means?|new|custom|special|strange)\b[^.\n]{0,80}\boperat\w+|operat\w+\b[^.\n]{0,80}\b(?:defin\w+|denotes?|means?|such\s+that)|"
    r"\b[a-z]\s?[*@#^]\s?[a-z]\s+means|"
    r"defin\w+\b[^.\n]{0,40}[*@#^\u2295\u2297\u22c6\u2218\u2605\u25b3])|\bZ_?\{?\d|\bZ/\d|\u2124|\\mathbb\{[ZF]\}_|\bF_\{?\d|\\p?mod\b|\\oplus|\\equiv|\u2261",
    re.I,
)


class Equation:
    """One equation that was worked out: as written, what its left side comes to, and whether `<<...>>` records it."""

    __slots__ = ("left", "line", "recorded", "right", "value", "verdict", "why")

    def __init__(self, line: int, left: str, right: str, value: Fraction, verdict: Verdict, why: str) -> None:
        self.line = line
        self.left = left
        self.right = right
        self.value = value
        self.verdict = verdict
        self.why = why
        self.recorded = False


def equations_in(text: str, most: int, *, task: str = "") -> tuple[list[Equation], bool]:
    """The equations of a text, at most `most`; and whether something of the text was left out for its size.

    What the task itself writes is nobody's mistake; where it or the text gives signs another meaning, nothing is wrong.
    """
    found, cut = _equations_in(text, most)
    wrong = [one for one in found if one.verdict == "wrong"]
    if wrong and (_OTHER_ARITHMETIC.search(task) or _OTHER_ARITHMETIC.search(text)):
        for one in wrong:
            one.verdict, one.why = "off", "signs or numbers may have another meaning"
    if wrong and "=" in task:
        given = {(one.left, one.right) for one in _equations_in(task, most)[0]}
        for one in wrong:
            if (one.left, one.right) in given:
                one.verdict, one.why = "off", "the task's own"
    return found, cut


def _equations_in(text: str, most: int) -> tuple[list[Equation], bool]:
    found: list[Equation] = []
    cut = in_code = False
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if _FENCE.match(line):
            in_code = not in_code
            continue
        if in_code or "=" not in line or line.lstrip().startswith(">"):
            continue
        if len(line) > MAX_LINE_CHARS:
            line, cut = line[:MAX_LINE_CHARS], True
        before = next((one for one in reversed(lines[max(0, number - 2) : number]) if one.strip()), "")
        taken_back = _ANNOUNCES.search(before) is not None or any(
            _TAKES_BACK.match(later) for later in lines[number + 1 : number + 3]
        )
        for one in _of_line(line, number):
            if len(found) >= most:
                return _mended(found), True
            if taken_back and one.verdict == "wrong":
                one.verdict, one.why = "off", "taken back, or told of others"
            found.append(one)
    return _mended(found), cut


def _of_line(line: str, number: int) -> Iterator[Equation]:
    noted: list[Equation] = []
    for note in _NOTE.finditer(line):
        inside = list(_of_text(note.group(1), line, number))
        for one in inside:
            one.recorded = True
        noted += inside
        if inside and inside[-1].verdict == "right":
            noted += _carried(note.group(1), line[note.end() : note.end() + 80], line, number)
    yield from noted
    if "=" in (rest := _NOTE.sub("", line)):
        right = {one.right for one in noted if one.verdict == "right"}
        for one in _of_text(rest, rest, number):
            if one.verdict == "wrong" and one.right in right:
                one.verdict, one.why = "off", "the note beside it is right"
            yield one


def _carried(note: str, behind: str, line: str, number: int) -> Iterator[Equation]:
    """What is written behind a right note, where it is not what the note comes to."""
    if behind[:1].isdigit() or re.match(r"[$\u20ac\u00a3]?\d", behind):
        for one in _of_text(f"{note.rpartition('=')[0]}={behind.partition('=')[0]}", line, number):
            if one.verdict == "wrong":
                one.why = "the note beside it says otherwise"
                yield one


def _of_text(text: str, line: str, number: int) -> Iterator[Equation]:
    if "==" in text or ":=" in text:
        return
    found = tokens(plain(text))
    places = [place for place, token in enumerate(found) if token.kind == "equals"]
    bounds = [-1, *places, len(found)]
    for index, place in enumerate(places):
        left = _left(found[bounds[index] + 1 : place], is_first=index == 0)
        right = _right(found[place + 1 : bounds[index + 2]])
        if left is None or right is None or not any(t.kind == "operator" for t in (*left[1:], *right[1:])):
            continue
        equation = _worked_out(left, right, line, number)
        if equation is not None:
            yield equation


def _left(before: Sequence[Token], *, is_first: bool) -> Sequence[Token] | None:
    """The arithmetic that ends at the equals sign, where all of the left side is in it."""
    start, depth = len(before), 0
    while start and before[start - 1].kind in _ARITHMETIC:
        kind = before[start - 1].kind
        depth += (kind == "close") - (kind == "open")
        if depth < 0:
            break
        start -= 1
    if is_first and [token.kind for token in before[start : start + 2]] == ["number", "close"]:
        start += 2  # the mark of a list: 1)
    side = before[start:]
    if not side:
        return None
    edge = before[start - 1] if start else None
    if edge is not None and not _may_stand_before(edge, side[0]):
        return None
    if edge is not None and edge.text == "," and start > 1 and before[start - 2].kind == "number":
        return None  # 10, 20, 30 + 5: of a list
    if side[0].kind == "operator":
        if edge is not None or side[0].text not in "-*+" or not is_first:
            return None if side[0].text != "-" or edge is not None else side
        if side[0].text in "*+":
            return side[1:] or None  # the mark of a list
        return None if len(side) > 1 and side[1].spaced else side  # the mark of a list, or a sign
    return side


def _may_stand_before(edge: Token, first: Token) -> bool:
    if edge.kind == "word":
        if not first.spaced or edge.text.lower() in _BEFORE:
            return False
        return len(edge.text) > 1 or edge.text in ("a", "A", "I")
    if edge.kind == "open":
        return True
    return first.spaced and edge.text in ",;:.!)\u2014\"'\u201c\u201d\u2022"


def _right(after: Sequence[Token]) -> Sequence[Token] | None:
    """The arithmetic that begins at the equals sign, where nothing that follows belongs to it."""
    end, depth = 0, 0
    while end < len(after) and after[end].kind in _ARITHMETIC:
        kind = after[end].kind
        depth += (kind == "open") - (kind == "close")
        if depth < 0:
            break
        end += 1
    side = after[:end]
    if not side or side[-1].kind in ("operator", "open"):
        return None
    follows = after[end] if end < len(after) else None
    if follows is None or follows.kind == "close":
        return side
    if follows.kind == "word":
        word = follows.text.lower()
        if not follows.spaced or word in _AFTER or (len(word) == 1 and word != "a"):
            return None
        is_mixed = word in ("and", "with") and end + 1 < len(after) and after[end + 1].kind == "number"
        return None if is_mixed else side
    if follows.spaced:
        return side if follows.text not in "\\|!?^_\u221a" else None
    beyond = after[end + 1] if end + 1 < len(after) else None
    ends = beyond is None or beyond.spaced or beyond.kind not in ("number", "word")
    return side if ends and follows.text in ",;.:\"'\u201d\u2019*" else None


def _worked_out(left: Sequence[Token], right: Sequence[Token], line: str, number: int) -> Equation | None:
    try:
        readings = [(value_of(left), value_of(right))]
    except NoValue:
        return None
    if any(token.kind == "percent" for token in (*left, *right)):
        as_number = Fraction(1)
        for one, other in (
            (as_number, as_number),
            (as_number, Fraction(1, 100)),
            (Fraction(1, 100), as_number),
        ):
            readings.append((value_of(left, percent=one), value_of(right, percent=other)))
        if any(t.kind == "operator" and t.text in "+-" for t in left):
            return None  # 100 - 20%: of what is not said
    verdict, why = _verdict(readings, left, right, line)
    return Equation(number, _text(left), _text(right), readings[0][0].exact, verdict, why)


def _verdict(
    readings: Sequence[tuple[Value, Value]], left: Sequence[Token], right: Sequence[Token], line: str
) -> tuple[Verdict, str]:
    if any(one.exact == other.exact for one, other in readings):
        return "right", ""
    one, other = readings[0]
    unit = max((token.unit for token in right if token.kind == "number"), default=Fraction(1))
    if any(_is_near(one, other, unit, len(right)) for one, other in readings):
        return "off", "rounded"
    if len(right) > 1 and right[0].kind == "number" and right[0].value == one.exact:
        return "off", "goes on behind the equals sign"
    if len(right) > 1 and any(token.kind == "operator" for token in right[1:]):
        return "off", "both sides are worked out"
    if may_be_units(one.exact, other.exact, line):
        return "off", "another unit"

    def near(meant: Fraction, said: Fraction) -> bool:
        return _is_near(Value(meant), Value(said), unit, len(right))

    if (why := other_meaning(left, right, line, near)) is not None:
        return "off", why
    if _DOUBT.search(_NOTE.sub("", line)):
        return "off", "not asserted"
    return "wrong", ""


def _is_near(one: Value, other: Value, unit: Fraction, size: int) -> bool:
    """Whether rounding explains the difference: at the right side's last place, or on the way there."""
    if abs(one.exact - other.exact) < unit or one.low - unit < other.exact < one.high + unit:
        return True
    if abs(one.exact - other.exact) * _FLOATING < abs(one.exact):
        return True
    if size > 1 and one.exact:  # a right side that is worked out itself, perhaps from rounded numbers
        return abs(one.exact - other.exact) <= abs(one.exact) / 50 or other.low <= one.exact <= other.high
    return False


def _mended(found: list[Equation]) -> list[Equation]:
    """A wrong equation whose left side is worked out rightly later is a slip that was put right."""
    right = {one.left: place for place, one in enumerate(found) if one.verdict == "right"}
    for place, one in enumerate(found):
        if (
            one.verdict == "wrong"
            and right.get(one.left, -1) > place
            and found[right[one.left]].line > one.line
        ):
            one.verdict, one.why = "off", "put right later"
    return found


def _text(side: Sequence[Token]) -> str:
    return " ".join(token.text for token in side)
