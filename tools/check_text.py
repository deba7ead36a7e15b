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
from typing import Any, Literal

from pydantic import ValidationError

from judge_agent.errors import BudgetExceeded, ToolError
from judge_agent.schema import Principle, PrincipleSpec
from judge_agent.schema.refusals import message_of
from judge_agent.schema.text_checks import CheckKind, TextCheck, TextChecks, takes
from judge_agent.seams.sandbox import Sandbox
from judge_agent.seams.tool import DecidingTool, Finding, OpeningCall, ToolResult, ToolView
from tools.text_checks.boxed import Checked, Limits, Stopped, checked_in_box
from tools.text_checks.named_texts import FINAL, text_named

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
_KINDS = [kind for kind in CheckKind.__args__ if "schema" not in takes(kind).needs]  # type: ignore[attr-defined]
_COUNT = {"type": "integer", "minimum": 0}
_PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "checks": {
            "type": "array",
            "minItems": 1,
            "maxItems": MAX_MODEL_CHECKS,
            "items": {
                "type": "object",
                "properties": {
                    "check": {"type": "string", "enum": _KINDS},
                    "min": _COUNT,
                    "max": _COUNT,
                    "texts": {"type": "array", "items": {"type": "string", "maxLength": 500}, "maxItems": 20},
                    "pattern": {"type": "string", "maxLength": 500},
                    "language": {"type": "string", "maxLength": 3},
                    "decimals": _COUNT,
                    "nth": {"type": "integer", "minimum": 1},
                },
                "required": ["check"],
                "additionalProperties": False,
            },
        },
        "text": {
            "type": "string",
            "maxLength": 256,
            "description": "Which text: final (the default), an artifact's name, or a step's id.",
        },
    },
    "required": ["checks"],
    "additionalProperties": False,
}


class CheckText(DecidingTool):
    """The tool `check_text`. Its limits are part of its version: others can give other results."""

    name = "check_text"
    description = (
        "Counts and checks the candidate's text: words, sentences, paragraphs, list items in a range (min, max), "
        "what it begins and ends with, contains or excludes (texts), case, language, JSON, numbers, patterns."
    )
    parameters = _PARAMETERS
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
        self.version = f"1/{box}/{limits.text_chars}c/{limits.cpu_seconds}s"

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

    def can_decide(self, principle: Principle, view: ToolView) -> bool:
        """Its own principle, or one that the caller or a recipe tied to it; never a generated one."""
        return super().can_decide(principle, view)

    async def run(
        self, arguments: Mapping[str, Any], view: ToolView, *, timeout_seconds: float
    ) -> ToolResult:
        """Check the texts. Raises ValueError (of the arguments), ToolError, SandboxError, BudgetExceeded."""
        asked = _asked(arguments, view, self.limits)
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
            try:
                async with asyncio.timeout(timeout_seconds), self._slots:
                    outcomes = await checked_in_box(self._sandbox, there, boxed, self.limits)
            except TimeoutError as error:
                message = (
                    f"tool 'check_text' exceeded timeout_seconds={timeout_seconds:g}; raise budget.seconds"
                )
                raise BudgetExceeded("deadline", message) from error
        if isinstance(outcomes, Stopped):
            why = f"the checks hit the limit {outcomes.limit} of their box"
            return ToolResult("timeout", {"error": why}, flags={"text_not_checked": why})
        told = iter(outcomes)
        found = [
            _Done(
                handle, check, next(told) if name in there else Checked("fail", f"there is no text {name!r}")
            )
            for handle, check, name in checks
        ]
        _require_packages(found)
        return _result(found, asked.score)


class _Done:
    """A check with its handle and what it came to."""

    def __init__(self, handle: str, check: TextCheck, outcome: Checked) -> None:
        self.handle, self.check, self.outcome = handle, check, outcome

    @property
    def reason(self) -> str:
        wanted = _range(self.check)
        return f"{self.handle} ({self.check.check}{wanted}): {self.outcome.verdict}, {self.outcome.told}"

    @property
    def finding(self) -> Finding:
        if self.outcome.verdict == "undecided":
            return Finding("none", "hint", None, self.reason, handle=self.handle)
        passed = self.outcome.verdict == "pass"
        bearing: Literal["confirms", "refutes"] = "confirms" if passed else "refutes"
        return Finding(bearing, "decisive", float(passed), self.reason, handle=self.handle)


def _range(check: TextCheck) -> str:
    """The range of a count, as it may be shown: phrases, patterns and schemas are the reference's."""
    if check.exactly is not None:
        return f" exactly {check.exactly}"
    parts = [
        f" {name} {value}" for name, value in (("min", check.min), ("max", check.max)) if value is not None
    ]
    return "".join(["" if not check.negate else " not", *parts])


