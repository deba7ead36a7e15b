"""Says on stderr that a service does not answer and is asked again, so that a verb that waits for it is not silent."""

from __future__ import annotations

import sys


class AskedAgain:
    """What a client's `on_retry` takes: the first call is a line on stderr, the others say nothing new."""

    def __init__(self, verb: str) -> None:
        self._verb = verb
        self._is_said = False

    def __call__(self, failure: str, seconds: float) -> None:
        if not self._is_said:
            self._is_said = True
            print(
                f"judge-agent {self._verb}: {failure}; trying again for up to {seconds:.0f} s",
                file=sys.stderr,
                flush=True,
            )
