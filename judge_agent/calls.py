"""The one door to models and tools: budgeted, journalled before use, logged, counted, shared while in flight.

A call's key holds all that its result depends on. A key in the journal is answered from it; a key in
flight is waited for. A call that failed is journalled as well, so that a resumed judgment ends as its twin.
"""

from __future__ import annotations

import asyncio
import copy
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import asdict
from typing import Any, Literal, NamedTuple

from judge_agent.budget import Budget
from judge_agent.call_limits import deadline_of as deadline_of
from judge_agent.call_limits import model_boundary, tool_boundary
from judge_agent.call_results import (
    completion_of,
    error_record,
    is_partial,
    tool_result_of,
    usage_of,
    value_of,
)
from judge_agent.errors import BudgetExceeded, JudgeError, ModelError
from judge_agent.hashing import derived_seed, sha256_of
from judge_agent.model_calls import ModelCall as ModelCall
from judge_agent.model_calls import (
    call_key,
    count_key,
    likelihood_key,
    may_not_fit,
    most_tokens,
    prompt_estimate,
    written_messages,
)
from judge_agent.reasoning import THINKING_SHARE, Thoughts, reasoned, thought
from judge_agent.schema import Usage
from judge_agent.seams.model import ChatMessage, ChatModel, Completion, ModelInfo, TokenLogprob
from judge_agent.seams.storage import AuditEvent, AuditLog, Journal, JournalEntry, SharedResults
from judge_agent.seams.tool import Tool, ToolResult, ToolView
from judge_agent.spending import Bill, Spending
from judge_agent.tool_results import sound

MAX_CALLS_AT_ONCE = 16
Json = Mapping[str, Any]
_CallKind = Literal["model", "tool", "shared"]


class ToolRun(NamedTuple):
    """A tool's result, and how long it took."""

    result: ToolResult
    seconds: float


