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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from judge_agent.errors import BudgetExceeded
from judge_agent.schema import Principle, PrincipleSpec, ToolStatus
from judge_agent.seams.sandbox import Limits, Sandbox
from judge_agent.seams.tool import Aside, DecidingTool, Finding, OpeningCall, ToolResult, ToolView
from judge_agent.trajectory import final_answer, read
from tools.numbers.boxes import Kind, NoAnswer, ask, versions
from tools.numbers.stated import Stated, stated_answer
from tools.numbers.told import answer_finding, answer_text, bears_on_answer

_MATHEMATICS = re.compile(r"[\d\\=^\u221a\u03c0]|^\W*[A-Za-z]\W*$|\b(?:pi|sqrt|infinity)\b")
_OPERATION = re.compile(r"[\d)\]%}][\s$]{0,3}[-+*/^xX\u00d7\u00f7\u00b7\u22c5\u2219\u2212\u2013\\]|\\d?frac")
_PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "check": {
            "type": "string",
            "enum": ["follows"],
            "description": "Alone: whether the final answer is what its own calculations come to.",
        },
        "expression": {
            "type": "string",
            "minLength": 1,
            "maxLength": 1000,
            "description": "Arithmetic, algebra or LaTeX: '3*(4+1/2)', 'sqrt(8)+pi', '\\\\frac{1}{3}'.",
        },
        "equals": {
            "type": ["string", "null"],
            "maxLength": 1000,
            "description": "A second expression: whether the two are equal.",
        },
        "is_final": {
            "type": "boolean",
            "description": "True where this value is what the final answer must be: it is compared with it.",
        },
    },
    "additionalProperties": False,
}


@dataclass(frozen=True)
class CalculateLimits:
    """`seconds` of exact and `symbolic_seconds` of symbolic work; sizes of what is looked at."""

    seconds: float = 5.0
    symbolic_seconds: float = 10.0
    memory_bytes: int = 2**30
    text_chars: int = 200_000
    equations: int = 2000
    expression_chars: int = 1000
    shown: int = 30


