"""What one API key may use, and how it is counted. Knows no database; the arithmetic is pure.

A rate is a bucket that leaks: what was used runs off at the limit per minute, and may stand as high as the limit, which
is the burst. Judgments per minute are counted with their acceptance. Tokens of the model are known when a judgment
ends, so they are charged then and looked at when the next one is to be accepted: a key can overshoot its tokens by what
its open judgments still cost, and then waits until that has run off. A day is one of UTC, by the database's clock.

A clock that is set back lets nothing run off and takes nothing away; one that is set forward empties a bucket at most.
A day that lies ahead of the clock is none: what was used in it counts for today, and is over at the next midnight.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple, Protocol

from judge_agent.errors import StoreError

Quota = Literal["max_open", "requests_per_minute", "tokens_per_minute", "tokens_per_day"]
QUOTAS: tuple[Quota, ...] = ("max_open", "requests_per_minute", "tokens_per_minute", "tokens_per_day")
DAY_SECONDS = 86_400
UNLIMITED = 0


class KeyLimits(NamedTuple):
    """What a key may use; None: no limit. As it is kept for a key, None is the service's default and 0 is no limit.

    `max_open` counts judgments that wait or run, `requests_per_minute` accepted judgments.
    """

    max_open: int | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    tokens_per_day: int | None = None

    def within(self, defaults: KeyLimits) -> KeyLimits:
        """The limits that hold for a key with these of its own."""
        chosen = (default if own is None else own for own, default in zip(self, defaults, strict=True))
        return KeyLimits(*(None if limit == UNLIMITED else limit for limit in chosen))

    @property
    def is_limited(self) -> bool:
        return any(self)

    @property
    def counts_tokens(self) -> bool:
        return bool(self.tokens_per_minute or self.tokens_per_day)


class Charge(NamedTuple):
    """What a judgment that ended has cost, in tokens, and when, in Unix seconds."""

    tokens: int
    at: float


class Usage(NamedTuple):
    """What a key has used: the levels of its buckets and when they stood so, and the tokens of a day (of UTC)."""

    requests: float = 0.0
    requests_at: float = 0.0
    tokens: float = 0.0
    tokens_at: float = 0.0
    day: int = 0
    day_tokens: int = 0

    def at(self, now: float, limits: KeyLimits, charges: Iterable[Charge] = ()) -> Usage:
        """Bring the levels to `now`, with what was charged since."""
        tokens, tokens_at, day, day_tokens = self.tokens, self.tokens_at, self.day, self.day_tokens
        for charge in charges:
            tokens = leaked(tokens, charge.at - tokens_at, limits.tokens_per_minute) + charge.tokens
            tokens_at = charge.at
            if (on := int(charge.at // DAY_SECONDS)) > day:
                day, day_tokens = on, 0
            day_tokens += charge.tokens
        if (today := int(now // DAY_SECONDS)) > day:
            day_tokens = 0
        return Usage(
            leaked(self.requests, now - self.requests_at, limits.requests_per_minute),
            now,
            leaked(tokens, now - tokens_at, limits.tokens_per_minute),
            now,
            today,
            day_tokens,
        )


class Standing(NamedTuple):
    """What a key has used of one of its limits. `retry_seconds`: when there is room again, None where nobody knows.

    `reset_seconds`: when, if nothing else comes, all of it is free again.
    """

    quota: Quota
    limit: int
    used: float
    retry_seconds: float | None = 0.0
    reset_seconds: float | None = 0.0

    @property
    def remaining(self) -> int:
        return max(0, math.floor(self.limit - self.used + 1e-9))


def standings(
    limits: KeyLimits, usage: Usage, open_count: int, now: float, *, count: int = 1
) -> tuple[Standing, ...]:
    """What was used of each limit that is set, of a usage brought to `now`, for who wants `count` judgments more."""
    found = list[Standing]()
    # Of more than a limit it is asked that nothing is used: else they would never be accepted.
    if limits.max_open:
        room = open_count <= max(0, limits.max_open - count)
        found.append(Standing("max_open", limits.max_open, open_count, 0.0 if room else None, None))
    if per_minute := limits.requests_per_minute:
        over = usage.requests - max(0, per_minute - count)
        found.append(_of_bucket("requests_per_minute", per_minute, usage.requests, over))
    if per_minute := limits.tokens_per_minute:
        over = usage.tokens - (per_minute - 1)
        found.append(_of_bucket("tokens_per_minute", per_minute, usage.tokens, over))
    if per_day := limits.tokens_per_day:
        midnight = (usage.day + 1) * DAY_SECONDS - now
        retry = midnight if usage.day_tokens >= per_day else 0.0
        found.append(Standing("tokens_per_day", per_day, usage.day_tokens, retry, midnight))
    return tuple(found)


def wanting(found: Iterable[Standing], count: int) -> tuple[Standing, ...]:
    """The same standings for who wants `count` judgments, where they were told for who wants one."""
    return tuple(
        one._replace(retry_seconds=None)
        if one.quota == "max_open" and one.used > max(0, one.limit - count)
        else _of_bucket(one.quota, one.limit, one.used, one.used - max(0, one.limit - count))
        if one.quota == "requests_per_minute"
        else one
        for one in found
    )


def refused(found: Iterable[Standing]) -> Standing | None:
    """The limit that has no room now: of several the one that lets nobody in for the longest time, if that is known."""
    over = [one for one in found if one.retry_seconds is None or one.retry_seconds > 0]
    return max(over, key=lambda one: one.retry_seconds or 0.0, default=None)


def leaked(level: float, seconds: float, per_minute: int | None) -> float:
    """What is left of a level after so many seconds; time that went back does nothing."""
    return max(0.0, level - max(0.0, seconds) * per_minute / 60) if per_minute else 0.0


class QuotaExceeded(StoreError):
    """A key has no room for what it asks: nothing was kept."""

    def __init__(self, standing: Standing) -> None:
        quota, limit, used, _, _ = standing
        super().__init__(f"the key has used {used:g} of {quota}={limit}")
        self.standing = standing


class Quotas(Protocol):
    """The limits of keys, and what each key has used. Acceptance and ends count by themselves, in their transaction."""

    async def limits(self) -> Mapping[str, KeyLimits]:
        """Return the limits of every key that has some of its own, by its id."""
        ...

    async def set_limits(self, key_id: str, limits: KeyLimits) -> None:
        """Give a key these limits; counts go on from where they stand."""
        ...

    async def standings(self, key_id: str, limits: KeyLimits) -> tuple[Standing, ...]:
        """Return what the key has used of each limit that is set."""
        ...

    async def take_request(self, key_id: str, limits: KeyLimits) -> None:
        """Count one request that is no judgment. Raises QuotaExceeded: `requests_per_minute`."""
        ...


def _of_bucket(quota: Quota, per_minute: int, used: float, over: float) -> Standing:
    retry = max(0.0, over) * 60 / per_minute
    # A level that floating point leaves a hair above its place has run off.
    return Standing(quota, per_minute, used, retry if retry > 1e-6 else 0.0, used * 60 / per_minute)
