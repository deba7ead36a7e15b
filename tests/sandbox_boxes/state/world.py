"""Prints what a program can see of the process that it is in; every program must see the same."""

import asyncio
import builtins
import gc
import os
import random
import resource
import signal
import sys
import threading

import numpy


def kind(descriptor: int) -> str:
    try:
        found = os.fstat(descriptor)
    except OSError:
        return ""
    return f"{descriptor}:{found.st_mode:o}"


print([kind(number) for number in range(256) if kind(number)])
print(sorted(sys.modules))
print(sorted(vars(builtins)))
print(sorted(os.environ.items()))
print([resource.getrlimit(number) for number in range(16)])
print([str(signal.getsignal(number)) for number in signal.valid_signals()])
print(signal.pthread_sigmask(signal.SIG_BLOCK, set()), signal.sigpending())
print(os.getcwd(), os.umask(0), os.getpid(), os.getppid(), os.getuid(), os.getgroups())
print(sorted(os.listdir(".")), os.statvfs(".").f_bfree, os.statvfs(".").f_ffree)
print(sys.path, [str(type(one)) for one in sys.meta_path], sys.getrecursionlimit(), sys.argv, sys.flags)
print(gc.isenabled(), gc.get_threshold(), threading.active_count(), os.getpriority(os.PRIO_PROCESS, 0))
print(random.random(), numpy.random.random(), hash("world"), os.sched_getaffinity(0))
print(numpy.geterr(), asyncio.get_event_loop_policy()._local.__dict__)
