"""How far a tool is in what it does: told while it works, to who follows the judgment, and kept nowhere.

A tool says `progress(3, 8, "tests")` where it likes, in threads as well; outside of a judgment that does nothing. What
it says only replaces what it said before: telling costs nothing, and it is looked at twice a second at most.
"""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import NamedTuple

MAX_WHAT_CHARS = 40


class Done(NamedTuple):
    """So many of `what` are done, of `total`; None where that is not known."""

    done: int
    total: int | None
    what: str


class Progress:
    """What one call of a tool says; where the call is another's that is waited for, what that one says."""

    def __init__(self) -> None:
        self._said: Done | None = None
        self._followed: Progress | None = None

    @property
    def said(self) -> Done | None:
        followed = self._followed
        return self._said if followed is None else followed.said

    def say(self, said: Done) -> None:
        self._said = said

    @staticmethod
    def current() -> Progress | None:
        """Of the call in which this is asked; None outside of one."""
        return _CURRENT.get()

    @staticmethod
    def follow(other: Progress | None) -> None:
        """Have the call in which this is asked show what another says; None: what it says itself."""
        current = _CURRENT.get()
        if current is not None and current is not other:
            current._followed = other

    def begun(self) -> Token[Progress | None]:
        return _CURRENT.set(self)

    def ended(self, token: Token[Progress | None]) -> None:
        _CURRENT.reset(token)


_CURRENT: ContextVar[Progress | None] = ContextVar("progress_of_a_tool", default=None)


def progress(done: int, total: int | None, what: str) -> None:
    """Say how far a tool is: `done` of `total` (None: not known). `what` names the parts, never their contents."""
    current = _CURRENT.get()
    if current is not None:
        current.say(Done(done, total, what[:MAX_WHAT_CHARS]))
