"""Runs in the code box: loads the code under test and answers calls of its functions, one line each way.

Holds no test and no expected value; it sees the arguments of one call at a time. The code under test shares this
process and may tamper with everything in it: whatever leaves the box is a claim, and the host bounds and checks it.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import json
import os
import types
from typing import Any, Protocol

from tools.testing.codec import (
    MAX_LINE_BYTES,
    TOO_LARGE,
    NotPlain,
    carry_arrays,
    decode,
    encode,
    encode_noting,
    parse,
)
from tools.testing.in_box.lacking_modules import lacking_name
from tools.testing.in_box.loading import LoadError, constants, describe, load, resolve

MAX_PRINTED = 1 << 18
MAX_MEMBERS = 300  # told of an object that does not cross
_HARMLESS = frozenset(
    {"__module__", "__qualname__", "__doc__", "__dict__", "__weakref__", "__slots__", "__init__", "__new__"}
    | {"__repr__", "__str__", "__format__", "__annotations__", "__reduce_ex__", "__static_attributes__"}
    | {"__firstlineno__", "__getnewargs__"}
)


class Channel(Protocol):
    def receive(self) -> bytes | None: ...

    def send(self, line: bytes) -> None: ...


def main(channel: Channel) -> None:
    """Answer `load` once, then `call` until the host closes."""
    carry_arrays()
    module: types.ModuleType | None = None
    kept: list[Any] = []
    while (line := channel.receive()) is not None:
        request = parse(line)
        if request["op"] == "load":
            module, reply = _load(request)
        else:
            assert module is not None
            reply = _call(module, request, kept)
        channel.send(_line(reply))


def _line(reply: dict[str, Any]) -> bytes:
    """One line; a value too large for it stays here, named for what it is."""
    line = json.dumps(reply, separators=(",", ":")).encode()
    if len(line) <= MAX_LINE_BYTES:
        return line
    told = {name: reply[name] for name in ("printed", "complained", "cut") if name in reply}
    alone = len(json.dumps(reply.get("value"), separators=(",", ":"))) > MAX_LINE_BYTES // 2
    return json.dumps({"opaque": TOO_LARGE, "alone": alone, **told}).encode()


def _load(request: dict[str, Any]) -> tuple[types.ModuleType | None, dict[str, Any]]:
    try:
        module, assembled = load(request["code"], request["prompt"], request["entry_point"])
    except LoadError as error:
        return None, {"failed": str(error)[:500], "kind": error.kind, "lacks": error.lacks}
    names = describe(module)
    found = constants(module, names)
    return module, {"assembled": assembled, "names": names, "constants": found}


def _call(module: types.ModuleType, request: dict[str, Any], kept: list[Any]) -> dict[str, Any]:
    """Call one function. `kept` are results that stayed here: `handles` puts them among the arguments, by place."""
    handles = {int(place): kept[one] for place, one in request.get("handles", {}).items()}
    arguments = [handles.get(place, decode(item)) for place, item in enumerate(request["args"])]
    keywords = {name: decode(item) for name, item in request["kwargs"].items()}
    printed, complained = Printed(), Printed()
    reply: dict[str, Any]
    try:
        with contextlib.redirect_stdout(printed.stream), contextlib.redirect_stderr(complained.stream):
            called = resolve(module, request["name"])
            value = called(*arguments, **keywords)
        (encoded,), loss = encode_noting([value])
        reply = {
            "value": encoded,
            "loss": loss.reason if loss and (loss.kind is called or _only_adds(loss.kind)) else None,
        }
        for index, argument in enumerate(arguments):
            if value is argument:
                reply["same_as"] = index
    except NotPlain:
        reply = {"opaque": _opaque_kind(value), **_abilities(value), "handle": len(kept)}
        kept.append(value)
    except BaseException as error:
        reply = {"raised": _describe_error(error)}
    if request["mutations"]:
        with contextlib.suppress(NotPlain):
            reply["args"] = [
                None if place in handles else encode(argument) for place, argument in enumerate(arguments)
            ]
            reply["kwargs"] = {name: encode(value) for name, value in keywords.items()}
    for name, told in (
        () if request.get("quiet") else (("printed", printed.text()), ("complained", complained.text()))
    ):
        reply[name] = told[:MAX_PRINTED]
        if len(told) > MAX_PRINTED:
            reply["cut"] = f"more than {MAX_PRINTED} printed characters of one call"
    return reply


class Printed:
    """Keeps what one call prints: as text, or as bytes into `stream.buffer`, which Python's own streams have."""

    def __init__(self) -> None:
        self._bytes = _Unclosed()
        self.stream = io.TextIOWrapper(
            self._bytes, "utf-8", "surrogatepass", newline="\n", write_through=True
        )

    def text(self) -> str:
        found = self._bytes.getvalue()
        try:
            return found.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            return found.decode("utf-8", "backslashreplace")


class _Unclosed(io.BytesIO):
    def close(self) -> None:
        """Code that closes its standard output, or lets its stream go, has printed all the same."""


def _only_adds(kind: type) -> bool:
    """Whether a type behaves as its base does, but for what it adds: one that bends comparison has no second chance."""
    kinds = [one for one in kind.__mro__ if one.__module__ not in ("builtins", "enum", "numpy")]
    special = {name for one in kinds for name in vars(one) if name.startswith("__") and name.endswith("__")}
    return special <= _HARMLESS


def _abilities(value: object) -> dict[str, Any]:
    """Its special methods and other members, read without a line of its own; members are None where it makes them."""
    kinds = type.__dict__["__mro__"].__get__(type(value))
    names = {
        name for kind in kinds[:-1] for name in type.__dict__["__dict__"].__get__(kind) if type(name) is str
    }
    with contextlib.suppress(AttributeError, TypeError):
        names.update(name for name in object.__getattribute__(value, "__dict__") if type(name) is str)
    special = sorted(name for name in names if name.startswith("__"))[:MAX_MEMBERS]
    members = sorted(name for name in names if not name.startswith("__"))
    made = "__getattr__" in names or "__getattribute__" in names or len(members) > MAX_MEMBERS
    return {"can": special, "has": None if made else members}


def _opaque_kind(value: object) -> str:
    """Name the type; an object that calls itself equal to what it cannot know is named as such."""
    if _equals_anything(value):
        return f"always-equal {type(value).__name__}"
    if inspect.isroutine(value) or inspect.isclass(value):
        return "function or class"
    return type(value).__name__[:100]


def _equals_anything(value: object) -> bool:
    """Whether it is equal to an object made just now, or to a value that nobody returns."""
    number = int.from_bytes(os.urandom(8), "big")
    for unlikely in (
        object(),
        number,
        number / 7,
        f"{number}",
        b"%d" % number,
        [number],
        (number,),
        {number: 0},
    ):
        with contextlib.suppress(Exception):
            if value == unlikely:
                return True
    return False


def _describe_error(error: BaseException) -> dict[str, Any]:
    """The nearest builtin type of an exception, its plain arguments and its text."""
    kinds = [kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins"]
    try:
        arguments = encode(list(error.args))
    except NotPlain:
        arguments = None
    try:
        text = str(error)[:500]
    except Exception:
        text = ""
    exact = type(error).__module__ == "builtins"
    return {
        "type": kinds[0],
        "name": type(error).__name__[:100],
        "exact": exact,
        "args": arguments,
        "text": text,
        "lacks": lacking_name(error),
    }
