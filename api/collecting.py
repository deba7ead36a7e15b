"""When Python's garbage collector runs in a service: rarely while judgments are on their way, and when none is.

A judgment that ended leaves nothing to it; what a failure leaves in a circle is kept until it runs. It holds up every
judgment for as long as it takes to look at all that was made since the last time and still lives, whatever made it run:
with 80 judgments on their way 7 to 70 ms.
"""

from __future__ import annotations

import gc

# More containers made than given back: some 60 judgments that leave all of theirs. Of judgments that end as others
# come as many are given back as are made.
YOUNG_OBJECTS = 200_000
# What was alive the first time is looked at again soon and then seldom: thousands on their way are not garbage.
YOUNG_RUNS = 2
MIDDLE_RUNS = 25
# What is made between two looks at an idle service is a few thousand.
WORTH_A_RUN = 10_000


def begin() -> None:
    """Let what is imported by now out of it: that lives as long as the process. Then set when it runs."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, YOUNG_RUNS, MIDDLE_RUNS)


def look(running: int) -> None:
    """Have it run where no judgment is on its way, and there may be something to collect."""
    young, younger_runs, middle_runs = gc.get_count()
    if not running and (young > WORTH_A_RUN or younger_runs or middle_runs):
        gc.collect()