class Calls:
    """The calls of one judgment. Made by `judge.py`, used by the nodes."""

    def __init__(
        self,
        *,
        judgment_id: str,
        tenant: str,
        seed: int,
        budget: Budget,
        call_seconds: float,
        model: ChatModel | None,
        model_info: ModelInfo | None,
        no_model: str,
        journal: Journal,
        shared: SharedResults,
        journalled: Mapping[str, JournalEntry],
        log: AuditLog,
    ) -> None:
        self.judgment_id = judgment_id
        self.tenant = tenant
        self.budget = budget
        self._seed = seed
        self._call_seconds = call_seconds
        self._model = model
        self._info = model_info
        self._no_model = no_model
        self._journal = journal
        self._shared = shared
        self._journalled = dict(journalled)
        self.thoughts = Thoughts()
        self._pooled = budget.parts is None
        if self._pooled:
            budget.count_tool_calls(sum(entry.kind == "tool" for entry in journalled.values()))
        self._log = log
        self._noted: list[Awaitable[None]] = []
        self._flights: dict[str, asyncio.Task[Json]] = {}
        self._payers: dict[str, Spending] = {}
        self._slots = asyncio.Semaphore(MAX_CALLS_AT_ONCE)
        self._spent: dict[str, float] = {}

    def charged_to(self, owner: str, kept: float = 0.0) -> Calls:
        """The same calls, paid from the owner's share of the budget, of which they must leave the part `kept`."""
        view = copy.copy(self)
        share = self.budget.share(owner)
        view.budget = share.keeping(kept) if kept else share
        return view

    @property
    def usage(self) -> Usage:
        """What was spent; a replayed call counts its tokens, as in the run that was interrupted."""
        whole = {name: value for name, value in self._spent.items() if not name.endswith("_seconds")}
        seconds = {name: round(value, 4) for name, value in self._spent.items() if name.endswith("_seconds")}
        return Usage.model_validate({**{name: int(value) for name, value in whole.items()}, **seconds})

    async def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        """The prompt's length in tokens; journalled where it may decide what is asked.

        A backend may count otherwise after a restart, or only estimate; what was asked before must be asked so again.
        """
        model = self._required_model()
        key = count_key(self._info, messages) if may_not_fit(self._info, messages) else None
        if key in self._journalled:
            return int(self._journalled[key].result["tokens"])
        async with deadline_of(self.budget), model_boundary():
            tokens = await model.count_tokens(messages)
        if key is not None:
            elapsed = round(self.budget.elapsed_seconds(), 3)
            entry = JournalEntry(key, "count", "model", {"tokens": tokens}, elapsed)
            await self._journal.append(self.judgment_id, entry)
        return tokens

    @property
    def context_window(self) -> int:
        if self._info is None:
            raise ModelError("model_unreachable", "the model has not said what it is")
        return self._info.context_window

    @property
    def window_said(self) -> str:
        """The model's window for messages."""
        return self._info.window_said if self._info else "an unknown number of tokens"

    def can(self, ability: Literal["images", "tools"]) -> bool:
        """Whether the model says that it takes pictures, or calls functions; what is not said is not known."""
        return self._info is not None and self._info.details.get(ability) is True

    def text_chars(self, wanted: int) -> int:
        """How long a text to ask for: what is wanted, or what the backend says that the model is good for."""
        return self._at_most("text_chars", wanted)

    def max_tokens(self, wanted: int) -> int:
        """How long a free answer may get; a weak model only repeats itself past a point."""
        return self._at_most("max_tokens", wanted)

    def citations(self, wanted: int) -> int:
        """How many citations to ask for; each costs a weak model more than its reason."""
        return self._at_most("max_citations", wanted)

    def _at_most(self, detail: str, wanted: int) -> int:
        limit = self._info.details.get(detail, wanted) if self._info else wanted
        return min(wanted, int(limit))

    @property
    def _call_limit_seconds(self) -> float:
        """A server may hang, so a call to one is bounded; a model in this process only works off its queue."""
        in_process = self._info is not None and self._info.details.get("in_process")
        return math.inf if in_process else self._call_seconds

    async def model(self, call: ModelCall) -> Completion:
        """Ask the model. Raises ModelError or BudgetExceeded; both are journalled but for the deadline."""
        if call.reasoning_tokens:
            return await reasoned(self._ask, call, self._info, self.thoughts)
        return await self._ask(call)

    async def _ask(self, call: ModelCall) -> Completion:
        model, seed = self._required_model(), derived_seed(0 if call.shared else self._seed, call.node)
        key = call_key(call, self._info, seed)
        thinks = call.phase == "think"

        async def ask(limit_seconds: float) -> Json:
            left = self.budget.remaining_seconds()
            completion = await model.complete(
                call.messages,
                schema=call.schema,
                tools=call.tools or None,
                tool_choice=call.tool_choice,
                n=call.n,
                logprobs=call.logprobs,
                seed=seed,
                max_tokens=call.room,
                temperature=call.temperature,
                stop=call.stop,
                timeout_seconds=min(limit_seconds, left * THINKING_SHARE) if thinks else limit_seconds,
                keep_partial=thinks,
                think=call.phase != "answer",
            )
            return asdict(thought(completion) if thinks else completion)

        kind: _CallKind = "shared" if call.shared else "model"
        result = await self._once(key, call.node, kind, lambda: self._in_turn(ask), most_tokens(call))
        self._log_call("model.call", call.node, key, result, {"messages": written_messages(call.messages)})
        return completion_of(value_of(result))

    async def likelihood(
        self, node: str, messages: Sequence[ChatMessage], continuation: str
    ) -> tuple[TokenLogprob, ...]:
        """Log-probabilities of the continuation's tokens as the answer to `messages`; journalled like a call.

        Raises ModelError (model_error where the backend cannot tell) or BudgetExceeded.
        """
        model, key = self._required_model(), likelihood_key(self._info, messages, continuation)

        async def ask(limit_seconds: float) -> Json:
            return asdict(await model.likelihood(messages, continuation, timeout_seconds=limit_seconds))

        most = prompt_estimate([*messages, ChatMessage("assistant", continuation)])
        result = await self._once(key, node, "model", lambda: self._in_turn(ask), most)
        asked = {"messages": written_messages(messages), "continuation": continuation}
        self._log_call("model.call", node, key, result, asked)
        return completion_of(value_of(result)).choices[0].logprobs

    async def _in_turn(self, ask: Callable[[float], Awaitable[Json]]) -> Json:
        """Make a call to the model when its turn comes, in the time that it may take."""
        sent = False
        try:
            async with self._slots, deadline_of(self.budget), model_boundary():
                timeout, sent = self.budget.call_seconds(self._call_limit_seconds), True
                return await ask(timeout)
        except BudgetExceeded:
            # Cut off by the deadline: it was made, though what it cost is not known.
            self._count(model_calls=int(sent), useless_calls=int(sent))
            raise

    async def tool(self, tool: Tool, arguments: Json, view: ToolView, content_sha256: str) -> ToolRun:
        """Run a tool. Raises ValueError (bad arguments), SandboxError, ToolError or BudgetExceeded."""
        node = f"gather/{tool.name}"
        key = sha256_of(["tool", tool.name, tool.version, dict(arguments), content_sha256, view.seed])

        async def run() -> Json:
            self.budget.spend_tool_call()
            async with self._slots, deadline_of(self.budget):
                timeout = self.budget.call_seconds(self._call_seconds)
                with tool_boundary(tool.name):
                    result = await tool.run(arguments, view, timeout_seconds=timeout)
                    return sound(result)

        result = await self._once(key, node, "tool", run)
        self._log_call("tool.call", node, key, result, {"arguments": dict(arguments)})
        return ToolRun(tool_result_of(value_of(result)), float(result.get("seconds", 0.0)))

    def event(self, type_: Any, node: str | None, fields: Json) -> None:
        self._note(AuditEvent(type_, self.judgment_id, self.tenant, node, dict(fields)))

    async def logged(self) -> None:
        """Wait until all that was noted is in the log; a resumed judgment notes again what a crash took with it.

        Raises StoreError: what was judged without a trail is not a judgment.
        """
        while self._noted:
            await self._noted.pop()

    @contextmanager
    def useless_unless_read(self) -> Iterator[None]:
        """Around the reading of an answer: counts one that cannot be used; its tokens are counted already."""
        try:
            yield
        except JudgeError:
            self._count(useless_calls=1)
            raise

    async def _once(
        self, key: str, node: str, kind: _CallKind, make: Callable[[], Awaitable[Json]], most: int = 0
    ) -> Json:
        """Answer from the journal, join the same call in flight, or make it; `most` is what it may cost in tokens."""
        if (joined := await self._joined(key, most)) is not None:
            return joined
        flight = asyncio.ensure_future(self._make(key, node, kind, make, most))
        self._flights[key], self._payers[key] = flight, self.budget.spending
        try:
            return await asyncio.shield(flight)
        except asyncio.CancelledError:
            flight.cancel()
            raise

    async def _joined(self, key: str, most: int) -> Json | None:
        """The result of the same call in flight; who has a share of its own pays for it as if it were alone.

        None where there is none, or where it ended because another's share did.
        """
        while (flight := self._flights.get(key)) is not None:
            if self._payers[key] is self.budget.spending:
                return await asyncio.shield(flight)
            try:
                result = await asyncio.shield(flight)
            except BudgetExceeded:
                if self._flights.get(key) is flight:
                    del self._flights[key]
                continue
            async with self._reserved(most) as bill:
                usage = usage_of(result)
                bill.tokens = usage.prompt + usage.completion
            return result
        return None

    @asynccontextmanager
    async def _reserved(self, most: int) -> AsyncIterator[Bill]:
        """Hold what a call may cost; a call that waits for others to be settled waits no longer than the deadline."""
        async with AsyncExitStack() as stack:
            async with deadline_of(self.budget):
                bill = await stack.enter_async_context(self.budget.reserved(most))
            yield bill

    async def _make(
        self, key: str, node: str, kind: _CallKind, make: Callable[[], Awaitable[Json]], most: int
    ) -> Json:
        finished = await self._finished(key, kind)
        if finished is not None:
            return finished
        if kind == "tool":
            return await self._made(key, node, kind, make, Bill())
        async with self._reserved(most) as bill:
            return await self._made(key, node, kind, make, bill)

    async def _made(
        self, key: str, node: str, kind: _CallKind, make: Callable[[], Awaitable[Json]], bill: Bill
    ) -> Json:
        started = time.monotonic()
        try:
            result: dict[str, Any] = {"value": await make()}
        except BudgetExceeded:
            raise
        except (JudgeError, ValueError) as error:
            result = {"error": error_record(error)}
        result["seconds"] = round(time.monotonic() - started, 4)
        if kind == "shared" and "value" in result and not is_partial(result["value"]):
            # Another process may have been first: what is kept holds for all, so it holds here.
            kept = await self._shared.put(self.tenant, f"call/{key}", {**result, "by": self.judgment_id})
            bill.tokens = self._account(kind, result)
            return kept
        entry_kind: Literal["model", "tool"] = "tool" if kind == "tool" else "model"
        elapsed = round(self.budget.elapsed_seconds(), 3)
        await self._journal.append(self.judgment_id, JournalEntry(key, node, entry_kind, result, elapsed))
        bill.tokens = self._account(kind, result)
        return result

    async def _finished(self, key: str, kind: _CallKind) -> Json | None:
        """The result of a call that was finished before: by this judgment, or, if shared, by another."""
        entry = self._journalled.get(key)
        result = entry.result if entry else None
        if result is None and kind == "shared":
            result = await self._shared.get(self.tenant, f"call/{key}")
        if result is None:
            return None
        self._count(replayed_calls=1)
        if result.get("by", self.judgment_id) == self.judgment_id:
            self.budget.replay_tokens(self._account(kind, result))
            if kind == "tool" and not self._pooled:
                self.budget.count_tool_calls(1)
        return {**result, "replayed": True}

    def _account(self, kind: _CallKind, result: Json) -> int:
        """Count a finished call; returns its tokens."""
        seconds = float(result.get("seconds", 0.0))
        if kind == "tool":
            self._count(tool_calls=1, tool_seconds=seconds)
            return 0
        usage = usage_of(result)
        self._count(
            model_calls=1,
            model_seconds=seconds,
            prompt_tokens=usage.prompt,
            cached_tokens=usage.cached,
            completion_tokens=usage.completion,
            reasoning_tokens=usage.reasoning,
            useless_calls=int("error" in result),
        )
        return usage.prompt + usage.completion

    def _count(self, **amounts: float) -> None:
        for name, amount in amounts.items():
            self._spent[name] = self._spent.get(name, 0) + amount

    def _log_call(self, type_: Any, node: str, key: str, result: Json, asked: Json) -> None:
        fields = {"key": key, "seconds": result.get("seconds"), "replayed": bool(result.get("replayed"))}
        if "error" in result:
            fields["failure_kind"] = result["error"]["failure_kind"]
        else:
            fields["usage"] = result["value"].get("usage")
            fields["status"] = result["value"].get("status")
        answer = result.get("value") or result.get("error")
        self._note(
            AuditEvent(type_, self.judgment_id, self.tenant, node, fields, {**asked, "answer": answer})
        )

    def _note(self, event: AuditEvent) -> None:
        self._noted.append(self._log.note(event))

    def _required_model(self) -> ChatModel:
        if self._model is None:
            raise ModelError("model_unreachable", self._no_model)
        return self._model
