"""Changes whatever it can reach, and leaves without a word."""

import builtins
import contextlib
import ctypes
import gc
import os
import random
import resource
import signal
import sys
import threading
import time

import numpy

for name in ("a", "b/c"):
    os.makedirs(name, exist_ok=True)
for number in range(200):
    with open(f"file{number}", "wb") as file:
        file.write(bytes(9999))
for change in (
    lambda: os.chmod(".", 0o000),
    lambda: os.chdir("/"),
    lambda: os.umask(0o777),
    lambda: os.environ.clear(),
    lambda: random.seed(1),
    lambda: numpy.random.seed(1),
    lambda: numpy.seterr(all="raise"),
    lambda: sys.setrecursionlimit(99_999),
    lambda: gc.freeze(),
    lambda: gc.disable(),
    lambda: resource.setrlimit(resource.RLIMIT_STACK, (1 << 20, 1 << 20)),
    lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (9, 9)),
    lambda: signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals()),
    lambda: [signal.signal(number, signal.SIG_IGN) for number in (1, 2, 3, 15, 17)],
    lambda: signal.setitimer(signal.ITIMER_PROF, 50),
    lambda: [os.dup(1) for _ in range(90)],
    lambda: [threading.Thread(target=time.sleep, args=(9,), daemon=True).start() for _ in range(20)],
    lambda: os.fork() or time.sleep(9),
    lambda: os.setsid(),
    lambda: os.nice(19),
    lambda: ctypes.CDLL(None).prctl(15, b"wild", 0, 0, 0),
    lambda: sys.modules.clear(),
    lambda: vars(builtins).pop("open"),
):
    with contextlib.suppress(BaseException):
        change()
os._exit(7)
