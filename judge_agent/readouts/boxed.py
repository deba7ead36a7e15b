r"""Readout `boxed`: numbers in `\boxed{8, 5}`.

DeepSeek-GRM (2504.02495) writes one integer for each response, BR-RM (2510.23596) the number of the better
one, ProcessBench the first wrong step or -1. The last box is the verdict. A box that quotes the answer of a
maths task is not one, but where it could be, nothing is read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from judge_agent.readouts.answer import after_reasoning, blocks, unparseable
from judge_agent.readouts.near import NAMES, other_decision
from judge_agent.readouts.near_boxes import INTEGER, Box, is_introduced
from judge_agent.readouts.near_scores import refuse_other_numbers

MAX_BOX_CHARS = 4_000
MAX_BOXES = 500
_OPEN = re.compile(r"\\boxed\s*|(?<!\w)(?<!\\ )\\{0,2}(?:boxed|fbox|framebox)\s*(?=\{)", re.IGNORECASE)
_STYLED = re.compile(r"\\(?:text|textbf|textrm|mathrm|mathbf)\s*\{([^{}\\]*)\}")
_SPACES = re.compile(r"\\[,;:! ]|~|\$|\\quad")
_ENCLOSED = re.compile(r"\{([^{}]*)\}|\[([^\[\]]*)\]|\(([^()]*)\)")


def read_boxed_numbers(
    text: str | None, count: int, low: int, high: int, *, between: tuple[str, str] | None = None
) -> tuple[int, ...]:
    r"""Return the `count` integers of the last `\boxed{...}`, each in [low, high].

    With `between` only the text between these two markers is read; the second may be missing at the end of
    the text, because it is the stop string of such calls. Raises ModelError('model_unparseable') for no box,
    one that is not closed, another count, a number that is no integer or out of range, and for two boxes
    that could both be the verdict and differ, in whatever form, and for other scores stated behind the last box.
    """
    part = _read_part(after_reasoning(text), between)
    boxes, end = _boxes(part)
    last = next(box for box in reversed(boxes) if box.exact)
    numbers = _integers(last, count, low, high)
    for box in boxes:
        if box.items != last.items and box.may_be_verdict(count, low, high):
            raise unparseable(f"the answer boxes {box.content[:40]!r} and {last.content[:40]!r}")
    refuse_other_numbers(part[end:], numbers)
    return numbers


def read_boxed_index(
    text: str | None, choices: Sequence[int] | int, *, between: tuple[str, str] | None = None
) -> int:
    r"""Return the one of `choices` that the last `\boxed{1 or 2}` holds; a number n stands for 1 to n.

    Raises as `read_boxed_numbers` does.
    """
    menu = range(1, choices + 1) if isinstance(choices, int) else choices
    (index,) = read_boxed_numbers(text, 1, min(menu), max(menu), between=between)
    behind = after_reasoning(text).rpartition(r"\boxed")[2]
    if other := other_decision(behind, [rf"(?i:{NAMES})[ _-]?#?(?!{index}\b)\d{{1,3}}\b"]):
        raise unparseable(f"the answer boxes {index} and says {other[:60]!r}")
    if index not in menu:
        raise unparseable(f"the box holds {index}, which is not one of {list(menu)}")
    return index


def _read_part(answer: str, between: tuple[str, str] | None) -> str:
    if between is None:
        return answer
    parts = blocks(answer, *between, may_end_open=True)
    if not parts:
        raise unparseable(f"the answer has no {between[0]!r}")
    return "\n".join(parts)


def _boxes(text: str) -> tuple[list[Box], int]:
    r"""Every outermost box, one `\boxed{...}` at least, and where the last one of that form ends.

    The braces of a box must close: text can be cut off.
    """
    found: list[Box] = []
    match, last_end = _OPEN.search(text), 0
    while match:
        end = match.end()
        exact = match.group().startswith(r"\boxed")
        if text[end : end + 1] == "{":
            introduced = is_introduced(text, match.start())
            content, end = _braced(text, end)
            found.append(Box(content, _items(content), introduced, exact))
            last_end = end if exact else last_end
            if len(found) > MAX_BOXES:
                raise unparseable(f"the answer has more than {MAX_BOXES} boxes")
        elif text[end : end + 1].isdigit():
            raise unparseable(r"a number stands behind \boxed without braces")
        match = _OPEN.search(text, end)
    if not any(box.exact for box in found):
        raise unparseable(r"the answer has no \boxed{...}")
    return found, last_end


def _braced(text: str, start: int) -> tuple[str, int]:
    depth = 0
    for at in range(start, min(len(text), start + MAX_BOX_CHARS)):
        if text[at] in "{}" and text[at - 1] != "\\":
            depth += 1 if text[at] == "{" else -1
            if depth == 0:
                if text[at + 1 : at + 2] == "{":
                    raise unparseable(r"a second pair of braces follows \boxed{...}")
                return text[start + 1 : at], at + 1
    raise unparseable(rf"\boxed{{ is not closed within {MAX_BOX_CHARS} characters")


def _items(content: str) -> tuple[str, ...]:
    r"""What stands between the commas, without `\text{}`, spacing, brackets and the full stop around it all."""
    plain = _SPACES.sub(" ", content)
    for _ in range(4):
        plain = _STYLED.sub(r"\1", plain).strip()
        nested = re.fullmatch(r"\\boxed\s*(\{.*\})", plain, re.DOTALL)
        plain = nested.group(1) if nested else plain
        if enclosed := _ENCLOSED.fullmatch(plain):
            plain = next(group for group in enclosed.groups() if group is not None)
        elif plain.endswith(".") and not plain.endswith(".."):
            plain = plain[:-1]
    return tuple(item.strip() for item in plain.split(","))


def _integers(box: Box, count: int, low: int, high: int) -> tuple[int, ...]:
    if len(box.items) != count:
        raise unparseable(f"the box {box.content[:40]!r} holds {len(box.items)} items, {count} are due")
    numbers: list[int] = []
    for item in box.items:
        if not INTEGER.fullmatch(item):
            raise unparseable(f"the box holds {item[:40]!r}, which is not an integer")
        if not low <= int(item) <= high:
            raise unparseable(f"the box holds {item}, outside {low} to {high}")
        numbers.append(int(item))
    return tuple(numbers)
