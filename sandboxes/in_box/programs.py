"""Runs one program in a process that is locked down, the way Python itself would run it.

Does NOT protect against anything: `layers.py` does, before the program's text is read. A program can rewrite all of
this, and what it then says on its channel is a claim that the host bounds and never believes.
"""

from __future__ import annotations

import builtins
import io
import json
import marshal
import os
import random
import site
import sys
import traceback
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType

from sandboxes.in_box.ending import Before, end, exit_code, report
from sandboxes.in_box.layers import WORK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

_STANDARD_STREAMS = {"/dev/stdin": 0, "/proc/self/fd/0": 0, "/dev/stdout": 1, "/dev/stderr": 2}
_STREAMS = (  # name, descriptor, mode, errors, buffering: as Python opens them
    ("stdin", 0, "r", "surrogateescape", -1),
    ("stdout", 1, "w", "surrogateescape", -1),
    ("stderr", 2, "w", "backslashreplace", 1),
)
_PIECE = 1 << 16


class Channel:
    """One line each way. The host bounds what it reads."""

    def __init__(self, descriptor: int) -> None:
        self._reader = os.fdopen(descriptor, "rb", buffering=_PIECE)
        self._descriptor = descriptor

    def receive(self) -> bytes | None:
        line = self._reader.readline()
        return line.rstrip(b"\n") if line.endswith(b"\n") else None

    def send(self, line: bytes) -> None:
        view = memoryview(line + b"\n")
        while view:
            view = view[os.write(self._descriptor, view) :]


class SentModules:
    """Imports the modules that came with the program, as text or compiled (then in marshal's form, which is read for
    those that are imported); their parent packages are empty."""

    def __init__(self, sources: Mapping[str, str | bytes]) -> None:
        self._sources = sources

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package = any(name.startswith(fullname + ".") for name in self._sources)
        if fullname not in self._sources and not package:
            return None
        return ModuleSpec(fullname, self, is_package=package)  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        source = self._sources.get(module.__name__, "")
        if isinstance(source, str):
            code = compile(source, f"<{module.__name__}>", "exec", dont_inherit=True)
        else:
            code = marshal.loads(source)
        exec(code, module.__dict__)


def read_payload(descriptor: int) -> dict[str, Any]:
    """Read the program, and write the files that come with it: a line of JSON, then the bytes of modules and files."""
    size = os.fstat(descriptor).st_size
    pieces, taken = [], 0
    while taken < size:
        pieces.append(os.read(descriptor, size - taken))
        taken += len(pieces[-1])
    os.close(descriptor)
    payload = pieces[0] if len(pieces) == 1 else b"".join(pieces)
    end = payload.index(b"\n")
    return read_head(payload[:end], memoryview(payload)[end + 1 :])


def read_head(head: bytes, rest: memoryview) -> dict[str, Any]:
    """See `read_payload`."""
    program: dict[str, Any] = json.loads(head)
    modules = {}
    for name, size in program["modules"]:
        modules[name], rest = bytes(rest[:size]), rest[size:]
    program["modules"] = modules
    for name, size in program.pop("files"):
        folder = os.path.dirname(name)
        if folder:
            os.makedirs(folder, exist_ok=True)
        with open(name, "wb") as file:
            file.write(rest[:size])
        rest = rest[size:]
    return program


def reseed(seed: int) -> None:
    """Every fork inherits the same state of random numbers; from here on they come from the request."""
    random.seed(seed)
    numbers = sys.modules.get("numpy.random")
    if numbers is not None:
        numbers.seed(seed % 2**32)


def run_to_the_end(program: Mapping[str, Any], channel: int) -> int:
    """Run the program as `__main__`, and do what Python does at its end. Returns the exit code.

    It runs from here and not from a function of its own: each frame below it is one less for its recursion.
    """
    _put_sent_modules(program["modules"])
    code, before = 0, Before()
    names = _main()
    try:
        source = compile(program["source"], "<program>", "exec", dont_inherit=True)
        if not program["talks"]:
            os.close(channel)
        exec(source, names)
        if program["script"]:
            sys.argv[:] = [program["script"]]
            names["__file__"] = os.path.abspath(program["script"])
            exec(_script(names["__file__"]), names)
        if program["talks"]:
            names["main"](Channel(channel))
    except SystemExit as ended:
        code = exit_code(ended)
    except BaseException as error:  # noqa: BLE001 - whatever the program raises is its own result
        code = report(error, __file__)
    names = {}
    return end(code, before)


def _main() -> dict[str, Any]:
    """The names of a new `__main__`."""
    main = ModuleType("__main__")
    main.__dict__["__builtins__"] = builtins
    main.__dict__["__file__"] = f"{WORK}/program.py"
    sys.modules["__main__"] = main
    return main.__dict__


def _script(place: str) -> CodeType:
    with open(place, "rb") as file:
        return compile(file.read(), place, "exec", dont_inherit=True)


def _put_sent_modules(modules: Mapping[str, str | bytes]) -> None:
    if modules:
        sys.meta_path.insert(0, SentModules(modules))
        for name in modules:  # one of the library's that was imported ahead must not hide it
            sys.modules.pop(name, None)


def prepare_streams() -> None:
    """Done once, before any fork: streams that know that they are no files and no terminals."""
    kept = [os.dup(descriptor) for descriptor in range(3)]
    read, write = os.pipe()
    for descriptor, side in enumerate((read, write, write)):
        os.dup2(side, descriptor)
    for name, descriptor, mode, errors, buffering in _STREAMS:
        stream = open(descriptor, mode, buffering, "utf-8", errors, closefd=False)  # noqa: SIM115 - the program's
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    for descriptor, side in enumerate(kept):
        os.dup2(side, descriptor)
    for descriptor in (read, write, *kept):
        os.close(descriptor)


def sink_stdout() -> None:
    """Who talks over a channel prints into nothing: that must not use up output_bytes."""
    sink = os.open("/dev/null", os.O_WRONLY)
    os.dup2(sink, 1)
    os.close(sink)


def warm_up() -> None:
    """Done once, before any fork: go the way of every program, so that no child finds a page of it cold."""
    for _ in range(8):
        reseed(0)
        program = read_head(b'{"source": "", "modules": [], "files": []}', memoryview(b""))
        exec(compile("import json\nvalue = [1, 2.5]\nprint(value)", "<warm>", "exec"), {"print": str})
        sys.stdout.flush()
        Before().later()
        try:
            exec(compile("1 / 0", "<warm>", "exec"), {"program": program})
        except ZeroDivisionError as error:
            "".join(traceback.format_exception(error))


def prepare_builtins() -> None:
    """Done once, before any fork: what `site` would add, and the names of streams that are links into /proc."""
    for add in (site.setquit, site.setcopyright, site.sethelper):
        add()
    real = io.open

    def opened(file: Any, *args: Any, **kwargs: Any) -> Any:
        name = os.fspath(file) if isinstance(file, os.PathLike) else file
        if isinstance(name, str) and name in _STANDARD_STREAMS:
            file = os.dup(_STANDARD_STREAMS[name])
        return real(file, *args, **kwargs)

    builtins.open = io.open = opened
