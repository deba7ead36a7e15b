"""Stands, in the tester box, for a result of the code that is no plain data: a function, a generator, an object.

What it is by itself needs no other box: it is true, and equal to no plain data. What only the object itself could do,
and what the test asks of it as of an object, is refused, and the test is run in one box with the code. So code cannot
choose to be run there by what it returns where plain data is asked for.
What it is able to do is the code's own claim: one that is false makes it less than the object, or is refused.
"""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Callable
from typing import Any

from tools.testing.codec import MAX_LINE_BYTES, NotPlain, encode
from tools.testing.in_box.outcome import Session

# one operand each: asked of plain data and of objects alike
_USED_NAMES = """
call iter next len getitem setitem delitem contains reversed enter exit aenter aexit await aiter
anext hash bool length_hint reduce_ex copy deepcopy fspath
"""
_ASKED_NAMES = """
int float index complex abs neg pos invert round trunc floor ceil str format bytes array buffer
"""
_USED = frozenset(f"__{name}__" for name in _USED_NAMES.split())
_ASKED = frozenset(f"__{name}__" for name in _ASKED_NAMES.split())
_BINARY = ("add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "divmod", "pow", "lshift", "rshift")
_LOGIC = ("and", "or", "xor")
_PAIRED = frozenset(
    [f"__{side}{name}__" for name in (*_BINARY, *_LOGIC) for side in ("", "r", "i")]
    + ["__lt__", "__le__", "__gt__", "__ge__"]
)
OPERATIONS = frozenset(_USED | _ASKED | _PAIRED)
_LOOK_AT_KINDS = ("asyncio", "concurrent", "contextlib", "functools", "inspect", "copy", "pickle", "typing")
# kinds of objects that are equal to plain data of another type
_EQUAL: dict[str, tuple[type, ...]] = {
    "dict_keys": (set, frozenset),
    "dict_items": (set, frozenset),
    "odict_keys": (set, frozenset),
    "odict_items": (set, frozenset),
    "mappingproxy": (dict,),
    "ChainMap": (dict,),
    "UserDict": (dict,),
    "UserList": (list,),
    "UserString": (str,),
    "memoryview": (bytes, bytearray),
}


class StandIn:
    """What every stand-in can do; `stand_in` adds what the code says that the object can."""

    def __init__(self, session: Session, kind: str, members: object) -> None:
        self.__dict__["_StandIn__of"] = (session, kind, members)

    def __eq__(self, other: object) -> bool:
        session, kind, _ = self.__dict__["_StandIn__of"]
        if other is self:
            return True
        if _is_plain(other) and not isinstance(other, _EQUAL.get(kind, ())):
            return False
        raise session.refuse(f"a returned {kind}")

    __hash__ = object.__hash__

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """The test asks for types of plain data alone; a library that looks for its own kind needs the object."""
        session, kind, _ = object.__getattribute__(self, "__dict__")["_StandIn__of"]
        if _asker(sys._getframe(1)).startswith(_LOOK_AT_KINDS):
            raise session.refuse(f"a returned {kind}")
        return StandIn

    def __getattr__(self, name: str) -> Any:
        session, kind, members = self.__dict__["_StandIn__of"]
        claimed = not isinstance(members, list) or name in members
        if claimed and not name.startswith("__") and not _is_shown(sys._getframe(1)):
            raise session.refuse(f"a returned {kind}")
        raise AttributeError(f"{kind!r} object has no attribute {name!r}")

    def __repr__(self) -> str:
        return f"<a {self.__dict__['_StandIn__of'][1]} that the code returned>"

    def __reduce_ex__(self, _: object) -> Any:
        session, kind, _ = self.__dict__["_StandIn__of"]
        raise session.refuse(f"a returned {kind}")


def handle_of(value: object) -> int | None:
    """By what the code's box knows the object that a stand-in stands for; None for everything else."""
    if not issubclass(type(value), StandIn):
        return None
    found: int | None = object.__getattribute__(value, "__dict__")["_StandIn__handle"]
    return found


def stand_in(session: Session, kind: str, reply: dict[str, Any]) -> StandIn:
    """Make one of the code's claims in `reply`: `can` are special methods, `has` other members (None: any)."""
    claimed = reply.get("can")
    can = OPERATIONS.intersection(map(str, claimed)) if isinstance(claimed, list) else OPERATIONS
    if not session.uses.closer:  # the test asks for plain data, and nothing else is a number or a text
        can -= _ASKED
    body = {name: _paired(name) if name in _PAIRED else _refused(name) for name in can}
    made: type[StandIn] = type("StandIn", (StandIn,), {**body, "__module__": __name__})
    one = made(session, kind, reply.get("has"))
    one.__dict__["_StandIn__handle"] = reply["handle"] if type(reply.get("handle")) is int else None
    return one


def _refused(_: str) -> Callable[..., Any]:
    def use(self: StandIn, *__: object, **___: object) -> Any:
        session, kind, _____ = self.__dict__["_StandIn__of"]
        if _is_shown(sys._getframe(1)):
            raise TypeError(f"a {kind} that the code returned")
        raise session.refuse(f"a returned {kind}")

    return use


def _paired(name: str) -> Callable[..., Any]:
    """An operation with another operand: where that is plain, and the test asks for plain data, there is none."""

    def use(self: StandIn, other: object, *_: object) -> Any:
        session, kind, __ = self.__dict__["_StandIn__of"]
        if not session.uses.closer and _is_plain(other):
            return NotImplemented
        raise session.refuse(f"a returned {kind}")

    return use


def _asker(frame: types.FrameType | None) -> str:
    """The module that asks for a type, be it through an abstract class."""
    while frame is not None and frame.f_globals.get("__name__") in ("abc", "_py_abc"):
        frame = frame.f_back
    return str(frame.f_globals.get("__name__")) if frame is not None else ""


def _is_shown(frame: types.FrameType) -> bool:
    """Whether pytest looks at an object to write how a test failed: then it has failed already."""
    return str(frame.f_globals.get("__name__")).startswith(("_pytest.assertion", "_pytest._io"))


def _is_plain(value: object) -> bool:
    """Whether a value could have crossed as it is, which no stand-in's object could."""
    try:
        return len(json.dumps(encode(value))) < MAX_LINE_BYTES // 2
    except NotPlain:
        return False
