"""The child process of one box: `python -I -S runner.py SITE run CHANNEL REPORT ALIVE MODULE`, or `... compile IN OUT`.

Imports wasmtime from SITE, takes the box's numbers from the channel, bounds itself, and runs Python's WebAssembly.
The process ends the way the program ended: its exit code, SIGABRT for an abort, SIGSEGV for a wild access. What the
exit code cannot say goes to REPORT, a line of JSON each. When nobody holds the other end of ALIVE any more, the
service is gone, and so is this.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

if (
    __name__ == "__main__"
):  # the service's own packages would be imported with their parents: these stand in for them
    sys.path.insert(0, sys.argv[1])
    for _name, _folder in (
        ("sandboxes", Path(__file__).parents[2]),
        ("sandboxes.wasm", Path(__file__).parents[1]),
    ):
        _package = ModuleType(_name)
        _package.__path__ = [str(_folder)]
        sys.modules[_name] = _package

import json
import math
import os
import resource
import signal
import socket
import threading
from typing import Any, NoReturn

from wasmtime import ExitTrap, Func, Linker, Module, Store, Trap, TrapCode, WasiConfig, WasmtimeError

from sandboxes.wasm.in_child.engine import NATIVE_STACK, PAGE, THREAD_STACK, make_engine, with_larger_stack
from sandboxes.wasm.in_child.gate import Gate, gated
from sandboxes.wasm.in_child.quota import Quota
from sandboxes.wasm.in_child.second_wall import go_first_when_memory_is_short, stand_behind

_OWN_MEMORY = 2**30  # what the engine itself may take, the program's memory aside
_OWN_DESCRIPTORS = 24
_LAST_MEMORY = 2**32 - PAGE
_UNTOLD_EXIT, _NO_CODE = "invalid exit status", 0xFF  # the engine keeps a code above 125 to itself


class Report:
    """What the host cannot see from outside."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        try:
            self._status = os.open("/proc/self/status", os.O_RDONLY)  # nothing can be opened later
        except OSError:
            self._status = -1

    def peak_bytes(self) -> int:
        """The largest resident size; getrusage would also tell that of the process that started this one."""
        text = os.pread(self._status, 1 << 14, 0) if self._status >= 0 else b""
        words = text.partition(b"VmHWM:")[2].split(maxsplit=1)
        if not words:
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
                1 if sys.platform == "darwin" else 1024
            )
        return int(words[0]) * 1024

    def say(self, **words: object) -> None:
        os.write(self._descriptor, json.dumps(words).encode() + b"\n")


def run(channel: int, report: Report, alive: int, module: int) -> NoReturn:
    """Be one box. Ends the process."""
    go_first_when_memory_is_short()
    engine = make_engine()
    python = Module.deserialize_file(engine, f"/dev/fd/{module}")
    host = socket.socket(fileno=channel)
    host.sendall(b"U")  # up: the numbers of a box may come
    config, (stdin, payload, folder) = _read_config(host)
    socket.send_fds(host, [b"F"], [folder])
    os.dup2(stdin, 0)
    os.fchdir(folder)
    store = Store(engine)
    linker = Linker(engine)
    linker.define_wasi()
    quota = Quota(".", disk_bytes=config["disk_bytes"], files=config["files"])
    gate = Gate(
        channel, payload, quota, open_files=config["open_files"], begun=lambda: _begin(host, report, config)
    )
    store.set_wasi(_wasi(config))
    _bound(config)
    try:
        instance, memory = gated(engine, linker, store, python, gate)
        stand_behind(folder, config["user"], bytes.fromhex(config["filter"]))
    except (WasmtimeError, OSError) as error:
        report.say(broke=f"the box does not start: {error}")
        os._exit(1)
    threading.Thread(target=_die_with, args=(alive,), daemon=True).start()
    first = memory.data_len(store)
    store.set_limits(memory_size=min(first + config["memory_bytes"], _LAST_MEMORY), memories=4, instances=8)
    start = instance.exports(store)["_start"]
    assert isinstance(start, Func)
    signal.signal(signal.SIGPROF, lambda *_: _end_as(signal.SIGPROF, quota, report))
    _conclude(_to_the_end(start, store), quota, report)


