"""Runs a command and ends everything it started when its owner goes, however the owner goes.

Run as a script of its own (`python -I -S process_keeper.py GRACE_SECONDS COMMAND...`) with a pipe from the owner
as standard input. The end of that pipe, or SIGTERM, stops the command: SIGTERM to its process group, SIGKILL after
the grace. When the command ends by itself, what it left in its group is killed, so that a server that lost its
front still gives its device back. Exits as the command did (128 + the signal's number where one killed it).

Does not reach processes that made a session of their own. Standard library only, one thread, a few MB.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1
_TICK_SECONDS = 0.05
_STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main(arguments: Sequence[str]) -> int:
    """Keep `arguments[1:]` running until it ends or is to be stopped; returns the exit code."""
    grace_seconds, command = float(arguments[0]), arguments[1:]
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    for number in (*_STOPPING, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    try:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=_die_with_the_keeper
        )
    except OSError as error:
        print(f"{command[0]} cannot be started: {error}", file=sys.stderr)  # noqa: T201
        return 127
    _wait(child, wake_read)
    code = _end(child, grace_seconds)
    return code if code >= 0 else 128 - code


def _die_with_the_keeper() -> None:
    """Ask Linux to stop the command when this process is killed; elsewhere only the pipe speaks."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _wait(child: subprocess.Popen[bytes], wake_read: int) -> None:
    """Return when the command has ended, the owner is gone, or a signal asks to stop."""
    while child.poll() is None:
        readable, _, _ = select.select([0, wake_read], [], [])
        if 0 in readable and not os.read(0, 1024):
            return
        if wake_read in readable and any(number in _STOPPING for number in os.read(wake_read, 64)):
            return


def _end(child: subprocess.Popen[bytes], grace_seconds: float) -> int:
    """Stop what is left of the command's group; returns the command's own code."""
    deadline = time.monotonic() + grace_seconds
    if child.poll() is None:
        _signal(child.pid, signal.SIGTERM)
        while child.poll() is None and time.monotonic() < deadline:
            time.sleep(_TICK_SECONDS)
    _signal(child.pid, signal.SIGKILL)
    return child.wait()


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
