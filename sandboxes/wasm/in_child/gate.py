"""Puts gate.wat between Python and WASI, and answers what it asks.

Does NOT protect against: calls that make nothing (reading, listing, clocks, random bytes); their cost is CPU time.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wasmtime import Engine, FuncType, Global, Instance, Linker, Memory, Module, Store, ValType

from sandboxes.wasm.in_child.quota import Quota
from sandboxes.wasm.in_child.recursion import allow_recursion

WASI = "wasi_snapshot_preview1"
_GATED = (
    "fd_write",
    "fd_read",
    "fd_pwrite",
    "fd_allocate",
    "path_open",
    "path_create_directory",
    "path_link",
    "path_symlink",
    "fd_close",
)
_INVALID, _BROKEN_PIPE = 28, 64  # EINVAL, EPIPE as WASI numbers them
_MAX_VECTORS = 1024
_MAX_PIECE = 1 << 20


class Gate:
    """The host's side of gate.wat. `begun` is called once, before the first byte of the payload is read.

    The first two folders that Python opens by the name `.` are no folders: reads and writes of the first go to
    `channel`, reads of the second to `payload`.
    """

    memory: Memory

    def __init__(
        self, channel: int, payload: int, quota: Quota, *, open_files: int, begun: Callable[[], None]
    ) -> None:
        self._channel = channel
        self._payload = payload
        self._quota = quota
        self._open_files = open_files
        self._begun: Callable[[], None] | None = begun
        self.numbers: dict[str, Global] = {}

    def opened(self, store: Any, path: int, size: int, number: int) -> None:
        path, number = path & 0xFFFFFFFF, number & 0xFFFFFFFF
        if size != 1 or bytes(self.memory.read(store, path, path + 1)) != b".":
            return
        (opened,) = struct.unpack("<i", self.memory.read(store, number, number + 4))
        if self.numbers["channel"].value(store) < 0:
            self.numbers["channel"].set_value(store, opened)
        else:
            self.numbers["payload"].set_value(store, opened)
            self.numbers["boots"].set_value(store, 0)
            self.numbers["most"].set_value(store, self._open_files)

    def send(self, store: Any, number: int, vectors: int, count: int, written: int) -> int:
        """Write a first piece, as writes to pipes may; the program comes back with the rest."""
        if count > _MAX_VECTORS or count < 0:
            return _INVALID
        place, size = next((vector for vector in self._vectors(store, vectors, count) if vector[1]), (0, 0))
        try:
            done = os.write(self._channel, self.memory.read(store, place, place + min(size, _MAX_PIECE)))
        except OSError:
            return _BROKEN_PIPE
        self.memory.write(store, struct.pack("<I", done), written & 0xFFFFFFFF)
        return 0

    def receive(self, store: Any, number: int, vectors: int, count: int, got: int) -> int:
        if count < 1:
            return _INVALID
        source = self._channel
        if number == self.numbers["payload"].value(store):
            source = self._payload
            if self._begun is not None:
                allow_recursion(self.memory, store)
                self._begun()
                self._begun = None
        ((place, size),) = self._vectors(store, vectors, 1)
        try:
            data = os.read(source, min(size, _MAX_PIECE))
        except OSError:
            return _BROKEN_PIPE
        self.memory.write(store, data, place)
        self.memory.write(store, struct.pack("<I", len(data)), got & 0xFFFFFFFF)
        return 0

    def admit_vectors(self, store: Any, vectors: int, count: int) -> int:
        if count > _MAX_VECTORS or count < 0:
            return _INVALID
        return self._quota.admit_bytes(sum(size for _, size in self._vectors(store, vectors, count)))

    def admit_bytes(self, store: Any, size: int) -> int:
        return self._quota.admit_bytes(size)

    def admit_entry(self, store: Any) -> int:
        return self._quota.admit_entry()

    def _vectors(self, store: Any, place: int, count: int) -> list[tuple[int, int]]:
        """Places and sizes. Raises IndexError, which ends the program, for vectors outside of its memory."""
        place &= 0xFFFFFFFF
        packed = self.memory.read(store, place, place + 8 * count)
        if len(packed) != 8 * count:
            raise IndexError("a program gave vectors outside of its memory")
        return list(struct.iter_unpack("<II", packed))


def gated(
    engine: Engine, linker: Linker, store: Store, python: Module, gate: Gate
) -> tuple[Instance, Memory]:
    """Instantiate Python behind the gate. `linker` knows WASI; its table of calls is changed. Raises WasmtimeError."""
    word, long = ValType.i32(), ValType.i64()
    asked: dict[str, tuple[list[ValType], Callable[..., int]]] = {
        "send": ([word] * 4, gate.send),
        "receive": ([word] * 4, gate.receive),
        "admit_vectors": ([word] * 2, gate.admit_vectors),
        "admit_bytes": ([long], gate.admit_bytes),
        "admit_entry": ([], gate.admit_entry),
    }
    for name, (parameters, answer) in asked.items():
        linker.define_func("host", name, FuncType(parameters, [word]), answer, access_caller=True)
    linker.define_func("host", "opened", FuncType([word] * 3, []), gate.opened, access_caller=True)
    front = linker.instantiate(store, _module(engine, "gate.wat"))
    real = {name: linker.get(store, WASI, name) for name in _GATED}
    linker.allow_shadowing = True
    for name in _GATED:
        linker.define(store, WASI, name, front.exports(store)[name])
    instance = linker.instantiate(store, python)
    memory = instance.exports(store)["memory"]
    assert isinstance(memory, Memory)
    gate.memory = memory
    gate.numbers = {name: _global(front, store, name) for name in ("channel", "payload", "boots", "most")}
    for name, function in real.items():
        linker.define(store, WASI, name, function)
    linker.define(store, "python", "memory", memory)
    linker.define(store, "gate", "real", front.exports(store)["real"])
    linker.instantiate(store, _module(engine, "real.wat"))
    return instance, memory


def _global(instance: Instance, store: Store, name: str) -> Global:
    found = instance.exports(store)[name]
    assert isinstance(found, Global)
    return found


def _module(engine: Engine, name: str) -> Module:
    return Module(engine, Path(__file__).with_name(name).read_text(encoding="ascii"))