class Calculate(DecidingTool):
    """The tool `calculate`. Its limits are part of its version: others can give other results."""

    name = "calculate"
    description = (
        "Works out an expression exactly, simplifies a formula, or says whether two are equal. Use it to check a "
        "number that the answer rests on; with is_final it says whether the final answer has that value."
    )
    parameters = _PARAMETERS
    decides = PrincipleSpec(
        name="answer",
        description="The candidate's final answer is the right one.",
        kind="hard",
        dimension="correctness",
        tool=name,
    )

    def __init__(self, sandbox: Sandbox | None, *, limits: CalculateLimits | None = None) -> None:
        self._sandbox = sandbox
        self._limits = limits or CalculateLimits()
        self._slots = asyncio.Semaphore(2)
        box = f"{sandbox.name}-{sandbox.version}" if sandbox is not None else "no box"
        bounds = f"{self._limits.seconds:g}s/{self._limits.symbolic_seconds:g}s/{self._limits.text_chars}"
        self.version = f"1/{box}/{versions('symbolic')}/{bounds}"

    def principle(self, view: ToolView) -> PrincipleSpec | None:
        return self.decides if _has_answer(view) else None

    def can_decide(self, principle: Principle, view: ToolView) -> bool:
        return _has_answer(view) and super().can_decide(principle, view)

    def opening_calls(self, view: ToolView) -> Sequence[OpeningCall]:
        """The stated answer beside the reference, and the arithmetic of the trajectory where there is some."""
        calls = [OpeningCall({"check": "answer"})] if _has_answer(view) else []
        lines = [line for text in _texts(view).values() for line in text.split("\n") if "=" in line]
        if any(_OPERATION.search(line) for line in lines):
            calls.append(OpeningCall({"check": "arithmetic"}))
        return calls

    async def run(
        self, arguments: Mapping[str, Any], view: ToolView, *, timeout_seconds: float
    ) -> ToolResult:
        """Run an opening call, or the model's own. Raises ValueError, ToolError, SandboxError, BudgetExceeded."""
        checks = {"answer": self._answer, "arithmetic": self._arithmetic, "follows": self._follows}
        check = arguments.get("check") if len(arguments) == 1 else None
        asked = None if check in checks else _read(arguments, self._limits.expression_chars)
        try:
            async with asyncio.timeout(timeout_seconds), self._slots:
                if asked is not None:
                    return await self._worked_out(asked, view)
                return await checks[str(check)](view)
        except TimeoutError as error:
            message = f"tool 'calculate' exceeded timeout_seconds={timeout_seconds:g}; raise budget.seconds"
            raise BudgetExceeded("deadline", message) from error
        except NoAnswer as error:
            status: ToolStatus = "timeout" if error.limit in ("wall_seconds", "cpu_seconds") else "refused"
            reason = f"not worked out: it hit {error.limit or 'an error'} ({error})"[:300]
            return ToolResult(status, {"error": reason}, (Finding("none", "hint", None, reason),))

    async def _ask(self, kind: Kind, question: Mapping[str, Any]) -> dict[str, Any]:
        seconds = self._limits.symbolic_seconds if kind == "symbolic" else self._limits.seconds
        limits = Limits(
            wall_seconds=seconds, cpu_seconds=int(seconds) + 1, memory_bytes=self._limits.memory_bytes
        )
        return await ask(self._sandbox, kind, question, limits)

    async def _compared(self, reference: str, answer: str) -> dict[str, Any]:
        """Exact reading first; what it leaves open goes to sympy."""
        question = {"op": "compare", "reference": reference, "answer": answer}
        told = await self._ask("exact", question)
        return await self._ask("symbolic", question) if told.get("verdict") == "symbolic" else told

    async def _answer(self, view: ToolView) -> ToolResult:
        reference = view.task.reference.answer
        if reference is None:
            raise ValueError("check='answer' needs task.reference.answer; there is none")
        stated = stated_answer(view.trajectory)
        if stated is None:
            return _no_answer(view)
        told = await self._compared(reference[:2000], stated.text)
        if not stated.sure and told.get("verdict") == "different":
            within = {"op": "mentions", "reference": reference[:2000], "text": answer_text(view.trajectory)}
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
        texts, cut = _bounded(_texts(view), self._limits.text_chars)
        question = {"op": "equations", "texts": list(texts.values()), "most": self._limits.equations}
        told = await self._ask("exact", question)
        found = [_Found(list(texts)[one[0]], *map(str, one[1:])) for one in told.get("equations", ())]
        wrong = [one for one in found if one.verdict == "wrong"]
        decided = not _has_answer(view)
        aside = (_arithmetic_aside(wrong),) if wrong and decided else ()
        shown = [one for one in found if one.verdict != "right"][: self._limits.shown]
        cut = cut or told.get("cut") is True
        return ToolResult(
            "ok",
            {
                "equations": len(found),
                "wrong": len(wrong),
                "listed": [one.as_json() for one in sorted(shown, key=lambda one: one.verdict != "wrong")],
            },
            tuple(_of_steps(wrong)),
            truncated=cut,
            checked={"equations": len(found)},
            flags={"arithmetic_not_all_read": True} if cut else {},
            asides=aside,
        )

    async def _follows(self, view: ToolView) -> ToolResult:
        stated = stated_answer(view.trajectory)
        if stated is None:
            return _no_answer(view)
        texts, _ = _bounded(_texts(view), self._limits.text_chars)
        question = {"op": "follows", "texts": list(texts.values()), "answer": stated.text}
        told = await self._ask("exact", {**question, "most": self._limits.equations})
        output = {
            "answer_read": stated.text[:300],
            "verdict": told.get("verdict"),
            "why": str(told.get("why"))[:200],
        }
        return ToolResult(
            "ok", output, (bears_on_answer(told.get("verdict"), "what its calculations come to"),)
        )

    async def _worked_out(self, asked: Asked, view: ToolView) -> ToolResult:
        question = {"op": "value", "expression": asked.expression}
        value = await self._ask("exact", question)
        if "none" in value:
            value = await self._ask("symbolic", question)
        output: dict[str, Any] = {"expression": asked.expression, **value}
        if "none" in value:
            output = {"expression": asked.expression, "error": str(value["none"])[:300]}
            return ToolResult(
                "failed", output, (Finding("none", "hint", None, "the expression was not read"),)
            )
        if asked.equals is not None:
            told = await self._compared(asked.expression, asked.equals)
            output["equals"] = {
                "expression": asked.equals,
                "verdict": told.get("verdict"),
                "why": told.get("why"),
            }
        if not asked.is_final:
            return ToolResult("ok", output, (Finding("none", "hint", None, "worked out"),))
        stated = stated_answer(view.trajectory)
        told = {} if stated is None else await self._compared(str(value["exact"]), stated.text)
        output["final_answer"] = told.get("verdict", "none stated")
        return ToolResult(
            "ok", output, (bears_on_answer(told.get("verdict"), "the value that was worked out"),)
        )


