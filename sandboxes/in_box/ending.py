"""Ends a program the way the interpreter ends itself, without ending the interpreter: that would cost more than a box.

The order is Py_FinalizeEx's: threads, atexit, the program's streams; then Python's own streams stand again, garbage is
collected with all names in place, the program's modules go, and what is still alive of them loses its names.

Does NOT protect against anything. Unlike at the end of an interpreter, a finalizer can still import, and a daemon
thread runs on until the process has gone.
"""

from __future__ import annotations

import _weakref
import atexit
import builtins
import gc
import os
import signal
import sys
import threading
import traceback
from itertools import islice, takewhile
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

INTERRUPTED = -2
"""What `report` returns for a program that Ctrl-C ended: Python dies of the signal then."""
_STREAMS = ("stdin", "stdout", "stderr")
_LAST = ("last_type", "last_value", "last_traceback")
_STREAM_IS_BROKEN = 120
_MOST_FRAMES = 20
# Looked up once: what a program takes away, or puts in its place, is not missed here.
_collect, _collects, _reference = gc.collect, gc.isenabled, _weakref.ref
_join_threads, _run_handlers = threading._shutdown, atexit._run_exitfuncs  # type: ignore[attr-defined]


class Before:
    """What there was before a program: of modules, builtins and `sys` the last name, and how many.

    Later names stand behind it. To look at all would copy the memory of each, in every fork.
    """

    def __init__(self) -> None:
        self._builtins, self._sys = vars(builtins), vars(sys)
        self._marks = [(next(reversed(names)), len(names)) for names in self._all()]

    def later(self) -> list[list[str]]:
        """The names that came later: of modules, in `builtins` and in `sys`, each in the order in which they came."""
        found = []
        for names, (last, count) in zip(self._all(), self._marks, strict=True):
            most = len(names) if last in names else max(len(names) - count, 0)
            behind = takewhile(last.__ne__, islice(reversed(names), most))
            found.append(list(behind)[::-1])
        return found

    def _all(self) -> tuple[dict[str, Any], ...]:
        return sys.modules, self._builtins, self._sys


def end(code: int, before: Before) -> int:
    """Do what Python does after a program. `code` is that of its own end; returns the exit code."""
    try:
        _join_threads()
    except BaseException as error:  # noqa: BLE001 - an interrupt, say: Python tells of it and goes on
        _tell_of_ignored(threading, error)
    _run_handlers()
    written = _flush_streams()
    threading.excepthook = _say_nothing  # a daemon stumbles over what is gone; in Python it would stand still
    _let_go(before)
    for name in ("__stdout__", "__stderr__"):
        _flush(getattr(sys, name, None))
    if not written:
        return _STREAM_IS_BROKEN
    return _die_of_interrupt() if code == INTERRUPTED else code


def exit_code(ended: SystemExit) -> int:
    """The exit code of a program that left by SystemExit, whose words go to its standard error."""
    if ended.code is None:
        return 0
    if isinstance(ended.code, int):
        number = int.__index__(ended.code)  # not what a subclass of the program's makes of it
        return number & 0xFF if -(2**63) <= number < 2**63 else 0xFF
    try:
        sys.stderr.write(f"{ended.code}\n")
    except BaseException:  # noqa: BLE001 - the program's own stream, or a word of its own that cannot be told
        return 1
    return 1


def report(error: BaseException, *harness: str) -> int:
    """Tell of what a program did not catch, by its own hook or by Python's. Frames of `harness` files are left out."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename in harness:
        trace = trace.tb_next
    error.__traceback__ = trace
    sys.last_type, sys.last_value, sys.last_traceback = type(error), error, trace
    try:
        if sys.excepthook is not sys.__excepthook__:
            sys.excepthook(type(error), error, trace)
        elif sys.stderr is not None:
            traceback.print_exception(type(error), error, trace, limit=_MOST_FRAMES)
    except SystemExit as ended:
        return exit_code(ended)
    except BaseException:  # noqa: BLE001 - a program may have broken sys.stderr, or its own __str__
        os.write(2, f"{type(error).__name__}\n".encode())
    return INTERRUPTED if type(error) is KeyboardInterrupt else 1


def _flush_streams() -> bool:
    """Write what the program's streams hold; False where one of them cannot."""
    told, silent = _flush(getattr(sys, "stdout", None)), _flush(getattr(sys, "stderr", None))
    if told is not None:
        _tell_of_ignored(getattr(sys, "stdout", None), told)
    return told is silent is None


def _flush(stream: Any) -> BaseException | None:
    """What kept a stream from being written. One that does not know whether it is closed is open, as Python has it."""
    try:
        if stream is None or getattr(stream, "closed", False):
            return None
    except BaseException:  # noqa: BLE001 - the program's own stream
        return _flush_open(stream)
    return _flush_open(stream)


def _flush_open(stream: Any) -> BaseException | None:
    try:
        stream.flush()
    except BaseException as error:  # noqa: BLE001 - the host closed the pipe at its cap, or it is the program's own
        return error
    return None


def _let_go(before: Before) -> None:
    """Drop what the program made: files that it left open are written, `__del__` and `finally` run."""
    for name in _LAST:
        vars(sys).pop(name, None)
    for name in _STREAMS:
        setattr(sys, name, getattr(sys, f"__{name}__", None))
    if _collects():
        _collect()
    try:
        modules, *others = before.later()
        dropped = [_dropped(name) for name in ("__main__", *modules)]
        _collect()
        for reference in reversed(dropped):
            module = reference() if reference is not None else None
            if module is not None:
                _empty(vars(module))
        for owner, names in zip((builtins, sys), others, strict=True):
            for name in names:
                vars(owner).pop(name, None)
    except BaseException:  # noqa: BLE001 - what a program left in sys.modules is its own affair
        return


def _dropped(name: str) -> _weakref.ref[ModuleType] | None:
    """Take a module out of the list of modules; says whether it still is somewhere else."""
    module = sys.modules.pop(name, None)
    return _reference(module) if isinstance(module, ModuleType) else None


def _empty(names: dict[str, Any]) -> None:
    """In Python's order: names with one leading underscore, then the others."""
    for private in (True, False):
        for name in list(names):
            if name != "__builtins__" and (name[:1] == "_" and name[1:2] != "_") == private:
                names[name] = None


def _die_of_interrupt() -> int:
    """As shells want to see it. Returns only where there are no signals."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    except (AttributeError, OSError, ValueError):
        return 128 + signal.SIGINT
    return 128 + signal.SIGINT


def _tell_of_ignored(what: object, error: BaseException) -> None:
    try:
        sys.stderr.write(f"Exception ignored in: {what!r}\n")
        traceback.print_exception(type(error), error, error.__traceback__, limit=_MOST_FRAMES)
    except BaseException:  # noqa: BLE001 - the program's own stream, or an object that cannot be told
        return


def _say_nothing(_: object) -> None:
    """Stands for the hook of threads."""
