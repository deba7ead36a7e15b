"""The sync client: the async one, run on the process's private loop. Works inside a running loop, too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from judge_agent.client import private_loop
from judge_agent.client.asynchronous import AsyncJudgeClient
from judge_agent.client.exchange import JudgmentPage
from judge_agent.client.target import Target
from judge_agent.schema import Group, Judgment, JudgmentRequest, State


class JudgeClient:
    """Judges by the service at `url` (else JUDGE_URL) with `api_key` (else JUDGE_API_KEY).

    One client serves many threads, can be pickled, and opens its own connections in a forked process.
    A call that is not answered is tried again for `retry_seconds`. `timeout_seconds` is how long `judge`
    and `wait` wait unless they are told otherwise; None waits to the end. Every POST carries an
    idempotency key, so that it is judged once however often it is sent.
    """

    def __init__(
        self,
        url: str | None = None,
        api_key: str | None = None,
        *,
        retry_seconds: float = 60.0,
        timeout_seconds: float | None = None,
    ) -> None:
        self._async = AsyncJudgeClient(
            url, api_key, retry_seconds=retry_seconds, timeout_seconds=timeout_seconds
        )

    def judge(
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
        return private_loop.run(
            self._async.judge(
                request, wait=wait, idempotency_key=idempotency_key, timeout_seconds=timeout_seconds
            )
        )

    def judge_group(
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
        return private_loop.run(
            self._async.judge_group(
                request, wait=wait, idempotency_key=idempotency_key, timeout_seconds=timeout_seconds
            )
        )

    def get_group(self, group_id: str, *, wait_seconds: float = 0) -> Group:
        """Return a group by its id, as it stands after `wait_seconds` at most. Raises RequestRefused (404)."""
        return private_loop.run(self._async.get_group(group_id, wait_seconds=wait_seconds))

    def find_groups(self, group_id: str) -> tuple[Group, ...]:
        """Return the attempts of a group by the caller's own `group_id`, the latest first; it may have none."""
        return private_loop.run(self._async.find_groups(group_id))

    def cancel_group(self, group_id: str) -> Group:
        """Call a group off and return it as it ended; one that had settled stays as it is."""
        return private_loop.run(self._async.cancel_group(group_id))

    def submit(
        self, request: JudgmentRequest | Mapping[str, Any], *, idempotency_key: str | None = None
    ) -> Judgment:
        """Hand a request in and return at once; `wait` or `get` it by its id."""
        return private_loop.run(self._async.submit(request, idempotency_key=idempotency_key))

    def wait(self, judgment_id: str, *, timeout_seconds: float | None = None) -> Judgment:
        """Wait for a judgment's end. Raises JudgmentPending when `timeout_seconds` are over first."""
        return private_loop.run(self._async.wait(judgment_id, timeout_seconds=timeout_seconds))

    def get(self, judgment_id: str) -> Judgment:
        """Return a judgment as it stands. Raises RequestRefused (404) for an unknown one."""
        return private_loop.run(self._async.get(judgment_id))

    def cancel(self, judgment_id: str) -> Judgment:
        """Call a judgment off and return it as it ended; one that had ended stays as it is.

        Its candidates are unscored (`cancelled`). One that takes longer than some seconds to stop is returned as it
        stands: `wait` for it. Raises RequestRefused (404 for an unknown one) and ServiceUnavailable.
        """
        return private_loop.run(self._async.cancel(judgment_id))

    def list(
        self, states: Sequence[State] = (), *, limit: int = 20, cursor: str | None = None
    ) -> JudgmentPage:
        """Return one page of the tenant's judgments, newest first."""
        return private_loop.run(self._async.list(states, limit=limit, cursor=cursor))

    def upload(self, content: bytes) -> str:
        """Keep bytes, such as a database file, at the service; return the SHA-256 that `resources` name them by."""
        return private_loop.run(self._async.upload(content))

    def recipes(self) -> tuple[Mapping[str, Any], ...]:
        return private_loop.run(self._async.recipes())

    def tools(self) -> tuple[Mapping[str, Any], ...]:
        return private_loop.run(self._async.tools())

    def pin(self, recipe: str = "default") -> str:
        """Return the hash of what judges by a recipe now, for the `run.pin` of requests."""
        return private_loop.run(self._async.pin(recipe))

    def run(
        self,
        run_id: str,
        *,
        from_step: int | None = None,
        to_step: int | None = None,
        limit: int = 20,
        overall: bool = True,
    ) -> Mapping[str, Any]:
        """Return what was judged in a run, by step and over all. Raises RequestRefused (404) for an unknown one."""
        return private_loop.run(
            self._async.run(run_id, from_step=from_step, to_step=to_step, limit=limit, overall=overall)
        )

    def run_metrics(
        self, run_id: str, step: int | None = None, *, until: int | None = None
    ) -> dict[str, float]:
        """Return the numbers of a step (the newest, of those up to `until`) flat and finite, as loggers take them."""
        return private_loop.run(self._async.run_metrics(run_id, step, until=until))

    def health(self) -> Mapping[str, Any]:
        """Say what works, also when not all does: `status` is `ready`, `degraded` or `not_ready`.

        Tries once; raises ServiceUnavailable where nothing answers.
        """
        return private_loop.run(self._async.health())

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        if self._async.is_open:
            private_loop.run(self._async.aclose())

    def __enter__(self) -> JudgeClient:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return repr(self._async).removeprefix("Async")

    def __getstate__(self) -> Target:
        return self._async.__getstate__()

    def __setstate__(self, target: Target) -> None:
        self._async = AsyncJudgeClient.__new__(AsyncJudgeClient)
        self._async.__setstate__(target)
