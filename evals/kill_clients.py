"""What clients do while the service is killed: single posts, cancels, batches, a facade, groups joined by member.

Each goes on until it has its answer: what was lost on its way is sent again under the same key, so that it is accepted
once. What they were told stands in a `Ledger`, to be held against what the service has in the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from evals.kill_requests import GROUP_SIZE, facade_body, member_of, member_reward, request_of, right_reward

PAUSE_SECONDS = 0.05
BATCH_LINES = 4
MAX_PROBLEMS = 20
_AGAIN = frozenset((429, 500, 502, 503, 504))


@dataclass
class Ledger:
    """What was accepted, and what is right.

    `accepted` maps ids of judgments to numbers, `right` numbers to rewards, `groups` ids to the raw rewards of their
    members by index; `called_off` are the numbers that may end as cancelled.
    """

    accepted: dict[str, int] = field(default_factory=dict)
    right: dict[int, float] = field(default_factory=dict)
    called_off: set[int] = field(default_factory=set)
    groups: dict[str, tuple[float, ...]] = field(default_factory=dict)
    done: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    _next: int = 0

    def take(self, rewards: Callable[[int], tuple[float, ...]]) -> int:
        """The first of as many unused numbers as there are right rewards."""
        first = self._next
        for at, reward in enumerate(rewards(first)):
            self.right[first + at] = reward
            self._next += 1
        return first

    def wrong(self, problem: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(problem)


class Clients:
    """One method a kind; each does one thing from its first post to its answer. `url` is where the service is now."""

    def __init__(self, http: httpx.AsyncClient, url: Callable[[], str], ledger: Ledger) -> None:
        self._http = http
        self._url = url
        self._ledger = ledger

    async def judged(self) -> None:
        """Post, and go away when it is accepted."""
        await self._accepted(self._ledger.take(lambda number: (right_reward(number),)))

    async def cancelled(self) -> None:
        """Post, and call it off: it ends, as cancelled or as it would have."""
        number = self._ledger.take(lambda number: (right_reward(number),))
        self._ledger.called_off.add(number)
        judgment_id = await self._accepted(number)
        await self._posted(f"/v1/judgments/{judgment_id}:cancel", ok=(200, 202))

    async def batched(self) -> None:
        """Send lines until each of them has its judgment."""
        first = self._ledger.take(lambda first: tuple(map(right_reward, range(first, first + BATCH_LINES))))
        lines = "\n".join(json.dumps(request_of(first + at)) for at in range(BATCH_LINES))
        headers = {"Content-Type": "application/jsonl", "Idempotency-Key": f"batch-{first}"}
        while True:
            answer = await self._posted("/v1/judgments/batch", content=lines, headers=headers)
            told = [json.loads(line) for line in answer.text.splitlines()]
            if len(told) == BATCH_LINES and all(one["status"] == 200 for one in told):
                break
            await asyncio.sleep(PAUSE_SECONDS)
        for one in told:
            number, judgment = first + one["index"], one["judgment"]
            self._ledger.accepted[judgment["id"]] = number
            reward = judgment["candidates"][0]["reward"]
            if reward not in (None, self._ledger.right[number]):
                self._ledger.wrong(f"line {one['index']} of batch {first} was told {reward}")

    async def faced(self) -> None:
        """Ask a trainer's facade until it gives a reward: where the judge failed it answers with an error."""
        number = 4 * self._ledger.take(lambda number: (0.0,)) + 1
        answer = await self._posted(
            "/compat/openrlhf/get_reward?recipe=verify&on_failure=error", json=facade_body(number)
        )
        if answer.json()["rewards"] != right_reward(number):
            self._ledger.wrong(f"the facade gave {answer.json()} for request {number}")

    async def grouped(self) -> None:
        """Join a group from several clients at once."""
        first = self._ledger.take(lambda _: tuple(map(member_reward, range(GROUP_SIZE))))
        answers = await asyncio.gather(
            *(
                self._posted(
                    "/v1/groups",
                    ok=(200, 202),
                    json=member_of(first, index),
                    headers={"Prefer": "respond-async"},
                )
                for index in range(GROUP_SIZE)
            )
        )
        ids = {answer.json()["id"] for answer in answers}
        if len(ids) > 1:
            self._ledger.wrong(f"the members of group {first} were told of {len(ids)} groups")
        for id_ in ids:
            self._ledger.groups[id_] = tuple(map(member_reward, range(GROUP_SIZE)))

    async def _accepted(self, number: int) -> str:
        headers = {"Prefer": "respond-async", "Idempotency-Key": f"number-{number}"}
        answer = await self._posted("/v1/judgments", ok=(200, 202), json=request_of(number), headers=headers)
        judgment_id = str(answer.json()["id"])
        self._ledger.accepted[judgment_id] = number
        return judgment_id

    async def _posted(self, path: str, *, ok: tuple[int, ...] = (200,), **given: Any) -> httpx.Response:
        """Post until there is an answer: through kills, restarts and refusals for want of room."""
        while True:
            with contextlib.suppress(httpx.TransportError):
                answer = await self._http.post(self._url() + path, **given)
                if answer.status_code in ok:
                    return answer
                if answer.status_code not in _AGAIN:
                    raise RuntimeError(f"{path} was refused: {answer.status_code} {answer.text[:500]}")
                if answer.status_code == httpx.codes.INTERNAL_SERVER_ERROR:
                    self._ledger.wrong(f"{path} answered 500: {answer.text[:200]}")
            await asyncio.sleep(PAUSE_SECONDS)


def group_problems(ledger: Ledger, groups: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What of the groups, as the service has them in the end, is not as it should be."""
    problems = [f"group {one} was accepted and is lost" for one in ledger.groups.keys() - groups.keys()]
    for id_, group in groups.items():
        told = [member["raw_reward"] for member in group["members"]]
        given = [member["reward"] for member in group["members"]]
        if group["state"] != "done" or group["missing"]:
            problems.append(f"group {id_} is {group['state']}, missing {group['missing']}")
        right = ledger.groups[id_]
        if len(told) != len(right) or any(
            one not in (None, wanted) for one, wanted in zip(told, right, strict=False)
        ):
            problems.append(f"group {id_} has the raw rewards {told}, right is {right}")
        if given != told:
            problems.append(f"group {id_} has the rewards {given}, and {told} before any shape")
    return problems
