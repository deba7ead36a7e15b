"""Lets a model ask for calls turn by turn, in one conversation: what was asked and answered stays in it.

What tools say is data, fenced and neutralised, and so is what the model wrote itself when it is sent back. Where
the rounds or the calls end before the model does, a last turn without tools says what the results show.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, Protocol

from judge_agent.calls import ModelCall
from judge_agent.errors import BudgetExceeded, ModelError
from judge_agent.nodes.function_calls import FunctionCalls, Turn
from judge_agent.nodes.inquiry import GATHER_MAX_TOKENS, Inquiry
from judge_agent.prompting.fences import neutralise
from judge_agent.prompting.handles import Handles
from judge_agent.prompting.images import with_images
from judge_agent.prompting.material import (
    Material,
    trajectory_block,
    without_thought,
)
from judge_agent.prompting.notes import with_note
from judge_agent.prompting.results import evidence_block, output_text
from judge_agent.seams.model import ChatMessage, Choice
from judge_agent.state import Json
from judge_agent.trajectory import read

MAX_BAD_TURNS = 2
KEPT_SHARE = 0.5
MAX_NOTE_CHARS = 1000
NOTE_MAX_TOKENS = 320
# A trajectory that does not fit whole is shown with its long texts by their beginning.
PART_CHARS = 1200
_LAST = (
    "No more calls can be made. Say in a few sentences what the results show about the principles that are still "
    "open, and what stays unknown."
)


class Form(Protocol):
    """The form in which a model asks for calls, and is answered.

    `prompt` is the recipe's name for its prompt, `variables` are what it shows beside the material, and `beside` is
    what a call sends beside its messages, as text, for its tokens.
    """

    @property
    def prompt(self) -> Literal["gather_tools", "gather_react"]: ...
    @property
    def variables(self) -> Mapping[str, str]: ...
    @property
    def beside(self) -> str: ...

    def question(self, node: str, messages: Sequence[ChatMessage]) -> ModelCall:
        """The call that asks for the next turn."""
        ...

    async def answered(self, choice: Choice, round_: int) -> Turn:
        """Make the calls of a turn and answer them. Raises BudgetExceeded('deadline')."""
        ...


async def ask_in_turns(inquiry: Inquiry, form_of: Callable[[FunctionCalls], Form]) -> None:
    """Let the model ask until it is done or its rounds or calls are used up."""
    shown = inquiry.material()
    handles = handles_of(inquiry, shown)
    loop = _Loop(inquiry, shown, handles, form_of(FunctionCalls(inquiry, handles)))
    try:
        await loop.run()
    except (ModelError, BudgetExceeded) as error:
        inquiry.stopped(error)
    inquiry.found.flags["tool_loop"] = loop.account


class _Loop:
    """One inquiry in turns. `account` says what it bought."""

    def __init__(self, inquiry: Inquiry, shown: Material, handles: Handles, form: Form) -> None:
        self._inquiry, self._shown, self._handles, self._form = inquiry, shown, handles, form
        self._messages: tuple[ChatMessage, ...] = ()
        self._tokens_beside = 0
        self.account: Json = {"turns": 0, "calls": 0, "pages": 0}

    async def run(self) -> None:
        count = self._inquiry.context.calls.count_tokens
        if self._form.beside:
            self._tokens_beside = await count([ChatMessage("user", self._form.beside)])
        self._messages = await self._opening()
        bad_turns = 0
        for round_ in range(self._inquiry.rounds):
            turn = await self._form.answered(await self._ask(round_), round_)
            self._messages = (*self._messages, *turn.messages)
            self.account["calls"] += turn.made
            self.account["pages"] = self._handles.pages
            if turn.done:
                self._note(turn.note)
                return
            bad_turns = bad_turns + 1 if not turn.useful else 0
            if turn.spent or bad_turns == MAX_BAD_TURNS:
                break
        await self._close()

    async def _opening(self) -> tuple[ChatMessage, ...]:
        """The first prompt: the trajectory whole, or by the beginnings of its texts. Raises input_too_large."""
        whole = self._rendered([part.line for part in self._shown.parts])
        if await self._fits(whole):
            return whole
        heads = [
            part.with_text(self._handles.head(part.alias, PART_CHARS)).line
            if part.alias and part.text is not None
            else part.line
            for part in self._shown.parts
        ]
        cut = self._rendered(heads)
        if await self._fits(cut):
            return cut
        raise ModelError("input_too_large", "the candidate does not fit the model's window")

    def _rendered(self, lines: Sequence[str]) -> tuple[ChatMessage, ...]:
        context, shown = self._inquiry.context, self._shown
        results = [alias for alias, source in shown.sources.items() if source.evidence_id is not None]
        messages = context.prompts.load(context.recipe.prompts[self._form.prompt]).render(
            {
                "task": shown.task,
                "trajectory": trajectory_block(lines),
                "evidence": evidence_block([(alias, self._handles.head(alias)) for alias in results]),
                "reference": shown.reference,
                "principles": self._inquiry.principles_in_words(),
                **self._form.variables,
            }
        )
        return with_images(messages, shown.images)

    async def _ask(self, round_: int) -> Choice:
        if not await self._fits(self._messages):
            raise ModelError("input_too_large", "what was found so far does not fit the model's window")
        call = self._form.question(f"gather/ask/{round_}", self._messages)
        completion = await self._inquiry.context.calls.model(call)
        self.account["turns"] += 1
        return completion.choices[0]

    async def _close(self) -> None:
        """The last turn, without tools: the model has to make do with what it has."""
        ends_with_us = self._messages[-1].role == "user"
        asked = (*self._messages, ChatMessage("user", _LAST))
        messages = with_note(self._messages, _LAST) if ends_with_us else asked
        if not await self._fits(messages):
            raise ModelError("input_too_large", "what was found does not fit the model's window")
        call = ModelCall("gather/close", messages, None, NOTE_MAX_TOKENS)
        (choice, *_) = (await self._inquiry.context.calls.model(call)).choices
        self.account["turns"] += 1
        self._note("" if choice.tool_calls else choice.content or "")

    def _note(self, said: str) -> None:
        """Keep what the model says of the results, for who reads the record; no prompt shows it as evidence."""
        if said:
            self.account["note"] = neutralise(said)[:MAX_NOTE_CHARS]

    async def _fits(self, messages: Sequence[ChatMessage]) -> bool:
        calls = self._inquiry.context.calls
        needed = await calls.count_tokens(messages) + self._tokens_beside + GATHER_MAX_TOKENS
        return needed <= calls.context_window


def handles_of(inquiry: Inquiry, shown: Material) -> Handles:
    """Every text of the candidate by its id, as it was written, and what tools found so far."""
    trajectory, hidden = inquiry.candidate.trajectory, inquiry.context.request.include_hidden_reasoning

    def spoken(text: str) -> str:
        return text if hidden else without_thought(text)[0]

    written = {
        turn.span_id: spoken(turn.text) if turn.role == "assistant" else turn.text
        for turn in read(trajectory).turns
    }
    written |= {f"a{index}": artifact.content for index, artifact in enumerate(trajectory.artifacts)}
    written |= {f"e{at + 1}": output_text(item["output"]) for at, item in enumerate(inquiry.found.evidence)}
    written["task"] = inquiry.context.task.prompt or shown.sources["task"].shown
    if trajectory.final_answer is not None:
        written["final"] = spoken(trajectory.final_answer)
    readable = {alias: source.shown for alias, source in shown.sources.items() if alias != "reference"}
    return Handles(readable, written)
