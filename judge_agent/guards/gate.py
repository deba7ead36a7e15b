"""A first look with RE2 at whether a pattern can match at all: tens of times as fast as Python's own, and linear.

RE2 knows no lookaround and no possessive repeats, and its `\\w`, `\\d`, `\\s` and `\\b` are ASCII's. So it only ever
says that a text need not be searched: by a looser pattern, and in a text in which every character beyond ASCII has an
ASCII one in its place that is a letter, a digit, a space or none of these as it is itself.
"""

from __future__ import annotations

import functools
import re

_BEYOND = re.compile(r"[^\x00-\x7f]+")
_RANGE_BEYOND = re.compile(r"[^\x00-\x7f]-|-[^\x00-\x7f]")
_BROAD = re.compile(r"[A-Za-z0-9]|\\[wWdDsS]")
# What Python's IGNORECASE takes for an ASCII letter, though it is none.
_FOLDED = {"\u017f": "s", "\u212a": "k", "\u0131": "i", "\u0130": "i"}
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
_POSSESSIVE = re.compile(r"(?<=[+*?}])\+")
_PIECE = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?(?:[=!]|<[=!])|[()]|[^\\\[()]+", re.DOTALL)


class Gate:
    """Whether a text may hold a match. `pattern` is of Python's syntax, with flags IGNORECASE and MULTILINE."""

    def __init__(self, pattern: str) -> None:
        """Raises re2.error for a pattern that cannot be loosened. Needs the extra `service` (google-re2)."""
        import re2

        resolved = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), pattern)
        self._compiled = re2.compile(f"(?im){loosened(resolved)}")
        self._knows_all = not _RANGE_BEYOND.search(resolved)

    def opens(self, text: str) -> bool:
        """False where no match can be. Of ranges beyond ASCII nothing is said, of texts beyond it by such a pattern."""
        if not text.isascii():
            if not self._knows_all:
                return True
            text = stand_in(text)
        return self._compiled.search(text) is not None


@functools.lru_cache(maxsize=2)
def stand_in(text: str) -> str:
    """The text with an ASCII character of like kind for every one beyond ASCII. Kept: all patterns ask for the same."""
    return _BEYOND.sub(lambda run: run[0].translate(_STAND_INS), text)


class _StandIns(dict[int, str]):
    """Filled as characters come up: a text has few kinds of them."""

    def __missing__(self, point: int) -> str:
        char = chr(point)
        kind = "0" if char.isdecimal() else "a" if char.isalnum() else " " if char.isspace() else "\x01"
        self[point] = kind = _FOLDED.get(char, kind)
        return kind


_STAND_INS = _StandIns()


def loosened(pattern: str) -> str:
    """The pattern without lookarounds, with repeats that give back, and with stand-ins for what is beyond ASCII.

    It matches a text's stand-in wherever the pattern matches the text; for `\\u` escapes, give what they stand for.
    """
    kept, depth, dropped = [], 0, None
    for piece in _PIECE.findall(pattern):
        if piece.startswith("("):
            depth += 1
            if dropped is None and piece != "(":
                dropped = depth
        if dropped is None:
            # Stand-ins are letters, digits or spaces, which what they stand for is not.
            is_broad = piece.startswith("[^") and _BROAD.search(piece.replace(r"\n", ""))
            kept.append(r"(?s:.)" if is_broad else piece)
        if piece == ")":
            if dropped == depth:
                dropped = None
            depth -= 1
    return stand_in(_POSSESSIVE.sub("", "".join(kept)))
