"""What a program in a box writes, read on the host's side.

Does NOT protect against: what the bytes say. They are bounded here, and believed nowhere.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

_PIECE = 1 << 16


class Pipe:
    """What a program writes, kept up to a cap; `overflow` is called once, when there is more."""

    def __init__(self, descriptor: int, cap: int, overflow: Callable[[], None]) -> None:
        self.kept = bytearray()
        self.truncated = False
        self._descriptor = descriptor
        self._cap = cap
        self._overflow = overflow
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(descriptor, self.drain)

    def drain(self) -> None:
        """Take what is there."""
        while self._descriptor >= 0:
            try:
                piece = os.read(self._descriptor, _PIECE)
            except BlockingIOError:
                return
            if not piece:
                self.close()
                return
            room = self._cap - len(self.kept)
            self.kept.extend(piece[: max(room, 0)])
            if len(piece) > room:
                self.truncated = True
                self._overflow()
                self.close()  # who ends a flood does not read it

    def close(self) -> None:
        if self._descriptor >= 0:
            if not self._loop.is_closed():
                self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1
