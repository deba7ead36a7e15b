"""Lists of a text: how many there are, and how many items they have, in the fewest and the most ways to count them."""

from __future__ import annotations

import re

from tools.text_checks.in_box import units
from tools.text_checks.in_box.outcomes import Check, Count


def _items(text: str, kind: re.Pattern[str]) -> list[tuple[int, str]]:
    """The items of lists of one kind: how far each is set in, and its text."""
    found = []
    for line in units.lines_of(text):
        match = None if line.fenced else kind.match(line.text)
        if match:
            found.append((len(match.group(1).expandtabs(4)), line.text.strip()))
    return found


def list_items(text: str, check: Check) -> Count:
    """Fewest: those of the outermost level. Most: nested ones too, what other marks may make one, and
    numbered ones where there are no others.
    """
    items = [(depth, line) for depth, line in _items(text, units.BULLET) if set(line) - set("-*+ ")]
    outer = min((depth for depth, _ in items), default=0)
    most = max(len(items), _loosely(text, _LOOSE_BULLET), len(_HTML_ITEM.findall(text)))
    return Count(sum(depth <= outer + 1 for depth, _ in items), most or numbered_items(text, check).high)


def _loosely(text: str, kind: re.Pattern[str]) -> int:
    lines = [line.text for line in units.lines_of(text) if not line.fenced and not units.is_rule(line.text)]
    return sum(kind.match(line) is not None for line in lines)


def numbered_items(text: str, check: Check) -> Count:
    items = _items(text, units.NUMBERED)
    digits = [depth for depth, line in items if line[0].isdigit()]
    outer = min(digits, default=0)
    return Count(
        sum(depth <= outer + 1 for depth in digits),
        max(len(items), _loosely(text, _LOOSE_NUMBER), len(_HTML_ITEM.findall(text))),
    )


# What some take for an item: no space behind the mark, another mark, within a quotation.
_LOOSE_BULLET = re.compile(
    r"[ \t>]{0,40}(?:[-+](?![-+])|\*(?!\*)|[\u00b7\u2013\u2014\u2022\u2023\u2043\u2219\u2192\u25a0-\u25ff\u2605"
    r"\u2606\u2705\u2713\u2714\u2726\u274c\u27a1\u27a4\U0001f300-\U0001faff]\ufe0f?)[ \t]{0,40}\S"
)
_HTML_ITEM = re.compile(r"<li[\s>]", re.I)
_LOOSE_NUMBER = re.compile(
    r"[ \t>]{0,40}(?:#{1,6}[ \t])?[*_]{0,3}(?:[\u2460-\u2473]|\d\ufe0f?\u20e3|"
    r"[(\[]?(?:\d{1,9}|[A-Za-z]|[ivxIVX]{1,6})[.):\]](?!\d))[*_]{0,3}[ \t]{0,40}\S"
)


def items_of_lists(text: str) -> list[Count]:
    """How many items each list has: fewest, those of its outermost level. Other text at the margin ends a list.

    Where a blank line or another kind of mark parts a list, it may be two: then only the bounds of all are told.
    """
    merged, parted = _grouped(text, parts=False), _grouped(text, parts=True)
    if len(merged) == len(parted):
        return [Count(sum(depth <= min(one) + 1 for depth in one), len(one)) for one in merged]
    return [Count(min(map(len, parted)), max(map(len, merged)))]


def _grouped(text: str, *, parts: bool) -> list[list[int]]:
    """The depths of the items of each list."""
    found: list[list[int]] = []
    before = ""
    for line in units.lines_of(text):
        bullet, number = units.BULLET.match(line.text), units.NUMBERED.match(line.text)
        match = None if line.fenced else bullet or number
        if match is not None:
            kind = "bullet" if bullet else "number"
            depth = len(match.group(1).expandtabs(4))
            if not before or (parts and before not in (kind, "text") and depth < 2):
                found.append([])
            found[-1].append(depth)
            before = kind
        elif not line.text.strip():
            before = "blank" if before and parts else before
        elif not line.text.startswith((" ", "\t")):
            before = ""
    return found


def lists(text: str, check: Check) -> Count:
    return Count(len(_grouped(text, parts=False)), len(_grouped(text, parts=True)))
