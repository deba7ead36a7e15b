"""The filters of x86-64 and aarch64 say the same of every call by its name. Nobody here has the other machine, so the
filters are run on paper: an interpreter of classic BPF asks them, and the kernel's headers tell the numbers.
"""

import struct
from collections.abc import Callable, Sequence
from functools import cache
from itertools import product
from pathlib import Path

import pytest

from sandboxes.seccomp import strict_filter, subprocess_filter

MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
LINES = Path(__file__).with_name("system_calls.txt").read_text().splitlines()[1:]
NUMBERS = {name: (x86_64, aarch64) for name, x86_64, aarch64 in map(str.split, LINES)}
BOTH = [name for name, numbers in NUMBERS.items() if "-" not in numbers]
# What x86-64 alone has, and what programs of aarch64 call in its place.
SUCCESSORS = {
    "open": "openat", "creat": "openat", "stat": "newfstatat", "lstat": "newfstatat", "access": "faccessat",
    "getdents": "getdents64", "unlink": "unlinkat", "rmdir": "unlinkat", "mkdir": "mkdirat", "rename": "renameat2",
    "link": "linkat", "symlink": "symlinkat", "readlink": "readlinkat", "chmod": "fchmodat", "chown": "fchownat",
    "lchown": "fchownat", "utime": "utimensat", "utimes": "utimensat", "futimesat": "utimensat", "dup2": "dup3",
    "pipe": "pipe2", "poll": "ppoll", "select": "pselect6", "epoll_create": "epoll_create1",
    "epoll_wait": "epoll_pwait", "eventfd": "eventfd2", "getpgrp": "getpgid", "time": "gettimeofday",
    "alarm": "setitimer", "pause": "ppoll", "fork": "clone", "vfork": "clone",
}  # fmt: skip
ONLY_X86_64 = {"arch_prctl"}  # the base of a thread's storage, which aarch64 sets without a call
UNWANTED = [
    "socket",
    "connect",
    "bind",
    "ptrace",
    "mount",
    "unshare",
    "setns",
    "bpf",
    "io_uring_setup",
    "keyctl",
    "kexec_load",
    "memfd_create",
    "process_vm_readv",
    "pivot_root",
    "chroot",
    "perf_event_open",
    "userfaultfd",
    "init_module",
]
_LOAD, _EQUAL, _GREATER, _AT_LEAST, _ANY_BIT, _RETURN, _JUMP = 0x20, 0x15, 0x25, 0x35, 0x45, 0x06, 0x05
VALUES = (
    0,
    1,
    2,
    3,
    5,
    6,
    7,
    15,
    16,
    36,
    38,
    97,
    1024,
    1030,
    1031,
    1032,
    0x5401,
    0x5412,
    0x5413,
    0x5421,
    0x5450,
)
FLAGS = (
    0x11,
    0x00010000,
    0x00018000,
    0x003D0F00,
    0x10000000,
    0x7E020000,
    0x80,
    0x8000,
    1 << 32,
    (1 << 32) | 1,
)
Filter = Callable[[str], bytes]


def verdict(code: bytes, machine: str, number: int, arguments: Sequence[int]) -> int:
    """What a filter returns for one call (linux/filter.h, linux/seccomp.h)."""
    data = struct.pack("<iIQ6Q", number, MACHINES[machine], 0, *arguments)
    program = list(struct.iter_unpack("<HBBI", code))
    place, word = 0, 0
    while True:
        operation, if_true, if_false, value = program[place]
        place += 1
        if operation == _RETURN:
            return value
        if operation == _LOAD:
            (word,) = struct.unpack_from("<I", data, value)
        elif operation == _JUMP:
            place += value
        else:
            place += if_true if COMPARED[operation](word, value) else if_false


COMPARED = {
    _EQUAL: lambda word, value: word == value,
    _GREATER: lambda word, value: word > value,
    _AT_LEAST: lambda word, value: word >= value,
    _ANY_BIT: lambda word, value: bool(word & value),
}


@cache
def filter_of(make: Filter, machine: str) -> bytes:
    return make(machine)


def verdicts(make: Filter, machine: str, name: str) -> list[int]:
    """What the filter says of a call with many arguments: each of the first three in turn, the others zero."""
    code, number = filter_of(make, machine), int(NUMBERS[name][list(MACHINES).index(machine)])
    asked = [
        tuple(value if at == place else 0 for at in range(6))
        for place, value in product(range(5), VALUES + FLAGS)
    ]
    return [verdict(code, machine, number, arguments) for arguments in asked]


def allowed(make: Filter, machine: str, name: str) -> bool:
    return 0x7FFF0000 in verdicts(make, machine, name)


@pytest.mark.parametrize("make", [strict_filter, subprocess_filter])
def test_a_call_that_both_machines_have_is_judged_alike(make: Filter) -> None:
    assert [name for name in BOTH if verdicts(make, "x86_64", name) != verdicts(make, "aarch64", name)] == []


@pytest.mark.parametrize("make", [strict_filter, subprocess_filter])
def test_what_only_one_machine_has_is_allowed_where_its_successor_is(make: Filter) -> None:
    for name, (x86_64, aarch64) in NUMBERS.items():
        assert x86_64 != "-"
        if aarch64 == "-" and allowed(make, "x86_64", name) and name not in ONLY_X86_64:
            assert allowed(make, "aarch64", SUCCESSORS[name]), name


@pytest.mark.parametrize("machine", MACHINES)
def test_numbers_without_a_name_are_refused(machine: str) -> None:
    column = list(MACHINES).index(machine)
    named = {int(numbers[column]) for numbers in NUMBERS.values() if numbers[column] != "-"}
    for make in (strict_filter, subprocess_filter):
        code = make(machine)
        for number in set(range(-2, 700)) - named:
            assert verdict(code, machine, number, (0,) * 6) != 0x7FFF0000, number


@pytest.mark.parametrize("machine", MACHINES)
def test_a_call_by_another_gate_kills(machine: str) -> None:
    other = next(one for one in MACHINES if one != machine)
    assert verdict(strict_filter(machine), other, 0, (0,) * 6) == 0x80000000


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("name", UNWANTED)
def test_what_no_program_needs_is_on_no_table(machine: str, name: str) -> None:
    assert not allowed(strict_filter, machine, name)
    assert not allowed(subprocess_filter, machine, name)


@pytest.mark.parametrize("machine", MACHINES)
def test_only_programs_that_may_have_children_start_others(machine: str) -> None:
    assert (allowed(strict_filter, machine, "execve"), allowed(subprocess_filter, machine, "execve")) == (
        False,
        True,
    )
