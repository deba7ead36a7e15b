"""What a program takes into its box, in memory files that nobody can change: its text, modules and files, its input.

Does NOT protect against: a host that compiles what a caller wrote; modules are the judge's own.
"""

from __future__ import annotations

import fcntl
import json
import marshal
import os
from functools import lru_cache

from judge_agent.seams.sandbox import Program

_PIPE_BYTES = 1 << 16
_SEALS = (
    fcntl.F_ADD_SEALS,
    0x1 | 0x2 | 0x4 | 0x8,
)  # F_SEAL_SEAL, SHRINK, GROW, WRITE: a child cannot use it as memory


def payload_of(program: Program) -> bytes:
    """The program as its child reads it: a line of JSON, then the bytes of its files."""
    modules = {name: _compiled(name, source) for name, source in program.modules.items()}
    head = {
        "source": program.source,
        "script": program.script,
        "modules": [(name, len(code)) for name, code in modules.items()],
        "files": [(name, len(content)) for name, content in program.files.items()],
    }
    return b"".join((json.dumps(head).encode(), b"\n", *modules.values(), *program.files.values()))


@lru_cache(maxsize=128)
def _compiled(name: str, source: str) -> bytes:
    """A module as the box's interpreter runs it, which is this one: compiling costs more than all else in a box."""
    return marshal.dumps(compile(source, f"<{name}>", "exec", dont_inherit=True))


def input_of(content: bytes) -> int:
    """A descriptor to read `content` from: a pipe, as programs expect, where it holds all of it."""
    if not content or len(content) > _PIPE_BYTES:
        return memory_file(content)
    read, write = os.pipe()
    try:
        os.set_blocking(write, False)
        if os.write(write, content) == len(content):
            return read
    except BlockingIOError:  # a user with many pipes is given small ones
        pass
    except OSError:
        os.close(read)
        raise
    finally:
        os.close(write)
    os.close(read)
    return memory_file(content)


def memory_file(content: bytes) -> int:
    """A descriptor that reads `content`, and that nobody can write to."""
    if not content:
        return os.open(os.devnull, os.O_RDONLY)
    descriptor = os.memfd_create("box", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
    os.lseek(descriptor, 0, os.SEEK_SET)
    fcntl.fcntl(descriptor, *_SEALS)
    return descriptor
