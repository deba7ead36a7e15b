"""The one door to models and tools: budgeted, journalled before use, logged, counted, shared while in flight.

A call's key holds all that its result depends on. A key in the journal is answered from it; a key in
flight is waited for. A call that failed is journalled as well, so that a resumed judgment ends as its twin.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any, Literal, NamedTuple

from judge_agent.aside import PromptsAside
from judge_agent.budget import Budget
from judge_agent.call_limits import deadline_of as deadline_of
from judge_agent.call_limits import model_boundary, tool_boundary
from judge_agent.call_results import (
    completion_of,
    completion_record,
    only_values,
    tokens_of,
    tool_result_of,
    value_of,
)
from judge_agent.errors import JudgeError, ModelError
from judge_agent.flights import Flight, Flights, Make
from judge_agent.hashing import derived_seed, sha256_of
from judge_agent.model_calls import LOGPROBS as LOGPROBS
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
from judge_agent.spending import Bill
from judge_agent.tool_cache import SharedTools
from judge_agent.tool_progress import ToolProgress
from judge_agent.tool_results import sound

Json = Mapping[str, Any]


class ToolRun(NamedTuple):
    """A tool's result, and how long it took."""

    result: ToolResult
    seconds: float


class Juror(NamedTuple):
    """A model of the jury; without `info` it could not say what it is, and `problem` is why."""

    model: ChatModel | None
    info: ModelInfo | None
    problem: ModelError | str = ""


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
        no_model: ModelError | str,
        journal: Journal,
        shared: SharedResults,
        journalled: Mapping[str, JournalEntry],
        log: AuditLog,
        tools: SharedTools | None = None,
        progress: ToolProgress | None = None,
        lease: int | None = None,
        jurors: Mapping[str, Juror] | None = None,
        identities: Sequence[JournalEntry] = (),
        begun: Awaitable[None] | None = None,
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
        self._journalled = dict(journalled)
        self._tools, self._progress = tools, progress or ToolProgress(None, judgment_id, tenant)
        self._prompts = PromptsAside()
        self.thoughts = Thoughts()
        self._asker: str | None = None
        self._jurors = jurors or {}
        # Which servers' answers this judgment rests on, those that it shares with others of the task among them.
        self.answered = set[str]()
        self._flights = Flights(
            judgment_id=judgment_id,
            tenant=tenant,
            budget=budget,
            journal=journal,
            shared=shared,
            journalled=self._journalled,
            log=log,
            lease=lease,
            identities=identities,
            begun=begun,
        )

    def charged_to(self, owner: str, kept: float = 0.0, asker: str | None = None) -> Calls:
        """The same calls, paid from the owner's share of the budget, of which they must leave the part `kept`.

        `asker` is the id of the candidate that they are made for, for the log.
        """
        share = self.budget.share(owner)
        return self._paid_from(share.keeping(kept) if kept else share, asker)

    def of_juror(self, name: str) -> Calls:
        """The same calls, asked of one model of the jury: its answers are no sign that the judge has changed."""
        juror, view = self._jurors[name], self._paid_from(self.budget, self._asker)
        view._model = juror.model if juror.info is not None else None
        view._info, view._no_model, view.answered = juror.info, juror.problem, set()
        return view

    def walking(self, most: int) -> Calls:
        """The same calls for the next walk of the plan, of at most so many tokens; it ends with `walked`."""
        return self._paid_from(self.budget.walking(most), self._asker)

    def walked(self) -> None:
        """Say that this walk makes no more calls."""
        self.budget.payer.close()

    def _paid_from(self, budget: Budget, asker: str | None) -> Calls:
        # By hand: copy.copy costs ten times as much, and each walk needs one.
        view = object.__new__(Calls)
        view.__dict__.update(self.__dict__)
        view.budget, view._asker = budget, asker
        return view

    @property
    def usage(self) -> Usage:
        """What was spent; a replayed call counts its tokens, as in the run that was interrupted."""
        return self._flights.tally.usage

    @property
    def spent(self) -> Json:
        """The same as plain data, for the log."""
        return self._flights.tally.facts

    async def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        """The prompt's length in tokens; journalled where it may decide what is asked.

        A backend may count otherwise after a restart, or only estimate; what was asked before must be asked so again.
        """
        model = self._required_model()
        key = await self._prompts.do(messages, _key_of_doubt, self._info, messages)
        if key in self._journalled:
            return int(self._journalled[key].result["tokens"])
        async with deadline_of(self.budget), model_boundary():
            tokens = await model.count_tokens(messages)
        if key is not None:
            elapsed = round(self.budget.elapsed_seconds(), 3)
            entry = JournalEntry(key, "count", "model", {"tokens": tokens}, elapsed)
            async with deadline_of(self.budget):
                await self._journal.append(self.judgment_id, entry)
        return tokens

    @property
    def has_model(self) -> bool:
        """Whether there is a model to ask, as far as is known before it is asked."""
        return self._info is not None

    @property
    def context_window(self) -> int:
        if self._info is None:
            raise self._unavailable()
        return self._info.context_window

    @property
    def window_said(self) -> str:
        """The model's window for messages."""
        return self._info.window_said if self._info else "an unknown number of tokens"

    def can(self, ability: Literal["images", "tools", "logprobs"]) -> bool:
        """Whether the model says that it takes pictures, calls functions, or tells log-probabilities beside what it
        writes; what is not said is not known.
        """
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
        key, most = await self._prompts.do(call.messages, _key_and_most, call, self._info, seed)
        thinks = call.phase == "think"

        async def ask(limit_seconds: float) -> Json:
            left = self.budget.remaining_seconds()
            async with model_boundary():
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
            if thinks:
                completion = thought(completion)
            elif call.logprobs_of is not None:
                completion = only_values(completion, call.logprobs_of)
            return {"value": completion_record(completion)}

        flight = Flight(
            key,
            call.node,
            "shared" if call.shared else "model",
            {"messages": written_messages(call.messages)},
            self._call_limit_seconds,
            most,
            most - call.n * call.max_tokens,
        )
        completion = completion_of(value_of(await self._once(flight, ask)))
        self.answered.add(completion.answered_by)
        return completion

    async def likelihood(
        self, node: str, messages: Sequence[ChatMessage], continuation: str
    ) -> tuple[TokenLogprob, ...]:
        """Log-probabilities of the continuation's tokens as the answer to `messages`; journalled like a call.

        Raises ModelError (model_error where the backend cannot tell) or BudgetExceeded.
        """
        model = self._required_model()
        key = await self._prompts.do(messages, likelihood_key, self._info, messages, continuation)

        async def ask(limit_seconds: float) -> Json:
            async with model_boundary():
                told = await model.likelihood(messages, continuation, timeout_seconds=limit_seconds)
                return {"value": completion_record(told)}

        most = prompt_estimate([*messages, ChatMessage("assistant", continuation)])
        asked = {"messages": written_messages(messages), "continuation": continuation}
        flight = Flight(key, node, "model", asked, self._call_limit_seconds, most, most)
        completion = completion_of(value_of(await self._once(flight, ask)))
        self.answered.add(completion.answered_by)
        return completion.choices[0].logprobs

    async def tool(self, tool: Tool, arguments: Json, view: ToolView, content_sha256: str) -> ToolRun:
        """Run a tool. Raises ValueError (bad arguments), SandboxError, ToolError or BudgetExceeded."""
        sees = ["images"] if view.sees_images else []
        key = sha256_of(["tool", tool.name, tool.version, dict(arguments), content_sha256, view.seed, *sees])

        async def run(limit_seconds: float) -> Json:
            async def make() -> Json:
                with tool_boundary(tool.name):
                    return sound(await tool.run(arguments, view, timeout_seconds=limit_seconds))

            with self._progress.of(tool.name, key):
                if self._tools is None:
                    return {"value": await make()}
                return await self._tools.result(tool, key, make, limit_seconds)

        asked = {"arguments": dict(arguments)}
        result = await self._once(Flight(key, f"gather/{tool.name}", "tool", asked, self._call_seconds), run)
        return ToolRun(tool_result_of(value_of(result)), float(result.get("seconds", 0.0)))

    def event(self, type_: Any, node: str | None, fields: Json) -> None:
        self._flights.note(AuditEvent(type_, self.judgment_id, self.tenant, node, dict(fields)))

    def trail(self) -> Sequence[Awaitable[None]]:
        """All that was noted in the log; what was judged without a trail is not a judgment.

        A resumed one notes again what a crash took with it.
        """
        return self._flights.trail()

    def over(self) -> None:
        """Say that no call is asked for any more; what was found is not remembered here any longer."""
        self._flights.over()

    @contextmanager
    def useless_unless_read(self) -> Iterator[None]:
        """Around the reading of an answer: counts one that cannot be used; its tokens are counted already."""
        try:
            yield
        except JudgeError:
            self.was_useless()
            raise

    def was_useless(self) -> None:
        """Count a call of which no answer can be used."""
        self._flights.tally.add(useless_calls=1)

    async def _once(self, flight: Flight, make: Make) -> Json:
        """Answer a call from the journal, join the same one in flight, or make it.

        Who asks pays for it, once, as if it were alone: whoever else asks the same is no help to it.
        """
        flights, budget = self._flights, self.budget
        if flights.is_paid(flight, budget.payer):
            return await flights.landed(flight, make)
        found = await flights.finished(flight)
        if flight.kind == "tool":
            (budget.spend_tool_call if found is None else budget.replay_tool_call)()
            return await flights.landed(flight, make, found, payer=budget.payer, asker=self._asker)
        if found is not None:
            result = await flights.landed(flight, make, found, payer=budget.payer, asker=self._asker)
            budget.replay_tokens(tokens_of(result) if flights.is_own(result) else 0)
            return result
        async with self._reserved(flight.most) as bill:
            result = await flights.landed(flight, make, payer=budget.payer, asker=self._asker)
            bill.tokens = tokens_of(result)
        return result

    @asynccontextmanager
    async def _reserved(self, most: int) -> AsyncIterator[Bill]:
        """Hold what a call may cost; a call that waits for others to be settled waits no longer than the deadline."""
        async with AsyncExitStack() as stack:
            async with deadline_of(self.budget):
                bill = await stack.enter_async_context(self.budget.reserved(most))
            yield bill

    def _required_model(self) -> ChatModel:
        if self._model is None:
            raise self._unavailable()
        return self._model

    def _unavailable(self) -> ModelError:
        """Why there is no model to ask, in the words of who found out."""
        why = self._no_model
        kind = why.failure_kind if isinstance(why, ModelError) else "model_unreachable"
        return ModelError(kind, str(why))


def _key_of_doubt(info: ModelInfo | None, messages: Sequence[ChatMessage]) -> str | None:
    """The key of a count that may decide what is asked; None for one that cannot."""
    return count_key(info, messages) if may_not_fit(info, messages) else None


def _key_and_most(call: ModelCall, info: ModelInfo | None, seed: int) -> tuple[str, int]:
    """The key of a call, and the most tokens that it may cost."""
    return call_key(call, info, seed), most_tokens(call)
