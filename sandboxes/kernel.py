"""What the running kernel offers for boxes of namespaces, and what it forbids.

Does NOT protect against anything, and does not know whether the layers hold together: only a box that runs shows that.
"""

from __future__ import annotations

import ctypes
import platform
from pathlib import Path

_LANDLOCK_CREATE, _LANDLOCK_VERSION = 444, 1  # the same number on every machine
_PR_GET_SECCOMP = 21
_FORBIDDING = (
    ("/proc/sys/user/max_user_namespaces", "0", "user.max_user_namespaces=0"),
    ("/proc/sys/kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=0"),
    (
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "kernel.apparmor_restrict_unprivileged_userns=1",
    ),
)


def layers() -> tuple[str, ...]:
    """The layers that this kernel has, such as `landlock ABI 7`."""
    if platform.system() != "Linux":
        return ()
    found = ["user namespaces"] if Path("/proc/self/ns/user").exists() else []
    if ctypes.CDLL(None).prctl(_PR_GET_SECCOMP, 0, 0, 0, 0) >= 0:
        found.append("seccomp")
    if (abi := landlock_abi()) > 0:
        found.append(f"landlock ABI {abi}")
    return tuple(found)


def lacking() -> tuple[str, ...]:
    """The layers that this kernel has not, by name."""
    have = " ".join(layers())
    return tuple(name for name in ("user namespaces", "seccomp", "landlock") if name not in have)


def forbidden() -> tuple[str, ...]:
    """Settings of this kernel that keep namespaces from users who are not root."""
    return tuple(told for place, value, told in _FORBIDDING if _reads(Path(place), value))


def landlock_abi() -> int:
    """The version of Landlock; 0 where the kernel has none."""
    if platform.system() != "Linux":
        return 0
    abi: int = ctypes.CDLL(None).syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), _LANDLOCK_VERSION)
    return max(abi, 0)


def _reads(place: Path, value: str) -> bool:
    try:
        return place.read_text(encoding="ascii").strip() == value
    except OSError:
        return False
