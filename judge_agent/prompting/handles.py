"""Texts by short names: shown by their beginning, read on in pages, and handed to tools in place of the name.

A model that copies a text into a call's arguments spends its tokens and gets words wrong; `@a0` stands for the
whole artifact, character for character as it was written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from judge_agent.prompting.fences import fence, neutralise

HEAD_CHARS = 2000
PAGE_CHARS = 4000
MAX_PAGES = 8
MAX_KEPT_CHARS = 400_000
MAX_DEPTH = 50
_HANDLE = re.compile(r"@((?:[maer]\d{1,5})|final|task)")


class Handles:
    """The texts of one inquiry. `written` are the originals, `shown` are what a model may read of them.

    Results are added as r1, r2, ...; at most `MAX_PAGES` pages are read on in all.
    """

    def __init__(self, shown: Mapping[str, str], written: Mapping[str, str]) -> None:
        self._shown, self._written = dict(shown), dict(written)
        self._results = 0
        self.pages = 0

    def add_result(self, shown: str, written: str) -> str:
        """Keep a result (already neutralised) and its output; returns its handle."""
        self._results += 1
        handle = f"r{self._results}"
        self._shown[handle] = _kept(shown)
        self._written[handle] = _kept(written)
        return handle

    def head(self, handle: str, chars: int = HEAD_CHARS) -> str:
        """The beginning of a text, and how to read on where that is not all."""
        text = self._shown[handle]
        if len(text) <= chars:
            return text
        more = f"[{len(text) - chars} more characters: open_result handle {handle} offset {chars}]"
        return f"{text[:chars]}\n{more}"

    def page(self, handle: str, offset: int) -> str:
        """A page of a text, fenced. Raises ValueError for a handle that is none, or an offset past the end."""
        text = self._shown.get(handle.strip().strip("@[]"))
        if text is None:
            raise ValueError(f"handle={handle!r:.60} is none; there are {', '.join(self._shown)[:400]}")
        if not 0 <= offset < max(1, len(text)):
            raise ValueError(f"offset={offset} is not within the {len(text)} characters of {handle!r:.60}")
        if self.pages >= MAX_PAGES:
            raise ValueError(f"{MAX_PAGES} pages were opened; no more can be")
        self.pages += 1
        end = min(offset + PAGE_CHARS, len(text))
        return f"characters {offset} to {end} of {len(text)}:\n{fence('TEXT', text[offset:end])}"

    def filled(self, value: Any, depth: int = 0) -> Any:
        """Arguments with every `@handle` replaced by its text. Raises ValueError for a handle that is none."""
        if depth > MAX_DEPTH:
            raise ValueError(f"the arguments are nested deeper than {MAX_DEPTH} levels")
        if isinstance(value, Mapping):
            return {key: self.filled(inner, depth + 1) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.filled(inner, depth + 1) for inner in value]
        if not isinstance(value, str) or not (match := _HANDLE.fullmatch(value)):
            return value
        if match.group(1) not in self._written:
            raise ValueError(f"{value!r} names no text; there are {', '.join(self._written)[:400]}")
        return self._written[match.group(1)]


def _kept(text: str) -> str:
    return (
        text
        if len(text) <= MAX_KEPT_CHARS
        else f"{text[:MAX_KEPT_CHARS]}\n[cut after {MAX_KEPT_CHARS} characters]"
    )


def neutral(value: Any) -> Any:
    """JSON whose texts are neutralised: what a model wrote may quote what it read."""
    if isinstance(value, Mapping):
        return {neutralise(str(key)): neutral(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [neutral(inner) for inner in value]
    return neutralise(value) if isinstance(value, str) else value
