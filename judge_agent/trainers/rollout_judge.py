"""Judges many rollouts within one deadline: one outcome each, whatever happens to the service or to the others."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from judge_agent.client import AsyncJudgeClient, private_loop
from judge_agent.client.target import Target, shown_url
from judge_agent.errors import InvalidRequest, JudgeClientError, RequestRefused, ServiceUnavailable
from judge_agent.schema import Judgment
from judge_agent.trainers.joining import call_off, group_field, joined
from judge_agent.trainers.outcome import Outcome
from judge_agent.trainers.posts import Post, folded
from judge_agent.trainers.rollout import Asking, Rollout
from judge_agent.trainers.whole_groups import compared_whole, whole_groups

log = logging.getLogger(__name__)
# Trainers give up at 120 s and more (slime 120, OpenRLHF 180, verl 300), and some never: the judge must be first.
SECONDS = 100.0
# A loop that is stuck must not hang the trainer: this much past `seconds`, the caller stops waiting for it.
_GRACE_SECONDS = 5.0
# Ranks come to judge at about one time; who is later than this waits for the group's deadline.
_CALL_OFF_SECONDS = 10.0
# A member with these statuses is refused for what it is, and will be again: its peers wait in vain.
_NEVER_COMES = (400, 413, 422)
_MAX_BUDGET_SECONDS = 3600.0
_CANDIDATE = re.compile(r"candidates\.(\d+)(?:\.|$)")


class RolloutJudge:
    """Asks the service at `url` (else JUDGE_URL) with `api_key` (else JUDGE_API_KEY) for the rewards of rollouts.

    Every rollout gets an outcome, in order, within `seconds`; what fails is an `Outcome.failed` and a line in the
    log, never an exception and never a number. Identical rollouts are posted once; those of one group are one
    judgment, and are shaped as `asking.shape` says. Set `seconds` below the trainer's own time-out. A call that was
    refused as busy, or broke, is tried again for `retry_seconds`.

    One judge serves threads, event loops and forked processes, and can be pickled. The environment is read by the
    process that calls, when it first does. A pickle never holds the key: where it was an argument, set JUDGE_API_KEY
    in the process that unpickles.
    """

    def __init__(
        self,
        url: str | None = None,
        api_key: str | None = None,
        asking: Asking | None = None,
        seconds: float = SECONDS,
        *,
        retry_seconds: float = 30.0,
        max_in_flight: int = 256,
    ) -> None:
        if not 0 < seconds < float("inf"):
            raise InvalidRequest("seconds", f"must be a number of seconds above 0, not {seconds!r}")
        if url is not None:
            Target.of(url, None, retry_seconds, None)
        self.asking = asking or Asking()
        self.seconds = seconds
        self._url = url
        self._api_key = api_key
        self._retry_seconds = retry_seconds
        self._max_in_flight = max_in_flight
        self._key_was_left = False
        self._client: tuple[int, AsyncJudgeClient] | None = None

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The keys of every vector that are known beforehand; empty where the recipe has the say."""
        return tuple(self.asking.dimensions or ())

    async def outcomes(self, rollouts: Sequence[Rollout]) -> list[Outcome]:
        """Judge rollouts; the outcomes are in their order. Works in any loop: the client has one of its own."""
        rollouts = tuple(rollouts)
        started = private_loop.private_loop().start(self._outcomes(rollouts))
        try:
            return await asyncio.wait_for(asyncio.wrap_future(started), self.seconds + _GRACE_SECONDS)
        except TimeoutError:
            return self._stuck(rollouts)

    def outcomes_now(self, rollouts: Sequence[Rollout]) -> list[Outcome]:
        """Do the same and block, also inside a running loop."""
        rollouts = tuple(rollouts)
        try:
            return private_loop.run(self._outcomes(rollouts), self.seconds + _GRACE_SECONDS)
        except TimeoutError:
            return self._stuck(rollouts)
        except concurrent.futures.CancelledError:
            return [self._failed("internal", "the process ends")] * len(rollouts)

    async def aclose(self) -> None:
        """Close the connections; the next call opens new ones."""
        if self._client is not None and self._client[1].is_open:
            await asyncio.wrap_future(private_loop.private_loop().start(self._client[1].aclose()))

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        if self._client is not None and self._client[1].is_open:
            private_loop.run(self._client[1].aclose())

    def __repr__(self) -> str:
        shown = None if self._url is None else shown_url(self._url)
        return f"RolloutJudge({shown!r}, recipe={self.asking.recipe!r}, seconds={self.seconds})"

    def __getstate__(self) -> dict[str, Any]:
        left = self._key_was_left or self._api_key is not None
        return self.__dict__ | {"_client": None, "_api_key": None, "_key_was_left": left}

    def __copy__(self) -> RolloutJudge:
        """A twin in this process, which a pickle is not: it has the key."""
        twin = type(self).__new__(type(self))
        twin.__dict__.update(self.__dict__ | {"_client": None})
        return twin

    def __deepcopy__(self, memo: object) -> RolloutJudge:
        return self.__copy__()

    async def _outcomes(self, rollouts: Sequence[Rollout]) -> list[Outcome]:
        """Run on the private loop; whatever happens there, every rollout has an outcome."""
        try:
            outcomes = await self._judged(rollouts)
        except Exception as error:  # A trainer must not die of, nor be paid for, a fault of ours.
            log.exception("a batch of rollouts could not be judged")
            outcomes = [self._failed("internal", f"{type(error).__name__}: {error}")] * len(rollouts)
        _tell(outcomes)
        return outcomes

    async def _judged(self, rollouts: Sequence[Rollout]) -> list[Outcome]:
        """Judge all posts at one time, and leave no place empty."""
        deadline = asyncio.get_running_loop().time() + self.seconds
        work = folded(rollouts, self._asking())
        found = {
            place: self._failed("rollout_invalid", error).refused(None, error.field)
            for place, error in work.refused.items()
        }
        room = asyncio.Semaphore(self._max_in_flight)
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(self._post(post, deadline, room)) for post in work.posts]
            for place in work.refused:
                group.create_task(self._call_off(group_field(rollouts[place], self._asking()), deadline))
        for task in running:
            found |= task.result()
        return whole_groups(self.asking, rollouts, work.posts, [found[at] for at in range(len(rollouts))])

    async def _post(self, post: Post, deadline: float, room: asyncio.Semaphore) -> dict[int, Outcome]:
        """Judge one post; a candidate that the service refuses is left out, and the others are posted again."""
        try:
            async with asyncio.timeout_at(deadline), room:
                if post.group is not None:
                    return await self._joined(post, deadline)
                return self._read(await self._judgment(post, deadline), post)
        except RequestRefused as refusal:
            if refusal.status in _NEVER_COMES:
                await self._call_off(post.group, deadline)
            refused, rest = _split(post, refusal)
            found = dict.fromkeys(refused.all_places, self._refused(refusal))
            for part in rest:
                found |= await self._post(part, deadline, room)
            return found
        except TimeoutError:
            failure = self._failed("judge_timeout", f"no judgment within {self.seconds:g} s")
        except JudgeClientError as error:
            failure = self._failed(_kind(error), error)
        except InvalidRequest as error:
            failure = self._failed("judge_refused", error).refused(None, error.field)
        except Exception as error:
            log.exception("a judgment failed in a way that nobody foresaw")
            failure = self._failed("internal", f"{type(error).__name__}: {error}")
        return dict.fromkeys(post.all_places, failure)

    async def _judgment(self, post: Post, deadline: float) -> Judgment:
        left = deadline - asyncio.get_running_loop().time()
        return await self._connected().judge(post.request(self._asking()), timeout_seconds=max(0.0, left))

    async def _joined(self, post: Post, deadline: float) -> dict[int, Outcome]:
        left = deadline - asyncio.get_running_loop().time()
        found = await joined(self._connected(), post.request(self._asking()), max(0.0, left))
        vector = dict.fromkeys(self.dimensions) | dict(found.vector)
        return dict.fromkeys(post.all_places, replace(found, vector=vector))

    async def _call_off(self, group: Mapping[str, Any] | None, deadline: float) -> None:
        """Spare the peers of a rollout that cannot be posted their wait for it; a group without it is not whole."""
        if group is not None:
            left = deadline - asyncio.get_running_loop().time()
            await call_off(self._connected(), group, max(0.0, min(left, _CALL_OFF_SECONDS)))

    def _connected(self) -> AsyncJudgeClient:
        if self._client is None or self._client[0] != os.getpid():
            client = AsyncJudgeClient(self._url, self._api_key, retry_seconds=self._retry_seconds)
            self._client = (os.getpid(), client)
        return self._client[1]

    def _asking(self) -> Asking:
        """The judgment's own time ends before ours, so that what was judged by then comes back."""
        if self.asking.seconds is not None:
            return self.asking
        return replace(self.asking, seconds=min(_MAX_BUDGET_SECONDS, 0.9 * self.seconds))

    def _read(self, judgment: Judgment, post: Post) -> dict[int, Outcome]:
        found = dict[int, Outcome]()
        split = {"group_split": post.posts_of_group} if post.posts_of_group > 1 else {}
        for at, places in enumerate(post.places):
            outcome = compared_whole(Outcome.of(judgment, f"r{at}"), judgment, post, self.asking)
            vector = dict.fromkeys(self.dimensions) | dict(outcome.vector)
            outcome = replace(outcome, vector=vector, flags={**outcome.flags, **split})
            found |= dict.fromkeys(places, outcome)
        return found

    def _refused(self, refusal: RequestRefused) -> Outcome:
        hint = "; a key that is an argument is left out of pickles: set JUDGE_API_KEY in this process"
        needs_hint = refusal.status in (401, 403) and self._key_was_left
        found = self._failed("judge_refused", f"{refusal}{hint if needs_hint else ''}")
        return found.refused(refusal.status, refusal.field)

    def _failed(self, kind: str, reason: object) -> Outcome:
        return Outcome.failed(kind, str(reason), self.dimensions)

    def _stuck(self, rollouts: Sequence[Rollout]) -> list[Outcome]:
        outcomes = [self._failed("judge_timeout", f"no outcome {_GRACE_SECONDS:g} s past the deadline")]
        _tell(outcomes * len(rollouts))
        return outcomes * len(rollouts)