def _to_the_end(start: Func, store: Store) -> int | Exception:
    """Run Python to its end in a thread with a stack that is large enough; returns its exit code or what ended it."""
    ends: list[int | Exception] = []

    def go() -> None:
        _leave_signals_to_main()
        try:
            start(store)
        except ExitTrap as end:
            ends.append(end.code & 0xFF)
        except Exception as error:  # noqa: BLE001 - whatever the engine says, the host must hear of it
            ends.append(_NO_CODE if _UNTOLD_EXIT in str(error) else error)
        else:
            ends.append(0)

    threading.stack_size(THREAD_STACK)
    thread = threading.Thread(target=go)
    thread.start()
    thread.join()
    return ends[0]


def _conclude(end: int | Exception, quota: Quota, report: Report) -> NoReturn:
    """End as a native interpreter would; what would not have ended one says that the box broke."""
    if isinstance(end, Trap) and end.trap_code is TrapCode.UNREACHABLE:
        _end_as(signal.SIGABRT, quota, report)
    if isinstance(end, Trap) and end.trap_code is TrapCode.STACK_OVERFLOW:
        report.say(broke=f"the program needs more than the {NATIVE_STACK} bytes of stack that this box has")
    elif isinstance(end, (Trap, IndexError)):
        _end_as(signal.SIGSEGV, quota, report)
    elif isinstance(end, Exception):
        report.say(broke=f"{type(end).__name__}: {end}"[:1000])
    _account(quota, report)
    os._exit(end if isinstance(end, int) else 1)


def _end_as(number: signal.Signals, quota: Quota, report: Report) -> NoReturn:
    _account(quota, report)
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    os._exit(1)


def _begin(host: socket.socket, report: Report, config: dict[str, Any]) -> None:
    """Python is up and asks for its program: what is bounded is on, and the clocks may run."""
    signal.setitimer(signal.ITIMER_PROF, config["cpu_seconds"])
    host.sendall(b"R")
    report.say(cpu_seconds=_cpu_seconds())


def _account(quota: Quota, report: Report) -> None:
    report.say(refused=sorted(quota.refused), peak_bytes=report.peak_bytes())


def _read_config(host: socket.socket) -> tuple[dict[str, Any], tuple[int, int, int]]:
    """One line of JSON with the descriptors of stdin, payload and work folder."""
    text, descriptors, _, _ = socket.recv_fds(host, 1 << 16, 3)
    while not text.endswith(b"\n"):
        more = host.recv(1 << 16)
        if not more:  # a spare that was never used
            os._exit(0)
        text += more
    config: dict[str, Any] = json.loads(text)
    stdin, payload, folder = descriptors
    return config, (stdin, payload, folder)


def _wasi(config: dict[str, Any]) -> WasiConfig:
    wasi = WasiConfig()
    wasi.argv = ["python", "-s", "-S", "-P", "-c", config["boot"], "talks" if config["talks"] else "runs"]
    wasi.env = sorted(config["environment"].items())
    wasi.inherit_stdin()
    if not config["talks"]:  # who talks over a channel prints into nothing
        wasi.inherit_stdout()
    wasi.inherit_stderr()
    wasi.preopen_dir(".", "/room/box", fs_mutable=True)
    return wasi


def _bound(config: dict[str, Any]) -> None:
    """Bound this process; the CPU seconds that its start took are not the program's."""
    cpu = config["cpu_seconds"] + math.ceil(_cpu_seconds()) + 1  # the timer is exact; this stands behind it
    for kind, wanted in (
        (resource.RLIMIT_CPU, cpu),
        (resource.RLIMIT_DATA, config["memory_bytes"] + _OWN_MEMORY),
        (resource.RLIMIT_FSIZE, config["disk_bytes"]),
        (resource.RLIMIT_NOFILE, config["open_files"] + _OWN_DESCRIPTORS),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        ceiling = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(kind, (ceiling, ceiling))


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _leave_signals_to_main() -> None:
    signal.pthread_sigmask(
        signal.SIG_BLOCK, {signal.SIGPROF}
    )  # it waits; a busy thread would not let it know


def _die_with(alive: int) -> None:
    _leave_signals_to_main()
    os.read(alive, 1)
    os.kill(os.getpid(), signal.SIGKILL)


def compile_module(source: str, target: str) -> None:
    """Compile Python's WebAssembly with a larger stack into a file that only this engine takes."""
    wasm = with_larger_stack(Path(source).read_bytes())
    encoded = Module(make_engine(), wasm).serialize()
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:
        file.write(encoded)
        file.flush()
        os.fsync(descriptor)


def main(arguments: list[str]) -> None:
    if arguments[0] == "compile":
        compile_module(*arguments[1:])
        return
    channel, report, alive, module = map(int, arguments[1:])
    run(channel, Report(report), alive, module)


if __name__ == "__main__":
    main(sys.argv[2:])
