"""Raw system calls for attacks: put before a source that says `call(` or `reached(`. Numbers: x86-64, aarch64."""

import ctypes
import os

_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.syscall.restype = ctypes.c_long
_COLUMN = int(os.uname().machine == "aarch64")
_NUMBERS = {
    "getpid": (39, 172), "clone": (56, 220), "execve": (59, 221), "kill": (62, 129), "shmget": (29, 194),
    "shmat": (30, 196), "shmctl": (31, 195), "semget": (64, 190), "semctl": (66, 191), "msgget": (68, 186),
    "msgsnd": (69, 189), "msgrcv": (70, 188), "mq_open": (240, 180), "ptrace": (101, 117), "syslog": (103, 116),
    "personality": (135, 92), "sched_setscheduler": (144, 119), "mlock": (149, 228), "mlockall": (151, 230),
    "vhangup": (153, 58), "pivot_root": (155, 41), "adjtimex": (159, 171), "chroot": (161, 51), "sync": (162, 81),
    "acct": (163, 89), "settimeofday": (164, 170), "mount": (165, 40), "umount2": (166, 39), "swapon": (167, 224),
    "swapoff": (168, 225), "reboot": (169, 142), "sethostname": (170, 161), "setdomainname": (171, 162),
    "init_module": (175, 105), "delete_module": (176, 106), "quotactl": (179, 60), "io_setup": (206, 0),
    "remap_file_pages": (216, 234), "clock_settime": (227, 112), "mbind": (237, 235), "kexec_load": (246, 104),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219), "ioprio_set": (251, 30),
    "migrate_pages": (256, 238), "mknodat": (259, 33), "unshare": (272, 97), "splice": (275, 76), "tee": (276, 77),
    "vmsplice": (278, 75), "move_pages": (279, 239), "signalfd4": (289, 74), "inotify_init1": (294, 26),
    "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240), "tgkill": (234, 131), "tkill": (200, 130),
    "perf_event_open": (298, 241), "fanotify_init": (300, 262), "prlimit64": (302, 261),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265), "clock_adjtime": (305, 266),
    "syncfs": (306, 267), "setns": (308, 268), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "kcmp": (312, 272), "finit_module": (313, 273), "sched_setattr": (314, 274), "seccomp": (317, 277),
    "memfd_create": (319, 279), "bpf": (321, 280), "execveat": (322, 281), "userfaultfd": (323, 282),
    "sched_setaffinity": (203, 122), "socket": (41, 198), "fcntl": (72, 25), "ioctl": (16, 29), "prctl": (157, 167),
    "setresuid": (117, 147), "capset": (126, 91), "rt_sigaction": (13, 134), "wait4": (61, 260),
}  # fmt: skip
# since 5.0 every machine counts alike
_NUMBERS |= {
    name: (number, number)
    for name, number in {
        "pidfd_send_signal": 424, "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427,
        "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433,
        "pidfd_open": 434, "clone3": 435, "openat2": 437, "pidfd_getfd": 438, "process_madvise": 440,
        "mount_setattr": 442, "quotactl_fd": 443, "landlock_create_ruleset": 444, "memfd_secret": 447,
        "process_mrelease": 448, "cachestat": 451, "statmount": 457, "listmount": 458, "lsm_get_self_attr": 459,
        "open_tree_attr": 467,
    }.items()
}  # fmt: skip
_ONLY_X86 = {"fork": 57, "vfork": 58, "iopl": 172, "ioperm": 173, "modify_ldt": 154, "mknod": 133}


def call(name: str, *arguments: object) -> int:
    """Make a system call; raise OSError as the functions of `os` do."""
    number = _ONLY_X86[name] if name in _ONLY_X86 else _NUMBERS[name][_COLUMN]
    plain = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    ctypes.set_errno(0)
    result = _LIBC.syscall(ctypes.c_long(number), *plain)
    if result == -1:
        raise OSError(ctypes.get_errno(), f"{name}: {os.strerror(ctypes.get_errno())}")
    return int(result)


def reached(name: str, *arguments: object) -> str:
    """BREACH where the kernel took up the call: it did it, or complains of its arguments, not of its caller."""
    try:
        call(name, *arguments)
    except OSError as error:
        return "" if error.errno in (1, 13, 38) else f"BREACH {error}"
    return "BREACH"
