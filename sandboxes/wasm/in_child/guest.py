"""The first program in a WASM box, run by the Python in it: reads what the host sent, and runs that.

Its text comes as an argument, that of what runs programs in every box with the program; nothing of the host's is
there. Does NOT protect against anything: WebAssembly does, and the gate.
"""

from __future__ import annotations

import importlib.util
import io
import os
import random
import sys
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from importlib.machinery import ModuleSpec
    from typing import Any, NoReturn

WORK = "/room/box"
_PIECE = 1 << 16


class Channel:
    """One line each way. The host bounds what it reads."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._unread = bytearray()

    def receive(self) -> bytes | None:
        searched = 0
        while (end := self._unread.find(b"\n", searched)) < 0:
            searched = len(self._unread)
            piece = os.read(self._descriptor, _PIECE)
            if not piece:
                return None
            self._unread += piece
        line = bytes(self._unread[:end])
        del self._unread[: end + 1]
        return line

    def send(self, line: bytes) -> None:
        view = memoryview(line + b"\n")
        while view:
            view = view[os.write(self._descriptor, view[:_PIECE]) :]


class Nothing(io.RawIOBase):
    """What /dev/null is elsewhere: WASI has no devices."""

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return 0

    def write(self, data: Any) -> int:
        return len(data)


class Sent(io.RawIOBase):
    """What the host sends first: a line of JSON, then the bytes of the program's files."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = os.read(self._descriptor, min(len(buffer), 1 << 20))
        buffer[: len(piece)] = piece
        return len(piece)


def read_sent(descriptor: int) -> dict[str, Any]:
    """Read the program, and write the files that come with it."""
    import json

    payload = io.BufferedReader(Sent(descriptor), _PIECE)
    sent: dict[str, Any] = json.loads(payload.readline())
    for name, size in sent.pop("files"):
        folder = os.path.dirname(name)
        if folder:
            os.makedirs(folder, exist_ok=True)
        with open(name, "wb") as file:
            file.write(payload.read(size))
    os.close(descriptor)
    return sent


def load_programs(sources: Mapping[str, str]) -> Any:
    """The module that runs programs in every kind of box. What it takes from the layers of another kind is a name."""
    layers: Any = ModuleType("sandboxes.in_box.layers")
    layers.WORK = WORK
    loaded = [layers]
    sys.modules[layers.__name__] = layers
    for name, source in sources.items():
        loaded.append(ModuleType("sandboxes." + name.replace("/", ".")))
        loaded[-1].__file__ = "<boot>"
        sys.modules[loaded[-1].__name__] = loaded[-1]
        exec(compile(source, "<boot>", "exec", dont_inherit=True), vars(loaded[-1]))
    for module in loaded:
        del sys.modules[module.__name__]
    programs = loaded[-1]
    programs.Channel = Channel
    return programs


def open_streams() -> None:
    """The program's standard streams. Where the prints of one who talks go, the host has decided."""
    for name, descriptor, mode, errors, buffering in (
        ("stdin", 0, "r", "surrogateescape", -1),
        ("stdout", 1, "w", "surrogateescape", -1),
        ("stderr", 2, "w", "backslashreplace", 1),
    ):
        stream = open(descriptor, mode, buffering, "utf-8", errors, closefd=False)  # noqa: SIM115 - the program's
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def prepare_builtins() -> None:
    """What `site` would add, and the files below /dev that programs open."""
    import builtins
    import site

    for add in (site.setquit, site.setcopyright, site.sethelper):
        add()
    streams = {"/dev/stdin": 0, "/proc/self/fd/0": 0, "/dev/stdout": 1, "/dev/stderr": 2}
    real = io.open

    def opened(file: Any, mode: str = "r", buffering: int = -1, *args: Any, **kwargs: Any) -> Any:
        name = os.fspath(file) if isinstance(file, os.PathLike) else file
        if isinstance(name, str) and name in streams:
            return real(streams[name], mode, buffering, *args, **{**kwargs, "closefd": False})
        if name in ("/dev/null", b"/dev/null"):
            return _open_nothing(mode, buffering, *args, **kwargs)
        return real(file, mode, buffering, *args, **kwargs)

    builtins.open = io.open = opened


def no_threads(*_: object, **__: object) -> NoReturn:
    name = "threading"
    raise ModuleNotFoundError(f"No module named {name!r} (a box of WebAssembly starts no threads)", name=name)


def tell_of_threads() -> None:
    """Say of threads, as of packages, that this box lacks them: a program that starts one is not therefore wrong.

    Whoever asks whether a module is there (`importlib.import_module`) is told the same of those that start threads; to
    import them by a statement stays possible, for locks and the like do work.
    """
    import _thread
    import threading

    def import_module(name: str, package: str | None = None) -> ModuleType:
        return no_threads() if name in starters else find(name, package)

    starters = ("_thread", "threading", "concurrent.futures", "asyncio")
    find, importlib.import_module = importlib.import_module, import_module
    _thread.start_new_thread = _thread.start_new = threading._start_new_thread = no_threads  # type: ignore[attr-defined]


class LonelyAsyncio:
    """Gives asyncio a loop that needs no sockets, which WASI lacks: it sleeps until its next timer.

    Pools of threads are lacking like threads, by the same name.
    """

    _loader: Any
    _asked = False

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name == "concurrent.futures.thread":
            no_threads()
        if name != "asyncio" or self._asked:
            return None
        self._asked = True
        spec = importlib.util.find_spec(name)
        if spec is not None:
            self._loader, spec.loader = spec.loader, self  # type: ignore[assignment]
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)
        _use_lonely_loops()


def _use_lonely_loops() -> None:
    import asyncio
    import time

    class Timers:
        """Stands for a selector that nothing was ever registered with."""

        def select(self, timeout: float | None = None) -> Sequence[Any]:
            if timeout is None:
                raise RuntimeError("the event loop waits for something that cannot happen in this box")
            time.sleep(max(timeout, 0))
            return ()

        def close(self) -> None:
            pass

    class Loop(asyncio.BaseEventLoop):
        def __init__(self) -> None:
            super().__init__()
            self._selector = Timers()

        def _process_events(self, events: Any) -> None:
            pass

        def _write_to_self(self) -> None:
            pass

    class Policy(asyncio.DefaultEventLoopPolicy):
        _loop_factory = Loop

    asyncio.set_event_loop_policy(Policy())


def _open_nothing(
    mode: str,
    buffering: int,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    closefd: bool = True,
    opener: object = None,
) -> Any:
    raw = Nothing()
    if "b" in mode:
        return raw if buffering == 0 else io.BufferedRWPair(raw, raw)
    return io.TextIOWrapper(
        io.BufferedRWPair(raw, raw), encoding or "utf-8", errors, newline, write_through=True
    )


def main(talks: bool) -> None:
    os.chdir(WORK)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(987_654_321)  # recursion.py finds the interpreter's state by this
    channel, payload = os.open(".", os.O_RDONLY), os.open(".", os.O_RDONLY)  # the gate makes pipes of these
    sent = read_sent(payload)
    sys.setrecursionlimit(limit)
    sys.argv[:] = ["program"]
    sys.orig_argv[:] = ["python", "program"]
    sys.maxsize = 2**63 - 1  # what programs take for infinity; this Python's own is 2**31 - 1
    programs = load_programs(sent["programs"])
    prepare_builtins()
    sys.meta_path.insert(0, LonelyAsyncio())
    tell_of_threads()
    open_streams()
    random.seed(sent["seed"])
    os._exit(programs.run_to_the_end({**sent, "talks": talks}, channel))


main(sys.argv[1] == "talks")
