"""Stands in for the code's functions in the tester box: a call crosses to the code box as plain data and back.

Arguments that the code changed are changed here too, in place; what it printed is printed here; builtin exceptions
come across as their own type. Classes, functions, generators and other objects do not cross (`NotCarried`). An object
of the code's that calls itself equal to everything is refused outright.
"""

from __future__ import annotations

import builtins
import contextlib
import gc
import importlib
import json
import re
import sys
import types
from collections import deque
from collections.abc import Iterator
from typing import Any

from tools.testing.codec import MAX_LINE_BYTES, TOO_LARGE, NotPlain, decode, encode_noting, parse
from tools.testing.in_box.outcome import CodeStopped, Session
from tools.testing.in_box.raised import hand_over
from tools.testing.in_box.stand_in import handle_of, stand_in

MAX_PRINTED = 1 << 18
MAX_TEST_BYTES = 64 * 2**20
_LAZY = re.compile(r'"\$": "(range|int|decimal|fraction)"')  # small to carry, long to go through
_READS_PRINTED = frozenset(
    [
        "capsys",
        "readouterr",
        "redirect_stdout",
        "redirect_stderr",
        "stdout",
        "stderr",
        "StringIO",
        "out",
        "err",
    ]
)
_MUTABLE = (list, dict, set, bytearray, deque)


