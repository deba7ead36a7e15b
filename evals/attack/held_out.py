"""Texts by another hand than the guards': keys, short answers, planted texts, and texts that merely talk of judging.

They are one half of what was written; no rule was tuned on it. What the guards still miss is there by name.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

FILE = Path(__file__).parent / "held_out.toml"
Grouped = Mapping[str, Sequence[str]]


class HeldOut(NamedTuple):
    """By task: `keys`, `short` answers, keys that are `known_open`. `planted` by place; the open ones apart."""

    keys: Grouped
    known_open: Grouped
    short: Grouped
    planted: Grouped
    planted_open: Grouped
    about_judging: Sequence[str]
    about_judging_open: Sequence[str]


def held_out() -> HeldOut:
    """All of them, in the order of the file."""
    data = tomllib.loads(FILE.read_text("utf-8"))
    return HeldOut(
        keys=_by("task", data["keys"]),
        known_open=_by("task", data["known_open"]),
        short=_by("task", data["short"]),
        planted=_by("place", _of(data["planted"], is_open=False)),
        planted_open=_by("place", _of(data["planted"], is_open=True)),
        about_judging=[text for one in _of(data["about_judging"], is_open=False) for text in one["texts"]],
        about_judging_open=[
            text for one in _of(data["about_judging"], is_open=True) for text in one["texts"]
        ],
    )


def _of(groups: Sequence[Mapping[str, Any]], *, is_open: bool) -> list[Mapping[str, Any]]:
    return [one for one in groups if one.get("known_open", False) is is_open]


def _by(field: str, groups: Sequence[Mapping[str, Any]]) -> dict[str, Sequence[str]]:
    return {str(one[field]): one["texts"] for one in groups}
