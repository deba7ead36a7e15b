"""The outer box, in which a fork server lives: bubblewrap's namespaces, an empty read-only root, the interpreter.

Outside in: launcher.py (not root on the host), bwrap (user, mount, pid, net, ipc, uts and cgroup namespaces; no
environment), then `in_box/server.py`, which keeps CAP_SYS_ADMIN in this user namespace alone to make its children's.

Does NOT protect against: kernel bugs (gVisor or a microVM answers those); a host on which user namespaces are switched
off (then there is no box, and `probe` says so).
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import secrets
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from judge_agent.errors import SandboxError
from sandboxes.in_box.layers import DISK, WORK
from sandboxes.interpreter import Interpreter

EXIT_SECONDS = 5.0
_CONTROL, _ALIVE = 3, 9
_BUFFER_BYTES = 1 << 20
_HERE = Path(__file__).parent
_LAUNCHER = str(_HERE / "launcher.py")
_FIRST_BOX_UID, _BOX_UIDS = 0x70000000, 0x0FFFFFF0  # above the ranges of users, subuids and containers
_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")
_ENVIRONMENT = {
    "HOME": WORK,
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "USER": "box",
    "LOGNAME": "box",
    "PYTHONUTF8": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
    "PYTHONPATH": "/box/site",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}
_START = "import sys; sys.path.insert(0, '/box/code'); from sandboxes.in_box.server import main; main()"


class OuterBox:
    """The process and the descriptors of a started box. Raises SandboxError where not even that works."""

    def __init__(self, bwrap: Path, interpreter: Interpreter, *, host_proc: bool) -> None:
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.alive, alive_write = os.pipe()
        self.words = os.memfd_create("stderr")
        self.reaped = False
        nothing = os.open(os.devnull, os.O_RDWR)
        command = _command(bwrap, interpreter, _CONTROL, _ALIVE, host_proc=host_proc)
        places = (
            (nothing, 0),
            (nothing, 1),
            (self.words, 2),
            (theirs.fileno(), _CONTROL),
            (alive_write, _ALIVE),
        )
        try:
            self.pid = spawned(command, places)
        except OSError as error:
            self.reaped = True
            self._let_go()
            raise SandboxError(f"the box could not be started: {error}") from error
        finally:
            theirs.close()
            os.close(alive_write)
            os.close(nothing)
        self.control.setblocking(False)
        self.control.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)

    def complaint(self) -> str:
        """The last words of what was started."""
        size = os.fstat(self.words).st_size
        text = os.pread(self.words, 600, max(size - 600, 0)).decode(errors="replace").strip()
        return text or "it ended without a word"

    def kill(self) -> None:
        """With the outermost process all others die. A process that was not reaped keeps its number."""
        if not self.reaped:
            os.kill(self.pid, signal.SIGKILL)

    async def gone(self) -> None:
        """Wait until nothing of it is left, as it is soon after the control socket is closed; else kill it."""
        if self.reaped:
            return
        try:
            async with asyncio.timeout(EXIT_SECONDS):
                await _end_of(self.alive)
        except TimeoutError:
            self.kill()
        await asyncio.shield(asyncio.to_thread(self._reap))
        self._let_go()

    def end_now(self) -> None:
        """The last resort, at the exit of the judge or when nobody holds the fork server any more."""
        self._let_go()
        with contextlib.suppress(ProcessLookupError):
            self.kill()
        self._reap()

    def _reap(self) -> None:
        if not self.reaped:
            self.reaped = True
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self.pid, 0)

    def _let_go(self) -> None:
        self.control.close()
        for descriptor in (self.alive, self.words):
            with contextlib.suppress(OSError):
                os.close(descriptor)
        self.alive = self.words = -1


def spawned(command: list[str], places: Sequence[tuple[int, int]]) -> int:
    """Start a process in a session of its own, with nothing open but `places`. Raises OSError."""
    # Sources go above the targets first: one of them may have the number of another's target.
    moved = [(fcntl.fcntl(source, fcntl.F_DUPFD_CLOEXEC, 64), target) for source, target in places]
    try:
        return os.posix_spawn(
            command[0],
            command,
            {},
            file_actions=[(os.POSIX_SPAWN_DUP2, source, target) for source, target in moved],
            setsid=True,
        )
    finally:
        for source, _ in moved:
            os.close(source)


async def _end_of(descriptor: int) -> None:
    """Wait for the end of a pipe that nobody writes to."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)


def _command(
    bwrap: Path, interpreter: Interpreter, control_fd: int, alive_fd: int, *, host_proc: bool
) -> list[str]:
    """The argument vector. `control_fd` is the fork server's; `alive_fd` stays open as long as the box lives.

    The fork server needs a proc file system until it has opened it. Where the host (a container with masked paths) lets
    nobody mount a new one, `host_proc` shows it the host's; no child ever sees either.
    """
    source, program = staged(bwrap)
    sources, arguments = [source], [program]
    arguments += ["--unshare-user", "--unshare-all", "--die-with-parent", "--new-session", "--clearenv"]
    arguments += ["--uid", "1000", "--gid", "1000", "--hostname", "box", "--cap-add", "CAP_SYS_ADMIN"]
    arguments += ["--sync-fd", str(alive_fd)]
    for source, target in (*interpreter.binds, (str(_HERE / "in_box"), "/box/code/sandboxes/in_box")):
        arguments += ["--ro-bind", f"@{len(sources)}", target]
        sources.append(source)
    for place in interpreter.hidden:
        arguments += ["--tmpfs", place]
    for place, target in interpreter.links:
        arguments += ["--symlink", target, place]
    for device in _DEVICES:
        arguments += ["--dev-bind", device, device]
    for name, value in {**_ENVIRONMENT, "LANG": interpreter.language}.items():
        arguments += ["--setenv", name, value]
    if host_proc:
        arguments += ["--bind", f"@{len(sources)}", "/box/proc"]
        sources.append("/proc")
    else:
        arguments += ["--proc", "/box/proc"]
    arguments += ["--dir", WORK, "--dir", DISK]
    for place, folder in (("/tmp", "tmp"), ("/var/tmp", "tmp"), ("/dev/shm", "shm")):
        arguments += ["--symlink", f"{DISK}/{folder}", place]
    arguments += ["--remount-ro", "/"]
    arguments += ["--", interpreter.executable, "-s", "-S", "-P", "-c", _START]
    uid = _FIRST_BOX_UID + secrets.randbelow(_BOX_UIDS)
    kept = f"{control_fd},{alive_fd}"
    python = os.path.realpath(sys.executable)
    launcher = [python, "-I", "-S", _LAUNCHER, str(uid), kept, "\n".join(sources), "--"]
    return [*launcher, *arguments]


def staged(bwrap: Path) -> tuple[str, str]:
    """What the launcher stages first, and where bubblewrap is in it: one from a wheel needs the libraries beside it."""
    if bwrap.parent.name == "_bin":
        return str(bwrap.parents[2]), "@0/" + "/".join(bwrap.parts[-3:])
    return str(bwrap), "@0"
