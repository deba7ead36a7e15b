"""Makes, in the tester box, the exception that the code raised in its own box.

It is the nearest builtin type, and nothing else of it. One that Python's protocols take for an answer (see
`expected.py`) is of that type only where the test's text catches it there; else it merely has its name.
"""

from __future__ import annotations

import builtins
import types
from typing import Any

from tools.testing.codec import decode
from tools.testing.in_box.expected import TAKEN_AS_ANSWERS, Caught, who_catches
from tools.testing.in_box.outcome import Session


def hand_over(session: Session, raised: dict[str, Any], frame: types.FrameType | None) -> BaseException:
    """Return what a call of the code raises at `frame`, and remember it."""
    found = getattr(builtins, str(raised.get("type")), None)
    kind: type[BaseException] = Exception
    if isinstance(found, type) and issubclass(found, BaseException):
        kind = found
    caught = None
    if issubclass(kind, TAKEN_AS_ANSWERS) or not issubclass(kind, (Exception, SystemExit)):
        caught = who_catches(kind, frame, session.uses.catchers, session.test_file)
        if caught is None or not caught.exactly:
            _note_stranger(session, kind, caught)
            kind = _stranger(kind)
    error = _make(kind, raised)
    session.carried.append(error)
    if caught is not None and caught.exactly and caught.handler:
        session.awaited.append((error, caught.frame))
    session.lacks = _text_or_none(raised.get("lacks")) or session.lacks
    return error


def _stranger(kind: type[BaseException]) -> type[BaseException]:
    """A type of that name which no protocol knows."""
    base = Exception if issubclass(kind, Exception) else BaseException
    return type(kind.__name__, (base,), {})


def _note_stranger(session: Session, kind: type[BaseException], caught: Caught | None) -> None:
    """A handler of every error that looks at the type afterwards sees the difference."""
    names = {one.__name__ for one in kind.__mro__} - {"Exception", "BaseException", "object"}
    if caught is not None and names & session.uses.words:
        session.note_loss(f"{kind.__name__} arrives as another error of that name")


def _make(kind: type[BaseException], raised: dict[str, Any]) -> BaseException:
    name, text = str(raised.get("name"))[:100], str(raised.get("text"))
    try:
        if not raised.get("exact") and kind.__name__ != name:
            kind = type(name, (kind,), {})
        return kind(*decode(raised.get("args") or []))
    except (TypeError, ValueError):
        return Exception(f"{name}: {text}")


def _text_or_none(claim: object) -> str | None:
    return claim[:100] if isinstance(claim, str) else None
