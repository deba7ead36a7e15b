"""Readouts `tag` and `scores_tag`: a verdict in a fixed label, such as `[[A]]`, or a number in `<score>`.

RM-R1 (2505.02387), Plan-RewardBench (2604.08178) and ARM-Thinker (2512.05111) write labels, Meta J1
(2505.10320) writes scores. A label counts as it is spelled; look-alikes of other alphabets are no labels.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from judge_agent.readouts.answer import after_reasoning, unparseable
from judge_agent.readouts.near_labels import brackets, refuse_beside, refuse_in_other_tag
from judge_agent.readouts.near_scores import refuse_other_score


def read_tag(
    text: str | None, labels: Mapping[str, str], *, tail_chars: int | None = None, wrapper: str | None = None
) -> str:
    """Return the key of the one label that the answer gives.

    `labels` maps what is returned to what is written: {"A": "[[A]]", "B": "[[B]]"}. With `wrapper` the
    label stands in the last `<wrapper>...</wrapper>`; earlier ones, and what follows it, may repeat it but
    not differ. With `tail_chars` only that many last characters are read. Raises
    ModelError('model_unparseable') for no label, two different ones, one off the menu, an unclosed tag, and for a
    label beside which another one stands in nearly its form or behind which one is decided for or taken back.
    """
    answer = after_reasoning(text).rstrip()
    since = max(0, len(answer) - tail_chars) if tail_chars is not None else 0
    if wrapper is None:
        # A word that the cut goes through is no label: 'A' is not in 'IDEA'.
        since += len(match.group()) if (match := re.compile(r"(?<=\w)\w+").match(answer, since)) else 0
        spans, rest = [_Span(since, len(answer))], ""
    else:
        spans = _wrapped(answer, wrapper, since)
        rest = answer[spans[-1].end :]
    *earlier, part = (answer[span.start : span.end] for span in spans)
    verdict = _one_label(part, labels)
    for other in (*earlier, rest):
        if _labels_in(other, labels) - {verdict} or _off_the_menu(other, labels):
            raise unparseable(f"the answer says {verdict!r} and something else in or after <{wrapper}>")
    *_, given = _pattern(labels[verdict]).finditer(part)
    if wrapper is not None:
        refuse_in_other_tag(answer[since:], wrapper, labels, verdict)
    refuse_beside("\n".join((*earlier, part, rest)), part[given.end() :] + rest, labels, verdict)
    return verdict


def read_scores_tag(
    text: str | None, low: float = 0.0, high: float = 10.0, *, tag: str = "score", decimals: int = 1
) -> float:
    """Return the number in `<score>7.5</score>`.

    Raises ModelError('model_unparseable') for a tag that is missing, not closed, given twice with different
    numbers, holds anything but a plain number, has more than `decimals` places, or is outside [low, high],
    and for another number in a tag of nearly the name, or stated behind the tag. The tag may be in any case.
    """
    answer = after_reasoning(text)
    found = _wrapped(answer, tag)
    values = {_number(answer[one.start : one.end].strip(), tag, decimals) for one in found}
    if len(values) > 1:
        raise unparseable(f"the answer gives {len(values)} different numbers in <{tag}>")
    value = values.pop()
    if not low <= value <= high:
        raise unparseable(f"<{tag}> holds {value:g}, outside {low:g} to {high:g}")
    refuse_other_score(answer, answer[found[-1].end :], tag, value, len(found))
    return value


def _number(written: str, tag: str, decimals: int) -> float:
    places = rf"(?:\.[0-9]{{1,{decimals}}})?" if decimals else ""
    if not re.fullmatch(rf"-?(?:0|[1-9][0-9]{{0,8}}){places}", written):
        raise unparseable(
            f"<{tag}> holds {written[:40]!r}, not a number with {decimals} decimal places at most"
        )
    return float(written)


class _Span(NamedTuple):
    start: int
    end: int


def _wrapped(answer: str, tag: str, since: int = 0) -> list[_Span]:
    """Where the text from each `<tag>` that begins at `since` or later to its `</tag>` stands; at least one.

    A tag is one in any case of its letters. An opening tag that is only spoken of belongs to what the next closing
    tag closes, and is read with it.
    """
    begin, end = (re.compile(rf"<{slash}{tag}\s{{0,8}}>", re.IGNORECASE) for slash in ("", "/"))
    found: list[_Span] = []
    opened = begin.search(answer, since)
    while opened:
        closed = end.search(answer, opened.end())
        if closed is None:
            raise unparseable(f"<{tag}> is not closed")
        found.append(_Span(opened.end(), closed.start()))
        opened = begin.search(answer, closed.end())
    if not found:
        raise unparseable(f"the answer has no <{tag}>...</{tag}>")
    return found


def _one_label(text: str, labels: Mapping[str, str]) -> str:
    found = _labels_in(text, labels)
    if len(found) > 1:
        raise unparseable(f"the answer gives {len(found)} verdicts: {sorted(found)}")
    stray = _off_the_menu(text, labels)
    if stray is not None:
        raise unparseable(f"{stray!r} is not one of {sorted(labels.values())}")
    if not found:
        raise unparseable(f"the answer gives none of {sorted(labels.values())}")
    return found.pop()


def _labels_in(text: str, labels: Mapping[str, str]) -> set[str]:
    return {key for key, label in labels.items() if _pattern(label).search(text)}


def _pattern(label: str) -> re.Pattern[str]:
    """The label as a whole: 'A' is not in 'All', 'Answer 1' not in 'Answer 12'."""
    left = r"(?<!\w)" if label[0].isalnum() else ""
    right = r"(?!\w)" if label[-1].isalnum() else ""
    return re.compile(left + re.escape(label) + right)


def _off_the_menu(text: str, labels: Mapping[str, str]) -> str | None:
    """A short word in the brackets that all labels share which is none of them, such as `[[C]]`.

    Longer or structured things in such brackets are code and links that a critique quotes: `[[1, 2]]`.
    """
    left, right = brackets(list(labels.values()))
    if not left:
        return None
    shape = re.compile(re.escape(left) + r"(?!\s)[^\n\[\]<>{}(),;:=$]{1,12}" + re.escape(right))
    return next((m.group() for m in shape.finditer(text) if m.group() not in labels.values()), None)
