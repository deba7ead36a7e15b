"""Assembles the system-call filter of a box: an allow-list in classic BPF, everything else EPERM.

Tables for x86-64 and aarch64; a call through another ABI (int 0x80, x32) kills the process. In a strict box `clone`
makes threads only, where children are allowed it makes processes but no namespaces; `clone3` answers ENOSYS so that
libc falls back to `clone`, and `socket`, `mount`, `ptrace`, `bpf`, `io_uring`, `memfd_create` and all others are simply
not on the list.

Files have no extended attributes; to set one, and `fallocate`, answer ENOTSUP, which libc takes for an answer.
Nodes are FIFOs only.

`flock` is not on it: it would lock the host's own library files, for every box to see; nor is `sysinfo`, which tells of
the host's load and memory.

Does NOT protect against: a bug in an allowed call; two boxes that signal each other by record locks on a library;
calls whose danger lies in memory that BPF cannot read (paths are the business of namespaces and Landlock); anything
before the filter is loaded.
Source: seccomp(2), linux/filter.h, linux/audit.h.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import chain

_ALLOWED: dict[str, str] = {
    "x86_64": (
        "0 1 19 20 17 18 295 296 8 2 257 3 436 4 5 6 262 332 21 269 439 78 217 89 267 79 80 81 83 258 84 87 263"
        " 82 264 316 86 265 88 266 76 77 90 91 268 95 280 132 235 261 137 138 32 33 292 22 293 74 75 40 326"
        " 221 7 271 23 270 213 291 233 232 281 441 290 9 11 10 25 28 12 27 26 324 13 14 15 127 128 130 131 62"
        " 200 234 202 273 274 334 218 186 39 110 102 107 104 108 118 120 115 111 121 124 24 204 143 145 146 147"
        " 140 309 228 229 230 35 96 201 100 98 97 36 38 37 34 63 318 60 231 219 158 48 45 47 51 52 61 247"
        " 92 93 94 260"
    ),
    "aarch64": (
        "63 64 65 66 67 68 69 70 62 56 57 436 80 79 291 48 439 61 78 17 49 50 34 35 38 276 37 36 45 46 52 53 166"
        " 88 43 44 23 24 59 82 83 71 285 223 73 72 20 21 22 441 19 222 215 226 216 233 214 232 227 283 134"
        " 135 139 136 137 133 132 129 130 131 98 99 100 293 96 178 172 173 174 175 176 177 148 150 158 155 156"
        " 124 123 121 120 125 126 141 168 113 114 115 101 169 153 165 163 102 103 160 278 93 94 128 210 207"
        " 212 204 205 260 95 54 55"
    ),
}
# fork, vfork, execve, setpgid, setsid; wait4 and waitid are in the list above
_FOR_CHILDREN = {"x86_64": " 57 58 59 109 112", "aarch64": " 221 154 157"}
# fallocate, and what reads and writes extended attributes: programs take "not supported" for an answer
_UNSUPPORTED = {
    "x86_64": (285, *range(188, 194), 197, 198, 199),
    "aarch64": (47, *range(5, 11), 14, 15, 16),
}
_WITHOUT_ENTRIES = {"x86_64": (194, 195, 196), "aarch64": (11, 12, 13)}  # a list of extended attributes
_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
# name: (x86_64, aarch64)
_CLONE, _CLONE3, _SOCKETPAIR, _SENDTO = (56, 220), (435, 435), (53, 199), (44, 206)
_IOCTL, _PRCTL, _PRLIMIT, _FCNTL = (16, 29), (157, 167), (302, 261), (72, 25)
_SETPRIORITY, _MKNODAT = (141, 140), (259, 33)

_CLONE_THREAD = 0x00010000
# NEWNS NEWCGROUP NEWUTS NEWIPC NEWUSER NEWPID NEWNET NEWTIME, and PARENT: a child of the fork server, which does not
# know it, would keep its pid namespace from ending
_CLONE_ELSEWHERE = 0x7E020080 | 0x8000
_IOCTLS = (0x5401, 0x5413, 0x5421, 0x5450, 0x5451)  # TCGETS TIOCGWINSZ FIONBIO FIONCLEX FIOCLEX
# duplicates, flags, record locks, F_DUPFD_CLOEXEC, F_GETPIPE_SZ: no leases, no signals, no watching of folders that
# others read, no pipes of a megabyte each, which no limit counts
_FCNTLS = (0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38, 1030, 1032)
_PRCTLS = (3, 15, 16)  # PR_GET_DUMPABLE PR_SET_NAME PR_GET_NAME
_AF_UNIX = 1
_FIFO, _OTHER_FILES = 0o010000, 0o160000  # bits of a mode

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN, _JUMP = 0x20, 0x15, 0x35, 0x45, 0x06, 0x05
_FARTHEST = 255  # of a conditional jump
_KILL, _ALLOW = 0x80000000, 0x7FFF0000
_ZERO, _EPERM, _ENOSYS, _ENOTSUP = (
    0x00050000,
    0x00050001,
    0x00050026,
    0x0005005F,
)  # not done, and this returned
_NUMBER, _ARCH = 0, 4

Instruction = tuple[int, int, int, int]
Leaf = tuple[Instruction, ...]
_ALLOWED_LEAF: Leaf = ((_RETURN, 0, 0, _ALLOW),)
_DENIED_LEAF: Leaf = ((_RETURN, 0, 0, _EPERM),)
_A_THREAD: Leaf = ((_ANY_BIT, 2, 0, _CLONE_ELSEWHERE), (_ANY_BIT, 0, 1, _CLONE_THREAD))
_A_FIFO: Leaf = ((_ANY_BIT, 2, 0, _OTHER_FILES), (_ANY_BIT, 0, 1, _FIFO))
_NO_NAMESPACE: Leaf = ((_ANY_BIT, 1, 0, _CLONE_ELSEWHERE),)  # skips the one `allow` where a bit of one is set


def strict_filter(machine: str) -> bytes:
    """Return the filter as `struct sock_filter[]`. Raises KeyError for a machine without a table."""
    return _filter(machine, children=False)


def subprocess_filter(machine: str) -> bytes:
    """The filter of a box whose program may have children; see `strict_filter`."""
    return _filter(machine, children=True)


def _filter(machine: str, *, children: bool) -> bytes:
    program: list[Instruction] = [
        (_LOAD, 0, 0, _ARCH),
        (_EQUAL, 1, 0, _AUDIT_ARCH[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
    ]
    if machine == "x86_64":  # the x32 ABI shares the architecture word and sets bit 30 of the number
        program += [(_AT_LEAST, 0, 1, 0x40000000), (_RETURN, 0, 0, _KILL)]
    program += _search(_starts(_leaves(machine, children=children)))
    return b"".join(struct.pack("<HBBI", *instruction) for instruction in program)


def _leaves(machine: str, *, children: bool) -> dict[int, Leaf]:
    """What is done with each listed call."""
    column = 0 if machine == "x86_64" else 1
    listed = _ALLOWED[machine] + (_FOR_CHILDREN[machine] if children else "")
    own = ((_LOAD, 0, 0, _low(0)), (_EQUAL, 0, 1, 0), (_RETURN, 0, 0, _ALLOW))
    return {
        **{int(number): _ALLOWED_LEAF for number in listed.split()},
        **dict.fromkeys(_UNSUPPORTED[machine], ((_RETURN, 0, 0, _ENOTSUP),)),
        **dict.fromkeys(_WITHOUT_ENTRIES[machine], ((_RETURN, 0, 0, _ZERO),)),
        _CLONE3[column]: ((_RETURN, 0, 0, _ENOSYS),),
        _CLONE[column]: _when(((_LOAD, 0, 0, _low(0)), *(_NO_NAMESPACE if children else _A_THREAD))),
        _SOCKETPAIR[column]: _when(((_LOAD, 0, 0, _low(0)), (_EQUAL, 0, 1, _AF_UNIX))),
        _SENDTO[column]: _when(_is_zero(4)),
        # A process may change its own limits, which without capabilities it cannot raise; of others it may read.
        _PRLIMIT[column]: _when((*own, *_is_zero(2))),
        _SETPRIORITY[column]: _when(_zero(_low(0), _low(1))),  # of the thread that asks, never back up
        _MKNODAT[column]: _when(((_LOAD, 0, 0, _low(2)), *_A_FIFO)),
        _IOCTL[column]: _one_of(1, _IOCTLS),
        _FCNTL[column]: _one_of(1, _FCNTLS),
        _PRCTL[column]: _one_of(0, _PRCTLS),
    }


def _starts(leaves: dict[int, Leaf]) -> list[tuple[int, Leaf]]:
    """Where, over all numbers, what is done changes: (first number, leaf) in order."""
    starts: list[tuple[int, Leaf]] = [(0, leaves.get(0, _DENIED_LEAF))]
    for number in sorted({edge for known in leaves for edge in (known, known + 1)} - {0}):
        leaf = leaves.get(number, _DENIED_LEAF)
        if leaf != starts[-1][1]:
            starts.append((number, leaf))
    return starts


def _search(starts: Sequence[tuple[int, Leaf]]) -> list[Instruction]:
    """A binary search: loading a filter runs it for every number there is, so its depth is what loading costs."""
    if len(starts) == 1:
        return list(starts[0][1])
    middle = len(starts) // 2
    below, above = _search(starts[:middle]), _search(starts[middle:])
    number = starts[middle][0]
    if len(below) <= _FARTHEST:
        return [(_AT_LEAST, len(below), 0, number), *below, *above]
    return [(_AT_LEAST, 0, 1, number), (_JUMP, 0, 0, len(below)), *below, *above]


def _low(argument: int) -> int:
    """Offset of the low 32 bits of an argument (both machines are little-endian)."""
    return 16 + 8 * argument


def _is_zero(argument: int) -> Leaf:
    return _zero(_low(argument), _low(argument) + 4)


def _zero(*offsets: int) -> Leaf:
    """That these words are zero: the first that is not skips the other tests and the one `allow`."""
    after = [2 * later + 1 for later in reversed(range(len(offsets)))]
    tests = (
        ((_LOAD, 0, 0, offset), (_EQUAL, 0, skipped, 0))
        for offset, skipped in zip(offsets, after, strict=True)
    )
    return tuple(chain.from_iterable(tests))


def _when(test: Leaf) -> Leaf:
    """Allow if `test` falls through to its end; a failing test skips the one `allow`."""
    return (*test, *_ALLOWED_LEAF, *_DENIED_LEAF)


def _one_of(argument: int, values: Sequence[int]) -> Leaf:
    tests = (((_EQUAL, 0, 1, value), (_RETURN, 0, 0, _ALLOW)) for value in values)
    return ((_LOAD, 0, 0, _low(argument)), *chain.from_iterable(tests), *_DENIED_LEAF)
