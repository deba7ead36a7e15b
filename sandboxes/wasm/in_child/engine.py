"""The engine that compiles Python's WebAssembly and runs it: one configuration for both, else the cache is refused.

CPU time is bounded by the kernel (RLIMIT_CPU), not by epochs: that also counts what the engine does on behalf of the
program, and no check stands in every loop.
"""

from __future__ import annotations

import ctypes

from wasmtime import Config, Engine
from wasmtime._ffi import dll

NATIVE_STACK = 32 * 2**20  # of the machine: frames of deep recursion lie here
THREAD_STACK = NATIVE_STACK + 16 * 2**20
# WebAssembly's own stack, 128 MiB. Python is linked with 512 KiB, which honest recursion overflows; this is so large
# that recursion ends at its limit or at NATIVE_STACK, which traps, and never runs into the heap below.
WASM_STACK_PAGES = 2048
PAGE = 1 << 16
_MEMORY, _GLOBAL = 5, 6
_MUTABLE_I32, _CONST, _END = b"\x7f\x01", b"\x41", b"\x0b"


def make_engine() -> Engine:
    config = Config()
    dll.wasmtime_config_async_stack_size_set(
        config.ptr(), ctypes.c_uint64(NATIVE_STACK)
    )  # the bindings forgot it
    config.max_wasm_stack = NATIVE_STACK
    config.native_unwind_info = False
    config.wasm_threads = False
    return Engine(config)


def with_larger_stack(wasm: bytes) -> bytes:
    """Move the stack pointer of a WASI program above its first memory, which grows by WASM_STACK_PAGES.

    The heap of wasi-libc begins below, as linked, and goes on above, by `memory.grow`. Raises ValueError for a module
    that is not built like that.
    """
    parts, place = [wasm[:8]], 8
    pages = 0
    while place < len(wasm):
        kind = wasm[place]
        size, start = _number(wasm, place + 1)
        body = wasm[start : start + size]
        if kind == _MEMORY:
            pages, body = _grown(body)
        elif kind == _GLOBAL:
            body = _moved(body, pages * PAGE)
        parts.append(bytes([kind]) + _encoded(len(body)) + body)
        place = start + size
    return b"".join(parts)


def _grown(body: bytes) -> tuple[int, bytes]:
    """One memory without a maximum: (its new pages, the section)."""
    pages, end = _number(body, 2)
    if body[:2] != b"\x01\x00" or end != len(body):
        raise ValueError("the module has not one memory without a maximum")
    return pages + WASM_STACK_PAGES, body[:2] + _encoded(pages + WASM_STACK_PAGES)


def _moved(body: bytes, top: int) -> bytes:
    """One global, the stack pointer: the section that starts it at `top`."""
    if body[:4] != b"\x01" + _MUTABLE_I32 + _CONST or body[-1:] != _END or top == 0:
        raise ValueError("the module's only global is not a stack pointer")
    return body[:4] + _encoded(top, signed=True) + _END


def _number(data: bytes, place: int) -> tuple[int, int]:
    """An unsigned LEB128 number and the place behind it."""
    value = shift = 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return value, place


def _encoded(value: int, *, signed: bool = False) -> bytes:
    out = bytearray()
    while True:
        byte, value = value & 0x7F, value >> 7
        if value == 0 and not (signed and byte & 0x40):
            out.append(byte)
            return bytes(out)
        out.append(byte | 0x80)
