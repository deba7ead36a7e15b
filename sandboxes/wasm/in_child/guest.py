"""The first program in a WASM box, run by the Python in it: reads what the host sent, and runs that.

Its text and that of `in_box/programs.py` come as an argument and with the program; nothing of the host's is there.
Does NOT protect against anything: WebAssembly does, and the gate.
"""

import io
import os
import random
import sys
from types import ModuleType

WORK = "/work"
_PIECE = 1 << 16


class Channel:
    """One line each way. The host bounds what it reads."""

    def __init__(self, descriptor):
        self._descriptor = descriptor
        self._unread = bytearray()

    def receive(self):
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

    def send(self, line):
        view = memoryview(line + b"\n")
        while view:
            view = view[os.write(self._descriptor, view[:_PIECE]) :]


class Nothing(io.RawIOBase):
    """What /dev/null is elsewhere: WASI has no devices."""

    def readable(self):
        return True

    def writable(self):
        return True

    def readinto(self, buffer):
        return 0

    def write(self, data):
        return len(data)


class Sent(io.RawIOBase):
    """What the host sends first: a line of JSON, then the bytes of the program's files."""

    def __init__(self, descriptor):
        self._descriptor = descriptor

    def readable(self):
        return True

    def readinto(self, buffer):
        piece = os.read(self._descriptor, min(len(buffer), 1 << 20))
        buffer[: len(piece)] = piece
        return len(piece)


def read_sent(descriptor):
    """Read the program, and write the files that come with it."""
    import json

    payload = io.BufferedReader(Sent(descriptor), _PIECE)
    sent = json.loads(payload.readline())
    for name, size in sent.pop("files"):
        folder = os.path.dirname(name)
        if folder:
            os.makedirs(folder, exist_ok=True)
        with open(name, "wb") as file:
            file.write(payload.read(size))
    os.close(descriptor)
    return sent


def load_programs(source):
    """The module that runs programs in every kind of box. What it takes from the layers of another kind is a name."""
    layers = ModuleType("sandboxes.in_box.layers")
    layers.WORK = WORK
    sys.modules[layers.__name__] = layers
    programs = ModuleType("sandboxes.in_box.programs")
    programs.__file__ = "<boot>"
    exec(compile(source, programs.__file__, "exec", dont_inherit=True), programs.__dict__)
    del sys.modules[layers.__name__]
    programs.Channel = Channel
    return programs


def prepare_builtins():
    """What `site` would add, and the files below /dev that programs open."""
    import _sitebuiltins
    import builtins

    for name in ("exit", "quit"):
        setattr(builtins, name, _sitebuiltins.Quitter(name, "Ctrl-D"))
    streams = {"/dev/stdin": 0, "/proc/self/fd/0": 0, "/dev/stdout": 1, "/dev/stderr": 2}
    real = io.open

    def opened(file, mode="r", buffering=-1, *args, **kwargs):
        name = os.fspath(file) if isinstance(file, os.PathLike) else file
        if isinstance(name, str) and name in streams:
            return real(streams[name], mode, buffering, *args, **{**kwargs, "closefd": False})
        if name in ("/dev/null", b"/dev/null"):
            return _open_nothing(mode, buffering, *args, **kwargs)
        return real(file, mode, buffering, *args, **kwargs)

    builtins.open = io.open = opened


def _open_nothing(mode, buffering, encoding=None, errors=None, newline=None, closefd=True, opener=None):
    raw = Nothing()
    if "b" in mode:
        return raw if buffering == 0 else io.BufferedRWPair(raw, raw)
    return io.TextIOWrapper(io.BufferedRWPair(raw, raw), encoding or "utf-8", errors, newline, write_through=True)


def main(talks):
    os.chdir(WORK)
    channel, payload = os.open(".", os.O_RDONLY), os.open(".", os.O_RDONLY)  # the gate makes pipes of these
    sent = read_sent(payload)
    sys.argv[:] = ["program"]
    sys.maxsize = 2**63 - 1  # what programs take for infinity; this Python's own is 2**31 - 1
    programs = load_programs(sent["programs"])
    prepare_builtins()
    programs.open_streams(talks=False)  # where prints of one who talks go, the host decided
    random.seed(sent["seed"])
    os._exit(programs.run_to_the_end({**sent, "talks": talks}, channel))


main(sys.argv[1] == "talks")