class FunctionProxy:
    """A function of the code under test."""

    def __init__(self, session: Session, name: str) -> None:
        self._session = session
        self.__name__ = self.__qualname__ = name
        self.__module__ = "solution"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return _call(self._session, self.__name__, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "pytestmark":  # pytest looks for these on everything it collects
            raise AttributeError(name)
        raise self._session.refuse(f"attribute {name!r} of function {self.__name__!r}")


class ModuleProxy(types.ModuleType):
    """The code's module: functions are proxies, constants are copies, the rest does not cross."""

    def __init__(self, name: str, session: Session, values: dict[str, Any]) -> None:
        super().__init__(name)
        self.__dict__.update(values)
        self.__dict__["__session__"] = session
        self.__dict__["__all__"] = [name for name in visible_names(session) if not name.startswith("_")]

    def __getattr__(self, name: str) -> Any:
        session: Session = self.__dict__["__session__"]
        if name in session.names:
            if session.names[name] == "class" and session.calls_only(name):
                return FunctionProxy(session, name)
            raise session.refuse(f"{session.names[name]} {name!r}")
        if not name.startswith("__"):
            session.calls += 1
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("__"):
            super().__setattr__(name, value)
            return
        session: Session = self.__dict__["__session__"]
        raise session.refuse(f"a change of {name!r} in the code's module")


def visible_names(session: Session) -> list[str]:
    """Names of the code that a test sees without asking: never one of a builtin, which would bend the test."""
    entry_point = (session.entry_point or "").partition(".")[0]
    return [name for name in session.names if name == entry_point or not hasattr(builtins, name)]


def proxies(session: Session, constants: dict[str, Any]) -> dict[str, Any]:
    """What the tester can see of the code: proxies, copies of constants, modules of the standard library."""
    values: dict[str, Any] = {}
    for name, kind in session.names.items():
        if kind == "function":
            values[name] = FunctionProxy(session, name)
        elif kind == "data" and name in constants:
            values[name] = decode(constants[name])
        elif kind == f"module:{name}" and name in sys.stdlib_module_names:
            with contextlib.suppress(ImportError):
                values[name] = importlib.import_module(name)
    return values


def _call(session: Session, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    session.note_call(name)
    try:
        handles = {
            str(place): one for place, value in enumerate(args) if (one := handle_of(value)) is not None
        }
        plain = [None if str(place) in handles else value for place, value in enumerate(args)]
        encoded, loss = encode_noting([*plain, *kwargs.values()])
        sent = {
            "args": encoded[: len(args)],
            "kwargs": dict(zip(kwargs, encoded[len(args) :], strict=True)),
        }
        session.note_loss(loss.reason if loss else None)
    except NotPlain as error:
        raise session.refuse(f"an argument of type {error}") from None
    mutations = any(_is_mutable(value) for value in (*args, *kwargs.values()))
    request = {"op": "call", "name": name, **sent, "mutations": mutations, "handles": handles}
    line = json.dumps(request, separators=(",", ":")).encode()
    if len(line) > MAX_LINE_BYTES:
        raise session.refuse("arguments larger than one line")
    reply = _reply(session, line)
    if "stopped" in reply:
        why = str(reply["stopped"])
        session.spoil(why)
        raise CodeStopped(why)
    return _unpack(session, reply, args, kwargs, sent)


def _reply(session: Session, line: bytes) -> dict[str, Any]:
    """Ask the code, and read what it answered: the host has only handed it on. All of one test has its bound."""
    if session.received > MAX_TEST_BYTES:
        raise session.spoil(f"the code answered with more than {MAX_TEST_BYTES} bytes in one test")
    session.channel.send(line)
    answer = session.channel.receive() or b'{"stopped": "the host has gone"}'
    session.received += len(answer)
    with _reading(session):
        reply = parse(answer)
        if not isinstance(reply, dict):
            raise ValueError("the reply is no object")
    if (b"$" in answer or b"\\" in answer) and _LAZY.search(json.dumps(reply)):
        session.channel.send(b'{"op": "lazy"}')
    return reply


def _unpack(
    session: Session,
    reply: dict[str, Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    sent: dict[str, Any],
) -> Any:
    sys.stdout.write(str(reply.get("printed") or "")[:MAX_PRINTED])
    sys.stderr.write(str(reply.get("complained") or "")[:MAX_PRINTED])
    if session.uses.can_do(_READS_PRINTED):
        session.note_loss(reply.get("cut"))
    with _reading(session):
        after = {"args": reply.get("args", sent["args"]), "kwargs": reply.get("kwargs", sent["kwargs"])}
        changed_any = after != sent
        session.leans = session.leans or (changed_any and session.uses.compares_arguments)
        if changed_any and not session.again:
            for value, changed in zip(args, after["args"], strict=False):
                _write_back(value, decode(changed))
            for key, changed in after["kwargs"].items():
                _write_back(kwargs[key], decode(changed))
    if "raised" in reply:
        raised = reply["raised"] if isinstance(reply["raised"], dict) else {}
        raise hand_over(session, raised, sys._getframe(1))
    if "opaque" in reply:
        return _opaque(session, reply)
    if session.uses.closer or session.uses.types:
        session.note_loss(reply.get("loss"))
    same = reply.get("same_as")
    if isinstance(same, int) and 0 <= same < len(args):
        return args[same]
    with _reading(session):
        return decode(reply["value"])


@contextlib.contextmanager
def _reading(session: Session) -> Iterator[None]:
    """What no honest box of the code writes is forged: no test may pass by the error of reading it.

    Millions of small lists take several times as long where the collector looks through them again and again.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise session.spoil(f"the code returned no plain data: {type(error).__name__}: {error}") from None
    finally:
        if collects:
            gc.enable()


def _opaque(session: Session, reply: dict[str, Any]) -> Any:
    """What stands for a result that is no plain data."""
    kind = str(reply["opaque"])[:100]
    if kind.startswith("always-equal"):
        raise session.spoil(f"the code returned no plain data but an {kind} object")
    if kind == "range":  # a test that went through it would hang, and seem to hang by itself
        raise session.spoil("the code returned a range longer than any test can go through")
    if session.uses.types or (kind == TOO_LARGE and reply.get("alone") is not True):
        raise session.refuse(f"a returned {kind}")
    return stand_in(session, kind, reply)


def _is_mutable(value: object) -> bool:
    if isinstance(value, tuple):
        return any(_is_mutable(item) for item in value)
    return isinstance(value, _MUTABLE) or type(value).__name__ == "ndarray"


def _write_back(old: Any, new: Any) -> None:
    """Make `old` equal to `new` in place, keeping the identity of inner containers where the shape allows it."""
    if type(old).__name__ == "ndarray":
        if old.shape == new.shape:
            old[...] = new
    elif isinstance(old, (list, deque)) and isinstance(new, (list, deque)):
        kept = [_kept(one, other) for one, other in zip(old, new, strict=False)]
        rest = list(new)[len(kept) :]
        old.clear()
        old.extend([*kept, *rest])
    elif isinstance(old, dict) and isinstance(new, dict):
        items = {key: _kept(old[key], value) if key in old else value for key, value in new.items()}
        old.clear()
        old.update(items)
    elif isinstance(old, set) and isinstance(new, set):
        old.clear()
        old.update(new)
    elif isinstance(old, bytearray) and isinstance(new, bytearray):
        old[:] = new
    elif isinstance(old, tuple) and isinstance(new, tuple):
        for one, other in zip(old, new, strict=False):
            _write_back(one, other)


def _kept(old: Any, new: Any) -> Any:
    if _is_mutable(old) and type(old) is type(new):
        _write_back(old, new)
        return old
    return new