def _asked(arguments: Mapping[str, Any], view: ToolView, limits: Limits) -> TextChecks:
    """The reference's checks, or those that the model asks for. Raises ValueError."""
    if not arguments:
        asked = view.task.reference.text_checks
        if asked is None:
            raise ValueError("checks is missing: give at least one check")
        if len(asked.checks) > limits.checks:
            raise ValueError(f"checks holds {len(asked.checks)} checks; the limit is {limits.checks}")
        return asked
    unknown = sorted(set(arguments) - {"checks", "text"})
    if unknown:
        raise ValueError(f"unknown argument {unknown[0]!r}; check_text takes 'checks' and 'text'")
    listed, handle = arguments.get("checks"), arguments.get("text")
    if not isinstance(listed, (list, tuple)) or not 0 < len(listed) <= MAX_MODEL_CHECKS:
        raise ValueError(f"checks must be a list of 1 to {MAX_MODEL_CHECKS} checks, not {listed!r:.80}")
    if handle is not None and (not isinstance(handle, str) or text_named(view.trajectory, handle) is None):
        raise ValueError(f"text={handle!r:.80} names no text of the candidate; 'final' does")
    named = [{**one, "text": handle} if handle and isinstance(one, Mapping) else one for one in listed]
    try:
        return TextChecks.model_validate({"checks": named})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise ValueError(f"{'.'.join(map(str, first['loc']))}: {message_of(first)}") from None


def _too_long(texts: Mapping[str, str], limits: Limits) -> str | None:
    for name, text in texts.items():
        if len(text) > limits.text_chars:
            return f"the text {name!r:.80} has {len(text)} characters; the limit is text_chars={limits.text_chars}"
    total = sum(map(len, texts.values()))
    if total > limits.all_texts_chars:
        return f"the texts have {total} characters; the limit is all_texts_chars={limits.all_texts_chars}"
    return None


def _require_packages(found: Sequence[_Done]) -> None:
    """Raise ToolError where a check needs what the box lacks, and no other check refutes the text anyhow."""
    missing = sorted({done.outcome.missing for done in found if done.outcome.missing})
    if missing and not any(done.outcome.verdict == "fail" for done in found):
        raise ToolError(
            f"check_text needs {missing[0]!r} in its box: pip install 'judge-agent[service,tools]', in boxes that can "
            "hold it (JUDGE_SANDBOX=namespaces)"
        )


def _result(found: Sequence[_Done], score: Literal["pass_fail", "fraction"]) -> ToolResult:
    of_all = _of_all(found, score)
    listed = [
        {
            "id": done.handle,
            "check": done.check.check,
            "text": done.check.text or FINAL,
            "outcome": done.outcome.verdict,
            "found": done.outcome.told,
        }
        for done in found
    ]
    undecided = [done.reason[:200] for done in found if done.outcome.verdict == "undecided"]
    flags = {"text_checks_not_decided": undecided[:10]} if undecided else {}
    decided = len(found) - len(undecided)
    output = {"summary": of_all.reason, "checks": listed}
    counted = {"text_checks": len(found), "text_checks_decided": decided}
    return ToolResult("ok", output, (of_all, *(done.finding for done in found)), checked=counted, flags=flags)


def _of_all(found: Sequence[_Done], score: Literal["pass_fail", "fraction"]) -> Finding:
    """What the checks say together: one that fails fails all, or the share by weight of those that pass."""
    verdicts = [done.outcome.verdict for done in found]
    counts = ", ".join(
        f"{verdicts.count(one)} {one}" for one in ("pass", "fail", "undecided") if one in verdicts
    )
    failed = next((done.reason for done in found if done.outcome.verdict == "fail"), "")
    told = f"{len(found)} checks: {counts}" + (f"; {failed}" if failed else "")
    if score == "pass_fail" and "fail" in verdicts:
        return Finding("refutes", "decisive", 0.0, told)
    if "undecided" in verdicts:
        return Finding("none", "hint", None, told)
    if score == "pass_fail":
        return Finding("confirms", "decisive", 1.0, told)
    weight = sum(done.check.weight for done in found)
    share = sum(done.check.weight for done in found if done.outcome.verdict == "pass") / weight
    bearing: Literal["confirms", "refutes", "both"] = (
        "confirms" if share == 1 else "refutes" if share == 0 else "both"
    )
    return Finding(bearing, "decisive", min(1.0, share), told)
