"""Readouts `tag` and `scores_tag`: a verdict in a fixed label, such as `[[A]]`, or a number in `<score>`.

RM-R1 (2505.02387), Plan-RewardBench (2604.08178) and ARM-Thinker (2512.05111) write labels, Meta J1
(2505.10320) writes scores. A label counts as it is spelled; look-alikes of other alphabets are no labels.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from judge_agent.readouts.answer import after_reasoning, unparseable


def read_tag(
    text: str | None, labels: Mapping[str, str], *, tail_chars: int | None = None, wrapper: str | None = None
) -> str:
    """Return the key of the one label that the answer gives.

    `labels` maps what is returned to what is written: {"A": "[[A]]", "B": "[[B]]"}. With `wrapper` the
    label stands in the last `<wrapper>...</wrapper>`; earlier ones, and what follows it, may repeat it but
    not differ. With `tail_chars` only that many last characters are read. Raises
    ModelError('model_unparseable') for no label, two different ones, one off the menu or an unclosed tag.
    """
    answer = after_reasoning(text).rstrip()
    since = max(0, len(answer) - tail_chars) if tail_chars is not None else 0
    if wrapper is None:
        return _one_label(answer, labels, since)
    *earlier, last = _wrapped(answer, wrapper, since)
    verdict = _one_label(last, labels)
    for other in (*earlier, answer[answer.rfind(f"</{wrapper}>") :]):
        if _labels_in(other, labels) - {verdict} or _off_the_menu(other, labels):
            raise unparseable(f"the answer says {verdict!r} and something else in or after <{wrapper}>")
    return verdict


def read_scores_tag(
    text: str | None, low: float = 0.0, high: float = 10.0, *, tag: str = "score", decimals: int = 1
) -> float:
    """Return the number in `<score>7.5</score>`.

    Raises ModelError('model_unparseable') for a tag that is missing, not closed, given twice with different
    numbers, holds anything but a plain number, has more than `decimals` places, or is outside [low, high].
    """
    values = {_number(inner.strip(), tag, decimals) for inner in _wrapped(after_reasoning(text), tag)}
    if len(values) > 1:
        raise unparseable(f"the answer gives {len(values)} different numbers in <{tag}>")
    value = values.pop()
    if not low <= value <= high:
        raise unparseable(f"<{tag}> holds {value:g}, outside {low:g} to {high:g}")
    return value


def _number(written: str, tag: str, decimals: int) -> float:
    places = rf"(?:\.[0-9]{{1,{decimals}}})?" if decimals else ""
    if not re.fullmatch(rf"-?(?:0|[1-9][0-9]{{0,8}}){places}", written):
        raise unparseable(
            f"<{tag}> holds {written[:40]!r}, not a number with {decimals} decimal places at most"
        )
    return float(written)


def _wrapped(answer: str, tag: str, since: int = 0) -> list[str]:
    """What stands from each `<tag>` that begins at `since` or later to its `</tag>`; at least one.

    An opening tag that is only spoken of belongs to what the next closing tag closes, and is read with it.
    """
    begin, end = f"<{tag}>", f"</{tag}>"
    found: list[str] = []
    at = answer.find(begin, since)
    while at >= 0:
        close = answer.find(end, at)
        if close < 0:
            raise unparseable(f"{begin} is not closed")
        found.append(answer[at + len(begin) : close])
        at = answer.find(begin, close)
    if not found:
        raise unparseable(f"the answer has no {begin}...{end}")
    return found


def _one_label(text: str, labels: Mapping[str, str], since: int = 0) -> str:
    found = _labels_in(text, labels, since)
    if len(found) > 1:
        raise unparseable(f"the answer gives {len(found)} verdicts: {sorted(found)}")
    stray = _off_the_menu(text, labels, since)
    if stray is not None:
        raise unparseable(f"{stray!r} is not one of {sorted(labels.values())}")
    if not found:
        raise unparseable(f"the answer gives none of {sorted(labels.values())}")
    return found.pop()


def _labels_in(text: str, labels: Mapping[str, str], since: int = 0) -> set[str]:
    return {key for key, label in labels.items() if _pattern(label).search(text, since)}


def _pattern(label: str) -> re.Pattern[str]:
    """The label as a whole: 'A' is not in 'All', 'Answer 1' not in 'Answer 12'."""
    left = r"(?<!\w)" if label[0].isalnum() else ""
    right = r"(?!\w)" if label[-1].isalnum() else ""
    return re.compile(left + re.escape(label) + right)


def _off_the_menu(text: str, labels: Mapping[str, str], since: int = 0) -> str | None:
    """A short word in the brackets that all labels share which is none of them, such as `[[C]]`.

    Longer or structured things in such brackets are code and links that a critique quotes: `[[1, 2]]`.
    """
    left = _brackets(list(labels.values()))
    right = _brackets([label[::-1] for label in labels.values()])[::-1]
    if not left or not right:
        return None
    shape = re.compile(re.escape(left) + r"(?!\s)[^\n\[\]<>{}(),;:=$]{1,12}" + re.escape(right))
    return next((m.group() for m in shape.finditer(text, since) if m.group() not in labels.values()), None)


def _brackets(labels: Sequence[str]) -> str:
    """The punctuation that all labels begin with, two signs or more: 'Answer 1' and 'Answer 2' share none."""
    begins = {match.group() for label in labels if (match := re.match(r"[^\w\s]{2,}", label))}
    return begins.pop() if len(begins) == 1 else ""
