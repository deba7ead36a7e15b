"""When Python's garbage collector runs in a service: rarely while judgments are on their way, and when none is.

A judgment that ended leaves nothing to it, nor does one that failed; what libraries leave in circles is kept until it
runs. It holds up every judgment for as long as it takes to look at all that was made since the last time and still
lives, whatever made it run: with 80 judgments on their way 7 to 70 ms.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from pathlib import Path

# More containers made than given back: some 60 judgments that leave all of theirs. Of judgments that end as others
# come as many are given back as are made.
YOUNG_OBJECTS = 200_000
# What was alive the first time is looked at again soon and then seldom: thousands on their way are not garbage.
YOUNG_RUNS = 2
MIDDLE_RUNS = 25
# What is made between two looks at an idle service is a few thousand.
WORTH_A_RUN = 10_000
# Few objects may hold long texts: a process that has grown by so much is looked at, whatever is on its way.
GROWTH_BYTES = 256 << 20


def resident_bytes() -> int:
    """What of this process is in memory; 0 where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


class Collecting:
    """Lets what is imported by now out of it, for that lives as long as the process; then has it run when it should."""

    def __init__(self, resident: Callable[[], int] = resident_bytes) -> None:
        gc.collect()
        gc.freeze()
        gc.set_threshold(YOUNG_OBJECTS, YOUNG_RUNS, MIDDLE_RUNS)
        self._resident = resident
        self._least = resident()
        self._begun = 0

    def look(self, running: int, begun: int) -> None:
        """Have it run where there may be something to collect: where no judgment is `running` and none was since the
        last look, as the count of all that were `begun` tells, and where the process has grown.
        """
        idle, self._begun = not running and begun == self._begun, begun
        self._least = min(self._least, resident := self._resident())
        young, younger_runs, middle_runs = gc.get_count()
        left = idle and (young > WORTH_A_RUN or younger_runs or middle_runs)
        if left or resident - self._least > GROWTH_BYTES:
            gc.collect()
            self._least = self._resident()
