"""Checks a candidate's text against verifiable instructions: counts, wording, form, structure, language.

Decides what the checks of `task.reference.text_checks` say, each by its handle: a principle of that name tied to this
tool rests on that check alone. Texts, patterns and schemas are read in a box. What can be counted in two ways that
differ on the outcome is not decided, unless the check says what it comes to. The model may ask for checks of its own,
which inform and never decide.

Does not know whether a text is true, good, or to the point.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field

from judge_agent.errors import ToolError
from judge_agent.schema import PrincipleSpec
from judge_agent.schema.text_checks import TextChecks
from judge_agent.seams.sandbox import Sandbox
from judge_agent.seams.tool import DecidingTool, Finding, OpeningCall, ToolResult, ToolView, in_time
from tools.text_checks.asking import AskedCheck, wanted
from tools.text_checks.boxed import Checked, Limits, Stopped, checked_in_box
from tools.text_checks.named_texts import FINAL, text_named
from tools.text_checks.result import Done, result_of

MAX_MODEL_CHECKS = 12
LIMITS = Limits()
PRINCIPLE = "follows_instructions"
_ASKED = re.compile(
    r"\b(?:words?|sentences?|paragraphs?|characters?|lines?|bullets?|lists?|headings?|sections?|lower ?case|"
    r"upper ?case|capitals?|capital letters|json|keywords?|placeholders?|commas?|postscript|p\.s\.|titles?|"
    r"begin(?:s|ning)? with|start(?:s|ing)? with|end(?:s|ing)? with|at (?:least|most)|exactly|fewer than|more than|"
    r"no more than|in (?:english|french|german|spanish|italian|chinese|japanese|korean|russian|hindi|arabic))\b",
    re.I,
)


class CheckText(DecidingTool):
    """The tool `check_text`. Its limits are part of its version: others can give other results."""

    name = "check_text"
    decides = PrincipleSpec(
        name=PRINCIPLE,
        description="The text follows every instruction that can be verified by counting or comparing.",
        kind="hard",
        dimension="correctness",
        tool=name,
    )

    def __init__(
        self,
        sandbox: Sandbox | None,
        *,
        limits: Limits = LIMITS,
        concurrent_runs: int = 2,
    ) -> None:
        self._sandbox = sandbox
        self.limits = limits
        self._slots = asyncio.Semaphore(concurrent_runs)  # first come, first served
        box = f"{sandbox.name}-{sandbox.version}" if sandbox is not None else "no box"
        self.version = f"4/{box}/{limits.text_chars}c/{limits.cpu_seconds}s"

    def principle(self, view: ToolView) -> PrincipleSpec | None:
        """Its own, graded where the score is a share: a hard one passes only as a whole."""
        asked = view.task.reference.text_checks
        if asked is None:
            return None
        soft = asked.score == "fraction"
        return self.decides.model_copy(update={"kind": "soft"}) if soft else self.decides

    def opening_calls(self, view: ToolView) -> Sequence[OpeningCall]:
        """One call for all checks of the reference."""
        return (OpeningCall(),) if view.task.reference.text_checks is not None else ()

    def offered(self, view: ToolView) -> bool:
        """Where there is a box, and the task speaks of something that can be counted."""
        if self._sandbox is None or view.task.reference.text_checks is not None:
            return False
        return _ASKED.search(view.task.prompt[:20_000]) is not None

    async def run(
        self, arguments: Mapping[str, Any], view: ToolView, *, timeout_seconds: float
    ) -> ToolResult:
        """Check what the reference wants. Raises ValueError, ToolError, SandboxError, BudgetExceeded."""
        wanted_checks = view.task.reference.text_checks
        if arguments or wanted_checks is None:
            return await super().run(arguments, view, timeout_seconds=timeout_seconds)
        if len(wanted_checks.checks) > self.limits.checks:
            raise ValueError(
                f"checks holds {len(wanted_checks.checks)} checks; the limit is {self.limits.checks}"
            )
        async with in_time(self.name, timeout_seconds):
            return await self._checked(wanted_checks, view)

    async def asked(
        self,
        view: ToolView,
        *,
        checks: Annotated[list[AskedCheck], Field(min_length=1, max_length=MAX_MODEL_CHECKS)],
        text: Annotated[str, Field(min_length=1, max_length=256)] = FINAL,
        timeout_seconds: float,
    ) -> ToolResult:
        """Counts and checks the candidate's text: words, sentences, paragraphs, list items in a range (min, max), what
        it begins and ends with, contains or excludes (texts), case, language, JSON, numbers, patterns.

        checks: What to check; counts need min, max or exactly, wordings need texts.
        text: Which text: final, an artifact's name, or a step's id.

        Raises ValueError, ToolError, SandboxError.
        """
        if text_named(view.trajectory, text) is None:
            raise ValueError(f"text={text!r} names no text of the candidate; 'final' does")
        result = await self._checked(wanted(checks, text), view)
        summary = str(result.output.get("summary", result.output.get("error")))
        return replace(result, findings=(Finding("none", "hint", None, summary[:300]),), flags={})

    async def _checked(self, asked: TextChecks, view: ToolView) -> ToolResult:
        checks = [(handle, check, check.text or FINAL) for handle, check in asked.by_handle()]
        texts = {
            name: text_named(view.trajectory, name) for name in dict.fromkeys(name for _, _, name in checks)
        }
        there = {name: text for name, text in texts.items() if text is not None}
        too_long = _too_long(there, self.limits)
        if too_long is not None:
            return ToolResult("refused", {"error": too_long}, flags={"text_not_checked": too_long})
        if self._sandbox is None:
            raise ToolError(
                "check_text needs a box; JUDGE_SANDBOX names none that works here (judge-agent doctor)"
            )
        boxed = [(name, check) for _, check, name in checks if name in there]
        outcomes: list[Checked] | Stopped = []
        if boxed:
            async with self._slots:
                outcomes = await checked_in_box(self._sandbox, there, boxed, self.limits)
        if isinstance(outcomes, Stopped):
            why = f"the checks hit the limit {outcomes.limit} of their box"
            return ToolResult("timeout", {"error": why}, flags={"text_not_checked": why})
        told = iter(outcomes)
        found = [
            Done(
                handle, check, next(told) if name in there else Checked("fail", f"there is no text {name!r}")
            )
            for handle, check, name in checks
        ]
        return result_of(found, asked.score)


def _too_long(texts: Mapping[str, str], limits: Limits) -> str | None:
    for name, text in texts.items():
        if len(text) > limits.text_chars:
            return f"the text {name!r:.80} has {len(text)} characters; the limit is text_chars={limits.text_chars}"
    total = sum(map(len, texts.values()))
    if total > limits.all_texts_chars:
        return f"the texts have {total} characters; the limit is all_texts_chars={limits.all_texts_chars}"
    return None
