"""The limits of an API key on the command line: `--max-open 8 --tokens-per-day none`."""

from __future__ import annotations

import argparse

from judge_agent.store.quotas import QUOTAS, UNLIMITED, KeyLimits

MOST = 10**12
_ABOUT = {
    "max_open": "judgments that it may have running or waiting",
    "requests_per_minute": "judgments that it may have accepted a minute, and in one burst",
    "tokens_per_minute": "tokens of the model that it may use a minute",
    "tokens_per_day": "tokens of the model that it may use a day (of UTC)",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    for name in QUOTAS:
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            type=_limit,
            metavar="N",
            help=f"{_ABOUT[name]}; none: no limit, default: the service's (JUDGE_KEY_{name.upper()})",
        )


def chosen(arguments: argparse.Namespace, before: KeyLimits = KeyLimits()) -> KeyLimits:  # noqa: B008 - constant
    """The limits as they were, with those that the command line gives."""
    given = {name: getattr(arguments, name) for name in QUOTAS if getattr(arguments, name) is not None}
    return before._replace(**{name: value.limit for name, value in given.items()})


def described(limits: KeyLimits) -> str:
    """The limits in words of the command line; those of the service's default are left out."""
    told = [
        f"{name}={'none' if limit == UNLIMITED else limit}"
        for name, limit in limits._asdict().items()
        if limit is not None
    ]
    return " ".join(told) or "default limits"


class _Given:
    """A limit that was given; None is the service's default, which is not the same as nothing said."""

    def __init__(self, limit: int | None) -> None:
        self.limit = limit


def _limit(text: str) -> _Given:
    if text in ("none", "default"):
        return _Given(UNLIMITED if text == "none" else None)
    if not text.isdecimal() or not 0 < int(text[:20]) <= MOST:
        raise argparse.ArgumentTypeError(
            f"{text[:40]!r} is no whole number from 1 to {MOST}, none or default"
        )
    return _Given(int(text))
