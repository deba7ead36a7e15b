"""Works out arithmetic exactly and compares mathematical answers, in a box.

Opening calls: where the task has a reference answer that is a number, a formula or a choice, the candidate's stated
answer is compared with it, and that decides (`answer`). And every "a op b = c" that the agent wrote is worked out
again: a wrong one refutes its step and, where no reference answer decides, brings the principle `arithmetic`, which is
there only where it fails. Right arithmetic confirms nothing: the wrong thing may have been calculated rightly.

Does not know whether the reference is right. What rounding, units or wording may explain decides nothing.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from judge_agent.schema import Principle, PrincipleSpec, ToolStatus
from judge_agent.seams.sandbox import Limits, Sandbox
from judge_agent.seams.tool import DecidingTool, Finding, OpeningCall, ToolResult, ToolView, in_time
from judge_agent.trajectory import final_answer
from tools.numbers.asking import asked_text, asks_for_numbers
from tools.numbers.boxes import Kind, NoAnswer, ask, versions
from tools.numbers.stated import Stated, stated_answer
from tools.numbers.told import answer_finding, answer_text, bears_on_answer
from tools.numbers.written import Written, bounded, holds_arithmetic, of_arithmetic, texts_of

MAX_EXPRESSION_CHARS = 1000
_MATHEMATICS = re.compile(r"[\d\\=^\u221a\u03c0]|^\W*[A-Za-z]\W*$|\b(?:pi|sqrt|infinity)\b")


@dataclass(frozen=True)
class CalculateLimits:
    """`seconds` of exact and `symbolic_seconds` of symbolic work, `memory_bytes` of their box; `text_chars` characters
    of a trajectory are looked at, `equations` of them worked out, `shown` of those not right are told;
    `reference_chars` characters of a reference answer are compared.
    """

    seconds: float = 5.0
    symbolic_seconds: float = 10.0
    memory_bytes: int = 2**30
    text_chars: int = 200_000
    equations: int = 2000
    shown: int = 30
    reference_chars: int = 2000


class Calculate(DecidingTool):
    """The tool `calculate`. Its limits are part of its version: others can give other results."""

    name = "calculate"
    decides = PrincipleSpec(
        name="answer",
        description="The candidate's final answer is the right one.",
        kind="hard",
        dimension="correctness",
        tool=name,
    )

    def __init__(self, sandbox: Sandbox | None, *, limits: CalculateLimits | None = None) -> None:
        self._sandbox = sandbox
        self.limits = limits or CalculateLimits()
        self._slots = asyncio.Semaphore(2)
        box = f"{sandbox.name}-{sandbox.version}" if sandbox is not None else "no box"
        bounds = f"{self.limits.seconds:g}s/{self.limits.symbolic_seconds:g}s/{self.limits.text_chars}"
        self.version = f"6/{box}/{versions('symbolic')}/{bounds}"

    def principle(self, view: ToolView) -> PrincipleSpec | None:
        return self.decides if _has_answer(view) else None

    def can_decide(self, principle: Principle, view: ToolView) -> bool:
        return _has_answer(view) and super().can_decide(principle, view)

    def opening_calls(self, view: ToolView) -> Sequence[OpeningCall]:
        """The stated answer beside the reference, and the arithmetic of the trajectory where there is some."""
        calls = [OpeningCall({"check": "answer"})] if _has_answer(view) else []
        if holds_arithmetic(texts_of(view)):
            calls.append(OpeningCall({"check": "arithmetic"}))
        return calls

    def offered(self, view: ToolView) -> bool:
        """Where numbers of the task and of the answer may follow from each other."""
        return asks_for_numbers(view) or holds_arithmetic(texts_of(view))

    async def run(
        self, arguments: Mapping[str, Any], view: ToolView, *, timeout_seconds: float
    ) -> ToolResult:
        """Make an opening call, or answer the model. Raises ValueError, ToolError, SandboxError, BudgetExceeded."""
        check = arguments.get("check") if len(arguments) == 1 else None
        if check not in ("answer", "arithmetic"):
            return await super().run(arguments, view, timeout_seconds=timeout_seconds)
        async with in_time(self.name, timeout_seconds):
            return await self._in_box(lambda: (self._answer if check == "answer" else self._arithmetic)(view))

    async def asked(
        self,
        view: ToolView,
        *,
        expression: Annotated[str, Field(min_length=1, max_length=MAX_EXPRESSION_CHARS)] | None = None,
        equals: Annotated[str, Field(min_length=1, max_length=MAX_EXPRESSION_CHARS)] | None = None,
        is_final: bool = False,
        check: Literal["follows"] | None = None,
        timeout_seconds: float,
    ) -> ToolResult:
        """Works out an expression exactly, simplifies a formula, or says whether two are equal. Use it to check a
        number that the answer rests on; with is_final it says whether the final answer has that value.

        expression: Arithmetic, algebra or LaTeX: '3*(4+1/2)', 'sqrt(8)+pi', '\\frac{1}{3}'.
        equals: A second expression: whether the two are equal.
        is_final: True where this value is what the final answer must be: it is compared with it.
        check: Alone: whether the final answer is what its own calculations come to.

        Raises ValueError, ToolError, SandboxError.
        """
        if check is not None:
            if expression is not None or equals is not None or is_final:
                raise ValueError("check='follows' stands alone, without expression, equals and is_final")
            return await self._in_box(lambda: self._follows(view))
        for name, text in (("expression", expression), ("equals", equals)):
            if (text is None and name == "expression") or (text is not None and not text.strip()):
                raise ValueError(f"{name} must be a text that is not empty, not {text!r}")
        return await self._in_box(lambda: self._worked_out(expression or "", equals, is_final, view))

    async def _in_box(self, work: Callable[[], Awaitable[ToolResult]]) -> ToolResult:
        """Two calls at a time; a limit of the box that is hit is no verdict."""
        try:
            async with self._slots:
                return await work()
        except NoAnswer as error:
            status: ToolStatus = "timeout" if error.limit in ("wall_seconds", "cpu_seconds") else "refused"
            reason = f"not worked out: it hit {error.limit or 'an error'} ({error})"[:300]
            return ToolResult(status, {"error": reason}, (Finding("none", "hint", None, reason),))

    async def _ask(self, kind: Kind, question: Mapping[str, Any]) -> dict[str, Any]:
        seconds = self.limits.symbolic_seconds if kind == "symbolic" else self.limits.seconds
        limits = Limits(
            wall_seconds=seconds, cpu_seconds=int(seconds) + 1, memory_bytes=self.limits.memory_bytes
        )
        return await ask(self._sandbox, kind, question, limits)

    async def _compared(self, reference: str, answer: str) -> dict[str, Any]:
        """Exact reading first; what it leaves open goes to sympy."""
        question = {"op": "compare", "reference": reference, "answer": answer}
        told = await self._ask("exact", question)
        if told.get("verdict") == "symbolic":
            told = await self._ask("symbolic", question)
        if told.get("verdict") == "different" and answer.endswith("!") and "!" not in reference:
            return {"verdict": "unsure", "why": "what is read as a factorial may be an exclamation mark"}
        return told

    async def _compared_with_value(self, whole: str | None, answer: str) -> dict[str, Any]:
        """An answer beside a value to its last digit: what is shown of it may be rounded."""
        if whole is None:
            return {"verdict": "unsure", "why": "the value is too long to be compared"}
        return await self._compared(whole, answer)

    async def _answer(self, view: ToolView) -> ToolResult:
        reference = view.task.reference.answer
        if reference is None:
            raise ValueError("check='answer' needs task.reference.answer; there is none")
        stated = stated_answer(view.trajectory)
        if stated is None:
            return _no_answer(view)
        told = await self._compared(reference[: self.limits.reference_chars], stated.text)
        if not stated.sure and told.get("verdict") == "different":
            within = {
                "op": "mentions",
                "reference": reference[: self.limits.reference_chars],
                "text": answer_text(view.trajectory),
            }
            stated = stated._replace(sure=(await self._ask("exact", within)).get("mentions") is False)
        verdict, why = str(told.get("verdict")), str(told.get("why"))[:200]
        finding = _of_answer(verdict, why, stated)
        output = {
            "answer_read": stated.text[:300],
            "stated_plainly": stated.sure,
            "verdict": verdict,
            "why": why,
        }
        return ToolResult("ok", output, (finding,), checked={"answers": 1})

    async def _arithmetic(self, view: ToolView) -> ToolResult:
        texts, cut = bounded(texts_of(view), self.limits.text_chars)
        question = {
            "op": "equations",
            "texts": list(texts.values()),
            "task": asked_text(view),
            "most": self.limits.equations,
        }
        told = await self._ask("exact", question)
        found = [Written(list(texts)[one[0]], *map(str, one[1:])) for one in told.get("equations", ())]
        cut = cut or told.get("cut") is True
        return of_arithmetic(found, cut=cut, is_principle=not _has_answer(view), shown=self.limits.shown)

    async def _follows(self, view: ToolView) -> ToolResult:
        stated = stated_answer(view.trajectory)
        if stated is None:
            return _no_answer(view)
        texts, _ = bounded(texts_of(view), self.limits.text_chars)
        question = {"op": "follows", "texts": list(texts.values()), "answer": stated.text}
        told = await self._ask("exact", {**question, "most": self.limits.equations})
        output = {
            "answer_read": stated.text[:300],
            "verdict": told.get("verdict"),
            "why": str(told.get("why"))[:200],
        }
        return ToolResult(
            "ok", output, (bears_on_answer(told.get("verdict"), "what its calculations come to"),)
        )

    async def _worked_out(
        self, expression: str, equals: str | None, is_final: bool, view: ToolView
    ) -> ToolResult:
        question = {"op": "value", "expression": expression}
        value = await self._ask("exact", question)
        if "none" in value:
            value = await self._ask("symbolic", question)
        whole = value.pop("whole", value.get("exact"))
        output: dict[str, Any] = {"expression": expression, **value}
        if "none" in value:
            output = {"expression": expression, "error": str(value["none"])[:300]}
            return ToolResult(
                "failed", output, (Finding("none", "hint", None, "the expression was not read"),)
            )
        if equals is not None:
            told = await self._compared(expression, equals)
            output["equals"] = {"expression": equals, "verdict": told.get("verdict"), "why": told.get("why")}
        if not is_final:
            return ToolResult("ok", output, (Finding("none", "hint", None, "worked out"),))
        stated = stated_answer(view.trajectory)
        told = {} if stated is None else await self._compared_with_value(whole, stated.text)
        output["final_answer"] = told.get("verdict", "none stated")
        return ToolResult(
            "ok", output, (bears_on_answer(told.get("verdict"), "the value that was worked out"),)
        )


def _has_answer(view: ToolView) -> bool:
    """Whether the reference answer is mathematics, or a choice: words are compared by nobody here."""
    answer = view.task.reference.answer
    return answer is not None and bool(answer.strip()) and bool(_MATHEMATICS.search(answer[:2000]))


def _of_answer(verdict: str, why: str, stated: Stated) -> Finding:
    """An answer that is stated plainly decides; so does a last number: right where its line has no other, and wrong
    where the right one is nowhere in the text.
    """
    plainly = stated.sure or (stated.others == 0 and verdict == "equal")
    return answer_finding(verdict, why, decides=plainly)


def _no_answer(view: ToolView) -> ToolResult:
    """No text at all is no answer; a text without a number may state it in words."""
    if final_answer(view.trajectory).strip():
        reason = "which answer is stated cannot be told; \\boxed{...} or a line 'Answer: ...' says it"
        return ToolResult("ok", {"reason": reason}, (Finding("none", "hint", None, reason),))
    reason = "no answer is stated"
    return ToolResult("failed", {"reason": reason}, (Finding("refutes", "decisive", 0.0, reason),))
