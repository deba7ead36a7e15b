"""The async client. Has the methods of the sync one, awaited."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from judge_agent.client import exchange
from judge_agent.client.connections import Connections
from judge_agent.client.exchange import Answer, Call, JudgmentPage
from judge_agent.client.patience import OnRetry, Patience, unanswered
from judge_agent.client.target import Target
from judge_agent.schema import Group, Judgment, JudgmentRequest, State


class AsyncJudgeClient:
    """Judges by the service at `url` (else JUDGE_URL) with `api_key` (else JUDGE_API_KEY).

    One client serves many tasks, can be pickled, and has connections of its own in every event loop and process.
    A call that is not answered is tried again for `retry_seconds`. `timeout_seconds` is how long `judge`
    and `wait` wait unless they are told otherwise; None waits to the end. Every POST carries an
    idempotency key, so that it is judged once however often it is sent. `on_retry` is called after the first failed
    try of a call that is tried again, with what failed and for how many seconds more; pickles leave it out.
    """

    def __init__(
        self,
        url: str | None = None,
        api_key: str | None = None,
        *,
        retry_seconds: float = 60.0,
        timeout_seconds: float | None = None,
        on_retry: OnRetry | None = None,
    ) -> None:
        self._target = Target.of(url, api_key, retry_seconds, timeout_seconds)
        self._connections = Connections(self._target)
        self._on_retry = on_retry

    @property
    def url(self) -> str:
        """The address, without a password that was given in it."""
        return self._target.url

    @property
    def is_open(self) -> bool:
        """Whether there are connections to close in this process."""
        return self._connections.is_open

    async def judge(
        self,
        request: JudgmentRequest | Mapping[str, Any],
        *,
        wait: bool = True,
        idempotency_key: str | None = None,
        timeout_seconds: float | None = None,
    ) -> Judgment:
        """Judge a request and return the finished judgment; with `wait=False` return it as accepted.

        Raises RequestRefused, ServiceUnavailable, and
        JudgmentPending when the time is over first.
        """
        deadline = self._target.deadline(timeout_seconds)
        seconds = exchange.next_wait(deadline) if wait else 0
        call = exchange.write_judge(request, idempotency_key, seconds)
        judgment = exchange.read_judgment(await self._send(call, deadline))
        if not wait or exchange.is_over(judgment):
            return judgment
        return await self._wait(judgment.id, deadline)

    async def judge_group(
        self,
        request: JudgmentRequest | Mapping[str, Any],
        *,
        wait: bool = True,
        idempotency_key: str | None = None,
        timeout_seconds: float | None = None,
    ) -> Group:
        """Judge a group, or join one as `request.group` says, and return it settled; with `wait=False` as it stands.

        `your_index` is the member that this call brought. A group that failed has no rewards: mask it. Raises
        RequestRefused (409: the group is closed, or has agreed on something else), ServiceUnavailable, and
        JudgmentPending when the time is over first.
        """
        deadline = self._target.deadline(timeout_seconds)
        seconds = exchange.next_wait(deadline) if wait else 0
        call = exchange.write_group(request, idempotency_key, seconds)
        group = exchange.read_group(await self._send(call, deadline))
        index, pause = group.your_index, 0.05
        while wait and not exchange.has_settled(group):
            if deadline is not None and time.monotonic() >= deadline:
                raise exchange.group_pending(group)
            seconds = exchange.next_wait(deadline)
            found = await self.get_group(group.id, wait_seconds=seconds, deadline=deadline)
            group = found.model_copy(update={"your_index": index})
            if not exchange.has_settled(group):
                await asyncio.sleep(min(pause, max(0.0, seconds)))
                pause = min(2 * pause, 1.0)
        return group

    async def get_group(
        self, group_id: str, *, wait_seconds: float = 0, deadline: float | None = None
    ) -> Group:
        """Return a group by its id, as it stands after `wait_seconds` at most. Raises RequestRefused (404)."""
        return exchange.read_group(
            await self._send(exchange.write_get_group(group_id, wait_seconds), deadline)
        )

    async def find_groups(self, group_id: str, *, deadline: float | None = None) -> tuple[Group, ...]:
        """Return the attempts of a group by the caller's own `group_id`, the latest first; it may have none."""
        return exchange.read_groups(await self._send(exchange.write_find_groups(group_id), deadline))

    async def cancel_group(self, group_id: str) -> Group:
        """Call a group off and return it as it ended; one that had settled stays as it is."""
        return exchange.read_group(await self._send(exchange.write_cancel_group(group_id)))

    async def submit(
        self, request: JudgmentRequest | Mapping[str, Any], *, idempotency_key: str | None = None
    ) -> Judgment:
        """Hand a request in and return at once; `wait` or `get` it by its id."""
        return await self.judge(request, wait=False, idempotency_key=idempotency_key)

    async def wait(self, judgment_id: str, *, timeout_seconds: float | None = None) -> Judgment:
        """Wait for a judgment's end. Raises JudgmentPending when `timeout_seconds` are over first."""
        return await self._wait(judgment_id, self._target.deadline(timeout_seconds))

    async def get(self, judgment_id: str) -> Judgment:
        """Return a judgment as it stands. Raises RequestRefused (404) for an unknown one."""
        return exchange.read_judgment(await self._send(exchange.write_get(judgment_id)))

    async def cancel(self, judgment_id: str) -> Judgment:
        """Call a judgment off and return it as it ended; one that had ended stays as it is.

        Its candidates are unscored (`cancelled`). One that takes longer than some seconds to stop is returned as it
        stands: `wait` for it. Raises RequestRefused (404 for an unknown one) and ServiceUnavailable.
        """
        return exchange.read_judgment(await self._send(exchange.write_cancel(judgment_id)))

    async def list(
        self, states: Sequence[State] = (), *, limit: int = 20, cursor: str | None = None
    ) -> JudgmentPage:
        """Return one page of the tenant's judgments, newest first."""
        return exchange.read_page(await self._send(exchange.write_list(states, limit, cursor)))

    async def upload(self, content: bytes) -> str:
        """Keep bytes, such as a database file, at the service; return the SHA-256 that `resources` name them by."""
        return exchange.read_text(await self._send(exchange.write_upload(content)), "sha256")

    async def recipes(self) -> tuple[Mapping[str, Any], ...]:
        return exchange.read_named(await self._send(Call("GET", "/v1/recipes")))

    async def tools(self) -> tuple[Mapping[str, Any], ...]:
        return exchange.read_named(await self._send(Call("GET", "/v1/tools")))

    async def pin(self, recipe: str = "default") -> str:
        """Return the hash of what judges by a recipe now, for the `run.pin` of requests."""
        answer = await self._send(Call("GET", "/v1/pin", [("recipe", recipe)]))
        return exchange.read_text(answer, "sha256")

    async def run(
        self,
        run_id: str,
        *,
        from_step: int | None = None,
        to_step: int | None = None,
        limit: int = 20,
        overall: bool = True,
    ) -> Mapping[str, Any]:
        """Return what was judged in a run, by step and over all. Raises RequestRefused (404) for an unknown one."""
        whole = "yes" if overall else "no"
        call = exchange.write_run(run_id, from_step=from_step, to_step=to_step, limit=limit, overall=whole)
        return exchange.read_object(await self._send(call))

    async def run_metrics(
        self, run_id: str, step: int | None = None, *, until: int | None = None
    ) -> dict[str, float]:
        """Return the numbers of a step (the newest, of those up to `until`) flat and finite, as loggers take them."""
        last = until if step is None else step
        call = exchange.write_run(run_id, from_step=step, to_step=last, format="flat")
        return exchange.read_numbers(await self._send(call))

    async def health(self) -> Mapping[str, Any]:
        """Say what works, also when not all does: `status` is `ready`, `degraded` or `not_ready`.

        Tries once; raises ServiceUnavailable where nothing answers.
        """
        try:
            return exchange.read_object(await self._once(Call("GET", "/health/ready")))
        except httpx.RequestError as error:
            raise unanswered(error) from error

    async def aclose(self) -> None:
        """Close the connections of the running loop; the next call opens new ones."""
        await self._connections.aclose()

    async def __aenter__(self) -> AsyncJudgeClient:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"AsyncJudgeClient({self._target.url!r})"

    def __getstate__(self) -> Target:
        return self._target

    def __setstate__(self, target: Target) -> None:
        self._target = target
        self._connections = Connections(target)
        self._on_retry = None

    async def _wait(self, judgment_id: str, deadline: float | None) -> Judgment:
        pause = 0.05
        while True:
            seconds = exchange.next_wait(deadline)
            judgment = exchange.read_judgment(
                await self._send(exchange.write_get(judgment_id, seconds), deadline)
            )
            if exchange.is_over(judgment):
                return judgment
            if deadline is not None and time.monotonic() >= deadline:
                raise exchange.pending(judgment)
            if seconds < 1:
                await asyncio.sleep(min(pause, max(0.0, seconds)))
                pause *= 2

    async def _send(self, call: Call, deadline: float | None = None) -> Answer:
        patience = Patience(self._target.retry_seconds, deadline, self._on_retry)
        while True:
            try:
                answer = await self._once(call, deadline)
            except httpx.RequestError as error:
                pause: float | None = patience.after_error(error)
            else:
                pause = patience.after_answer(answer)
                if pause is None:
                    return answer
            await asyncio.sleep(pause or 0.0)

    async def _once(self, call: Call, deadline: float | None = None) -> Answer:
        seconds = exchange.answer_within(deadline)
        response = await self._connections.of_this_loop().request(
            call.method,
            call.path,
            params=list(call.params),
            headers={**self._target.headers(), **call.headers},
            content=call.content,
            timeout=httpx.Timeout(
                min(exchange.ANSWER_SECONDS, seconds), read=min(call.read_seconds, seconds), pool=None
            ),
        )
        return Answer(response.status_code, response.headers, response.content)
