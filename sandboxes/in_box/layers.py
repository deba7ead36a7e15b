"""The layers between a program and the kernel, each a few system calls; a forked child puts them on in order.

Does NOT protect against: kernel bugs; what a process did before it put a layer on; memory of several processes, which
RLIMIT_AS does not add up (the watch of `children.py` does).
Source: user_namespaces(7), capabilities(7), landlock(7), seccomp(2).
"""

from __future__ import annotations

import ctypes
import os
import resource
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_WORK_RULE = "/room"
WORK = "/room/box"
DISK = "/room/disk"
"""The one file system that a program can write to: the work folder, and what /tmp and /dev/shm are links to."""
FOLDERS = ("box", "tmp", "shm")
CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID = 0x20000, 0x10000000, 0x20000000
MNT_DETACH = 2
INNER_UID = 2000
_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT = 4, 22, 38, 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_BIND = 2, 4, 8, 4096
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _IOCTL_DEV = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 15
_SECCOMP_MODE_FILTER = 2
_DEVICES = ("/dev/zero", "/dev/urandom", "/dev/random")


class Filter(ctypes.Structure):
    """`struct sock_fprog`; keeps the instructions that it points to."""

    _fields_ = (("len", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    @classmethod
    def of(cls, code: bytes) -> Filter:
        buffer = ctypes.create_string_buffer(code, len(code))
        program = cls(len(code) // 8, ctypes.addressof(buffer))
        program.buffer = buffer
        return program

    buffer: object


def unshare(flags: int) -> None:
    """Raises OSError."""
    _check(_LIBC.unshare(flags), "unshare")


def join(namespace: int, kind: int) -> None:
    """Enter the namespace of a descriptor. Raises OSError."""
    _check(_LIBC.setns(namespace, kind), "setns")


def unmount(path: str) -> None:
    """Take a mount away; descriptors in it stay usable. Raises OSError."""
    _check(_LIBC.umount2(path.encode(), MNT_DETACH), f"umount {path}")


def own_namespaces(proc: int, uid: int, gid: int) -> None:
    """Enter a user and a mount namespace, as INNER_UID there. `proc` is a descriptor of a proc file system.

    Network, IPC and host name stay the outer box's: no call that reaches them is on the list of the filter.
    """
    unshare(CLONE_NEWUSER | CLONE_NEWNS)
    for name, text in (
        ("uid_map", f"{INNER_UID} {uid} 1"),
        ("setgroups", "deny"),
        ("gid_map", f"{INNER_UID} {gid} 1"),
    ):
        descriptor = os.open(f"self/{name}", os.O_WRONLY, dir_fd=proc)
        os.write(descriptor, text.encode())
        os.close(descriptor)


def mount_disk(size: int, files: int) -> None:
    """Give the program an empty file system of `size` bytes and `files` inodes. Raises OSError."""
    options = f"size={size},nr_inodes={files + 1 + len(FOLDERS)},mode=0700".encode()
    flags = ctypes.c_ulong(_MS_NOSUID | _MS_NODEV | _MS_NOEXEC)
    _check(_LIBC.mount(b"tmpfs", DISK.encode(), b"tmpfs", flags, options), f"mount {DISK}")
    for name in FOLDERS:
        os.mkdir(f"{DISK}/{name}", 0o700)
    bound = ctypes.c_ulong(_MS_BIND)  # keeps what the disk forbids
    _check(_LIBC.mount(f"{DISK}/box".encode(), WORK.encode(), None, bound, None), f"mount {WORK}")


def set_limits(limits: Mapping[str, int], base_bytes: int, *, watched: bool) -> None:
    """`base_bytes` is the address space that the process has before its program comes.

    Where a tree is watched, the watch comes first: it ends all of it, not the one process that is over a limit.
    """
    memory = limits["memory_bytes"] + base_bytes
    cpu = limits["cpu_seconds"] + watched
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))
    for kind, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_NPROC, limits["processes"]),
        (resource.RLIMIT_NOFILE, limits["open_files"]),
        (resource.RLIMIT_FSIZE, limits["disk_bytes"]),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
        (resource.RLIMIT_SIGPENDING, 64),
    ):
        hard = resource.getrlimit(kind)[1]
        if hard != resource.RLIM_INFINITY:
            most = min(most, hard)
        resource.setrlimit(kind, (most, most))


def drop_capabilities() -> None:
    """Give up every capability, and forbid gaining any: with no_new_privs no execve does. Raises OSError."""
    _check(_LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    _LIBC.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    _check(_LIBC.capset(struct.pack("<Ii", 0x20080522, 0), bytes(24)), "drop capabilities")
    _check(_LIBC.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0), "dumpable")


def landlock_rules(readable: Sequence[str], *, run: bool) -> int | None:
    """Return a ruleset: read the interpreter (and run it), use the work folder. None where the kernel lacks Landlock.

    Rules name the folders above the mounts of each child (Landlock looks past the one that is mounted on), so that one
    ruleset serves all; below those folders nothing but the mounts can be written.
    """
    abi = _LIBC.syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), 1)
    if abi < 1:
        return None
    files = (1 << (13 + (abi >= 2) + (abi >= 3))) - 1 | (_IOCTL_DEV if abi >= 5 else 0)
    network, scopes = (3 if abi >= 4 else 0), (3 if abi >= 6 else 0)
    attributes = struct.pack("<QQQ", files, network, scopes)[: 24 if abi >= 6 else 16 if abi >= 4 else 8]
    ruleset: int = _LIBC.syscall(_LANDLOCK_CREATE, attributes, ctypes.c_size_t(len(attributes)), 0)
    _check(min(ruleset, 0), "landlock ruleset")
    for path in readable:
        _allow_beneath(ruleset, path, _READ_FILE | _READ_DIR | (_EXECUTE if run else 0))
    for path in _DEVICES:
        _allow_beneath(ruleset, path, _READ_FILE)
    _allow_beneath(ruleset, "/dev/null", _READ_FILE | _WRITE_FILE)
    _allow_beneath(ruleset, _WORK_RULE, files & ~(_EXECUTE | _IOCTL_DEV))
    return ruleset


def restrict(ruleset: int) -> None:
    """Raises OSError."""
    _check(_LIBC.syscall(_LANDLOCK_RESTRICT, ruleset, 0), "landlock")


def load_filter(program: Filter) -> None:
    """From here on only listed system calls work. Raises OSError."""
    _check(_LIBC.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0), "seccomp")


def _allow_beneath(ruleset: int, path: str, access: int) -> None:
    directory = os.path.isdir(path)
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    rule = struct.pack("<Qi", access if directory else access & ~_READ_DIR, descriptor)
    _check(_LIBC.syscall(_LANDLOCK_ADD, ruleset, 1, rule, 0), f"landlock rule for {path}")
    os.close(descriptor)


def _check(outcome: int, what: str) -> None:
    if outcome != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
