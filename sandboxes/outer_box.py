"""The outer box, in which a fork server lives: bubblewrap's namespaces, an empty read-only root, the interpreter.

Outside in: launcher.py (not root on the host), bwrap (user, mount, pid, net, ipc, uts and cgroup namespaces; no
environment), then `in_box/server.py`, which keeps CAP_SYS_ADMIN in this user namespace alone to make its children's.

Does NOT protect against: kernel bugs (gVisor or a microVM answers those); a host on which user namespaces are switched
off (then there is no box, and `probe` says so).
"""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path

from sandboxes.interpreter import Interpreter

_HERE = Path(__file__).parent
_LAUNCHER = str(_HERE / "launcher.py")
_FIRST_BOX_UID, _BOX_UIDS = 0x70000000, 0x0FFFFFF0  # above the ranges of users, subuids and containers
_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")
_ENVIRONMENT = {
    "HOME": "/work/box",
    "TMPDIR": "/work/box",
    "LANG": "C.UTF-8",
    "PYTHONUTF8": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
    "PYTHONPATH": "/box/site",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}
_START = "import sys; sys.path.insert(0, '/box/code'); from sandboxes.in_box.server import main; main()"


def outer_command(
    bwrap: Path, interpreter: Interpreter, control_fd: int, alive_fd: int, *, host_proc: bool
) -> list[str]:
    """The argument vector. `control_fd` is the fork server's; `alive_fd` stays open as long as the box lives.

    The fork server needs a proc file system until it has opened it. Where the host (a container with masked paths) lets
    nobody mount a new one, `host_proc` shows it the host's; no child ever sees either.
    """
    sources = [str(bwrap.parents[2] if _in_wheel(bwrap) else bwrap)]
    arguments = ["@0/" + "/".join(bwrap.parts[-3:]) if _in_wheel(bwrap) else "@0"]
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
    for name, value in _ENVIRONMENT.items():
        arguments += ["--setenv", name, value]
    if host_proc:
        arguments += ["--bind", f"@{len(sources)}", "/box/proc"]
        sources.append("/proc")
    else:
        arguments += ["--proc", "/box/proc"]
    arguments += ["--dir", "/work/box", "--dir", "/dev/shm", "--remount-ro", "/"]
    arguments += ["--", interpreter.executable, "-s", "-S", "-P", "-c", _START]
    uid = _FIRST_BOX_UID + secrets.randbelow(_BOX_UIDS)
    kept = f"{control_fd},{alive_fd}"
    python = os.path.realpath(sys.executable)
    launcher = [python, "-I", "-S", _LAUNCHER, str(uid), kept, "\n".join(sources), "--"]
    return [*launcher, *arguments]


def _in_wheel(bwrap: Path) -> bool:
    return bwrap.parent.name == "_bin"
