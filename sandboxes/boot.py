"""The first program in a box: locks the process down, then runs what the host sends over the channel.

Runs inside the box as `python -s -S -P boot.py CHANNEL_FD`, imports only the standard library, and is sent as
text. Order matters: work folder, limits, capabilities, Landlock, system-call filter; only then does untrusted text
enter the process.

Does NOT protect against: kernel bugs; the program reading this file (it holds no secret); a program that writes
nonsense to its own channel (the host treats every line as a claim); memory of several threads beyond RLIMIT_AS.
"""

from __future__ import annotations

import _sitebuiltins
import binascii
import builtins
import ctypes
import io
import json
import os
import random
import resource
import struct
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:  # each import costs every box milliseconds
    from collections.abc import Sequence
    from typing import Any

WORK = "/work"
_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT = 4, 22, 24, 38, 47
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 2, 4, 8
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_READ_FILE, _WRITE_FILE, _READ_DIR, _IOCTL_DEV = 1 << 2, 1 << 1, 1 << 3, 1 << 15
_SECCOMP_MODE_FILTER = 2
_STANDARD_STREAMS = {"/dev/stdin": 0, "/proc/self/fd/0": 0, "/dev/stdout": 1, "/dev/stderr": 2}


class Channel:
    """One line each way. The host bounds what it reads."""

    def __init__(self, descriptor: int) -> None:
        self._reader = os.fdopen(descriptor, "rb", buffering=1 << 16)
        self._descriptor = descriptor

    def receive(self) -> bytes | None:
        line = self._reader.readline()
        return line.rstrip(b"\n") if line.endswith(b"\n") else None

    def send(self, line: bytes) -> None:
        view = memoryview(line + b"\n")
        while view:
            view = view[os.write(self._descriptor, view) :]

    def close(self) -> None:
        self._reader.close()


class SentModules:
    """Imports the modules that came with the program; their parent packages are empty."""

    def __init__(self, sources: dict[str, str]) -> None:
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
        exec(compile(source, f"<{module.__name__}>", "exec", dont_inherit=True), module.__dict__)


def lock_down(config: dict[str, Any]) -> list[str]:
    """Apply every layer. Returns the names of the optional ones that this kernel lacks; raises OSError else."""
    _mount_work(config["disk_bytes"], config["files"])
    os.chdir(WORK)
    os.umask(0o077)
    _limit(config)
    _check(_LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    _drop_capabilities()
    missing = [] if _landlock(config["readable"]) else ["landlock"]
    _check(_LIBC.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0), "dumpable")
    _seccomp(binascii.a2b_hex(config["filter"]))
    return missing


def _check(outcome: int, what: str) -> None:
    if outcome != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _mount_work(size: int, inodes: int) -> None:
    options = f"size={size},nr_inodes={inodes},mode=0700".encode()
    flags = _MS_NOSUID | _MS_NODEV | _MS_NOEXEC
    _check(
        _LIBC.mount(b"tmpfs", WORK.encode(), b"tmpfs", ctypes.c_ulong(flags), options), "mount work folder"
    )


def _limit(config: dict[str, Any]) -> None:
    cpu = config["cpu_seconds"]
    for kind, soft, hard in (
        (resource.RLIMIT_CPU, cpu, cpu + 1),
        (resource.RLIMIT_AS, config["memory_bytes"], config["memory_bytes"]),
        (resource.RLIMIT_NPROC, config["threads"], config["threads"]),
        (resource.RLIMIT_NOFILE, config["open_files"], config["open_files"]),
        (resource.RLIMIT_FSIZE, config["disk_bytes"], config["disk_bytes"]),
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_MEMLOCK, 0, 0),
        (resource.RLIMIT_MSGQUEUE, 0, 0),
        (resource.RLIMIT_SIGPENDING, 64, 64),
    ):
        resource.setrlimit(kind, (soft, hard))


def _drop_capabilities() -> None:
    for capability in range(64):
        if _LIBC.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            break
    _LIBC.prctl(_PR_CAP_AMBIENT, 4, 0, 0, 0)
    header = struct.pack("<Ii", 0x20080522, 0)
    _check(_LIBC.capset(header, bytes(24)), "drop capabilities")