@dataclass(frozen=True)
class Asked:
    """The model's own call."""

    expression: str
    equals: str | None
    is_final: bool


def _read(arguments: Mapping[str, Any], most: int) -> Asked:
    unknown = sorted(set(arguments) - {"expression", "equals", "is_final"})
    if unknown:
        raise ValueError(
            f"calculate takes expression, equals and is_final, or check alone; not {unknown[0]!r}"
        )
    equals, is_final = arguments.get("equals"), arguments.get("is_final", False)
    texts = {"expression": arguments.get("expression")} | ({} if equals is None else {"equals": equals})
    for name, text in texts.items():
        if not isinstance(text, str) or not text.strip():
            raise ValueError(f"{name} must be a text that is not empty, got {text!r:.80}")
        if len(text) > most:
            raise ValueError(f"{name} has {len(text)} characters; the limit is {most}")
    if not isinstance(is_final, bool):
        raise ValueError(f"is_final must be true or false, got {is_final!r:.80}")
    return Asked(str(texts["expression"]), equals, is_final)


@dataclass(frozen=True)
class _Found:
    step_id: str
    left: str
    right: str
    value: str
    verdict: str
    why: str

    def as_json(self) -> dict[str, str]:
        told = {
            "step_id": self.step_id,
            "written": f"{self.left} = {self.right}"[:300],
            "value": self.value[:100],
        }
        return told | {"verdict": self.verdict} | ({"why": self.why} if self.why else {})

    @property
    def said(self) -> str:
        return f"{self.left} is {self.value[:60]}, not {self.right}"[:300]


def _has_answer(view: ToolView) -> bool:
    """Whether the reference answer is mathematics, or a choice: words are compared by nobody here."""
    answer = view.task.reference.answer
    return answer is not None and bool(answer.strip()) and bool(_MATHEMATICS.search(answer[:2000]))


def _texts(view: ToolView) -> dict[str, str]:
    """What the agent wrote, by step; the final answer counts to the last step."""
    steps = read(view.trajectory).steps
    texts = {step.id: step.turn.text for step in steps if step.turn.text}
    last = view.trajectory.final_answer
    if last and last not in texts.values():
        place = steps[-1].id if steps else ""
        texts[place] = f"{texts[place]}\n{last}" if place in texts else last
    return texts


def _bounded(texts: Mapping[str, str], most: int) -> tuple[dict[str, str], bool]:
    bounded, left = {}, most
    for step, text in texts.items():
        bounded[step] = text[:left]
        left -= len(bounded[step])
    return bounded, sum(map(len, texts.values())) > most


def _arithmetic_aside(wrong: Sequence[_Found]) -> Aside:
    reason = "; ".join(one.said for one in wrong[:3])
    return Aside(
        "arithmetic",
        "Every calculation that the candidate writes out is right.",
        "correctness",
        Finding("refutes", "decisive", 0.0, reason),
    )


def _of_steps(wrong: Sequence[_Found]) -> list[Finding]:
    by_step: dict[str, list[_Found]] = {}
    for one in wrong:
        if one.step_id:
            by_step.setdefault(one.step_id, []).append(one)
    return [
        Finding("refutes", "decisive", 0.0, "; ".join(one.said for one in group[:3]), step)
        for step, group in by_step.items()
    ]


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
