"""What stands behind WebAssembly where the kernel has it: another user, no new privileges, Landlock, seccomp.

Put on before the program comes, in the one thread that then starts all others. Where a layer is not there (another
system than Linux, an old kernel, a root that may become nobody else), the others stand without it.

Does NOT protect against: kernel bugs; reading what this process has in memory, which is the program's own.
Source: landlock(7), seccomp(2), capabilities(7).
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import struct
import sys

_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _SECCOMP_MODE_FILTER = 22, 38, 2
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_EXECUTE, _IOCTL_DEV = 1 << 0, 1 << 15


class _Filter(ctypes.Structure):
    _fields_ = (("len", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def stand_behind(folder: int, user: int, filter_code: bytes) -> None:
    """Keep this process to one folder and to the calls of a filter (empty: to none). Raises OSError."""
    if os.geteuid() == 0:
        _become(user, folder)
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    _check(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    _landlock(libc, folder)
    if filter_code:
        buffer = ctypes.create_string_buffer(filter_code, len(filter_code))
        program = _Filter(len(filter_code) // 8, ctypes.addressof(buffer))
        _check(libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0), "seccomp")


def go_first_when_memory_is_short() -> None:
    """Let the kernel kill this process before the service."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")


def _become(user: int, folder: int) -> None:
    """Own the folder and nothing else. A root of a container that has no such user stays what it is."""
    try:
        os.fchown(folder, user, user)
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EPERM):
            raise


def _landlock(libc: ctypes.CDLL, folder: int) -> None:
    abi = libc.syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), 1)
    if abi < 1:
        return
    files = (1 << (13 + (abi >= 2) + (abi >= 3))) - 1 | (_IOCTL_DEV if abi >= 5 else 0)
    network, scopes = (3 if abi >= 4 else 0), (3 if abi >= 6 else 0)
    attributes = struct.pack("<QQQ", files, network, scopes)[: 24 if abi >= 6 else 16 if abi >= 4 else 8]
    ruleset = libc.syscall(_LANDLOCK_CREATE, attributes, ctypes.c_size_t(len(attributes)), 0)
    _check(min(ruleset, 0), "landlock ruleset")
    try:
        rule = struct.pack("<Qi", files & ~(_EXECUTE | _IOCTL_DEV), folder)
        _check(libc.syscall(_LANDLOCK_ADD, ruleset, 1, rule, 0), "landlock rule")
        _check(libc.syscall(_LANDLOCK_RESTRICT, ruleset, 0), "landlock")
    finally:
        os.close(ruleset)


def _check(outcome: int, what: str) -> None:
    if outcome != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
