"""Turns into bubblewrap as somebody who owns nothing: `python -I -S launcher.py UID KEPT BINDS -- bwrap ARGS...`.

As root it copies the needed folders, by bind mounts in a mount namespace of its own, to a place that everybody can
reach, then becomes UID: RLIMIT_NPROC is not enforced for root, and a box of a root-owned service must not be root on
the host. As an ordinary user it only execs. KEPT are the descriptors above 2 that stay open: a library of the service
may have opened others without closing them for children. BINDS are the source paths, one a line, in the order of
`@0`, `@1`, ... in ARGS.

Does NOT protect against anything by itself: bubblewrap and the fork server in it make the boxes.
"""

from __future__ import annotations

import os
import sys

_CLONE_NEWNS = 0x00020000
_MS_REC, _MS_PRIVATE, _MS_BIND = 0x4000, 1 << 18, 0x1000
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_REMOUNT = 1, 2, 4, 32
STAGE = "/tmp"  # exists everywhere; the mount over it is seen by this process only


def stage(sources: list[str]) -> list[str]:
    """Bind every source below a new tmpfs; return where each one is now. Raises OSError."""
    import ctypes  # only root needs it, and it costs milliseconds

    libc = ctypes.CDLL(None, use_errno=True)

    def mount(source: str, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
        encoded = [value.encode() if value is not None else None for value in (source, target, kind, options)]
        if libc.mount(encoded[0], encoded[1], encoded[2], ctypes.c_ulong(flags), encoded[3]) != 0:
            raise OSError(ctypes.get_errno(), f"mount {source} on {target}")

    if libc.unshare(_CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare mount namespace")
    mount("none", "/", None, _MS_REC | _MS_PRIVATE)
    opened = [os.open(source, os.O_PATH) for source in sources]
    folders = [os.path.isdir(source) for source in sources]
    mount("tmpfs", STAGE, "tmpfs", _MS_NOSUID | _MS_NODEV, "mode=0755,size=1m")
    staged = []
    for index, (descriptor, folder) in enumerate(zip(opened, folders, strict=True)):
        target = f"{STAGE}/{index}"
        if folder:
            os.mkdir(target)
        else:
            os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
        mount(f"/proc/self/fd/{descriptor}", target, None, _MS_BIND)
        os.close(descriptor)
        staged.append(target)
    return staged


def _place(argument: str, sources: list[str]) -> str:
    """Replace the leading `@N` of an argument by the N-th source's place."""
    if not argument.startswith("@"):
        return argument
    index, slash, rest = argument[1:].partition("/")
    return sources[int(index)] + slash + rest


def close_all_but(kept: list[int]) -> None:
    """Close every descriptor above the standard streams that is not among these."""
    for after, before in zip([2, *kept], [*kept, 1 << 20], strict=True):
        os.closerange(after + 1, before)


def is_mapped(uid: int) -> bool:
    """Whether there is such a user here. In a container without a root of its own there is not: then its root is an
    ordinary user of the host, and bubblewrap works as for one.
    """
    with open("/proc/self/uid_map") as file:
        ranges = [tuple(map(int, line.split())) for line in file]
    return any(first <= uid < first + count for first, _, count in ranges)


def go_first_when_memory_is_short() -> bool:
    """Let the kernel kill the box before the service. Returns False where /proc is read-only."""
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")
    except OSError:
        return False
    return True


def main() -> None:
    uid, kept, sources = int(sys.argv[1]), sys.argv[2].split(","), sys.argv[3].split("\n")
    arguments = sys.argv[5:]
    close_all_but(sorted(map(int, kept)))
    go_first_when_memory_is_short()
    if os.geteuid() == 0 and is_mapped(uid):
        sources = stage(sources)
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    arguments = [_place(argument, sources) for argument in arguments]
    os.execve(arguments[0], arguments, {})


if __name__ == "__main__":
    main()
