"""How much room there is for groups, and how it is refused. Knows no database."""

from __future__ import annotations

from typing import NamedTuple

from judge_agent.errors import StoreError
from judge_agent.store.records import TooManyOpen


class ShareTaken(TooManyOpen):
    """A tenant holds as many open groups as are free, so that it leaves room to others; nothing was kept."""

    def __init__(self, held: int, open_count: int, limit: int) -> None:
        super().__init__(open_count, limit)
        self.held = held


class TooMuchWaits(StoreError):
    """The members that wait to be compared would weigh more than they may together; nothing was kept."""

    def __init__(self, found_bytes: int, limit: int) -> None:
        super().__init__(f"the members that wait weigh {found_bytes} bytes, past the limit ({limit})")
        self.found_bytes = found_bytes
        self.limit = limit


class OpenGroups(NamedTuple):
    """How many groups a tenant has open, and how many are open in the whole store."""

    held: int
    open_count: int

    def check(self, limit: int, *, is_shared: bool) -> None:
        """Raise TooManyOpen where no more groups may be open, ShareTaken where the tenant may have no more.

        A tenant that shares the room holds no more than are free (dynamic thresholds, Choudhury and Hahne, 1998): the
        next one always finds some, and who is alone has half of them all.
        """
        if self.open_count >= limit:
            raise TooManyOpen(self.open_count, limit)
        if is_shared and self.held >= limit - self.open_count:
            raise ShareTaken(self.held, self.open_count, limit)