def _landlock(readable: list[str]) -> bool:
    """Read the interpreter, read and write the work folder, nothing else. False where the kernel lacks it."""
    abi = _LIBC.syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), 1)
    if abi < 1:
        return False
    files = (1 << (13 + (abi >= 2) + (abi >= 3))) - 1 | (_IOCTL_DEV if abi >= 5 else 0)
    network, scopes = (3 if abi >= 4 else 0), (3 if abi >= 6 else 0)
    attributes = struct.pack("<QQQ", files, network, scopes)[: 24 if abi >= 6 else 16 if abi >= 4 else 8]
    ruleset = _LIBC.syscall(_LANDLOCK_CREATE, attributes, ctypes.c_size_t(len(attributes)), 0)
    _check(min(ruleset, 0), "landlock ruleset")
    for path in readable:
        _allow_beneath(ruleset, path, _READ_FILE | _READ_DIR)
    _allow_beneath(ruleset, WORK, files & ~(1 | _IOCTL_DEV))
    _allow_beneath(ruleset, "/dev/null", _READ_FILE | _WRITE_FILE)
    _check(_LIBC.syscall(_LANDLOCK_RESTRICT, ruleset, 0), "landlock")
    os.close(ruleset)
    return True


def _allow_beneath(ruleset: int, path: str, access: int) -> None:
    directory = os.path.isdir(path)
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    rule = struct.pack("<Qi", access if directory else access & ~_READ_DIR, descriptor)
    _check(_LIBC.syscall(_LANDLOCK_ADD, ruleset, 1, rule, 0), f"landlock rule for {path}")
    os.close(descriptor)


def _seccomp(code: bytes) -> None:
    buffer = ctypes.create_string_buffer(code, len(code))

    class Filter(ctypes.Structure):
        _fields_ = (("len", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    program = Filter(len(code) // 8, ctypes.addressof(buffer))
    _check(_LIBC.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0), "seccomp")


def run_program(program: dict[str, Any], channel: Channel) -> None:
    """Run the program as `__main__`; give it the channel if it was opened for talking, else close that."""
    sys.meta_path.insert(0, SentModules(program["modules"]))
    random.seed(program["seed"])
    _add_site_builtins()
    main = ModuleType("__main__")
    main.__dict__["__builtins__"] = __builtins__
    main.__dict__["__file__"] = f"{WORK}/program.py"
    sys.modules["__main__"] = main
    code = compile(program["source"], "<program>", "exec", dont_inherit=True)
    if not program["talks"]:
        channel.close()
        _open_standard_streams()
        exec(code, main.__dict__)
        return
    _sink_stdout()
    exec(code, main.__dict__)
    main.__dict__["main"](channel)


def _add_site_builtins() -> None:
    """`exit` and `quit` come from `site`, which does not run here; programs that read stdin use them."""
    for name in ("exit", "quit"):
        setattr(builtins, name, _sitebuiltins.Quitter(name, "Ctrl-D"))


def _open_standard_streams() -> None:
    """`open("/dev/stdin")` and its like, which are links into the /proc that a box lacks."""
    real = io.open

    def opened(file: Any, *args: Any, **kwargs: Any) -> Any:
        name = os.fspath(file) if isinstance(file, os.PathLike) else file
        if isinstance(name, str) and name in _STANDARD_STREAMS:
            file = os.dup(_STANDARD_STREAMS[name])
        return real(file, *args, **kwargs)

    builtins.open = io.open = opened


def _sink_stdout() -> None:
    """Who talks over the channel is not read on stdout; what is printed there must not use up output_bytes."""
    sink = os.open("/dev/null", os.O_WRONLY)
    os.dup2(sink, 1)
    os.close(sink)


def _report(error: BaseException) -> None:
    import traceback  # only here: it costs every box milliseconds

    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    traceback.print_exception(type(error), error, trace, limit=20)


if __name__ == "__main__":
    line = Channel(int(sys.argv[1]))
    sys.argv[:] = ["program"]
    settings = json.loads(line.receive() or b"{}")
    sys.path[:] = settings["path"]
    absent = lock_down(settings)
    line.send(json.dumps({"box": "ready", "absent": absent}).encode())
    sent = json.loads(line.receive() or b"{}")
    try:
        run_program(sent, line)
    except Exception as failure:  # noqa: BLE001 - whatever the program raises is its own result
        _report(failure)
        sys.stdout.flush()
        os._exit(1)