def _split(post: Post, refusal: RequestRefused) -> tuple[Post, list[Post]]:
    """Tell who is refused from who is worth another post: only what is wrong with one candidate spares the others."""
    count = len(post.trajectories)
    field = str(refusal.field or "body")
    named = _CANDIDATE.match(field)
    if count > 1 and named is not None and int(named[1]) < count:
        others = [at for at in range(count) if at != int(named[1])]
        return post.only([int(named[1])]), [post.only(others)]
    if count > 1 and refusal.status in (400, 413, 422) and field.startswith(("body", "candidates")):
        half = count // 2
        halves = (range(half), range(half, count))
        return post.only([]), [post.only(places, of_parts=2) for places in halves]
    return post, []


def _kind(error: JudgeClientError) -> str:
    if not isinstance(error, ServiceUnavailable):
        return "judge_timeout"
    if error.status is None:
        return "judge_unreachable"
    if error.status < 400:
        return "judge_malformed"
    return "judge_busy" if error.status in (429, 503) else "judge_error"


def _tell(outcomes: Sequence[Outcome]) -> None:
    """Say aloud what has no reward: one line a kind, for a batch may hold thousands."""
    failed = [outcome for outcome in outcomes if not outcome.has_reward]
    for kind, count in Counter(outcome.failure_kind for outcome in failed).items():
        first = next(outcome for outcome in failed if outcome.failure_kind == kind)
        log.warning(
            "the judge gave no reward to %d of %d rollouts: %s (%s; judgment %s)",
            count,
            len(outcomes),
            kind,
            first.failure_reason,
            first.judgment_id,
        )
